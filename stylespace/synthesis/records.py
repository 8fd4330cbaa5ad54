"""What a synthesis is given and gives back: objective, rules, steps, result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from stylespace.errors import UsageError

ObjectiveFunction = Callable[[Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True, eq=False)
class Step:
    """One evaluation, as the watcher sees it.

    number: from 1, of `total`. size: (H, W) of the picture evaluated.
    losses: the value of each picture of the batch; terms: the parts, averaged over the batch.
    best: lowest loss so far at this size, averaged over the batch. moved: largest change of a
    parameter since the evaluation before; 0 says that the step did not move. note: what happened.
    image: the best picture so far (B, 3, H, W); only in the record that `watch` receives, and not
    for the steps of an earlier program that a checkpoint brings back.
    """

    number: int
    total: int
    size: tuple[int, int]
    losses: tuple[float, ...]
    terms: Mapping[str, float]
    best: float
    moved: float
    seconds: float
    note: str = ""
    image: Tensor | None = None

    @property
    def loss(self) -> float:
        """Mean of the losses over the batch."""
        return sum(self.losses) / len(self.losses)


Watch = Callable[[Step], object]


@dataclass(frozen=True, eq=False)
class Synthesis:
    """What came out.

    image: (B, 3, H, W), the best picture of each problem: clamped, as it would be written.
    losses: its value, equal to the public objective on `image`. steps: the trace.
    stopped: what ended the run: "steps", "tolerance", "zero gradient", "watch", "not finite" or
    "interrupted". ends: the same of each problem, which may have ended earlier than the run.
    """

    image: Tensor
    losses: tuple[float, ...]
    steps: tuple[Step, ...]
    stopped: str
    ends: tuple[str, ...] = ()

    @property
    def loss(self) -> float:
        """Mean of the losses over the batch."""
        return sum(self.losses) / len(self.losses)

    @property
    def notes(self) -> tuple[str, ...]:
        """What happened on the way, in order."""
        return tuple(step.note for step in self.steps if step.note)

    def row(self, k: int) -> Synthesis:
        """Return problem k of a batch by itself; `terms` and `best` stay the batch's average."""
        steps = tuple(replace(step, losses=step.losses[k : k + 1]) for step in self.steps)
        end = self.ends[k] if self.ends else self.stopped
        return Synthesis(self.image[k : k + 1], self.losses[k : k + 1], steps, end, (end,))


@dataclass(frozen=True)
class Rules:
    """When a problem ends before the last step; the others of its batch go on.

    tolerance: when its best loss fell by less than this fraction over `patience` evaluations;
    0 switches the rule off. failures: evaluations in a row that may be non-finite.
    """

    tolerance: float = 0.0
    patience: int = 50
    failures: int = 5


NEVER_EARLY = Rules()
"""Only what is not finite, or has no gradient, ends before the last step."""


def step_from(values: Mapping[str, Any]) -> Step:
    """Return a step from what JSON kept of it."""
    return Step(**{**values, "size": tuple(values["size"]), "losses": tuple(values["losses"])})


def total_of(terms: Mapping[str, Tensor]) -> Tensor:
    """Return the sum of an objective's terms, (B,).

    Raises:
        UsageError: the objective has none, returns something else, or depends on no picture.
    """
    if not isinstance(terms, Mapping):
        raise UsageError(
            f"the objective returned {type(terms).__name__}, where a mapping is needed: "
            'return {"name": value}.'
        )
    if not terms:
        raise UsageError("the objective has no terms.")
    losses = sum(terms.values(), start=torch.zeros(())).reshape(-1)
    if not losses.requires_grad:
        raise UsageError("the objective does not depend on the picture.")
    return losses
