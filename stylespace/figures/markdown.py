"""A page in Markdown and its parts: tables, lists, and numbers as they stand in them."""

import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence

from tabulate import tabulate

from stylespace.errors import printable
from stylespace.figures.formatting import significant


def page(parts: Iterable[str]) -> str:
    """Return paragraphs as a page; empty ones are left out."""
    return "\n\n".join(filter(None, parts)) + "\n"


def plain(text: str) -> str:
    """Return a text, such as the name of a file, that Markdown shows as it is.

    It is no link, no picture, no HTML and no second cell of a table.
    """
    shown = html.escape(printable(text), quote=False)
    return re.sub(r"[\\`*\[\]|]", r"\\\g<0>", shown)


def table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    """Return a table; its cells are words, and stay as they are."""
    cells = [list(map(plain, row)) for row in rows]
    names = list(map(plain, headers))
    return tabulate(cells, names, tablefmt="github", disable_numparse=True)


def number_table(
    rows: Mapping[str, Mapping[str, float | None]], columns: Sequence[str], corner: str = ""
) -> str:
    """Return a table of {row: {column: number}}; `corner` stands above the names of the rows."""
    cells = ((name, *(shown(row.get(column)) for column in columns)) for name, row in rows.items())
    return table(list(cells), (corner, *columns))


def bullets(sentences: Sequence[str]) -> str:
    """Return a list, a line a sentence."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def shown(value: float | None) -> str:
    """Return a number to three digits; a dash where there is none."""
    return "-" if value is None or math.isnan(value) else significant(value)
