"""The batches and full probes of an atlas on an executor, with their progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from stylespace.commands.atlas import cells
from stylespace.commands.atlas.cells import Batch, Tools
from stylespace.commands.sight import seen_as_here
from stylespace.executors import Serial, completed
from stylespace.networks.memory import available, check_memory, estimate
from stylespace.networks.network import Network
from stylespace.settings.atlas import AtlasSettings, Pair
from stylespace.synthesis.loop import Step, Watch

BATCH = 16
"""Entries of a batch. Measured at 48 px, conv2_1, one thread: 8.1 ms an entry and evaluation for
batches of 4, 7.2 for 8, 7.4 for 16, 7.0 for 32, 8.4 for 64; smaller ones lose less when stopped."""


class Runs:
    """The work of an atlas; in this process every evaluation is watched, elsewhere every result."""

    def __init__(self, settings: AtlasSettings, tools: Tools, executor: Serial) -> None:
        self._settings, self._tools, self._executor = settings, tools, executor

    def batches(self, groups: Sequence[Sequence[Pair]], watch: Watch | None) -> Iterator[Batch]:
        """Yield the batch of every group of entries, as they end.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        evaluations, side = self._settings.iterations, self._settings.size
        progress = Progress(watch, sum(map(len, groups)), evaluations, side)
        for _, batch in self._run(cells.batch_of, groups, progress):
            yield batch
            progress.finished(batch.figures["value"].tolist(), tell=self._executor.remote)

    def full_values(
        self, pairs: Sequence[Pair], watch: Watch | None
    ) -> Iterator[tuple[Pair, float]]:
        """Yield every entry with the value of its full probe, as they end.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        evaluations = sum(cells.full_settings(self._settings, pairs[0]).schedule()) if pairs else 0
        progress = Progress(watch, len(pairs), evaluations, self._settings.check_size)
        for number, value in self._run(cells.full_value, pairs, progress):
            yield pairs[number], value
            progress.finished([value], tell=self._executor.remote)

    def expected_seconds(self, groups: Sequence[Sequence[Pair]], probes: int) -> float:
        """Return how long it will take, from a few evaluations of a batch on every worker."""
        first, count = groups[0], self._executor.count
        times = [time for _, time in self._run(cells.seconds_of, [first] * count, None)]
        evaluation = sum(times) / len(times)
        rounds = self._settings.iterations * math.ceil(len(groups) / count)
        area = (self._settings.check_size / self._settings.size) ** 2 / len(first)
        steps = sum(cells.full_settings(self._settings, first[0]).schedule())
        return evaluation * (rounds + area * steps * math.ceil(probes / count))

    def _run(
        self, function: Callable, arguments: Sequence, progress: Progress | None
    ) -> Iterator[tuple[int, Any]]:
        if not self._executor.remote:
            watch = progress and progress.watch
            here = [(self._settings, self._tools, argument, watch) for argument in arguments]
            return completed(self._executor, function, here)
        network = self._tools.network
        settings = seen_as_here(self._settings.decisive, network)
        common = (function.__name__, settings, network.sha256)
        calls = [(*common, argument) for argument in arguments]
        tick = progress.tick if progress else lambda: None
        return completed(self._executor, cells.remotely, calls, tick=tick)


class Progress:
    """Counts the evaluations of many entries for one watcher.

    entries: of all runs together. evaluations: of each.
    """

    def __init__(self, watch: Watch | None, entries: int, evaluations: int, side: int) -> None:
        self._watch, self._total, self._each = watch, entries * evaluations, evaluations
        self._size, self._done, self._began = (side, side), 0, perf_counter()
        self._last: Step | None = None

    @property
    def watch(self) -> Watch | None:
        """The watcher of a run in this process; None where nobody looks on."""
        watch = self._watch
        return watch and (lambda step: watch(self._of_all(step)))

    def _of_all(self, step: Step) -> Step:
        """Return the step of a batch as one of all entries."""
        number = self._done + step.number * len(step.losses)
        image = None if step.image is None else step.image[:1]
        return replace(step, number=number, total=self._total, image=image)

    def finished(self, values: Sequence[float], *, tell: bool) -> None:
        """Count entries as done, and tell the watcher unless it has seen their evaluations."""
        self._done += self._each * len(values)
        losses = tuple(-math.log(value) if value > 0 else math.inf for value in values)
        live = [loss for loss in losses if loss < math.inf]
        best = sum(live) / len(live) if live else math.inf
        seconds = perf_counter() - self._began
        self._last = Step(self._done, self._total, self._size, losses, {}, best, 1.0, seconds)
        if tell:
            self.tick()

    def tick(self) -> None:
        """Show the watcher the last step again, so that it can ask for the end.

        Raises:
            KeyboardInterrupt: it does.
        """
        if self._watch and self._last and self._watch(self._last):
            raise KeyboardInterrupt


def cells_at_once(network: Network, settings: AtlasSettings, workers: int) -> int:
    """Return how many entries go into a batch, fewer where memory is short.

    Raises:
        UsageError: the layer needs larger cells or probes. MemoryLimitError: not one fits.
    """
    layers, side = (settings.place,), settings.size
    check_memory(network, layers, side, side)
    each = estimate(network, layers, side, side)
    return max(1, min(BATCH, available(network.device) // (each * workers)))


def groups_of(
    pairs: Sequence[Pair], size: int, missing: Collection[Pair]
) -> list[tuple[Pair, ...]]:
    """Return the batches of `size` entries that hold one that is missing.

    Whole batches, so that an entry has the same neighbours however often the run was stopped.
    """
    every = (tuple(pairs[place : place + size]) for place in range(0, len(pairs), size))
    wanted = set(missing)
    return [group for group in every if not wanted.isdisjoint(group)]


def duration(seconds: float) -> str:
    """Return a time as a user reads it: 40 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
