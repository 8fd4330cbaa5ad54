"""Making a grid in a folder: its pictures wherever they are made, then what tells of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stylespace.commands.folder import Folder
from stylespace.commands.grid.combinations import Combination
from stylespace.commands.grid.pages import RESULTS, Row, files_of, results_text, row_of
from stylespace.commands.many import Made, Make, Record, make_many
from stylespace.commands.spreading import Spread
from stylespace.files import LONGEST_OWN, parsed_json, read_data, write_files
from stylespace.settings.grid import Grid
from stylespace.synthesis.loop import Watch

EVERY = 10.0
"""Seconds after which results.json is written again, while pictures are being made."""


@dataclass(frozen=True)
class MadeGrid:
    """What became of a grid: a row a combination; others are left out if it was interrupted."""

    rows: tuple[Row, ...]
    interrupted: bool

    @property
    def figures(self) -> dict[str, float]:
        """How many combinations there are, are done, and failed."""
        done = sum(row.picture is not None for row in self.rows)
        failed = sum(bool(row.failed) for row in self.rows)
        return {"combinations": len(self.rows), "done": done, "failed": failed}


def make_grid(
    grid: Grid,
    maker: Callable[[], Make],
    combinations: Sequence[Combination],
    folder: Path,
    *,
    force: bool = False,
    spread: Spread | None = None,
    watch: Callable[[str], Watch] | None = None,
) -> MadeGrid:
    """Make a picture for every combination of a grid into a folder; those that are there are kept.

    Writes a PNG a combination, then results.json, table.csv, README.md and contact-sheet.jpg beside
    the recipe.toml that makes the folder again. A combination that fails, twice, is named, and the
    others are made. Interrupted, the same call goes on where it stopped.

    Args:
        maker: of its command, importable. combinations: of the grid, see `combinations_of`.
        folder: made if it is missing.
        force: use a folder that holds anything else, and replace pictures that are in the way.
        spread: where the pictures are made; None for this process.
        watch: name of a run -> a watcher of it in this process.

    Raises:
        OutputError: the folder holds anything else, or a picture that was made otherwise.
        KeyboardInterrupt: Ctrl-C before the first picture was done.
    """
    results = _Results(folder, combinations)
    wanted = {results.path(one): one.settings for one in combinations if one.settings}
    numbers = {path: f"{number}/{len(wanted)}" for number, path in enumerate(wanted, 1)}

    def watched(path: Path) -> Watch | None:
        return watch and watch(f"{numbers[path]} {path.stem}")

    with Folder(folder, grid.text(), force=force).opened():
        results.read()
        made = make_many(maker, wanted, force=force, spread=spread, watch=watched, told=results.add)
        rows = results.rows(made)
        write_files(folder, files_of(folder, grid, rows))
    return MadeGrid(rows, made.interrupted)


class _Results:
    """The rows of a grid: what is done is written every now and then, as a run may be killed."""

    def __init__(self, folder: Path, combinations: Sequence[Combination]) -> None:
        self._folder, self._combinations = folder, combinations
        self._records: dict[Path, Record] = {}
        self._seconds: dict[str, float] = {}
        self._due = time.monotonic() + EVERY

    def path(self, combination: Combination) -> Path:
        """Return where the picture of a combination goes."""
        return self._folder / f"{combination.name}.png"

    def read(self) -> None:
        """Read how long pictures took that an earlier call has made."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            rows = parsed_json(read_data(self._folder / RESULTS, LONGEST_OWN))
            self._seconds = {row["name"]: row["seconds"] for row in rows if row["picture"]}

    def add(self, path: Path, record: Record) -> None:
        """Take a picture that is done, and write what is known if it is time."""
        self._records[path] = record
        if time.monotonic() >= self._due:
            rows = self.rows(Made(self._records, {}, False))
            write_files(self._folder, {RESULTS: results_text(rows)})
            self._due = time.monotonic() + EVERY

    def rows(self, made: Made) -> tuple[Row, ...]:
        """Return a row for every combination."""
        rows = []
        for one in self._combinations:
            path = self.path(one)
            failure = made.failed.get(path)
            reason = failure.reason if failure else one.refused
            rows.append(row_of(one, made.records.get(path), self._seconds.get(one.name), reason))
        return tuple(rows)
