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

from stylespace.assets import SAMPLE, split_weight
from stylespace.errors import PictureError, printable
from stylespace.figures import markdown
from stylespace.figures.tables import columns_of
from stylespace.files import write_files
from stylespace.images import encoded_jpeg, read_recipe, resize
from stylespace.settings import recorded_settings
from stylespace.styles.sources import open_picture

SHOWN = 250  # pixels of a picture's width on the page
ACROSS = 4  # pictures beside each other
SOURCE = "source-"  # what the names of sources' files begin with


def main(arguments: Sequence[str] | None = None) -> None:
    """Write FOLDER/README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--title", default="")
    parser.add_argument("--text", default="", help="what the pictures have to do with each other")
    order = "names of pictures or what they begin with, in the order of the page; others follow"
    parser.add_argument("--order", nargs="*", default=(), metavar="NAME", help=order)
    given = parser.parse_args(arguments)
    title = given.title or given.folder.name
    write_files(given.folder, page(given.folder, title=title, text=given.text, order=given.order))


def page(
    folder: Path, *, title: str, text: str = "", order: Sequence[str] = ()
) -> dict[str, str | bytes]:
    """Return {name: content} of a page for the pictures of a folder: README.md, and its sources.

    Pictures of the same samples stand beside these. order: see --order; then by name.

    Raises:
        PictureError: no picture carries a recipe.
    """
    every = {path: record for path in _pictures(folder) if (record := _record(path))}
    if not every:
        raise PictureError(f"{str(folder)!r} holds no pictures that carry a recipe.")
    records = {path: every[path] for path in sorted(every, key=lambda path: _place(path, order))}
    rows: dict[tuple[str, ...], list[Path]] = {}
    for path, record in records.items():
        rows.setdefault(_sources(record), []).append(path)
    names = dict.fromkeys(name for sources in rows for name in sources)
    pictures = {name: resize(open_picture(name), SHOWN) for name in names}
    files = {_file(name): encoded_jpeg(one, 90, "4:4:4") for name, one in pictures.items()}
    parts = [
        f"# {markdown.plain(title)}",
        text,
        _sheet(rows),
        _figures(records),
        _recipes(records),
    ]
    return {"README.md": markdown.page(parts), **files}


def _place(path: Path, order: Sequence[str]) -> tuple[int, str]:
    """Return where a picture stands: by the first of `order` that its name begins with."""
    places = (k for k, start in enumerate(order) if path.stem.startswith(start))
    return next(places, len(order)), path.stem


def _sources(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the samples that a picture was made of, its content first."""
    settings = recorded_settings(record)
    edited = getattr(settings, "source", "")
    names = (settings.content_source(), *settings.style_sources(), edited)
    return tuple(dict.fromkeys(split_weight(name)[0] for name in names if name.startswith(SAMPLE)))


def _file(source: str) -> str:
    return f"{SOURCE}{source.removeprefix(SAMPLE)}.jpg"


def _pictures(folder: Path) -> list[Path]:
    kinds = (".png", ".jpg", ".webp")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in kinds)


def _record(path: Path) -> Mapping[str, Any] | None:
    try:
        record = read_recipe(path)
    except PictureError:
        return None
    return record if isinstance(record, Mapping) and "recipe" in record else None


def _sheet(rows: Mapping[tuple[str, ...], Sequence[Path]]) -> str:
    """Return sources and what was made of them, each above its name; figures as links."""
    lines = []
    for sources, paths in rows.items():
        cells = [_cell(_file(name), f"<i>{escape(printable(name))}</i>") for name in sources]
        for path in paths:
            figure = path.with_name(f"{path.stem}-figure.png")
            name = escape(printable(path.stem))
            if figure.exists():
                name = f'<a href="{quote(figure.name)}">{name}</a>'
            cells.append(_cell(path.name, name))
        for k in range(0, len(cells), ACROSS):
            lines.append(f"<tr>{''.join(cells[k : k + ACROSS])}</tr>")
    return "\n".join(["<table>", *lines, "</table>"])


def _cell(file: str, name: str) -> str:
    return f'<td><img src="{quote(file)}" width="{SHOWN}"><br>{name}</td>'


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
