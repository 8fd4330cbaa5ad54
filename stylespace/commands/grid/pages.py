"""What a folder of a grid holds beside its pictures: results.json, table.csv, a sheet, a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylespace.commands.grid.combinations import Combination
from stylespace.commands.many import Record
from stylespace.commands.recipes import plain_figures
from stylespace.figures import markdown
from stylespace.figures.sheets import contact_sheet
from stylespace.figures.tables import columns_of, csv_text, json_text
from stylespace.images import read_image, resize
from stylespace.settings.grid import Grid

RESULTS, TABLE, SHEET, PAGE = "results.json", "table.csv", "contact-sheet.jpg", "README.md"
SHOWN, THUMBNAIL, COLUMNS = 240, 160, 8
"""Pictures on the sheet at most, the longer side of each in pixels, and how many are in a row."""


@dataclass(frozen=True)
class Row:
    """What became of a combination.

    figures: of its picture, or None where there is none (yet); failed: why. seconds: it took,
    where that is known. remark: what the run had to say.
    """

    combination: Combination
    figures: Mapping[str, float] | None = None
    seconds: float | None = None
    failed: str = ""
    remark: str = ""

    @property
    def picture(self) -> str | None:
        """The name of its file."""
        return None if self.figures is None else f"{self.combination.name}.png"

    @property
    def content(self) -> dict[str, Any]:
        """The row as JSON can hold it."""
        values = {name: _plain(value) for name, value in self.combination.values.items()}
        told = {"failed": self.failed, "remark": self.remark}
        return {
            "name": self.combination.name,
            "picture": self.picture,
            "values": values,
            "figures": plain_figures(self.figures or {}),
            "seconds": self.seconds,
            **{name: text for name, text in told.items() if text},
        }

    @property
    def cells(self) -> dict[str, Any]:
        """The row as a table holds it; a figure that has the name of a setting is marked."""
        values = {name: _cell(value) for name, value in self.combination.values.items()}
        figures = {
            f"figure.{name}" if name in values else name: value
            for name, value in (self.figures or {}).items()
        }
        ends = {"seconds": self.seconds, "picture": self.picture, "failed": self.failed}
        return {**values, **figures, **ends}


def row_of(
    combination: Combination, record: Record | None, seconds: float | None, failed: str
) -> Row:
    """Return the row of a combination whose picture carries a record, or failed, or is to come."""
    if record is None:
        return Row(combination, failed=failed)
    figures = dict(sorted(record["figures"].items()))  # as a picture that is kept has them
    seconds = record.get("seconds", seconds)
    return Row(combination, figures, seconds, remark=record.get("remark") or "")


def results_text(rows: Sequence[Row]) -> str:
    """Return results.json."""
    return json_text([row.content for row in rows])


def files_of(folder: Path, grid: Grid, rows: Sequence[Row]) -> dict[str, bytes | str]:
    """Return {name: content} of the files beside the pictures."""
    table = [row.cells for row in rows]
    last = ("seconds", "picture", "failed")
    columns = [name for name in columns_of(table) if name not in last]
    files: dict[str, bytes | str] = {
        RESULTS: results_text(rows),
        TABLE: csv_text(table, (*columns, *last)),
        PAGE: _page(grid, rows, columns),
    }
    if any(row.picture for row in rows):
        files[SHEET] = _sheet(folder, grid, rows[:SHOWN])
    return files


def _sheet(folder: Path, grid: Grid, rows: Sequence[Row]) -> bytes:
    """Return the pictures in their order, so that neighbours differ in the last setting."""
    pictures = [
        resize(read_image(folder / row.picture), THUMBNAIL) if row.picture else None for row in rows
    ]
    size = max((shown.shape[2:] for shown in pictures if shown is not None), default=(1, 1))
    blank = torch.ones(1, 3, *size)
    shown: list[Tensor] = [blank if picture is None else picture for picture in pictures]
    labels, columns = list(map(_label, rows)), _columns(grid)
    return contact_sheet(shown, labels, network=_networks(rows), columns=columns)


def _columns(grid: Grid) -> int:
    """Return how many pictures go into a row: every combination of the last settings, if it can."""
    columns = 1
    for name in reversed(grid.varying):
        if columns * len(grid.choices[name]) > COLUMNS:
            break
        columns *= len(grid.choices[name])
    return columns if columns > 1 else COLUMNS


def _label(row: Row) -> str:
    values = (f"{name} {_cell(value)}" for name, value in row.combination.values.items())
    lines = [line[:28] for line in values] or [row.combination.name]
    return "\n".join(lines if row.picture else [*lines, "(none)"])


def _networks(rows: Sequence[Row]) -> str:
    """Return the networks that made the pictures."""
    made = (row.combination.settings for row in rows)
    return ", ".join(dict.fromkeys(settings.network for settings in made if settings))


def _page(grid: Grid, rows: Sequence[Row], columns: Sequence[str]) -> str:
    made = [row for row in rows if row.picture]
    failed = [row for row in rows if row.failed]
    figures = [name for name in columns if "." not in name or name.startswith("figure.")]
    lines = [
        [row.combination.name, *(_shown(row.cells.get(name)) for name in figures)] for row in made
    ]
    choices = [
        f"`{name}`: {markdown.plain('; '.join(map(_cell, values)))}"
        for name, values in grid.choices.items()
    ]
    cut = f" The sheet shows the first {SHOWN}." if len(rows) > SHOWN else ""
    parts = [
        f"# Grid of {grid.kind.command}s: {len(made)} of {len(rows)} combinations made",
        f"Made with {_networks(rows)}. A picture for every combination of these values, named "
        f"after those that vary; each carries its own recipe.{cut}",
        markdown.bullets(choices),
        "Made again by `stylespace run recipe.toml`.",
        f"![Every picture under the values that vary]({SHEET})" if made else "",
        markdown.table(lines, ("picture", *figures)) if made else "",
        "Not made:" if failed else "",
        markdown.bullets(
            [f"{markdown.plain(f'{row.combination.name}: {row.failed}')}" for row in failed]
        ),
    ]
    return markdown.page(parts)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _cell(value: Any) -> str:
    """Return a setting's value as a user reads it."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _shown(value: Any) -> str:
    """Return a cell of the page: figures to three digits, an infinite one too."""
    if isinstance(value, float):
        return str(value) if math.isinf(value) else markdown.shown(value)
    return "-" if value is None else str(value)
