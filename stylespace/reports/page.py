"""A report as one page of HTML that needs nothing else: pictures, styles and script are inside it.

No text is trusted: the template escapes all of it, and the page's own policy lets it load nothing,
send nothing and run nothing but the one script and the one style sheet that it was made with.
"""

import base64
import functools
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from stylespace.figures.drawing import DPI
from stylespace.figures.formatting import number
from stylespace.figures.pages.shell import COLOURS, ZOOM_SCRIPTS, ZOOM_STYLES, joined, policy
from stylespace.figures.pages.shell import environment as templates
from stylespace.reports.heat_maps import legend_pictures

_FOLDER = Path(__file__).parent
OWN_STYLES = ("entries.css", "map.css")
OWN_SCRIPTS = (
    *("entries.js", "heat_maps.js", "places.js", "entry_panel.js"),
    *("compare.js", "page.js", "map.js"),
)
STYLES = (COLOURS, _FOLDER / "page.css", *ZOOM_STYLES, *(_FOLDER / name for name in OWN_STYLES))
SCRIPTS = (*ZOOM_SCRIPTS, *(_FOLDER / name for name in OWN_SCRIPTS))
"""Files of the page's one style sheet and of its one script, in their order."""
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # two hyphens in a row are the page's own
_POWER = r"e[-+]?\d+| × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+"
_NUMBER = re.compile(
    rf"[-−+]?(\d[\d,]*\.?\d*|\.\d+|inf|nan)({_POWER})?( ?%)?|[-–—]?", re.IGNORECASE
)
LONG = 24
"""Rows up to which a table is open; a longer one is folded up under its name."""
CSS_DPI = 96
"""Pixels of a style sheet an inch."""
_HEAD = 33  # bytes of a picture that hold its width and height


def page(content: Mapping[str, Any]) -> str:
    """Return a report as HTML.

    Args:
        content: plain JSON types; every text is shown as it is, whatever it holds.
            `title`; `language` ("en"); `lead`, a sentence; `opening` [{`src`, `alt`,
            `caption`, `about` or "", `picture` its key, and of a large one its `side`}];
            `facts` [[label, value]];
            `groups` [{`id`, `title`, `picture` {`src`, `alt`, `caption`} or None, `facts`,
            `sections` [{`id`, `title`, `folded` or not, `text` [sentence],
            `figures` [{`src`, `dark` as `src` or missing, `alt`, `caption`, `file` path or None,
            `wide`, `dpi` or missing, and where heat maps in it answer
            `boards` [{`layer`, `picture`, `ends`,
            `box` [left, top, width, height in %]}]}],
            `tables` [{`caption`, `columns`, `rows` [[cell]], `notes` [sentence]}],
            `heat_maps` [of `heat_map_data`], `comparisons` [{`caption`, `pictures` [{`src`, `alt`,
            `label`}], the result last}], `picture_map` of `picture_map_data` or nothing}]}];
            `entries` of `entry_data`, or None where heat maps do not answer;
            `explanations` [{`term`, `sentence`, `formula`, `source`}];
            `downloads` [{`label`, `path`}], paths relative to the page.

    Raises:
        ValueError: an id that is not small letters, digits and hyphens, or that comes twice; a
            picture that is not inside the page.
    """
    _check_ids(content["groups"])
    _check_pictures(content["groups"], content["opening"])
    style, script = joined(STYLES), joined(SCRIPTS)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            content,
            css=Markup(style),
            js=Markup(script),
            policy=policy(style, script),
            legend=legend_pictures(),
            long=LONG,
            dpi=DPI,
            terms=_terms(content["explanations"]),
        )
    )


def _check_ids(groups: list[Mapping[str, Any]]) -> None:
    names = [one["id"] for group in groups for one in (group, *group["sections"])]
    anchors = [
        *(group["id"] for group in groups),
        *(f"{group['id']}--{one['id']}" for group in groups for one in group["sections"]),
    ]
    bad = [name for name in names if not _SLUG.fullmatch(name)]
    twice = sorted({anchor for anchor in anchors if anchors.count(anchor) > 1})
    if bad or twice:
        raise ValueError(f"ids that are no slugs: {bad}; ids that come twice: {twice}")


def _check_pictures(groups: list[Mapping[str, Any]], opening: list[Mapping[str, Any]]) -> None:
    sections = [section for group in groups for section in group["sections"]]
    sources = [
        *(one["src"] for one in opening),
        *(group["picture"]["src"] for group in groups if group["picture"]),
        *(figure["src"] for section in sections for figure in section["figures"]),
        *(one["dark"] for part in sections for one in part["figures"] if one.get("dark")),
        *(one[key] for part in sections for one in part["heat_maps"] for key in ("image", "strip")),
        *(
            one["src"]
            for part in sections
            for comparison in part.get("comparisons", ())
            for one in comparison["pictures"]
        ),
        *(part["picture_map"]["sheet"] for part in sections if "picture_map" in part),
    ]
    outside = [source[:60] for source in sources if not source.startswith("data:image/")]
    if outside:
        raise ValueError(f"pictures that are not inside the page: {outside}")


def _terms(explanations: list[Mapping[str, str]]) -> dict[str, str]:
    """Return the anchors of what is explained: {term in small letters: id}."""
    terms = [one["term"].lower() for one in explanations]
    return {term: f"term--{place}" for place, term in enumerate(terms, 1)}


@functools.cache
def _environment() -> Environment:
    environment = templates(_FOLDER)
    environment.filters |= {"path": _path, "size": _size, "number": number}
    environment.tests["is_number"] = _is_number
    return environment


def _path(path: str) -> str:
    """Return a relative path as an address: never a scheme, a host or a fragment."""
    return "./" + quote(path.lstrip("/"))


def _size(source: str, dpi: float = CSS_DPI) -> Markup:
    """Return the attributes width and height of a PNG or plain WebP, so that no page jumps.

    dpi: its pixels an inch; the letters of all figures are as large as each other.
    """
    start = base64.b64decode(source[:200].partition(";base64,")[2][: _HEAD // 3 * 4])
    if start[:8] == b"\x89PNG\r\n\x1a\n" and len(start) >= 24:
        pixels = struct.unpack(">II", start[16:24])
    elif start[8:16] == b"WEBPVP8 " and len(start) >= 30:
        pixels = struct.unpack("<HH", start[26:30])
    else:
        return Markup("")
    width, height = (round(side * CSS_DPI / dpi) for side in pixels)
    return Markup('width="{}" height="{}"').format(width, height)


def _is_number(cell: str) -> bool:
    """Say whether a cell of a table holds a number, a share, or nothing."""
    return _NUMBER.fullmatch(cell.strip()) is not None
