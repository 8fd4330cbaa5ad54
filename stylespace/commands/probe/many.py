"""Surveys: many entries into one folder, in batches; begun again, they go on where they stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from stylespace.commands.outcome import Outcome
from stylespace.commands.probe.patches import Paintings
from stylespace.commands.probe.probes import Entry, chosen_entries, probe_batch, single_settings
from stylespace.commands.probe.tables import Row, write_tables
from stylespace.commands.recipes import (
    figures_of,
    figures_record,
    plain_figures,
    remark,
    write_outcome,
)
from stylespace.commands.sight import judge_for
from stylespace.errors import PictureError, UnreachedError
from stylespace.files import check_folder, check_output, write_whole
from stylespace.images import read_image, read_recipe
from stylespace.networks.memory import batch_size
from stylespace.networks.network import Network
from stylespace.settings import RECIPE_FILE, ProbeSettings, recipe_of, to_toml
from stylespace.synthesis.loop import Watch

RUN = ("stopped", "evaluations", "remark")
UNREACHED = "unreached.json"


@dataclass(frozen=True)
class Survey:
    """What a survey found: a row an entry, those before Ctrl-C if it was interrupted.

    count: how many entries were asked for.
    """

    rows: tuple[Row, ...]
    count: int
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
    watch: Callable[[str, str], Watch] | None = None,
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
        watch: (name of a batch, time left in words) -> a watcher of its run.

    Raises:
        OutputError: the folder holds anything but an earlier call with the same settings.
        KeyboardInterrupt: Ctrl-C before the first entry was done.
    """
    check_folder(folder, RECIPE_FILE, to_toml(settings), force=force)
    entries = _by_layer(chosen_entries(settings, network))
    ours = [path for path in (folder / RECIPE_FILE, folder) if not path.exists()]
    work = _Work(settings, folder, network, force, Paintings(judge_for(network, settings)))
    rows: dict[Entry, Row] = {}
    interrupted = False
    try:
        folder.mkdir(exist_ok=True)
        write_whole(folder / RECIPE_FILE, to_toml(settings).encode(), force=True)
        for entry in entries:
            found = work.known(entry)
            rows |= {} if found is None else {entry: found}
        work.check_free([entry for entry in entries if entry not in rows])
        for name, left, batch in _batches(settings, network, entries, rows):
            rows |= work.make(batch, watch and watch(name, left))
    except BaseException as error:
        if not rows:
            _remove(folder, ours)
        if not rows or not isinstance(error, KeyboardInterrupt):
            raise
        interrupted = True
    done = [rows[entry] for entry in entries if entry in rows]
    write_tables(folder, settings, done, work.compared)
    return Survey(tuple(done), len(entries), interrupted)


def _by_layer(entries: Sequence[Entry]) -> list[Entry]:
    """Return entries with those of a layer together, so that a batch has but one."""
    layers = list(dict.fromkeys(entry[0] for entry in entries))
    return sorted(entries, key=lambda entry: layers.index(entry[0]))


def _batches(
    settings: ProbeSettings, network: Network, entries: Sequence[Entry], rows: dict[Entry, Row]
) -> Iterator[tuple[str, str, tuple[Entry, ...]]]:
    """Yield what is missing, layer by layer, as (name, time left, entries of a batch)."""
    missing = [entry for entry in entries if entry not in rows]
    began, done = time.perf_counter(), 0
    for layer, group in groupby(missing, key=lambda entry: entry[0]):
        rest = tuple(group)
        most = batch_size(network, [layer], settings.size, settings.size) // settings.seeds
        while rest:
            batch, rest = rest[: max(1, most)], rest[max(1, most) :]
            number = len(rows) + 1
            span = f"{number}-{number + len(batch) - 1}" if len(batch) > 1 else f"{number}"
            one = f" {batch[0][1]},{batch[0][2]}" if len(batch) == 1 else ""
            left = _left(time.perf_counter() - began, done, len(missing))
            yield f"{span}/{len(entries)} {layer}{one}", left, batch
            done += len(batch)


def _left(seconds: float, done: int, count: int) -> str:
    """Say how long the entries that are missing will take, once one batch is known."""
    if not done:
        return ""
    minutes = seconds / done * (count - done) / 60
    return f", {minutes:.0f} min left" if minutes >= 1 else ", under a minute left"


def _remove(folder: Path, ours: Sequence[Path]) -> None:
    """Remove what a call made before its first entry, unless anything else is in the folder."""
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} <= {RECIPE_FILE}:
            for path in ours:
                path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Work:
    """What every entry of a survey is made with."""

    settings: ProbeSettings
    folder: Path
    network: Network
    force: bool
    compared: Paintings

    def known(self, entry: Entry) -> Row | None:
        """Return the row of an entry that an earlier call made, if it is whole and the same."""
        path, ours = self._path(entry), self._ours(entry)
        for record in (_record(path), _record(self._unreached(entry))):
            if record and {key: record.get(key) for key in ours} == ours:
                picture = None if "note" in record else path.name
                run = {name: record[name] for name in RUN if name in record}
                return Row(*entry, picture, figures_of(record), record.get("note", ""), **run)
        return None

    def check_free(self, entries: Sequence[Entry]) -> None:
        """Refuse files in the way, all before anything slow."""
        for entry in entries:
            check_output(self._path(entry), force=self.force)

    def make(self, batch: tuple[Entry, ...], watch: Watch | None) -> dict[Entry, Row]:
        """Make a batch of entries and write them; nothing of a batch that was interrupted."""
        made = probe_batch(self.settings, batch, self.network, compared=self.compared, watch=watch)
        for one in made:
            if getattr(one, "interrupted", False) or (
                isinstance(one, Outcome) and one.synthesis.stopped == "interrupted"
            ):
                raise KeyboardInterrupt
        return {entry: self._written(entry, one) for entry, one in zip(batch, made, strict=True)}

    def _written(self, entry: Entry, made: Outcome | UnreachedError) -> Row:
        """Write a picture; of an unreached entry the reason, so that no call tries it again."""
        if isinstance(made, UnreachedError):
            record = {**self._ours(entry), **figures_record(made.figures), "note": str(made)}
            text = json.dumps(record, indent=1)
            write_whole(self._unreached(entry), text.encode(), force=True)
            self._path(entry).unlink(missing_ok=True)  # of other settings, replaced by --force
            return Row(*entry, None, dict(made.figures), str(made))
        path, run = self._path(entry), made.synthesis
        write_outcome(path, made, force=self.force)
        figures = dict(made.figures)
        return Row(*entry, path.name, figures, "", run.stopped, len(run.steps), remark(run))

    def _path(self, entry: Entry) -> Path:
        return self.folder / f"{probe_stem(*entry)}.png"

    def _unreached(self, entry: Entry) -> Path:
        return self._path(entry).with_suffix(f".{UNREACHED}")

    def _ours(self, entry: Entry) -> dict[str, Any]:
        recipe = recipe_of(single_settings(self.settings, entry))
        return {"recipe": recipe, "weights": self.network.sha256}


def _record(path: Path) -> dict[str, Any] | None:
    """Return what a file of an earlier call carries, or None if it is missing or damaged."""
    with suppress(PictureError, OSError, ValueError):
        if path.suffix == ".png":
            read_image(path)  # a file that was cut short still has its recipe
        record = read_recipe(path) if path.suffix == ".png" else json.loads(path.read_text())
        return record if isinstance(record, dict) else None
    return None
