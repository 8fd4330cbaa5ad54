"""The shell of a page that needs nothing else: its style sheet, its script, and what it may load.

The policy lets a page send nothing and run nothing but the script and the style sheet that it was
made with; templates escape every text.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

SHARED = Path(__file__).parent
"""Where the shared templates, styles and scripts lie."""
ZOOM_STYLES, ZOOM_SCRIPTS = (
    tuple(SHARED / name for name in names)
    for names in (("zoom.css",), ("numbers.js", "panel.js", "zoom.js"))
)
"""Files of a view that zooms, with the panel that it opens."""
COLOURS = SHARED / "colours.css"
"""Colours and letters of all pages, light and dark."""
SHELL_STYLES = (COLOURS, SHARED / "shell.css")
"""Styles of a page made from `shell.html.j2`, where it has none of its own."""
INSIDE, BESIDE = "data:", "data: 'self' file:"
"""Pictures that a page may show: those inside it, or also those in files beside it."""


def joined(files: Sequence[Path]) -> str:
    """Return the text of files, one after the other: a style sheet or a script of several parts."""
    return "\n".join(path.read_text(encoding="utf-8").rstrip("\n") for path in files) + "\n"


def policy(style: str, script: str, pictures: str = INSIDE) -> str:
    """Return a Content-Security-Policy that allows one style sheet, one script and no request.

    Args:
        style, script: their texts, as they stand in the page.
        pictures: `INSIDE` or `BESIDE`.
    """
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    )
    return (
        f"default-src 'none'; img-src {pictures}; style-src 'sha256-{style_hash}'; "
        f"script-src 'sha256-{script_hash}'; base-uri 'none'; form-action 'none'"
    )


def environment(folder: Path) -> Environment:
    """Return the templates of a folder, beside the shared ones; all text in them is escaped."""
    return Environment(
        loader=FileSystemLoader([folder, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
