"""The covariance loss as a term: what goes with the content, as in the style picture."""

from dataclasses import replace

import torch
from torch import Tensor

from stylespace.losses.covariance.costs import checked
from stylespace.losses.covariance.distances import (
    CancellationError,
    Goal,
    by_explicit,
    by_kernel,
    check_shapes,
    positions,
    preferred,
)
from stylespace.losses.covariance.explicit import explicit_square, moments
from stylespace.losses.covariance.pairs import kernel_square
from stylespace.losses.covariance.responses import on_grid
from stylespace.losses.covariance.windows import EVEN, ResponseWindow
from stylespace.losses.guides.terms import weighted_grams
from stylespace.losses.objective import extreme_unit
from stylespace.losses.terms import Features, Parts, Term
from stylespace.networks.tiles import Tile

STORED = 2**28
"""Bytes up to which the target's moments, K C^2 numbers, are kept instead of formed each time."""


def covariance_term(
    layer: str,
    target_features: Tensor,
    target_responses: Tensor,
    content_responses: Tensor,
    *,
    half_width: int = 0,
    kernel: str = "uniform",
    centred: bool = False,
    weight: float = 1.0,
    evaluator: str = "auto",
) -> Term:
    """Return the relative covariance distance of a layer to the style picture's.

    The picture's own features are weighed with responses of the content picture, which are fixed:
    a loss whose responses followed the picture could be lowered by killing them. They are brought
    to the layer's grid at whatever size the picture has. The distance is divided by the target's
    own sum_kij S_kij(P, Q)^2; of a target of zero it is the plain one.

    Near the optimum the kernel form may lose its digits. The term then takes the explicit form for
    good and says so in `measure.remarks`; see `CovarianceMeasure`.

    Args:
        layer: name. target_features: P, (1 or B, C, h', w'), the style picture's at the layer.
        target_responses: Q, (1 or B, K, ...), its content responses, on any grid.
        content_responses: R, (1 or B, K, ...), the content picture's, on any grid.
        half_width, kernel, centred, evaluator: see `covariance_distance`.

    Raises:
        UsageError: an unknown kernel or evaluator, a negative half width.
        ValueError: shapes that do not go together.

    Source: NN16a (style-content covariance). Departs: relative; responses held (stop-gradient).
    """
    measure = CovarianceMeasure(
        layer,
        (target_features.detach(), target_responses.detach(), content_responses.detach()),
        ResponseWindow(half_width, kernel, centred),
        evaluator,
    )
    parts = Parts(measure.part, measure.of_moments)
    return Term(f"content_covariance.{layer}", measure, (layer,), weight, parts)


class CovarianceMeasure:
    """The measure of a covariance term: (image, features) -> (B,).

    Attributes:
        evaluator: the one in use; "auto" or "kernel" become "explicit" for good once the kernel
            form has lost its digits.
        remarks: what happened, in words, in order.
    """

    def __init__(
        self,
        layer: str,
        pictures: tuple[Tensor, Tensor, Tensor],
        window: ResponseWindow,
        evaluator: str = "auto",
    ) -> None:
        features, _, self._responses = pictures
        self._size = extreme_unit(features)
        features = features / self._size
        self.layer, self.evaluator, self._window = layer, checked(evaluator), window
        self.remarks: list[str] = []
        q, r = (on_grid(one, features.shape[2:]) for one in pictures[1:])
        check_shapes(features, r, features, q)
        self._goal, self._unit, self._norm = _unit_goal(features, q, window)
        self._at: tuple[object, Tensor] = (None, self._responses)

    def __call__(self, image: Tensor, features: Features) -> Tensor:
        """Return the relative distance of each picture, (B,)."""
        own = features[self.layer]
        x = positions(own).to(torch.promote_types(own.dtype, torch.float32))
        x = x if self._size == 1 else x / self._size
        a = self._weights(own.shape[2:], x)
        goal = self._goal.like(x)
        chosen = preferred(x, a, goal) if self.evaluator == "auto" else self.evaluator
        norm = self._norm.to(x)
        if chosen == "kernel":
            try:
                return by_kernel(x, a, goal) / norm
            except CancellationError as error:
                self.evaluator, what = "explicit", str(error).partition(":")[0]
                self.remarks.append(f"{self.layer}: {what}; explicit from here on")
        return by_explicit(x, a, goal) / norm

    def part(self, tile: Tile) -> Tensor:
        """Return what a tile adds to the moments S(X, R), (B, K, C, C)."""
        own, grid = tile.own(self.layer), tile.grids[self.layer]
        weights = self._weights(torch.Size(grid), own).unflatten(2, grid)
        here = tile.cut(self.layer, weights)
        rows = [weighted_grams(x[None], here[b % len(here)]) for b, x in enumerate(own)]
        return torch.cat(rows) / self._size**2

    def of_moments(self, found: Tensor) -> Tensor:
        """Return the relative distance of moments S(X, R), (B, K, C, C) -> (B,)."""
        goal = self._goal.like(found)
        kept = goal.moments
        if kept is None:
            kept = torch.stack([moments(*one) for one in zip(goal.p, goal.b, strict=True)])
        return (found - kept).square().flatten(1).sum(1) / self._norm.to(found)

    def _weights(self, grid: torch.Size, x: Tensor) -> Tensor:
        """Return the content's weights on a grid, (1 or B, K, N); those of the last are kept."""
        key = (tuple(grid), x.dtype, x.device)
        if self._at[0] != key:
            scaled = on_grid(self._responses, grid).to(x) * self._unit.to(x)[:, None, None, None]
            self._at = (key, self._window.weights(scaled))
        return self._at[1]


def _unit_goal(features: Tensor, q: Tensor, window: ResponseWindow) -> tuple[Goal, Tensor, Tensor]:
    """Return the target in a unit that makes its own square about 1, that unit, and the square.

    Both (1 or B,); a square of zero is answered with 1, there is nothing to be relative to.

    Large features do not overflow then. The unit is a power of two, which rounds nothing: the
    square stays that of the very numbers that it is taken from.
    """
    dtype = torch.promote_types(features.dtype, torch.float32)
    count = max(len(features), len(q))
    p = positions(features).to(dtype).expand(count, -1, -1)
    b = window.weights(q.to(dtype)).expand(count, -1, -1)
    square = _own_square(p, b)
    square = torch.where(square > _noise(p, q.to(dtype), window), square, 0)
    there = torch.where(square > 0, square, 1)
    unit = torch.exp2((-there.log2() / 2).round())
    scaled = b * unit.to(dtype)[:, None, None]
    own = square * unit.square()
    goal = Goal(p, scaled, _kept_moments(p, scaled), own)
    return goal, unit, torch.where(own > 0, own, 1)


def _noise(p: Tensor, q: Tensor, window: ResponseWindow) -> Tensor:
    """Return what rounding may leave of the square of a target that is zero, (B,).

    As of centred responses under windows that hold all positions.
    """
    plain = replace(window, centred=False).weights(q).abs()
    most = (plain * p.square().sum(1, keepdim=True)).sum(2)  # |S_k| is no longer than this
    return EVEN**2 * most.square().sum(1)


def _own_square(p: Tensor, b: Tensor) -> Tensor:
    """Return sum_kij S_kij(P, Q)^2, (B,), in the cheaper way; in float64 where there is one."""
    if p.device.type != "mps":
        p, b = p.double(), b.double()
    none = Goal(p[:, :, :0], b[:, :, :0])
    with torch.no_grad():
        if preferred(p, b, none) == "kernel":
            return kernel_square(p, b)[0]
        return explicit_square(p, b)


def _kept_moments(p: Tensor, b: Tensor) -> Tensor | None:
    """Return S(P, Q), (B, K, C, C), where it is small enough to be kept."""
    if len(p) * b.shape[1] * p.shape[1] ** 2 * p.dtype.itemsize > STORED:
        return None
    return torch.stack([moments(*one) for one in zip(p, b, strict=True)])
