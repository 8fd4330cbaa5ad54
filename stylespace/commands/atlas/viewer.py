"""The atlas as a page of HTML that zooms: an overview inside it, the sheets beside it.

Every entry has an address, `index.html#conv2_1/12,40`, which opens its cell and its figures.
"""

import base64
import io
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from stylespace.commands.atlas.cells import FIGURES
from stylespace.commands.atlas.sheets import BOARD, GAP, first_corner, name_of, parts
from stylespace.commands.atlas.tables import MAP, MappedEntry
from stylespace.commands.sight import SIGHT
from stylespace.figures.pages.shell import (
    BESIDE,
    SHELL_STYLES,
    ZOOM_SCRIPTS,
    ZOOM_STYLES,
    environment,
    joined,
    policy,
)
from stylespace.settings import ProbeSettings
from stylespace.settings.atlas import AtlasSettings, ordered

OVERVIEW = 2048
"""Pixels of the longer side of the overview at most, as long as a cell has 4."""
QUALITY = 85
_FOLDER = Path(__file__).parent


def viewer(
    settings: AtlasSettings,
    rows: Sequence[MappedEntry],
    sheets: Iterable[np.ndarray],
    about: Sequence[str],
) -> str:
    """Return the page of an atlas, to lie beside its sheets.

    Args:
        settings: of the atlas.
        rows: the entries that are done, each once, i <= j.
        sheets: uint8 (H, W, 3), as `sheet` returns them, in the order of `parts`.
        about: sentences on how it was made.
    """
    style = joined((*SHELL_STYLES, *ZOOM_STYLES, _FOLDER / "viewer.css"))
    script = joined((*ZOOM_SCRIPTS, _FOLDER / "viewer.js"))
    names = [name_of(*part) for part in parts(settings.rows, settings.columns)]
    reached, total = sum(row.reached for row in rows), len(settings.pairs())
    cell = cell_of(settings)
    return (
        environment(_FOLDER)
        .get_template("viewer.html.j2")
        .render(
            title=f"Atlas of {settings.place}",
            lead=f"{reached:,} of {total:,} entries of a Gram matrix, a small picture each: what "
            "makes two channels, that of the row and that of the column, fire at the same places.",
            about=about,
            files=["README.md", "table.csv", "table.json", MAP, *names],
            overview=_webp(overview(settings, sheets, cell)),
            alt=f"All cells, {len(settings.rows)} rows by {len(settings.columns)} columns",
            data=viewer_data(settings, rows, cell),
            css=Markup(style),
            js=Markup(script),
            policy=policy(style, script, BESIDE),
        )
    )


def cell_of(settings: AtlasSettings) -> int:
    """Return the pixels of a cell on the overview, its gap included: all where they are few."""
    longer = max(len(settings.rows), len(settings.columns))
    return min(settings.size + GAP, max(4, OVERVIEW // longer))


def viewer_data(settings: AtlasSettings, rows: Sequence[MappedEntry], cell: int) -> dict[str, Any]:
    """Return what the page needs to show and to name its cells: plain JSON types.

    Returns:
        `layer`; `rows`, `columns`: first and last channel; `side`, `gap`, `pitch`: pixels of a cell
        on a sheet, between two, from one to the next; `cell`: pixels of a cell on the overview;
        `sheets`: [{`file`, `row`, `column`, `rows`, `columns`: its cells, `x`, `y`: pixels where
        they begin}]; `figures`: {name: base64 of little-endian float32, rows by columns, NaN where
        an entry is not done}; `full`: {"i,j": value of a full probe}; `command`: that makes one.
    """
    return {
        "layer": settings.place,
        "rows": [settings.rows[0], settings.rows[-1]],
        "columns": [settings.columns[0], settings.columns[-1]],
        "side": settings.size,
        "gap": GAP,
        "pitch": settings.size + GAP,
        "cell": cell,
        "sheets": _sheets(settings),
        "figures": {name: _numbers(settings, rows, name) for name in FIGURES},
        "full": {f"{row.i},{row.j}": row.full for row in rows if row.full is not None},
        "command": probe_command(settings),
    }


def probe_command(settings: AtlasSettings) -> str:
    """Return the command that makes a full probe in an atlas's layer, without its entry."""
    usual = {field.name: field.default for field in fields(ProbeSettings)}
    chosen = {name: getattr(settings, name) for name in SIGHT}
    named = {k: v for k, v in chosen.items() if v != usual[k] and k not in ("device", "precision")}
    options = [word for k, v in named.items() for word in (f"--{k}", str(v))]
    return shlex.join(["stylespace", "probe", *options, "--layer", settings.place])


def _sheets(settings: AtlasSettings) -> list[dict[str, Any]]:
    found = []
    for rows, columns in parts(settings.rows, settings.columns):
        x, y = first_corner(rows, columns, settings.size)
        found.append(
            {
                "file": name_of(rows, columns),
                "row": rows[0] - settings.rows[0],
                "column": columns[0] - settings.columns[0],
                "rows": len(rows),
                "columns": len(columns),
                "x": x - GAP // 2,
                "y": y - GAP // 2,
            }
        )
    return found


def _numbers(settings: AtlasSettings, rows: Sequence[MappedEntry], name: str) -> str:
    """Return a figure of every cell of the block."""
    known: Mapping[Any, float] = {(row.i, row.j): row.figures[name] for row in rows}
    grid = [[known.get(ordered(i, j), np.nan) for j in settings.columns] for i in settings.rows]
    return base64.b64encode(np.array(grid, dtype="<f4").tobytes()).decode("ascii")


def overview(settings: AtlasSettings, sheets: Iterable[np.ndarray], cell: int) -> Image.Image:
    """Return all cells in one picture, `cell` pixels each with its gap, from the sheets."""
    pitch = settings.size + GAP
    whole = Image.new("RGB", (cell * len(settings.columns), cell * len(settings.rows)), BOARD)
    for place, pixels in zip(_sheets(settings), sheets, strict=True):
        right, bottom = (place["x"] + pitch * place["columns"], place["y"] + pitch * place["rows"])
        cells = Image.fromarray(pixels[place["y"] : bottom, place["x"] : right])
        size = (cell * place["columns"], cell * place["rows"])
        shown = cells if cell == pitch else cells.resize(size, Image.Resampling.BOX)
        whole.paste(shown, (cell * place["column"], cell * place["row"]))
    return whole


def _webp(picture: Image.Image) -> str:
    stream = io.BytesIO()
    picture.save(stream, "webp", quality=QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
