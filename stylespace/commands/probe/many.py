"""Many entries into one folder, in batches; begun again, they go on where they stopped."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from stylespace.commands import recipes
from stylespace.commands.folder import Folder, resume
from stylespace.commands.many import Make
from stylespace.commands.outcome import Outcome
from stylespace.commands.probe import probes
from stylespace.commands.probe.patches import Paintings
from stylespace.commands.probe.tables import ProbedEntry, write_tables
from stylespace.commands.sight import check_weights, network_for
from stylespace.commands.spreading import Spread, Tools
from stylespace.errors import PictureError, UnreachedError
from stylespace.executors import Failure
from stylespace.figures.tables import json_text
from stylespace.files import check_output, parsed_json, read_data, write_whole
from stylespace.images import read_image, read_recipe
from stylespace.networks.memory import batch_size
from stylespace.networks.network import Network
from stylespace.settings import ProbeSettings, recipe_of, to_toml
from stylespace.settings.probe import Entry
from stylespace.synthesis.loop import Watch

CARRIED = ("stopped", "evaluations", "remark")
"""What a picture says of its run, and a row has too."""
UNREACHED = "unreached.json"
Named = Callable[[str, str], Watch]
"""(Name of a batch, time left in words) -> a watcher of its run."""


@dataclass(frozen=True)
class ProbedMany:
    """What was found: a row an entry, those before Ctrl-C if it was interrupted.

    count: how many entries were asked for. failed: rows without a picture that the next call tries
    again.
    """

    rows: tuple[ProbedEntry, ...]
    count: int
    interrupted: bool
    failed: int = 0

    @property
    def reached(self) -> tuple[ProbedEntry, ...]:
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
                **recipes.plain_figures(row.figures),
                "note": row.note,
                "stopped": row.stopped,
                "evaluations": row.evaluations,
            }
            for row in self.rows
        )


def probe_many(
    settings: ProbeSettings,
    folder: Path,
    network: Network,
    *,
    force: bool = False,
    watch: Named | None = None,
    spread: Spread | None = None,
) -> ProbedMany:
    """Probe every entry of the settings into a folder; entries that are there are kept.

    Writes a picture an entry, then table.csv, table.json, README.md and contact-sheet.jpg beside
    the recipe.toml that makes the folder again. Interrupted, it writes them for the entries that
    are done, and the same call goes on where it stopped. A batch that fails, twice, leaves the
    others.

    Args:
        settings: with one or several entries.
        folder: made if it is missing.
        network: loaded.
        force: use a folder that holds anything else, and replace what is in the way.
        watch: (name of a batch, time left in words) -> a watcher of its run in this process.
        spread: where the batches are made; None for this process.

    Raises:
        StylespaceError: every batch failed.
        OutputError: the folder holds anything but an earlier call with the same settings.
        KeyboardInterrupt: Ctrl-C before the first entry was done.
    """
    with Folder(folder, to_toml(settings), force=force).opened():
        entries = _by_layer(probes.chosen_entries(settings, network))
        here = _Batches(settings, folder, force, network.sha256, network=network, watch=watch)
        failed: dict[Entry, Failure] = {}

        def make(missing: list[Entry]) -> Iterator[tuple[Entry, ProbedEntry]]:
            """Make the missing entries, batch by batch, and note those that fail."""
            here.files.check_free(missing)
            batches = _batches(settings, network, missing, len(entries))
            here.expect(len(missing))
            tools = Tools(_Batches, (settings, folder, force, network.sha256))
            made = (spread or Spread()).results(_Batches.written, batches, here, tools)
            for number, result in made:
                if isinstance(result, Failure):
                    failed.update(dict.fromkeys(batches[number][1], result))
                else:
                    yield from zip(batches[number][1], result, strict=True)

        rows, interrupted = resume(entries, here.files.known, make)
        if failed and not rows:
            raise next(iter(failed.values())).error()
    rows |= {entry: ProbedEntry(*entry, None, {}, why.reason) for entry, why in failed.items()}
    shown = tuple(rows[entry] for entry in entries if entry in rows)
    write_tables(folder, settings, shown, here.paintings)
    return ProbedMany(shown, len(entries), interrupted, len(failed))


def maker() -> Make:
    """Return what makes single probes; the paintings of a network are measured once for many."""
    compared = lru_cache(maxsize=1)(lambda network: Paintings(network.precise))

    def make(network: Network, **options: Any) -> Outcome:
        """Make a probe."""
        return probes.probe(network=network, compared=compared(network), **options)

    return make


def _by_layer(entries: Sequence[Entry]) -> list[Entry]:
    """Return entries with those of a layer together, so that a batch has but one."""
    layers = list(dict.fromkeys(entry[0] for entry in entries))
    return sorted(entries, key=lambda entry: layers.index(entry[0]))


def _batches(
    settings: ProbeSettings, network: Network, missing: Sequence[Entry], count: int
) -> list[tuple[str, tuple[Entry, ...]]]:
    """Return what is missing, layer by layer, as (name, entries of a batch)."""
    done, batches = 0, []
    for layer, group in groupby(missing, key=lambda entry: entry[0]):
        entries = tuple(group)
        most = batch_size(network, [layer], settings.size, settings.size) // settings.seeds
        for start in range(0, len(entries), max(1, most)):
            batch = entries[start : start + max(1, most)]
            first = count - len(missing) + done + 1
            span, channels = f"{first}-{first + len(batch) - 1}", ""
            if len(batch) == 1:
                span, channels = f"{first}", f" {batch[0][1]},{batch[0][2]}"
            batches.append((f"{span}/{count} {layer}{channels}", batch))
            done += len(batch)
    return batches


def _left(seconds: float, done: int, count: int) -> str:
    """Say how long the entries that are missing will take, once one batch is known."""
    if not done:
        return ""
    minutes = seconds / done * (count - done) / 60
    return f", {minutes:.0f} min left" if minutes >= 1 else ", under a minute left"


class _Batches:
    """What batches share in a process: the network, the paintings to beat, and the files.

    weights: SHA-256 of the filters in the process that asks. network: loaded, or None to load it.
    """

    def __init__(
        self,
        settings: ProbeSettings,
        folder: Path,
        force: bool,
        weights: str,
        *,
        network: Network | None = None,
        watch: Named | None = None,
    ) -> None:
        self._network = network or network_for(settings)
        check_weights(self._network, weights)
        self._settings, self._watch = settings, watch
        self.paintings = Paintings(self._network.precise)
        self.files = _EntryFiles(settings, folder, self._network, force)
        self.expect(0)

    def expect(self, count: int) -> None:
        """Begin to count the time that so many entries take."""
        self._began, self._done, self._count = time.perf_counter(), 0, count

    def written(self, name: str, batch: Sequence[Entry]) -> list[ProbedEntry]:
        """Make a batch, but for what an earlier try has written, and return its rows.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        rows = {entry: row for entry in batch if (row := self.files.known(entry))}
        missing = tuple(entry for entry in batch if entry not in rows)
        if missing:
            seconds = time.perf_counter() - self._began
            seen = self._watch and self._watch(name, _left(seconds, self._done, self._count))
            made = probes.probe_batch(
                self._settings, missing, self._network, compared=self.paintings, watch=seen
            )
            rows |= dict(self.files.write(missing, made))
        self._done += len(batch)
        return [rows[entry] for entry in batch]


@dataclass(frozen=True)
class _EntryFiles:
    """The files of entries in a folder: a picture each, or why there is none."""

    settings: ProbeSettings
    folder: Path
    network: Network
    force: bool

    def known(self, entry: Entry) -> ProbedEntry | None:
        """Return the row of an entry that an earlier call made, if it is whole and the same."""
        path, ours = self._path(entry), self._made_by(entry)
        for record in (_record(path), _record(self._unreached(entry))):
            if record and {key: record.get(key) for key in ours} == ours:
                picture = None if "note" in record else path.name
                run = {name: record[name] for name in CARRIED if name in record}
                figures, note = recipes.figures_of(record), record.get("note", "")
                return ProbedEntry(*entry, picture, figures, note, **run)
        return None

    def check_free(self, entries: Sequence[Entry]) -> None:
        """Refuse files in the way, all before anything slow."""
        for entry in entries:
            check_output(self._path(entry), force=self.force)

    def write(
        self, batch: Sequence[Entry], outcomes: Sequence[Outcome | UnreachedError]
    ) -> Iterator[tuple[Entry, ProbedEntry]]:
        """Write a batch, and yield its rows; nothing of one that was interrupted."""
        if any(map(probes.interrupted, outcomes)):
            raise KeyboardInterrupt
        for entry, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, UnreachedError):
                yield entry, self._without_picture(entry, outcome)
            else:
                yield entry, self._with_picture(entry, outcome)

    def _without_picture(self, entry: Entry, error: UnreachedError) -> ProbedEntry:
        """Write why an entry was not reached, so that no call tries it again."""
        record = self._made_by(entry) | recipes.figures_record(error.figures) | {"note": str(error)}
        write_whole(self._unreached(entry), json_text(record).encode(), force=True)
        self._path(entry).unlink(missing_ok=True)  # of other settings, replaced by --force
        return ProbedEntry(*entry, None, dict(error.figures), str(error))

    def _with_picture(self, entry: Entry, outcome: Outcome) -> ProbedEntry:
        path, run = self._path(entry), outcome.synthesis
        recipes.write_outcome(path, outcome, force=self.force)
        told = run.stopped, len(run.steps), recipes.remark(run)
        return ProbedEntry(*entry, path.name, dict(outcome.figures), "", *told)

    def _path(self, entry: Entry) -> Path:
        return self.folder / f"probe-{'-'.join(map(str, entry))}.png"

    def _unreached(self, entry: Entry) -> Path:
        return self._path(entry).with_suffix(f".{UNREACHED}")

    def _made_by(self, entry: Entry) -> dict[str, Any]:
        recipe = recipe_of(probes.single_settings(self.settings, entry))
        return {"recipe": recipe, "weights": self.network.sha256}


def _record(path: Path) -> dict[str, Any] | None:
    """Return what a file of an earlier call carries, or None if it is missing or damaged."""
    if not path.exists():
        return None
    with suppress(PictureError, OSError, ValueError):
        if path.suffix == ".png":
            read_image(path)  # a file that was cut short still has its recipe
        record = read_recipe(path) if path.suffix == ".png" else parsed_json(read_data(path))
        return record if isinstance(record, dict) else None
    return None
