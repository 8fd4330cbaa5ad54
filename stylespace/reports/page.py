"""A report as one page of HTML that needs nothing else: pictures, styles and script are inside it.

No text is trusted: the template escapes all of it, and the page's own policy lets it load nothing,
send nothing and run nothing but the one script and the one style sheet that it was made with.
"""

import base64
import functools
import hashlib
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stylespace.figures.drawing import DPI
from stylespace.figures.formatting import number
from stylespace.reports.heat_maps import legend_pictures

_FOLDER = Path(__file__).parent
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
            `title`; `language` ("en"); `lead` [sentence]; `facts` [[label, value]];
            `groups` [{`id`, `title`, `picture` {`src`, `alt`, `caption`} or None, `facts`,
            `sections` [{`id`, `title`, `text` [sentence], `figures` [{`src`, `alt`, `caption`,
            `file` path or None, `wide`, `dark` as `src` or missing}], `tables` [{`caption`,
            `columns`, `rows` [[cell]], `notes` [sentence]}], `heat_maps` [of `heat_map_data`]}]}];
            `explanations` [{`term`, `sentence`, `formula`, `source`}];
            `downloads` [{`label`, `path`}], paths relative to the page.

    Raises:
        ValueError: an id that is not small letters, digits and hyphens, or that comes twice; a
            picture that is not inside the page.
    """
    _check_ids(content["groups"])
    _check_pictures(content["groups"])
    style, script = (_text(name) for name in ("page.css", "page.js"))
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            content,
            css=Markup(style),
            js=Markup(script),
            policy=_policy(style, script),
            legend=legend_pictures(),
            long=LONG,
            dpi=DPI,
            terms=_terms(content["explanations"]),
        )
    )


def _policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that allows this style sheet, this script and no request."""
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    )
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; "
        f"script-src 'sha256-{script_hash}'; base-uri 'none'; form-action 'none'"
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


def _check_pictures(groups: list[Mapping[str, Any]]) -> None:
    sections = [section for group in groups for section in group["sections"]]
    sources = [
        *(group["picture"]["src"] for group in groups if group["picture"]),
        *(figure["src"] for section in sections for figure in section["figures"]),
        *(one["dark"] for part in sections for one in part["figures"] if one.get("dark")),
        *(one[key] for part in sections for one in part["heat_maps"] for key in ("image", "strip")),
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
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"path": _path, "size": _size, "number": number}
    environment.tests["is_number"] = _is_number
    return environment


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


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
