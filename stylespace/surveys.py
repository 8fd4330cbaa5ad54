"""Surveys: many probes in one folder, with a contact sheet, tables and a page; resumable."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tabulate import tabulate

from stylespace.errors import OutputError, UnreachedError
from stylespace.files import check_output, write_whole
from stylespace.images import read_image, read_recipe
from stylespace.networks import Network
from stylespace.plots import contact_sheet
from stylespace.probes import PAINTING_SIDE, probe
from stylespace.recipes import plain_figures, write_outcome
from stylespace.settings import ProbeSettings, recipe_of, to_toml
from stylespace.synthesis import Watch

COLUMNS = ("value", "painting_max", "enhancement", "selectivity", "cosine", "saturated")
UNREACHED = "unreached.json"
RECIPE = "recipe.toml"
SHEET = "contact-sheet.jpg"


@dataclass(frozen=True)
class Row:
    """One entry of a survey. picture: file name in the folder, or None; note: why not."""

    layer: str
    i: int
    j: int
    picture: str | None
    figures: dict[str, float | None]
    note: str = ""

    @property
    def name(self) -> str:
        """The entry as a user writes it."""
        return f"{self.layer}:{self.i},{self.j}"


def probe_stem(layer: str, i: int, j: int) -> str:
    """Return the file name of a probe, without its suffix."""
    return f"probe-{layer}-{i}-{j}"


def survey(
    settings: ProbeSettings,
    folder: Path,
    network: Network,
    *,
    force: bool = False,
    watch: Callable[[str], Watch] | None = None,
) -> tuple[Row, ...]:
    """Probe every entry of the settings into a folder; entries that are there are kept.

    Writes a picture an entry, then contact-sheet.png, table.csv, table.json, recipe.toml and
    README.md. Interrupted, the same call goes on where it stopped.

    Args:
        settings: with one or several entries.
        folder: made if it is missing.
        network: loaded.
        force: use a folder that holds anything else.
        watch: entry's name -> a watcher of its run.

    Raises:
        OutputError: the folder holds anything but an earlier call with the same settings.
    """
    check_folder(folder, settings, force=force)
    folder.mkdir(exist_ok=True)
    write_whole(folder / RECIPE, to_toml(settings).encode(), force=True)
    rows = []
    for layer, i, j in settings.entries():
        one = replace(settings, layer=layer, entry=(f"{i},{j}",))
        row = _kept(folder, one, layer, i, j)
        watcher = watch(f"{layer} {i},{j}") if watch and row is None else None
        rows.append(row or _made(folder, one, network, layer, i, j, watcher))
    _write_tables(folder, settings, rows)
    return tuple(rows)


def check_folder(folder: Path, settings: ProbeSettings, *, force: bool) -> None:
    """Refuse a folder that holds anything but an earlier call with the same settings.

    Raises:
        OutputError: see above, or its parent is missing or cannot be written to.
    """
    if not folder.exists():
        check_output(folder)
        return
    if not folder.is_dir():
        raise OutputError(f"{str(folder)!r} is a file: several entries need a folder as --out.")
    check_output(folder / ".trial")
    recipe = folder / RECIPE
    same = recipe.is_file() and recipe.read_text() == to_toml(settings)
    if any(folder.iterdir()) and not (same or force):
        raise OutputError(
            f"{str(folder)!r} holds something else: choose another --out, or add --force."
        )


def _kept(folder: Path, settings: ProbeSettings, layer: str, i: int, j: int) -> Row | None:
    """Return an entry's row if the folder holds it already, made with the same settings."""
    stem = probe_stem(layer, i, j)
    for path in (folder / f"{stem}.png", folder / f"{stem}.{UNREACHED}"):
        if not path.is_file():
            continue
        picture = path.suffix == ".png"
        record = read_recipe(path) if picture else json.loads(path.read_text())
        if record and record.get("recipe") == recipe_of(settings):
            name = path.name if picture else None
            return Row(layer, i, j, name, record["figures"], record.get("note", ""))
    return None


def _made(
    folder: Path,
    settings: ProbeSettings,
    network: Network,
    layer: str,
    i: int,
    j: int,
    watch: Watch | None,
) -> Row:
    stem = probe_stem(layer, i, j)
    try:
        outcome = probe(settings, network=network, watch=watch)
    except UnreachedError as error:
        figures = plain_figures(error.figures)
        record = {"recipe": recipe_of(settings), "figures": figures, "note": str(error)}
        text = json.dumps(record, indent=1)
        write_whole(folder / f"{stem}.{UNREACHED}", text.encode(), force=True)
        return Row(layer, i, j, None, figures, str(error))
    if outcome.synthesis.stopped == "interrupted":
        raise KeyboardInterrupt
    write_outcome(folder / f"{stem}.png", outcome, force=True)
    return Row(layer, i, j, f"{stem}.png", plain_figures(outcome.figures))


def _write_tables(folder: Path, settings: ProbeSettings, rows: Sequence[Row]) -> None:
    """Write the sheet, the tables, the recipe and the page, replacing those of an earlier call."""
    shown = [row for row in rows if row.picture]
    if shown:
        pictures = [read_image(folder / row.picture) for row in shown]
        labels = [f"{row.name}\n{row.figures['value']:.3g}" for row in shown]
        write_whole(folder / SHEET, contact_sheet(pictures, labels), force=True)
    write_whole(folder / "table.csv", _csv(rows).encode(), force=True)
    table = [asdict(row) for row in rows]
    write_whole(folder / "table.json", json.dumps(table, indent=1).encode(), force=True)
    write_whole(folder / "README.md", _page(settings, rows).encode(), force=True)


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
    table = tabulate(
        [(row.name, "yes" if row.picture else "no", *map(_shown, _numbers(row))) for row in rows],
        ("entry", "reached", *COLUMNS),
        tablefmt="github",
        disable_numparse=True,
    )
    notes = "".join(f"- {row.note}\n" for row in rows if row.note)
    return (
        f"# Probes: {reached} of {len(rows)} entries reached\n\n"
        f"Network {settings.network}, {settings.pooling} pooling, {settings.padding} padding, "
        f"{settings.size} px, {sum(settings.schedule())} evaluations an entry, seed "
        f"{settings.seed}. An entry is reached when its value on the written 8-bit picture is "
        f"above its value in every bundled painting at {PAINTING_SIDE} px (`painting_max`). "
        f"`enhancement` is the quotient of the two, infinite where no painting has any.\n\n"
        f"Made again by `stylespace run recipe.toml`.\n\n"
        f"![The pictures, each under its entry and value]({SHEET})\n\n{table}\n"
        + (f"\nNot reached:\n\n{notes}" if notes else "")
    )


def _numbers(row: Row) -> list[float | None]:
    return [row.figures.get(name) for name in COLUMNS]


def _shown(value: float | None) -> str:
    return "inf" if value is None else f"{value:.3g}"
