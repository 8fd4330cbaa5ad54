"""Optimisers that are asked for a point and told its value: one evaluation a step, no more.

Both work on B independent problems at once, z (B, n): every scalar of their state is per problem,
so a picture's course does not depend on its neighbours in the batch.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from stylespace.errors import UsageError, check_known

Bounds = tuple[float, float] | None
"""Of every coordinate, both ends included; None for none."""


class Optimizer(Protocol):
    """`point` (B, n) is to be evaluated next; `tell` takes its value and gradient."""

    point: Tensor

    def tell(self, loss: Tensor, gradient: Tensor) -> None:
        """loss: (B,), gradient: (B, n), both at `point`; moves `point`."""

    def restart(self, rows: Tensor, point: Tensor) -> None:
        """Drop the memory of problems `rows` (B,) and go on from `point` with smaller steps."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return everything that changes from step to step, by name."""

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state_dict` returned."""


class LBFGS:
    """Limited-memory BFGS with backtracking and real bounds.

    Accepts a point by Armijo's rule, else goes back along the same direction by quadratic
    interpolation; pairs of non-positive curvature are skipped. Bounds are held by projection: a
    coordinate at a bound that the gradient pushes outwards is left out of the direction, and
    every point is clamped before it is evaluated, so that the pairs are those of the points seen.
    The first step moves z by `first_step` (root mean square), where 1/|g| would waste the first
    25 evaluations from noise. Measured at 128 px, five relative Gram terms, 50 evaluations: loss
    .040 against .085 (torch without a line search) and .040 (torch with strong Wolfe).

    Source: Nocedal & Wright, Numerical Optimization, algorithms 7.4 and 3.1, section 16.7.
    """

    HISTORY = 10
    SUFFICIENT = 1e-4
    MOST_BACKTRACKS = 8

    def __init__(
        self,
        start: Tensor,
        *,
        bounds: Bounds = None,
        first_step: float = 0.01,
        half_history: bool = False,
    ) -> None:
        rows, n = start.shape
        kept = torch.bfloat16 if half_history else start.dtype
        self._bounds = bounds
        self.point = self._inside(start.contiguous().clone())
        self._first = start.new_full((rows,), first_step)
        self._fresh = torch.ones(rows, dtype=torch.bool, device=start.device)
        self._x, self._g, self._d = (torch.zeros_like(self.point) for _ in range(3))
        self._f, self._t, self._gamma = (start.new_zeros(rows) for _ in range(3))
        self._backtracks = torch.zeros(rows, dtype=torch.long, device=start.device)
        self._s, self._y = (start.new_zeros(self.HISTORY, rows, n, dtype=kept) for _ in range(2))
        self._rho = start.new_zeros(self.HISTORY, rows)
        self._told = 0

    def tell(self, loss: Tensor, gradient: Tensor) -> None:
        """See `Optimizer.tell`."""
        slope = (self._g * (self.point - self._x)).sum(1)
        accepted = self._fresh | (loss <= self._f + self.SUFFICIENT * slope)  # False for NaN
        self._remember(accepted & ~self._fresh, gradient)
        lost = self._shorten(~accepted, loss, slope)
        self._x = chosen(accepted, self.point, self._x)
        self._g = chosen(accepted, gradient, self._g)
        self._f = torch.where(accepted, loss, self._f)
        self._turn(accepted | lost)
        self._fresh = torch.zeros_like(self._fresh)
        self.point = self._inside(self._x + self._t[:, None] * self._d)

    def restart(self, rows: Tensor, point: Tensor) -> None:
        """See `Optimizer.restart`."""
        self.point = chosen(rows, point, self.point)
        self._fresh = self._fresh | rows
        self._rho = self._rho.masked_fill(rows, 0)
        self._first = torch.where(rows, self._first / 4, self._first)

    STATE = (
        *("point", "_first", "_fresh", "_x", "_g", "_d"),
        *("_f", "_t", "_gamma", "_backtracks", "_rho"),
    )

    def state_dict(self) -> dict[str, Tensor]:
        """See `Optimizer.state_dict`; of the history, the places that are in use."""
        used = min(self._told, self.HISTORY)
        state = {name: getattr(self, name) for name in self.STATE}
        state |= {"s": self._s[:used], "y": self._y[:used], "told": torch.tensor(self._told)}
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """See `Optimizer.load_state_dict`."""
        for name in self.STATE:
            setattr(self, name, state[name].to(self.point.device))
        self._told = int(state["told"])
        used = min(self._told, self.HISTORY)
        self._s[:used], self._y[:used] = state["s"], state["y"]

    def _inside(self, point: Tensor) -> Tensor:
        return point if self._bounds is None else point.clamp(*self._bounds)

    def _blocked(self) -> Tensor:
        """(B, n): coordinates at a bound whose descent leads outside."""
        if self._bounds is None:
            return torch.zeros_like(self._g, dtype=torch.bool)
        low, high = self._bounds
        return ((self._x <= low) & (self._g > 0)) | ((self._x >= high) & (self._g < 0))

    def _remember(self, moved: Tensor, gradient: Tensor) -> None:
        """Store the pair of every problem that moved; a row of zeros (rho = 0) for the others.

        Every problem uses up a place at every step, so that none depends on its neighbours.
        """
        s, y = (  # as they are kept, so that each pair agrees with its own product
            pair.to(self._s.dtype).to(pair) for pair in (self.point - self._x, gradient - self._g)
        )
        sy, ss, yy = (s * y).sum(1), (s * s).sum(1), (y * y).sum(1)
        valid = moved & (sy > 1e-10 * ss.sqrt() * yy.sqrt())
        place = self._told % len(self._rho)
        self._s[place] = chosen(valid, s, torch.zeros_like(s))
        self._y[place] = chosen(valid, y, torch.zeros_like(y))
        self._rho[place] = torch.where(valid, 1 / sy, 0)
        self._gamma = torch.where(valid, sy / yy, self._gamma)
        self._told += 1

    def _shorten(self, rejected: Tensor, loss: Tensor, slope: Tensor) -> Tensor:
        """Shorten the step of rejected points; too many in a row end the trust in the history.

        Returns those that lost it, (B,).
        """
        self._backtracks = torch.where(rejected, self._backtracks + 1, 0)
        best = -slope * self._t / (2 * (loss - self._f - slope))
        best = torch.where(torch.isfinite(best), best, 0)
        shorter = torch.minimum(torch.maximum(best, 0.1 * self._t), 0.5 * self._t)
        self._t = torch.where(rejected, shorter, self._t)
        lost = rejected & (self._backtracks > self.MOST_BACKTRACKS)
        self._rho = self._rho.masked_fill(lost, 0)
        self._first = torch.where(lost, self._first / 4, self._first)
        self._backtracks = torch.where(lost, 0, self._backtracks)
        return lost

    def _turn(self, rows: Tensor) -> None:
        """Choose a new direction and step length for problems `rows`."""
        blocked = self._blocked()
        steepest = self._g.masked_fill(blocked, 0)
        direction = self._direction(steepest).masked_fill(blocked, 0)
        uphill = (direction * steepest).sum(1) >= 0
        self._rho = self._rho.masked_fill(uphill & rows, 0)
        direction = chosen(uphill, -steepest, direction)
        size = direction.square().mean(1).sqrt()
        first = torch.where(size > 0, self._first / size, 0)
        known = (self._rho > 0).any(0)
        self._d = chosen(rows, direction, self._d)
        self._t = torch.where(rows, torch.where(known, torch.ones_like(first), first), self._t)

    def _direction(self, gradient: Tensor) -> Tensor:
        """Return -H gradient by the two-loop recursion, (B, n)."""
        count = len(self._rho)
        newest_first = [(self._told - 1 - k) % count for k in range(min(count, self._told))]
        q, alphas = gradient.clone(), {}
        for k in newest_first:
            alphas[k] = self._rho[k] * (self._s[k] * q).sum(1)
            q -= alphas[k][:, None] * self._y[k]
        known = (self._rho > 0).any(0)
        q *= torch.where(known, self._gamma, torch.ones_like(self._gamma))[:, None]
        for k in reversed(newest_first):
            beta = self._rho[k] * (self._y[k] * q).sum(1)
            q += (alphas[k] - beta)[:, None] * self._s[k]
        return -q


class Adam:
    """torch's Adam behind the same two calls; elementwise, so problems are independent.

    Bounds are held by clamping after the step.
    """

    def __init__(self, start: Tensor, *, bounds: Bounds = None, learning_rate: float) -> None:
        self.point = start.contiguous().clone()
        if bounds is not None:
            self.point.clamp_(*bounds)
        self._bounds = bounds
        self._rate = start.new_full((start.shape[0], 1), learning_rate)
        self._inner = torch.optim.Adam([self.point], lr=1.0, betas=(0.9, 0.99))

    def tell(self, loss: Tensor, gradient: Tensor) -> None:
        """See `Optimizer.tell`."""
        before = self.point.clone()
        self.point.grad = torch.where(torch.isfinite(gradient), gradient, 0)
        self._inner.step()
        self.point.copy_(before + self._rate * (self.point - before))  # each problem's own rate
        if self._bounds is not None:
            self.point.clamp_(*self._bounds)

    def restart(self, rows: Tensor, point: Tensor) -> None:
        """See `Optimizer.restart`."""
        self.point.copy_(chosen(rows, point, self.point))
        state = self._inner.state[self.point]
        for name in ("exp_avg", "exp_avg_sq"):
            state[name].masked_fill_(rows[:, None], 0)
        self._rate = torch.where(rows[:, None], self._rate / 2, self._rate)

    def state_dict(self) -> dict[str, Tensor]:
        """See `Optimizer.state_dict`."""
        return {"point": self.point, "rate": self._rate, **self._inner.state[self.point]}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """See `Optimizer.load_state_dict`."""
        moments = dict(state)
        self.point.copy_(moments.pop("point"))
        self._rate.copy_(moments.pop("rate"))
        self._inner.state[self.point] = {
            name: value.to(self.point.device if value.dim() else "cpu")
            for name, value in moments.items()
        }


def chosen(rows: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """(B,) picks whole rows of two (B, ...); (1,) picks one of the two."""
    return torch.where(rows.reshape(-1, *(1 for _ in yes.shape[1:])), yes, no)


OPTIMIZERS: dict[str, Callable[[Tensor, Bounds, float, bool], Optimizer]] = {
    "lbfgs": lambda start, bounds, rate, half: LBFGS(start, bounds=bounds, half_history=half),
    "adam": lambda start, bounds, rate, half: Adam(start, bounds=bounds, learning_rate=rate),
}
"""By name: (problems (B, n), bounds, learning rate, whether the history is kept in half precision)
-> optimiser; see `settings.shared`."""


def optimizer_for(
    name: str, start: Tensor, *, bounds: Bounds, learning_rate: float, half_history: bool = False
) -> Optimizer:
    """Return the optimiser of that name for problems start (B, n).

    Raises:
        UsageError: an unknown name, or a learning rate that is not above 0.
    """
    check_known("optimizer", name, OPTIMIZERS)
    if not learning_rate > 0:
        raise UsageError(f"learning rate {learning_rate} must be above 0.")
    return OPTIMIZERS[name](start, bounds, learning_rate, half_history)
