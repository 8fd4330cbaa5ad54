"""Surveys: many probes in one folder, with a contact sheet, tables and a page; resumable."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tabulate import tabulate

from stylespace.errors import PictureError, UnreachedError
from stylespace.files import check_folder, check_output, write_whole
from stylespace.images import read_image, read_recipe, resize
from stylespace.networks import Network
from stylespace.outcomes import judge_for
from stylespace.plots import contact_sheet
from stylespace.probes import PAINTING_SIDE, Paintings, probe
from stylespace.recipes import figures_of, figures_record, plain_figures, remark, write_outcome
from stylespace.settings import RECIPE_FILE, ProbeSettings, recipe_of, to_toml
from stylespace.synthesis import Watch

COLUMNS = ("value", "painting_max", "enhancement", "selectivity", "cosine", "saturated")
RUN = ("stopped", "evaluations", "remark")
UNREACHED = "unreached.json"
SHEET = "contact-sheet.jpg"
THUMBNAIL = 224  # pixels of a picture's side on the sheet


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


@dataclass(frozen=True)
class Survey:
    """What a survey found: a row an entry, those before Ctrl-C if it was interrupted."""

    rows: tuple[Row, ...]
    interrupted: bool

    @property
    def reached(self) -> tuple[Row, ...]:
        """The rows that have a picture."""
        return tuple(row for row in self.rows if row.picture)

    @property
    def stopped(self) -> str:
        """Why the loops ended: each different answer once."""
        words = dict.fromkeys(row.stopped for row in self.reached)
        return "interrupted" if self.interrupted else ", ".join(words)

    @property
    def entries(self) -> tuple[dict[str, Any], ...]:
        """The rows as JSON can hold them."""
        return tuple(
            {
                "entry": row.name,
                "reached": bool(row.picture),
                **plain_figures(row.figures),
                "note": row.note,
                "stopped": row.stopped,
                "evaluations": row.evaluations,
            }
            for row in self.rows
        )


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
) -> Survey:
    """Probe every entry of the settings into a folder; entries that are there are kept.

    Writes a picture an entry, then table.csv, table.json, README.md and contact-sheet.jpg beside
    the recipe.toml that makes the folder again. Interrupted, it writes them for the entries that
    are done, and the same call goes on where it stopped.

    Args:
        settings: with one or several entries.
        folder: made if it is missing.
        network: loaded.
        force: use a folder that holds anything else, and replace what is in the way.
        watch: entry's name -> a watcher of its run.

    Raises:
        OutputError: the folder holds anything but an earlier call with the same settings.
        KeyboardInterrupt: Ctrl-C before the first entry was done.
    """
    check_folder(folder, RECIPE_FILE, to_toml(settings), force=force)
    ours = [path for path in (folder / RECIPE_FILE, folder) if not path.exists()]
    rows: list[Row] = []
    compared = Paintings(judge_for(network, settings))
    interrupted = False
    try:
        folder.mkdir(exist_ok=True)
        write_whole(folder / RECIPE_FILE, to_toml(settings).encode(), force=True)
        for number, one in enumerate(_single(settings), start=1):
            name = f"{number}/{len(settings.entries())} {one.layer} {one.entry[0]}"
            rows.append(_row(folder, one, network, compared, force, watch and watch(name)))
    except BaseException as error:
        if not rows:
            _remove(folder, ours)
        if not rows or not isinstance(error, KeyboardInterrupt):
            raise
        interrupted = True
    _write_tables(folder, settings, rows)
    return Survey(tuple(rows), interrupted)


def _remove(folder: Path, ours: Sequence[Path]) -> None:
    """Remove what a call made before its first entry, unless anything else is in the folder."""
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} <= {RECIPE_FILE}:
            for path in ours:
                path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)


def _single(settings: ProbeSettings) -> list[ProbeSettings]:
    """Return the settings of each entry by itself."""
    return [
        replace(settings, layer=layer, entry=(f"{i},{j}",)) for layer, i, j in settings.entries()
    ]


def _row(
    folder: Path,
    settings: ProbeSettings,
    network: Network,
    compared: Paintings,
    force: bool,
    watch: Watch | None,
) -> Row:
    """Return the row of the one entry of the settings, from the folder or newly made."""
    ours = {"recipe": recipe_of(settings), "weights": network.sha256}
    entry = settings.entries()[0]
    path = folder / f"{probe_stem(*entry)}.png"
    unreached = path.with_suffix(f".{UNREACHED}")
    record = _record(path) or _record(unreached)
    if record and {key: record.get(key) for key in ours} == ours:
        picture = None if "note" in record else path.name
        run = {name: record[name] for name in RUN if name in record}
        return Row(*entry, picture, figures_of(record), record.get("note", ""), **run)
    check_output(path, force=force)
    try:
        outcome = probe(settings=settings, network=network, compared=compared, watch=watch)
    except UnreachedError as error:
        if getattr(error, "interrupted", False):
            raise KeyboardInterrupt from error
        return _unreached(unreached, entry, ours, error)
    if outcome.synthesis.stopped == "interrupted":
        raise KeyboardInterrupt
    write_outcome(path, outcome, force=force)
    run = outcome.synthesis
    figures = dict(outcome.figures)
    return Row(*entry, path.name, figures, "", run.stopped, len(run.steps), remark(run))


def _record(path: Path) -> dict[str, Any] | None:
    """Return what a file of an earlier call carries, or None if it is missing or damaged."""
    with suppress(PictureError, OSError, ValueError):
        record = read_recipe(path) if path.suffix == ".png" else json.loads(path.read_text())
        return record if isinstance(record, dict) else None
    return None


def _unreached(
    path: Path, entry: tuple[str, int, int], ours: dict[str, Any], error: UnreachedError
) -> Row:
    """Remember that an entry was not reached, so that the next call need not try again."""
    record = {**ours, **figures_record(error.figures), "note": str(error)}
    write_whole(path, json.dumps(record, indent=1).encode(), force=True)
    return Row(*entry, None, dict(error.figures), str(error))


def _write_tables(folder: Path, settings: ProbeSettings, rows: Sequence[Row]) -> None:
    """Write the tables, the page and the sheet, replacing those of an earlier call."""
    write_whole(folder / "table.csv", _csv(rows).encode(), force=True)
    table = [
        {**asdict(row), "figures": dict(sorted(plain_figures(row.figures).items()))} for row in rows
    ]
    write_whole(folder / "table.json", json.dumps(table, indent=1).encode(), force=True)
    write_whole(folder / "README.md", _page(settings, rows).encode(), force=True)
    shown = [row for row in rows if row.picture]
    if shown:
        pictures = [resize(read_image(folder / row.picture), THUMBNAIL) for row in shown]
        labels = [f"{row.name}\n{_shown(row.figures.get('value'))}" for row in shown]
        columns = max(8, round(len(shown) ** 0.5))
        write_whole(folder / SHEET, contact_sheet(pictures, labels, columns=columns), force=True)


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
    return "-" if value is None or math.isnan(value) else f"{value:.3g}"
