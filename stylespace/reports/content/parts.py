"""Groups, sections and tables as the page takes them."""

from collections.abc import Iterable, Sequence
from typing import Any

PagePart = dict[str, Any]
"""A group, a section, a figure or a table of a page, of plain JSON types."""


def group_of(
    key: str,
    title: str,
    facts: list[list[str]],
    sections: Iterable[PagePart | None],
    picture: PagePart | None = None,
) -> PagePart:
    """Return a group; sections that are None, for want of anything to show, are left out."""
    shown = [section for section in sections if section is not None]
    return {"id": key, "title": title, "picture": picture, "facts": facts, "sections": shown}


def section_of(name: str, title: str, **parts: Any) -> PagePart:
    """Return a section; parts: its `text`, `comparisons`, `heat_maps`, `figures` and `tables`."""
    kinds = ("text", "comparisons", "heat_maps", "figures", "tables")
    plain: PagePart = {kind: [] for kind in kinds}
    return {"id": name, "title": title, **plain, **parts}


def folded(section: PagePart | None) -> PagePart | None:
    """Return a section whose heading alone is seen until it is opened."""
    return None if section is None else section | {"folded": True}


def table_of(
    caption: str, columns: Iterable[str], rows: Iterable[Sequence[str]], notes: Sequence[str] = ()
) -> PagePart:
    """Return a table of texts; notes stand below it, a sentence each."""
    cells = [list(row) for row in rows]
    return {"caption": caption, "columns": list(columns), "rows": cells, "notes": list(notes)}


def metric_name(kind: str) -> str:
    """Return what `as_metric` makes of a kind of distance, in words."""
    plain = f"{kind.capitalize()} distance"
    return plain if kind == "wasserstein" else f"root of the {plain}"
