"""Parts of a page in Markdown: tables, lists, and numbers as they stand in them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tabulate import tabulate


def table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    """Return a table; its cells are words, and stay as they are."""
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def bullets(sentences: Sequence[str]) -> str:
    """Return a list, a line a sentence."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def shown(value: float | None) -> str:
    """Return a number to three digits; a dash where there is none."""
    return "-" if value is None or math.isnan(value) else f"{value:.3g}"
