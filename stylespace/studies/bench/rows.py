"""Rows of a benchmark: what is measured, beside what it is compared with; how calls are timed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from stylespace.errors import StylespaceError

Record = dict[str, Any]
"""A row as results.json holds it."""


class UnmeasuredError(StylespaceError):
    """What cannot be measured here, and why."""


@dataclass(frozen=True)
class Measured:
    """What came out.

    value: in `unit`. other: the same of `against`, None where it is compared with nothing.
    figures: {column: what else was measured}. trials: what was tried on the way.
    """

    value: float | None
    against: str = ""
    other: float | None = None
    unit: str = "s"
    figures: Mapping[str, float] = field(default_factory=dict)
    trials: tuple[Mapping[str, float], ...] = ()


@dataclass(frozen=True)
class Piece:
    """A row to be measured: its section, its name, which no other has, and the bound it has."""

    section: str
    name: str
    measure: Callable[[], Measured]
    bound: str = ""

    def row(self) -> Record:
        """Measure, and return the row; one that cannot be measured says why."""
        row: Record = {"section": self.section, "name": self.name, "bound": self.bound}
        try:
            done = self.measure()
        except StylespaceError as error:
            return {**row, "note": str(error)}
        ratio = done.value / done.other if done.value and done.other else None
        row |= {"value": done.value, "unit": done.unit, "against": done.against}
        row |= {"other": done.other, "ratio": ratio, "figures": dict(done.figures)}
        return row | ({"trials": [dict(one) for one in done.trials]} if done.trials else {})


def compared(
    ours: Callable[[], object],
    against: str,
    other: Callable[[], object],
    *,
    runs: int = 10,
    steps: int = 1,
) -> Measured:
    """Return the seconds of a call of so many steps beside those of another call."""
    one, two = interleaved(ours, other, runs=runs)
    return Measured(one / steps, against, two)


def interleaved(
    a: Callable[[], object], b: Callable[[], object], runs: int = 10
) -> tuple[float, float]:
    """Return the smallest seconds of two calls that take turns, after one warm-up each."""
    a(), b()
    times = [(seconds(a), seconds(b)) for _ in range(runs)]
    return min(one for one, _ in times), min(other for _, other in times)


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes, until a GPU has done what it was told."""
    began = time.perf_counter()
    call()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter() - began
