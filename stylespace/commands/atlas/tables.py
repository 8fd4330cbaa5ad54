"""What an atlas found, as tables and as a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stylespace.commands.atlas.cells import FIGURES
from stylespace.commands.recipes import plain_figures
from stylespace.figures import markdown
from stylespace.figures.tables import csv_text, json_text
from stylespace.settings import to_toml
from stylespace.settings.atlas import AtlasSettings, Pair

MAP = "value-map.png"
STRONGEST = 12
"""Entries in the table of the page."""
NOTE = "never fired together"


@dataclass(frozen=True)
class Agreement:
    """How far the small cells tell what full probes would, over entries that have both.

    rows: (pair, value of its cell, that of its full probe). size: side of the full probes in
    pixels.
    """

    rows: tuple[tuple[Pair, float, float], ...]
    size: int

    @property
    def correlation(self) -> float:
        """Spearman's rank correlation; NaN for fewer than two entries or equal values."""
        from scipy.stats import spearmanr

        cells, full = ([row[place] for row in self.rows] for place in (1, 2))
        if min(len(set(cells)), len(set(full))) < 2:
            return float("nan")
        return float(spearmanr(cells, full).statistic)


@dataclass(frozen=True)
class MappedEntry:
    """One entry: figures of its cell, the value of its full probe if it has one, why not."""

    i: int
    j: int
    figures: Mapping[str, float]
    full: float | None = None

    @property
    def value(self) -> float:
        """G_ij on the written cell."""
        return self.figures["value"]

    @property
    def reached(self) -> bool:
        """Say whether the two channels fire together in the cell."""
        return self.value > 0

    @property
    def record(self) -> dict[str, Any]:
        """The row as tables hold it."""
        note = "" if self.reached else NOTE
        head = {"i": self.i, "j": self.j, "reached": self.reached}
        return {**head, **plain_figures(self.figures), "full_value": self.full, "note": note}


def rows_of(
    pairs: Sequence[Pair], figures: Mapping[Pair, Mapping[str, float]], agreement: Agreement
) -> tuple[MappedEntry, ...]:
    """Return a row for every entry that is done, in their order."""
    full = {pair: value for pair, _, value in agreement.rows}
    return tuple(
        MappedEntry(*pair, figures[pair], full.get(pair)) for pair in pairs if pair in figures
    )


def table_files(
    rows: Sequence[MappedEntry], figures: Mapping[str, float]
) -> dict[str, bytes | str]:
    """Return {file name: rows}, as CSV, and as JSON with the figures of the whole atlas."""
    records = [row.record for row in rows]
    return {
        "table.csv": csv_text(records, ("i", "j", "reached", *FIGURES, "full_value", "note")),
        "table.json": json_text({"figures": plain_figures(figures), "entries": records}),
    }


def page(
    settings: AtlasSettings,
    rows: Sequence[MappedEntry],
    sheets: Sequence[str],
    agreement: Agreement,
    total: int,
) -> str:
    """Return the atlas as a page in Markdown.

    sheets: their file names. total: entries of the block, those not done included.
    """
    reached = sum(row.reached for row in rows)
    parts = [
        f"# Atlas of {settings.place}: {reached} of {total} entries reached",
        about(settings, len(rows), total),
        *(f"![Cells of the channels in {name}]({name})" for name in sheets),
        f"![log10 of the values]({MAP})" if reached else "",
        _agreement(agreement),
        _strongest(rows),
        _unreached(rows),
        "The recipe, for `stylespace run recipe.toml`:",
        f"```toml\n{to_toml(settings.decisive)}```",
    ]
    return markdown.page(parts)


def about(settings: AtlasSettings, done: int, total: int) -> str:
    """Say what the cells show and how they were made."""
    left = f" {total - done} entries are not done yet: the same command goes on." * (done < total)
    return (
        f"Each cell is a picture of {settings.size} px that maximises one entry G_ij of the Gram "
        f"matrix of {settings.place} ({settings.network}, {settings.pooling} pooling, "
        f"{settings.padding} padding): what makes channels i (row) and j (column) fire at the same "
        f"places. Rows {_ends(settings.rows)}, columns {_ends(settings.columns)}; G is symmetric, "
        "so (i, j) and (j, i) are the same picture; the diagonal is framed. All start from the "
        f"same noise (seed {settings.seed}) and take {settings.iterations} evaluations of Adam on "
        "Fourier coefficients, the entry's logarithm averaged over the parts of the picture so "
        "that it fills. Values are measured on the 8-bit picture; a crossed cell was not reached: "
        f"its channels never fired together.{left}"
    )


def _ends(channels: range) -> str:
    return f"{channels[0]} to {channels[-1]}"


def _agreement(agreement: Agreement) -> str:
    """State the rank correlation and the entries behind it."""
    if not agreement.rows:
        return ""
    table = [(f"{i},{j}", f"{cell:.4g}", f"{full:.4g}") for (i, j), cell, full in agreement.rows]
    return (
        "## Agreement with full probes\n\n"
        f"Spearman's rank correlation between the values of the cells and those of full probes "
        f"({agreement.size} px, default settings) over {len(table)} entries spread over the "
        f"block: **{agreement.correlation:.3f}**.\n\n"
        + markdown.table(table, ("entry", "cell", "full probe"))
    )


def _strongest(rows: Sequence[MappedEntry]) -> str:
    best = sorted((row for row in rows if row.reached), key=lambda row: -row.value)[:STRONGEST]
    if not best:
        return ""
    table = [
        (f"{row.i},{row.j}", *(f"{row.figures[name]:.4g}" for name in FIGURES)) for row in best
    ]
    return (
        "## Largest entries\n\n" + markdown.table(table, ("entry", *FIGURES)) + "\n\n"
        "All entries: table.csv, table.json. `selectivity` is the entry's share of the norm of the "
        "Gram matrix, `cosine` is G_ij / sqrt(G_ii G_jj), `saturated` the fraction of values at 0 "
        "or 1."
    )


def _unreached(rows: Sequence[MappedEntry]) -> str:
    names = [f"{row.i},{row.j}" for row in rows if not row.reached]
    more = f" and {len(names) - 50} more" if len(names) > 50 else ""
    return f"## Not reached\n\n{'; '.join(names[:50])}{more}: {NOTE}." if names else ""
