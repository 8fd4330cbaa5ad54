"""The tables, the page and the contact sheet of a survey of probes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from stylespace.commands.probe.patches import PAINTING_SIDE, Paintings
from stylespace.commands.recipes import plain_figures
from stylespace.figures import markdown
from stylespace.figures.sheets import contact_sheet, mosaic, side_by_side
from stylespace.files import write_whole
from stylespace.images import read_image, resize
from stylespace.settings import ProbeSettings

COLUMNS = (
    "value",
    "painting_max",
    "painting_mean",
    "enhancement",
    "enhancement_mean",
    "percentile",
    "selectivity",
    "cosine",
    "saturated",
    "agreement",
)
SHEET = "contact-sheet.jpg"
THUMBNAIL = 224  # largest side in pixels of a picture on the sheet


@dataclass(frozen=True)
class Row:
    """One entry of a survey.

    picture: file name in the folder, or None; note: why not. figures: also infinite ones.
    stopped, evaluations, remark: of its run, as its picture carries them.
    """

    layer: str
    i: int
    j: int
    picture: str | None
    figures: dict[str, float]
    note: str = ""
    stopped: str = ""
    evaluations: int = 0
    remark: str = ""

    @property
    def name(self) -> str:
        """The entry as a user writes it."""
        return f"{self.layer}:{self.i},{self.j}"


def write_tables(
    folder: Path, settings: ProbeSettings, rows: Sequence[Row], compared: Paintings
) -> None:
    """Write table.csv, table.json, README.md and the sheet, replacing those of an earlier call.

    compared: the paintings whose patches stand beside the pictures.
    """
    write_whole(folder / "table.csv", _csv(rows).encode(), force=True)
    table = [
        {**asdict(row), "figures": dict(sorted(plain_figures(row.figures).items()))} for row in rows
    ]
    write_whole(folder / "table.json", json.dumps(table, indent=1).encode(), force=True)
    write_whole(folder / "README.md", _page(settings, rows).encode(), force=True)
    shown = [row for row in rows if row.picture]
    if shown:
        write_whole(folder / SHEET, _sheet(folder, shown, compared), force=True)


def _sheet(folder: Path, rows: Sequence[Row], compared: Paintings) -> bytes:
    """Return the pictures, each with the nine painting patches beside it."""
    pictures = []
    for row in rows:
        picture = read_image(folder / row.picture)
        side = min(THUMBNAIL, picture.shape[2])
        patches = mosaic(compared.patches(row.layer, row.i, row.j).pictures, side)
        pictures.append(side_by_side([resize(picture, side), patches]))
    labels = [f"{row.name}\n{markdown.shown(row.figures.get('value'))}" for row in rows]
    return contact_sheet(pictures, labels, columns=max(4, round((len(rows) / 2) ** 0.5)))


def _csv(rows: Sequence[Row]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("layer", "i", "j", "reached", *COLUMNS, "note"))
    for row in rows:
        figures = [row.figures.get(name) for name in COLUMNS]
        writer.writerow((row.layer, row.i, row.j, row.picture is not None, *figures, row.note))
    return stream.getvalue()


def _page(settings: ProbeSettings, rows: Sequence[Row]) -> str:
    """Return the survey as a page in Markdown."""
    reached = sum(row.picture is not None for row in rows)
    columns = [name for name in COLUMNS if any(name in row.figures for row in rows)]
    numbers = [[markdown.shown(row.figures.get(name)) for name in columns] for row in rows]
    lines = [
        (row.name, "yes" if row.picture else "no", *cells)
        for row, cells in zip(rows, numbers, strict=True)
    ]
    table = markdown.table(lines, ("entry", "reached", *columns))
    notes = "".join(f"- {row.note}\n" for row in rows if row.note)
    return (
        f"# Probes: {reached} of {len(rows)} entries reached\n\n"
        f"Network {settings.network}, {settings.pooling} pooling, {settings.padding} padding, "
        f"{settings.size} px, {sum(settings.schedule())} evaluations an entry, seed "
        f"{settings.seed}. An entry is reached when its value on the written 8-bit picture is "
        f"above its value in every bundled painting at {PAINTING_SIDE} px (`painting_max`). "
        f"`enhancement` is the quotient of the two, infinite where no painting has any; "
        f"`percentile` says how many of all painting positions have less of F_i F_j.\n\n"
        f"Made again by `stylespace run recipe.toml`.\n\n"
        f"![Each picture under its entry and value, beside the painting patches where the two "
        f"channels fire together most]({SHEET})\n\n{table}\n"
        + (f"\nNot reached:\n\n{notes}" if notes else "")
    )
