"""The tables, the page and the contact sheet of a folder of probes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stylespace.commands.probe.patches import PAINTING_SIDE, Paintings
from stylespace.commands.recipes import plain_figures
from stylespace.figures import markdown
from stylespace.figures.sheets import contact_sheet, mosaic, side_by_side
from stylespace.figures.tables import csv_text, json_text
from stylespace.files import write_files
from stylespace.images import read_image, resize
from stylespace.settings import ProbeSettings

COLUMNS = (
    "value", "painting_max", "painting_mean", "enhancement", "enhancement_mean", "percentile",
    "selectivity", "cosine", "saturated", "agreement", "agreement_null",
)  # fmt: skip
AGREEMENT = (
    "`agreement` is the mean cosine between the layer's Gram matrices of the seeds' pictures; "
    "different bundled paintings come to `agreement_null`, their median, which says nothing yet."
)
SHEET = "contact-sheet.jpg"
THUMBNAIL = 224  # largest side in pixels of a picture on the sheet


@dataclass(frozen=True)
class ProbedEntry:
    """One entry of a folder of probes.

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
    def cells(self) -> dict[str, Any]:
        """The row as a table holds it."""
        place = {"layer": self.layer, "i": self.i, "j": self.j, "reached": bool(self.picture)}
        return {**place, **self.figures, "note": self.note}

    @property
    def name(self) -> str:
        """The entry as a user writes it."""
        return f"{self.layer}:{self.i},{self.j}"


def write_tables(
    folder: Path, settings: ProbeSettings, rows: Sequence[ProbedEntry], compared: Paintings
) -> None:
    """Write table.csv, table.json, README.md and the sheet, replacing those of an earlier call.

    compared: the paintings whose patches stand beside the pictures.
    """
    table = [
        {**asdict(row), "figures": dict(sorted(plain_figures(row.figures).items()))} for row in rows
    ]
    columns = ("layer", "i", "j", "reached", *COLUMNS, "note")
    files: dict[str, bytes | str] = {
        "table.csv": csv_text([row.cells for row in rows], columns),
        "table.json": json_text(table),
        "README.md": _page(settings, rows),
    }
    shown = {row.picture: row for row in rows if row.picture}
    if shown:
        files[SHEET] = _sheet(folder, shown, compared)
    write_files(folder, files)


def _sheet(folder: Path, rows: Mapping[str, ProbedEntry], compared: Paintings) -> bytes:
    """Return the pictures, each with the nine painting patches beside it.

    rows: {file name: its entry}.
    """
    pictures = []
    for name, row in rows.items():
        picture = read_image(folder / name)
        side = min(THUMBNAIL, picture.shape[2])
        patches = mosaic(compared.patches(row.layer, row.i, row.j).bright[0], side)
        pictures.append(side_by_side([resize(picture, side), patches]))
    labels = [f"{row.name}\n{markdown.shown(row.figures.get('value'))}" for row in rows.values()]
    columns = max(4, round((len(rows) / 2) ** 0.5))
    return contact_sheet(pictures, labels, network=compared.network.name, columns=columns)


def _page(settings: ProbeSettings, rows: Sequence[ProbedEntry]) -> str:
    """Return the entries as a page in Markdown."""
    reached = sum(row.picture is not None for row in rows)
    columns = [name for name in COLUMNS if any(name in row.figures for row in rows)]
    lines = [
        (
            row.name,
            "yes" if row.picture else "no",
            *(markdown.shown(row.figures.get(name)) for name in columns),
        )
        for row in rows
    ]
    notes = [row.note for row in rows if row.note]
    parts = [
        f"# Probes: {reached} of {len(rows)} entries reached",
        f"Network {settings.network}, {settings.pooling} pooling, {settings.padding} padding, "
        f"{settings.size} px, {sum(settings.schedule())} evaluations an entry, seed "
        f"{settings.seed}. An entry is reached when its value on the written 8-bit picture is "
        f"above its value in every bundled painting at {PAINTING_SIDE} px (`painting_max`). "
        f"`enhancement` is the quotient of the two, infinite where no painting has any; "
        f"`percentile` says in how many of the paintings' windows of a probe's size the mean of "
        f"F_i F_j is smaller." + f" {AGREEMENT}" * ("agreement" in columns),
        "Made again by `stylespace run recipe.toml`.",
        f"![Each picture under its entry and value, beside the painting patches where the two "
        f"channels fire together most]({SHEET})",
        markdown.table(lines, ("entry", "reached", *columns)),
        "Not reached:" if notes else "",
        markdown.bullets(notes),
    ]
    return markdown.page(parts)
