"""What Sphinx is told about this product: its pages outside docs/, docstrings, options."""

import os
import re
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import click
from sphinx.application import Sphinx

from stylespace.cli.help import GROUPS, group_of, name_of

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
COPIES = DOCS / "repository"
"""Pages of the repository that are pages here as well, under their paths; made by each build."""
COPIED = ("*.md", "data/SOURCES.md", "reports/**/*.md")
RECIPES = DOCS / "recipes.md"
"""Where links to a folder of recipes lead."""
LINK = re.compile(r"(?<=\]\()[^)\s#]+")
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
HTML_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
SHEET = (
    (r"</?table>", ""),
    (r'<img src="([^"]+)"[^>]*>', r"![](\1)"),
    (r'<a href="([^"]+)">(.*?)</a>', r"[\2](\1)"),
    (r"</?i>", "*"),
    (r"</td><td>", " | "),
    (r"<tr><td>", "| "),
    (r"</td></tr>", " |"),
)
"""What a sheet of pictures is in Markdown: HTML that a page holds is not looked into."""
OPTION = re.compile(r"(?<![\w`-])--[a-z][a-z-]*")
SENTENCES = re.compile(r"(?:(?<=^)|(?<=[.)] ))(Source|Departs): ", re.MULTILINE)
ERRORS = re.compile(r"(?<=[.;]) (?=\w+Error: )")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything."""
    copy_pages()
    app.connect("source-read", redirect_links)
    app.connect("autodoc-process-docstring", mark_sources, priority=400)  # before napoleon
    app.connect("sphinx-click-process-options", group_options)
    app.connect("sphinx-click-process-description", mark_options)
    app.connect("sphinx-click-process-epilog", show_examples)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def copy_pages() -> None:
    """Write the repository's pages below docs/; those that have not changed are left alone."""
    for path in (path for pattern in COPIED for path in ROOT.glob(pattern)):
        copy = COPIES / path.relative_to(ROOT)
        if copy.name == "README.md" and copy.parent == COPIES:
            continue  # the first page says it
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists() or copy.read_bytes() != path.read_bytes():
            copy.write_bytes(path.read_bytes())


def redirect_links(app: Sphinx, page: str, source: list[str]) -> None:
    """Send links to files of the repository to their pages here, from wherever the page came."""
    here = DOCS / page
    origin = ROOT / page.removeprefix("repository/") if COPIES in here.parents else here

    def redirected(found: re.Match[str]) -> str:
        """Return where a link leads from the page as it is built."""
        path = (origin.parent / found[0]).resolve()
        if "://" in found[0] or not path.exists() or not path.is_relative_to(ROOT):
            return found[0]
        copy = COPIES / path.relative_to(ROOT)
        if path.is_dir():
            copy = copy / "README.md" if (copy / "README.md").is_file() else RECIPES
        return os.path.relpath(copy if copy.is_file() else path, here.parent)

    def there(found: re.Match[str]) -> str:
        """Return an image, or of one that is not made yet what it is to show."""
        made = "://" in found[2] or (origin.parent / found[2]).exists()
        return found[0] if made else f"*{found[1]}: not made yet.*"

    text = IMAGE.sub(there, HTML_TABLE.sub(as_markdown, source[0]))
    source[0] = LINK.sub(redirected, text)


def as_markdown(found: re.Match[str]) -> str:
    """Return a sheet of pictures, a table in HTML, as one in Markdown."""
    columns = max(row.count("<td>") for row in found[0].splitlines())
    text = found[0]
    for pattern, replacement in SHEET:
        text = re.sub(pattern, replacement, text)
    return f"{'|   ' * columns}|\n{'|---' * columns}|\n{text.strip()}"


def mark_sources(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Set off where a formula comes from, and where the program departs from it."""
    text = SENTENCES.sub(r"**\1:** ", "\n".join(lines))
    lines[:] = ERRORS.sub("\n    ", text).split("\n")  # a line each, as napoleon reads them


def group_options(app: Any, context: click.Context, lines: list[str]) -> None:
    """Put the options of a command under the headings of its help."""
    starts = [at for at, line in enumerate(lines) if line.startswith(".. option::")]
    blocks = [lines[a:b] for a, b in pairwise([*starts, len(lines)])]
    options = [one for one in context.command.params if isinstance(one, click.Option)]
    order = [name for names in GROUPS.values() for name in names]
    placed = sorted(
        zip(options, blocks, strict=True),
        key=lambda pair: order.index(name_of(pair[0])) if name_of(pair[0]) in order else -1,
    )
    lines.clear()
    for _, block in placed:
        mark_options(app, context, block)
    for group, members in groupby(placed, key=lambda pair: group_of(name_of(pair[0]))):
        lines += ["", f".. rubric:: {group}", ""]
        lines += [line for _, block in members for line in block]


def mark_options(app: Any, context: click.Context, lines: list[str]) -> None:
    """Set off the options that a text names: two hyphens would become a dash."""
    for at, line in enumerate(lines):
        if not line.startswith(".. option::"):
            lines[at] = OPTION.sub(r"``\g<0>``", line)


def show_examples(app: Any, context: click.Context, lines: list[str]) -> None:
    """Show the examples of a command as what is typed."""
    shown = [line.strip("| ") for line in lines]
    commands = [f"   {line}" for line in shown if line.startswith("stylespace")]
    lines[:] = [".. rubric:: Examples", "", ".. code-block:: sh", "", *commands, ""]
