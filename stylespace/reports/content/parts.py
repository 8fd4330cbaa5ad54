"""Sections and tables as the page takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def section_of(name: str, title: str, **parts: Any) -> dict[str, Any]:
    """Return a section; parts: its `text`, `figures`, `tables` and `heat_maps`."""
    return {
        "id": name,
        "title": title,
        "text": [],
        "figures": [],
        "tables": [],
        "heat_maps": [],
        **parts,
    }


def table_of(
    caption: str, columns: Sequence[str], rows: Sequence, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a table of texts; notes stand below it, a sentence each."""
    return {
        "caption": caption,
        "columns": list(columns),
        "rows": [list(row) for row in rows],
        "notes": list(notes),
    }


def metric_name(kind: str) -> str:
    """Return what `as_metric` makes of a kind of distance, in words."""
    plain = f"{kind.capitalize()} distance"
    return plain if kind == "wasserstein" else f"root of the {plain}"
