"""The rows of a study: every run made, judged and kept by its content, wherever it is made."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from stylespace.commands.folder import resume
from stylespace.commands.many import Maker
from stylespace.commands.recipes import input_hashes
from stylespace.commands.sight import network_of_sight, sight_of
from stylespace.commands.spreading import Spread, Tools
from stylespace.commands.transfer.many import maker
from stylespace.executors import Failure
from stylespace.figures.tables import columns_of, csv_text
from stylespace.files import LONGEST_OWN, numbered, read_data, write_files
from stylespace.images import read_image, resize, write_image
from stylespace.images.colour import match_colours
from stylespace.settings import TransferSettings, check_there, recipe_of
from stylespace.studies.judges import Jury, scores
from stylespace.studies.plans import Pair, Plan, Run
from stylespace.studies.prepared import Ready, ready
from stylespace.styles.sources import open_picture
from stylespace.synthesis.loop import Watch

TABLE, EARLIER, PICTURES, INPUTS = "table.csv", "table-earlier", "pictures", "inputs"
CARRIED = ("style_distance", "loss", "copy_index")
"""Figures of the run itself that a row has beside the judges'."""
NAMES = ("part", "way", "pair", "content_weight", "seed")
"""What tells a row from others."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A run that is ready to be made, by the key of its content; `runs` that it stands for."""

    key: str
    settings: TransferSettings
    pictures: Pair
    instead: str = ""
    truth: Path | None = None
    weights: str = ""
    crops: bool = False
    runs: list[Run] = field(default_factory=list)


@dataclass(frozen=True)
class Done:
    """What became of the runs of a plan.

    rows: of those that are done; one that failed has a reason. tasks: {key: task}, of all.
    interrupted: by Ctrl-C. remarks: what a user should know, a sentence each.
    """

    rows: tuple[Row, ...]
    tasks: Mapping[str, Task]
    interrupted: bool
    remarks: tuple[str, ...]

    @property
    def total(self) -> int:
        """Runs of the plan."""
        return sum(len(task.runs) for task in self.tasks.values())


def made_rows(
    plan: Plan,
    folder: Path,
    *,
    only: Collection[str] = (),
    spread: Spread | None = None,
    watch: Callable[[str], Watch] | None = None,
) -> Done:
    """Make and judge every run of a plan that the folder's table does not have; keep the table.

    A row is kept where settings, pictures, filters and the version of stylespace are the same.

    Args:
        folder: of the study. only: parts whose runs are made; all for none. spread: where the
            runs are made; None for this process. watch: name -> a watcher of a run in this
            process, or None.

    Raises:
        KeyboardInterrupt: Ctrl-C before the first run was done.
    """
    for name in (PICTURES, INPUTS):
        (folder / name).mkdir(exist_ok=True)
    tasks = tasks_of(plan, folder)
    known = {row["key"]: row for row in read_rows(folder)}
    remarks = _put_aside(folder, known.keys() - tasks.keys())
    done: dict[str, Row] = {}

    def kept() -> tuple[Row, ...]:
        """Return the rows of all that is done, and write them."""
        rows = tuple(_rows(tasks, done))
        if rows:
            write_files(folder, {TABLE: csv_text(rows, columns_of(rows), digits=6)})
        return rows

    def earlier(key: str) -> Row | None:
        """Return what an earlier call found."""
        row = known.get(key)
        if row is None or row.get("failed"):
            return None
        return done.setdefault(key, row)

    def make(missing: list[str]) -> Iterator[tuple[str, Row]]:
        """Make what is missing of the parts that are asked for, and keep the table as it grows."""
        if only:
            missing = [key for key in missing if {run.part for run in tasks[key].runs} & {*only}]
        names = {
            key: f"{number}/{len(missing)} {tasks[key].runs[0].way}"
            for number, key in enumerate(missing, 1)
        }
        here = Bench(folder, lambda path: watch and watch(names[path.stem]))
        calls = [(tasks[key],) for key in missing]
        tools = Tools(Bench, (folder,))
        for number, found in (spread or Spread()).results(Bench.row, calls, here, tools):
            row = {"failed": found.reason} if isinstance(found, Failure) else found
            done[missing[number]] = {"key": missing[number], **row}
            kept()
            yield missing[number], row

    _, interrupted = resume(tasks, earlier, make)
    rows = kept()
    return Done(rows, tasks, interrupted, (*remarks, *_failures(rows)))


def _failures(rows: Sequence[Row]) -> list[str]:
    """Return why rows have no result, a sentence each."""
    failed = [row for row in rows if row.get("failed")]
    return [f"{row['part']} {row['way']} {row['pair']}: {row['failed']}" for row in failed]


def _put_aside(folder: Path, strangers: Collection[str]) -> list[str]:
    """Keep a table that holds rows nobody asks for any more, and say so."""
    if not strangers:
        return []
    aside = next(path for path in numbered(folder, EARLIER, "csv") if not path.exists())
    write_files(folder, {aside.name: read_data(folder / TABLE, LONGEST_OWN)})
    return [
        f"{len(strangers)} results of {TABLE} are of other settings, pictures or another "
        f"version: they are kept in {aside.name}, and what the recipe asks for is made."
    ]


def _rows(tasks: Mapping[str, Task], done: Mapping[str, Row]) -> Iterator[Row]:
    """Yield a row for every run of what is done."""
    for key, task in tasks.items():
        if key in done:
            found = {name: one for name, one in done[key].items() if name not in NAMES}
            for run in task.runs:
                yield {**run.place, **found}


def tasks_of(plan: Plan, folder: Path) -> dict[str, Task]:
    """Return {key: task} of a plan, runs of one content together, their pictures ready.

    Raises:
        PictureError: a picture that is not there.
    """
    for pictures in dict.fromkeys(
        (run.pictures.content, run.pictures.style) for run in plan.runs()
    ):
        for name in pictures:
            check_there(name)
    networks = lru_cache(maxsize=1)(network_of_sight)
    weights: dict[tuple[str | None, ...], str] = {}
    tasks: dict[str, Task] = {}
    made: dict[tuple[Any, ...], Ready] = {}
    for run in plan.runs():
        what = (run.prepared, run.pair, run.settings.size, sight_of(run.settings))
        if what not in made:
            made[what] = ready(run, folder / INPUTS, lambda settings: networks(sight_of(settings)))
        settings, truth = replace(run.settings, **made[what].changes), made[what].truth
        sight = sight_of(settings)
        if sight not in weights:
            weights[sight] = networks(sight).sha256
        key = key_of(run, weights[sight])
        found: dict[str, Any] = {"instead": run.instead, "truth": truth, "crops": run.crops}
        task = Task(key, settings, run.pictures, weights=weights[sight], **found)
        tasks.setdefault(key, task).runs.append(run)
    return tasks


def key_of(run: Run, weights: str) -> str:
    """Return what a run's content is known by: settings, pictures, filters and version.

    What was prepared for it is known by what it was made from, as other machines round otherwise.
    """
    recipe, inputs = recipe_of(run.settings), list(input_hashes(run.settings).values())
    if run.prepared:
        recipe["prepared"] = run.prepared
    told = [recipe, inputs, weights, run.instead, run.pictures.masks, run.crops]
    told += [version("stylespace")]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def read_rows(folder: Path) -> list[Row]:
    """Return the rows of a folder's table; none where it cannot be read."""
    with suppress(OSError, ValueError):
        text = read_data(folder / TABLE, LONGEST_OWN).decode()
        table = pd.read_csv(StringIO(text), dtype={"key": str, "seed": int})
        return [
            {name: value for name, value in row.items() if not _empty(value)}
            for row in table.to_dict("records")
        ]
    return []


def _empty(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


class Bench:
    """Where runs of a study are made and judged, in whatever process.

    folder: of the study. watch: see `Maker`.
    """

    def __init__(
        self, folder: Path, watch: Callable[[Path], Watch | None] = lambda path: None
    ) -> None:
        self._folder = folder
        self._maker = Maker(maker, force=True, watch=watch)
        self._jury: Jury | None = None
        self._opened = lru_cache(maxsize=4)(_opened)

    @property
    def jury(self) -> Jury:
        """The judges, loaded when they are first asked."""
        self._jury = self._jury or Jury()
        return self._jury

    def row(self, task: Task) -> Row:
        """Make the picture of a task, judge it, and return its row.

        Raises:
            KeyboardInterrupt: Ctrl-C ended its run. StylespaceError: it cannot be made.
        """
        settings, path = task.settings, self._folder / PICTURES / f"{task.key}.png"
        content = self._opened(settings.content, settings.size)
        style = self._opened(_shown_style(task), settings.size)
        figures: Row = {}
        if task.instead:
            image = match_colours(content, style).clamp(0, 1)
            image = content if task.instead == "content" else image
            write_image(path, image, force=True)
        else:
            record = self._maker.made(path, settings, task.weights)
            figures = {name: record["figures"].get(name) for name in CARRIED}
            figures["seconds"] = record.get("seconds")
        image = read_image(path)
        how: dict[str, Any] = {"made_by": _filters(settings), "masks": task.pictures.masks}
        judged = self.jury.figures(image, content, style, **how)
        if task.crops:
            judged |= self.jury.between_crops(image, content, style, made_by=how["made_by"])
        if task.truth:
            judged |= scores(image, read_image(task.truth))
        return {**{k: v for k, v in figures.items() if v is not None}, **judged}


def _opened(name: str, size: int) -> Tensor:
    return resize(open_picture(name), size)


def _shown_style(task: Task) -> str:
    """Return the style picture that a result is judged by: the pair's own, or a scene's."""
    return task.settings.styles[0] if task.truth else task.pictures.style


def _filters(settings: TransferSettings) -> str:
    """Return the network whose filters made a result; nothing of random ones."""
    if settings.weights is None:
        return settings.network
    return "" if settings.weights.startswith("random:") else "alexnet-st"
