"""A page for a folder of pictures, made from what they carry.

Every picture that stylespace wrote holds its recipe and its figures; the page shows them together,
so that nothing on it is written by hand.
"""

import argparse
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stylespace.errors import PictureError, printable
from stylespace.figures import markdown
from stylespace.figures.tables import columns_of
from stylespace.files import write_files
from stylespace.images import read_recipe
from stylespace.settings import recorded_settings

SHOWN = 250  # pixels of a picture's width on the page


def main(arguments: Sequence[str] | None = None) -> None:
    """Write FOLDER/README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--title", default="")
    parser.add_argument("--text", default="", help="what the pictures have to do with each other")
    given = parser.parse_args(arguments)
    text = page(given.folder, title=given.title or given.folder.name, text=given.text)
    write_files(given.folder, {"README.md": text})


def page(folder: Path, *, title: str, text: str = "") -> str:
    """Return a page in Markdown for the pictures of a folder, in the order of their names."""
    records = {path: record for path in _pictures(folder) if (record := _record(path))}
    if not records:
        raise PictureError(f"{str(folder)!r} holds no pictures that carry a recipe.")
    parts = [
        f"# {markdown.plain(title)}",
        text,
        _sheet(records),
        _figures(records),
        _recipes(records),
    ]
    return markdown.page(parts)


def _pictures(folder: Path) -> list[Path]:
    kinds = (".png", ".jpg", ".webp")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in kinds)


def _record(path: Path) -> Mapping[str, Any] | None:
    try:
        record = read_recipe(path)
    except PictureError:
        return None
    return record if isinstance(record, Mapping) and "recipe" in record else None


def _sheet(records: Mapping[Path, Mapping[str, Any]]) -> str:
    """Return every picture above its name, its figure where there is one as a link."""
    cells = []
    for path in records:
        figure = path.with_name(f"{path.stem}-figure.png")
        name = escape(printable(path.stem))
        if figure.exists():
            name = f'<a href="{quote(figure.name)}">{name}</a>'
        cells.append(f'<td><img src="{quote(path.name)}" width="{SHOWN}"><br>{name}</td>')
    rows = [cells[k : k + 3] for k in range(0, len(cells), 3)]
    lines = [f"<tr>{''.join(row)}</tr>" for row in rows]
    return "\n".join(["<table>", *lines, "</table>"])


def _figures(records: Mapping[Path, Mapping[str, Any]]) -> str:
    """Return a table a kind of figure: pictures down, layers across; plain figures in one."""
    figures = {path.stem: record.get("figures") or {} for path, record in records.items()}
    every = columns_of(figures.values())
    kinds = dict.fromkeys(name.split(".")[0] for name in every)
    columns = {"": [kind for kind in kinds if kind in every]}
    columns |= {kind: [name for name in every if name.startswith(f"{kind}.")] for kind in kinds}
    tables = [_table(kind, names, figures) for kind, names in columns.items() if names]
    return "\n\n".join(tables)


def _table(title: str, names: Sequence[str], figures: Mapping[str, Mapping[str, float]]) -> str:
    """Return the figures of those names, of the pictures that have any, under their layers."""
    short = {name: name.split(".")[-1] for name in names}
    rows = {
        stem: {short[name]: row[name] for name in names if name in row}
        for stem, row in figures.items()
    }
    filled = {stem: row for stem, row in rows.items() if row}
    return markdown.number_table(filled, list(short.values()), title)


def _recipes(records: Mapping[Path, Mapping[str, Any]]) -> str:
    """Return what the settings of the pictures have in common, and how each is made again."""
    settings = [recorded_settings(record) for record in records.values()]
    first = settings[0]
    return (
        f"Network {first.network}, {first.pooling} pooling, {first.padding} padding. Every picture "
        "carries its recipe: `stylespace run PICTURE` makes it again."
    )


if __name__ == "__main__":
    main()
