"""The one loop: every picture of stylespace is made here, and nothing here knows of style.

An objective is any callable from a picture to {name: value}; a value is a 0-d tensor (one
problem) or a (B,) tensor (B independent problems, one a picture). `coarse_to_fine` climbs from
coarse to fine, a loop around this one.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

import torch
from torch import Tensor

from stylespace.errors import StylespaceError, UsageError
from stylespace.synthesis.checkpoint import Checkpoint, State, named, part
from stylespace.synthesis.optimizers import Optimizer, chosen, optimizer_for
from stylespace.synthesis.parameters import Parameters, parameters_for
from stylespace.synthesis.records import (
    NEVER_EARLY,
    ObjectiveFunction,
    Rules,
    Step,
    Synthesis,
    Watch,
    step_from,
    total_of,
)


def synthesize(
    objective: ObjectiveFunction,
    start: Tensor,
    *,
    optimizer: str = "lbfgs",
    steps: int = 200,
    parameters: str | Parameters = "pixels",
    learning_rate: float | None = None,
    half_history: bool = False,
    rules: Rules = NEVER_EARLY,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> Synthesis:
    """Change a picture, inside [0, 1] unless parameters are "free", until its objective is low.

    Args:
        objective: picture (B, 3, H, W) -> {name: 0-d or (B,) tensor}; the sum is minimised. One
            that changes from call to call has `state_dict` and `load_state_dict`, as modules of
            torch have, or it is not gone on with from a checkpoint as it was.
        start: (B, 3, H, W), any memory layout; in [0, 1] unless parameters are "free".
        optimizer: "lbfgs" or "adam".
        steps: number of objective evaluations.
        parameters: what is optimised: "pixels", "sigmoid", "fourier", "free", or an object.
        learning_rate: of Adam; None for the parametrisation's own.
        half_history: keep the history of "lbfgs" in bfloat16, half as large.
        rules: when to stop early.
        watch: called with a `Step` after each evaluation, on a GPU after some (READ_EVERY), with
            the picture of the last of them; a true answer ends the run.
        checkpoint: where the state is kept, and perhaps found; see `Checkpoint`.

    Returns:
        The best picture; Ctrl-C ends the run and returns the best so far ("interrupted").

    Raises:
        UsageError: a number out of range. StylespaceError: not finite at the start.

    Example:
        >>> import stylespace as ss, torch
        >>> grey = lambda image: {"grey": (image - 0.5).square().mean()}
        >>> result = ss.synthesize(grey, torch.zeros(1, 3, 4, 5), steps=10)
        >>> round(float(result.image.min()), 3), result.loss < 1e-6
        (0.5, True)
    """
    if steps < 1:
        raise UsageError(f"steps {steps} must be at least 1.")
    if isinstance(parameters, str):
        parameters = parameters_for(parameters, *start.shape[-2:])
    rate = parameters.learning_rate if learning_rate is None else learning_rate
    begin = functools.partial(
        optimizer_for,
        optimizer,
        bounds=parameters.bounds,
        learning_rate=rate,
        half_history=half_history,
    )
    run = _Run(objective, parameters, start.detach().contiguous(), rules, begin)
    if known := checkpoint and checkpoint.known():
        run.load(known)
        if watch:
            for step in run.steps:
                watch(step)
    run.optimise(steps, watch, checkpoint)
    if checkpoint:
        checkpoint.finished(run.state())
    losses, trace = tuple(run.best_losses.tolist()), tuple(run.steps)
    return Synthesis(run.best_image, losses, trace, run.stopped, run.ends)


ENDS = ("", "not finite", "zero gradient", "tolerance")
"""Why a problem ends by itself; "" while it goes on. In tensors their places stand for them."""
READ_EVERY = {"cuda": 10}
"""Evaluations after which the trace is read, by device; others are read after each. A reading
waits until the device has done all that it was told; between two readings nothing does."""


class _Run:
    """The state of one call of `synthesize`: the best picture, the trace, the reasons to stop.

    ended: (B,) why each problem ended, a place in ENDS; then it stays at its best picture.
    failures: (B,), evaluations in a row that were not finite. unread: what the device has to tell
    of the steps since the last reading.
    """

    def __init__(
        self,
        objective: ObjectiveFunction,
        parameters: Parameters,
        start: Tensor,
        rules: Rules,
        begin: Callable[[Tensor], Optimizer],
    ) -> None:
        self.objective, self.parameters, self.rules, self.begin = (
            objective,
            parameters,
            rules,
            begin,
        )
        self.z = parameters.encode(start).contiguous()
        self.driver: Optimizer | None = None
        self.steps: list[Step] = []
        self.unread: list[tuple[float, Tensor]] = []
        self.stopped = ""
        self.best_losses = torch.empty(0)  # none yet
        self.best_z, self.best_image = self.z, start
        self.ended = self.failures = torch.empty(0)
        self.bests: list[Tensor] = []  # (B,) each, of the last evaluations
        self.every = READ_EVERY.get(start.device.type, 1)
        self.seconds, self.began = 0.0, time.perf_counter()

    @property
    def ends(self) -> tuple[str, ...]:
        """Why each problem ended, or the run before it did."""
        return tuple(ENDS[int(end)] or self.stopped for end in self.ended.tolist())

    def optimise(self, steps: int, watch: Watch | None, checkpoint: Checkpoint | None) -> None:
        """Evaluate, keep the best, tell the optimiser: once a step; read the trace now and then."""
        try:
            for number in range(len(self.steps) + 1, steps + 1):
                if self.stopped:
                    break
                self._step()
                if number % self.every == 0 or number == steps:
                    self._read(steps, watch)
                    if checkpoint and not self.stopped:
                        checkpoint.keep(self.state)
        except KeyboardInterrupt:
            if not len(self.best_losses):
                raise
            self.unread.clear()
            self.stopped = "interrupted"
        self.stopped = self.stopped or "steps"

    def _step(self) -> None:
        """Evaluate the next point, and let the optimiser choose another."""
        point = self.z
        if self.driver is not None:
            point = chosen(self.ended == 0, self.driver.point.view_as(point), self.best_z)
        gradient = self._evaluate(point)
        finite = torch.isfinite(self.losses) & torch.isfinite(gradient).all(1)
        if self.driver is None:
            self._begin(finite)
        moved = (point - self.z).abs().max()
        self.z = point.clone()
        failed = (self.ended == 0) & ~finite
        self._keep(finite)
        self.failures = torch.where(failed, self.failures + 1, 0)
        self._note(moved, failed)
        for reason, rows in (
            ("not finite", self.failures >= self.rules.failures),
            ("zero gradient", finite & ~gradient.any(1)),
            ("tolerance", self._settled()),
        ):
            new = rows & (self.ended == 0)
            self.ended = torch.where(new, ENDS.index(reason), self.ended)
        driver = self._driver()
        driver.tell(self.losses, gradient)
        driver.restart(failed, self.best_z.reshape(len(failed), -1))

    def _driver(self) -> Optimizer:
        """Return the optimiser of the problems that `losses` counts."""
        if self.driver is None:
            self.driver = self.begin(self.z.reshape(len(self.losses), -1))
        return self.driver

    def _begin(self, finite: Tensor) -> None:
        """Take the first evaluation's picture for the best; what is not finite there has ended."""
        if not finite.any():
            raise StylespaceError("the objective is not finite at the start.")
        self.failures = torch.zeros_like(finite, dtype=torch.long)
        self.ended = torch.where(finite, 0, ENDS.index("not finite"))
        self.best_losses, self.best_z = self.losses.clone(), self.z.clone()
        self.best_image = self.image.clone()

    def _evaluate(self, z: Tensor) -> Tensor:
        """Take the losses (B,) of the picture and its terms; return the gradient (B, n) of z."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            self.image = self.parameters.decode(z)
            self.terms = self.objective(self.image)
            losses = total_of(self.terms)
            (gradient,) = torch.autograd.grad(losses.sum(), z)
        self.image, self.losses = self.image.detach(), losses.detach()
        return gradient.reshape(len(losses), -1)

    def _keep(self, finite: Tensor) -> None:
        """Keep the best of each problem."""
        better = (self.losses < self.best_losses) & finite
        self.best_losses, self.best_z, self.best_image = (  # new ones: watchers may keep the old
            chosen(better, self.losses, self.best_losses),
            chosen(better, self.z, self.best_z),
            chosen(better, self.image, self.best_image),
        )
        if self.rules.tolerance > 0:
            self.bests = [*self.bests[-self.rules.patience :], self.best_losses]

    def _note(self, moved: Tensor, failed: Tensor) -> None:
        """Keep what the trace says of this step, to be read later, in one tensor."""
        means = [value.detach().mean() for value in self.terms.values()]
        single = [moved, failed.any(), self.best_losses.mean(), *means]
        values = torch.stack([value.to(self.losses) for value in single])
        seconds = self.seconds + time.perf_counter() - self.began
        self.unread.append((seconds, torch.cat([values, self.losses])))

    def _read(self, total: int, watch: Watch | None) -> None:
        """Add the steps since the last reading to the trace, and tell the watcher of them."""
        height, width = self.image.shape[-2:]
        rows = torch.stack([values for _, values in self.unread]).tolist()
        unread, self.unread = self.unread, []
        for (seconds, _), (moved, failed, best, *rest) in zip(unread, rows, strict=True):
            step = Step(
                number=len(self.steps) + 1,
                total=total,
                size=(height, width),
                losses=tuple(rest[len(self.terms) :]),
                terms=dict(zip(self.terms, rest, strict=False)),
                best=best,
                moved=moved,
                seconds=seconds,
                note="not finite: back to the best picture, history dropped" if failed else "",
            )
            self.steps.append(step)
            if watch is not None and watch(replace(step, image=self.best_image)):
                self.stopped = "watch"
        ended = self.ended.tolist()
        if all(ended) and not self.stopped:
            self.stopped = ENDS[max(ended)]

    def _settled(self) -> Tensor:
        """Say of which problems the best loss has stopped falling, (B,)."""
        if len(self.bests) <= self.rules.patience:
            return torch.zeros_like(self.losses, dtype=torch.bool)
        before, now = self.bests[0], self.bests[-1]
        return before - now < self.rules.tolerance * before.abs()

    BEST = ("best_losses", "best_image", "ended")
    GOING = ("z", "best_z", "losses", "failures")

    def state(self) -> State:
        """Return what `load` needs to go on after the last step, or to answer if it has ended."""
        tensors = {name: getattr(self, name) for name in self.BEST}
        tensors |= named("objective", _state_of(self.objective))
        if not self.stopped:
            tensors |= {name: getattr(self, name) for name in self.GOING}
            tensors |= named("optimizer", self._driver().state_dict())
            tensors |= named("bests", {str(k): best for k, best in enumerate(self.bests)})
        return State(
            tensors, {"stopped": self.stopped, "steps": [asdict(step) for step in self.steps]}
        )

    def load(self, state: State) -> None:
        """Go on from what `state` returned."""
        self.stopped = state.record["stopped"]
        self.steps = [step_from(values) for values in state.record["steps"]]
        self.seconds = self.steps[-1].seconds
        for name in self.BEST if self.stopped else self.BEST + self.GOING:
            setattr(self, name, state.tensors[name].to(self.z.device))
        if objective := part("objective", state.tensors):
            self.objective.load_state_dict(objective)  # type: ignore[attr-defined]
        if not self.stopped:
            self._driver().load_state_dict(part("optimizer", state.tensors))
            bests = part("bests", state.tensors)
            self.bests = [bests[str(k)].to(self.z.device) for k in range(len(bests))]


def _state_of(objective: ObjectiveFunction) -> Mapping[str, Tensor]:
    return objective.state_dict() if hasattr(objective, "state_dict") else {}
