"""The one loop: every picture of stylespace is made here, and nothing here knows of style.

An objective is any callable from a picture to {name: value}; a value is a 0-d tensor (one
problem) or a (B,) tensor (B independent problems, one a picture). `coarse_to_fine` climbs from
coarse to fine, a loop around this one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stylespace.errors import StylespaceError, UsageError
from stylespace.synthesis.optimizers import chosen, optimizer_for
from stylespace.synthesis.parameters import Parameters, parameters_for

ObjectiveFunction = Callable[[Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True, eq=False)
class Step:
    """One evaluation, as the watcher sees it.

    number: from 1, of `total`. size: (H, W) of the picture evaluated.
    losses: the value of each picture of the batch; terms: the parts, averaged over the batch.
    best: lowest loss so far at this size, averaged over the batch. moved: largest change of a
    parameter since the evaluation before; 0 says that the step did not move. note: what happened.
    image: the best picture so far (B, 3, H, W); only in the record that `watch` receives.
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
    stopped: why it ended: "steps", "tolerance", "zero gradient", "watch", "not finite" or
    "interrupted".
    """

    image: Tensor
    losses: tuple[float, ...]
    steps: tuple[Step, ...]
    stopped: str

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
        return Synthesis(self.image[k : k + 1], self.losses[k : k + 1], steps, self.stopped)


@dataclass(frozen=True)
class Rules:
    """When to stop before the last step.

    tolerance: end when the best loss fell by less than this fraction over `patience` evaluations;
    0 switches the rule off. failures: evaluations in a row that may be non-finite.
    """

    tolerance: float = 0.0
    patience: int = 50
    failures: int = 5


def synthesize(
    objective: ObjectiveFunction,
    start: Tensor,
    *,
    optimizer: str = "lbfgs",
    steps: int = 200,
    parameters: str | Parameters = "pixels",
    learning_rate: float | None = None,
    rules: Rules = Rules(),
    watch: Watch | None = None,
) -> Synthesis:
    """Change a picture, inside [0, 1] unless parameters are "free", until its objective is low.

    Args:
        objective: picture (B, 3, H, W) -> {name: 0-d or (B,) tensor}; the sum is minimised.
        start: (B, 3, H, W), any memory layout; in [0, 1] unless parameters are "free".
        optimizer: "lbfgs" or "adam".
        steps: number of objective evaluations.
        parameters: what is optimised: "pixels", "sigmoid", "fourier", "free", or an object.
        learning_rate: of Adam; None for the parametrisation's own.
        rules: when to stop early.
        watch: called with a `Step` after each evaluation; a true answer ends the run.

    Returns:
        The best picture; Ctrl-C ends the run and returns the best so far ("interrupted").

    Raises:
        UsageError: a number out of range. StylespaceError: not finite at the start.
    """
    if steps < 1:
        raise UsageError(f"steps {steps} must be at least 1.")
    if isinstance(parameters, str):
        parameters = parameters_for(parameters, *start.shape[-2:])
    run = _Run(objective, parameters, start.detach().contiguous(), rules)
    rate = parameters.learning_rate if learning_rate is None else learning_rate
    run.optimise(optimizer, rate, steps, watch)
    losses = tuple(run.best_losses.tolist())
    return Synthesis(run.best_image, losses, tuple(run.steps), run.stopped)


class _Run:
    """The state of one call of `synthesize`: the best picture, the trace, the reason to stop."""

    def __init__(
        self, objective: ObjectiveFunction, parameters: Parameters, start: Tensor, rules: Rules
    ) -> None:
        self.objective, self.parameters, self.rules = objective, parameters, rules
        self.z = parameters.encode(start).contiguous()
        self.steps: list[Step] = []
        self.stopped = "steps"
        self.best_losses = torch.empty(0)  # none yet
        self.failures = 0
        self.began = time.perf_counter()

    def optimise(self, name: str, rate: float, steps: int, watch: Watch | None) -> None:
        """Evaluate, keep the best, report, tell the optimiser: once a step."""
        try:
            gradient = self._evaluate(self.z)
            if not (torch.isfinite(self.losses).all() and torch.isfinite(gradient).all()):
                raise StylespaceError("the objective is not finite at the start.")
            rows = len(self.losses)
            driver = optimizer_for(
                name, self.z.reshape(rows, -1), bounds=self.parameters.bounds, learning_rate=rate
            )
            for number in range(1, steps + 1):
                point = driver.point.view_as(self.z)
                if number > 1:
                    gradient = self._evaluate(point)
                moved = float((point - self.z).abs().max())
                self.z = point.clone()
                failed = ~(torch.isfinite(self.losses) & torch.isfinite(gradient).all(1))
                note = self._keep(failed)
                self._report(number, steps, moved, note, watch)
                if self._finished(gradient, failed):
                    break
                driver.tell(self.losses, gradient)
                if failed.any():
                    driver.restart(failed, self.best_z.reshape(rows, -1))
        except KeyboardInterrupt:
            if not len(self.best_losses):
                raise
            self.stopped = "interrupted"

    def _evaluate(self, z: Tensor) -> Tensor:
        """Take the losses (B,) of the picture and its terms; return the gradient (B, n) of z."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            self.image = self.parameters.decode(z)
            self.terms = self.objective(self.image)
            if not self.terms:
                raise UsageError("the objective has no terms.")
            losses = sum(self.terms.values(), start=torch.zeros(())).reshape(-1)
            if not losses.requires_grad:
                raise UsageError("the objective does not depend on the picture.")
            (gradient,) = torch.autograd.grad(losses.sum(), z)
        self.image, self.losses = self.image.detach(), losses.detach()
        return gradient.reshape(len(losses), -1)

    def _keep(self, failed: Tensor) -> str:
        """Keep the best of each problem; say so when a value was not finite."""
        if not len(self.best_losses):
            self.best_losses, self.best_z = self.losses.clone(), self.z.clone()
            self.best_image = self.image.clone()
            return ""
        better = (self.losses < self.best_losses) & ~failed
        self.best_losses, self.best_z, self.best_image = (  # new ones: watchers may keep the old
            chosen(better, self.losses, self.best_losses),
            chosen(better, self.z, self.best_z),
            chosen(better, self.image, self.best_image),
        )
        self.failures = self.failures + 1 if failed.any() else 0
        return "not finite: back to the best picture, history dropped" if failed.any() else ""

    def _report(
        self, number: int, total: int, moved: float, note: str, watch: Watch | None
    ) -> None:
        height, width = self.image.shape[-2:]
        step = Step(
            number=number,
            total=total,
            size=(height, width),
            losses=tuple(self.losses.tolist()),
            terms=_means(self.terms),
            best=float(self.best_losses.mean()),
            moved=moved,
            seconds=time.perf_counter() - self.began,
            note=note,
        )
        self.steps.append(step)
        if watch is not None and watch(replace(step, image=self.best_image)):
            self.stopped = "watch"

    def _finished(self, gradient: Tensor, failed: Tensor) -> bool:
        if self.stopped == "watch":
            return True
        if self.failures >= self.rules.failures:
            self.stopped = "not finite"
        elif not failed.any() and not gradient.any():
            self.stopped = "zero gradient"
        elif self._settled():
            self.stopped = "tolerance"
        return self.stopped != "steps"

    def _settled(self) -> bool:
        """Say whether the best loss has stopped falling."""
        patience, tolerance = self.rules.patience, self.rules.tolerance
        if tolerance <= 0 or len(self.steps) <= patience:
            return False
        before, now = self.steps[-1 - patience].best, self.steps[-1].best
        return before - now < tolerance * abs(before)


def _means(terms: Mapping[str, Tensor]) -> dict[str, float]:
    """Average each term over the batch, with one transfer from the device for all."""
    values = torch.stack([value.detach().mean() for value in terms.values()])
    return dict(zip(terms, values.tolist(), strict=True))
