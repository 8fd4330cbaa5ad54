"""The covariance distance of two pictures, and the choice of its evaluator."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.errors import StylespaceError, public
from stylespace.losses.covariance.costs import checked, covariance_costs
from stylespace.losses.covariance.explicit import explicit_square
from stylespace.losses.covariance.pairs import kernel_square
from stylespace.losses.covariance.windows import ResponseWindow

LOST = 2.0**23
"""A remainder below this many roundings of the sums behind it has fewer than six digits left."""


class CancellationError(StylespaceError, ArithmeticError):
    """The kernel form's value, near or below zero, is what rounding left of larger sums."""


@public
def covariance_distance(
    F: Tensor,
    R: Tensor,
    P: Tensor,
    Q: Tensor,
    half_width: int = 0,
    *,
    kernel: str = "uniform",
    centred: bool = False,
    evaluator: str = "auto",
) -> Tensor:
    """Return sum_kij (S_kij(F, R) - S_kij(P, Q))^2 with S_kij = 1/N sum_x R_k(x) G_ij(x).

    G(x) is the local Gram matrix over the window at x; N is each picture's own h w. The two
    pictures may differ in size. The form is homogeneous: degree 4 in (F, P), 2 in (R, Q).

    Args:
        F: (B, C, h, w), features. R: (B, K, h, w), content responses on the same grid.
        P: (B, C, h', w'). Q: (B, K, h', w'). Any of the four may be a single one for all B.
        half_width: s in positions; the window is (2 s + 1)^2, neither cut nor renormalised, and
            features beyond the border count as zero.
        kernel: "uniform", or "gaussian" with a standard deviation of s / 2, cut at s.
        centred: take each response's own mean off first: the covariance of R_k and G_ij, where
            the plain form is their moment.
        evaluator: "explicit" forms K matrices C x C, a block at a time; "kernel" forms pairs of
            positions, a tile at a time, in float64 where the device has it; "auto" takes the one
            of the smaller estimated cost, and the explicit one where the other's digits are lost.

    Returns:
        (B,), in the precision of the inputs, at least float32. Differentiable once in all four:
        memory is O(N (C + K) + C^2).

    Raises:
        CancellationError: evaluator "kernel" too near to the optimum for it; never clamped.
        UsageError: an unknown evaluator or kernel, a negative half width.
        ValueError: shapes that do not go together.

    Source: NN16a (style-content covariance), which does not give its weighting.
    Departs: the window stands on the responses, which changes nothing but the cost.

    Example:
        >>> import stylespace as ss, torch
        >>> F, R, P = torch.ones(2, 3, 4, 5), torch.ones(2, 1, 4, 5), torch.zeros(1, 3, 6, 5)
        >>> ss.covariance_distance(F, R, P, torch.ones(1, 1, 6, 5))
        tensor([9., 9.])
    """
    checked(evaluator)
    check_shapes(F, R, P, Q)
    dtype = functools.reduce(torch.promote_types, (t.dtype for t in (F, R, P, Q)), torch.float32)
    F, R, P, Q = (one.to(dtype) for one in (F, R, P, Q))
    window = ResponseWindow(half_width, kernel, centred)
    x, a, goal = positions(F), window.weights(R), Goal(positions(P), window.weights(Q))
    if evaluator != "explicit" and (evaluator == "kernel" or preferred(x, a, goal) == "kernel"):
        try:
            return by_kernel(x, a, goal)
        except CancellationError:
            if evaluator == "kernel":
                raise
    return by_explicit(x, a, goal)


def check_shapes(F: Tensor, R: Tensor, P: Tensor, Q: Tensor) -> None:
    """Refuse features and responses that do not go together.

    Raises:
        ValueError: with the shapes.
    """
    for name, features, responses in (("F, R", F, R), ("P, Q", P, Q)):
        shapes = f"{name}: {tuple(features.shape)}, {tuple(responses.shape)}"
        if features.ndim != 4 or responses.ndim != 4:
            raise ValueError(f"{shapes}: (B, C, h, w) and (B, K, h, w) are needed.")
        if features.shape[2:] != responses.shape[2:] or not features[0, 0].numel():
            raise ValueError(f"{shapes}: both need the same grid, of one position or more.")
    for name, one, other in (("channels of F and P", F, P), ("responses of R and Q", R, Q)):
        if one.shape[1] != other.shape[1]:
            raise ValueError(f"{name}: {one.shape[1]} and {other.shape[1]}, must be as many.")
    counts = [len(one) for one in (F, R, P, Q)]
    if any(count not in (1, max(counts)) for count in counts):
        raise ValueError(f"pictures of F, R, P, Q: {counts}; one of each or equally many.")


def positions(features: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, N), the positions innermost, where a network has its channels."""
    return features.flatten(2).contiguous()


@dataclass(frozen=True, eq=False)
class Goal:
    """A target: its positions, and what of it is known already.

    p: (1 or B, C, N'). b: (1 or B, K, N'), Q~ / N'. moments: S(P, Q), (1 or B, K, C, C).
    square: the sum of its squares, (1 or B,), in float64.
    """

    p: Tensor
    b: Tensor
    moments: Tensor | None = None
    square: Tensor | None = None

    def like(self, x: Tensor) -> Goal:
        """Return it in the precision and on the device of a picture."""
        moments = None if self.moments is None else self.moments.to(x)
        square = None if self.square is None else self.square.to(x.device)
        return Goal(self.p.to(x), self.b.to(x), moments, square)


def preferred(x: Tensor, a: Tensor, goal: Goal) -> str:
    """Return the evaluator of the smaller cost; explicit where there is no float64."""
    if x.device.type == "mps":
        return "explicit"
    sizes = x.shape[1], a.shape[1], x.shape[2], goal.p.shape[2]
    gradient = torch.is_grad_enabled() and x.requires_grad
    costs = functools.partial(covariance_costs, *sizes, gradient=gradient)
    explicit = costs(stored=goal.moments is not None)["explicit"]
    kernel = costs(stored=goal.square is not None)["kernel"]
    return "kernel" if kernel < explicit else "explicit"


def by_explicit(x: Tensor, a: Tensor, goal: Goal) -> Tensor:
    """Return the distance of features (B, C, N) with weights (1 or B, K, N), on channels' side."""
    if goal.moments is not None:
        count = max(len(one) for one in (x, a, goal.moments))
        x, a = (one.expand(count, -1, -1) for one in (x, a))
        return explicit_square(x, a, target=goal.moments)
    joined, signed, active = _joined(x, a, goal)
    return explicit_square(joined, signed, active=active)


def by_kernel(x: Tensor, a: Tensor, goal: Goal) -> Tensor:
    """Return the same number on the positions' side.

    Raises:
        CancellationError: fewer than six digits are left of a picture's value.
    """
    dtype = x.dtype if x.device.type == "mps" else torch.float64
    joined, signed, active = _joined(x, a, goal)
    value, sums = kernel_square(joined.to(dtype), signed.to(dtype), active=active, rest=goal.square)
    lost = value < LOST * torch.finfo(dtype).eps * sums
    if lost.any():
        left, whole = (float(one.detach()[lost][0]) for one in (value, sums))
        raise CancellationError(
            f"the kernel form of the covariance loss left {left:.1e} of sums of {whole:.1e}, "
            "with too few digits: take evaluator 'explicit'."
        )
    return value.to(x.dtype)


def _joined(x: Tensor, a: Tensor, goal: Goal) -> tuple[Tensor, Tensor, int]:
    """Put both pictures' positions in one row, the target's weights negative.

    Returns:
        (B, C, N + N'), (B, K, N + N'), and how many positions may need a gradient.
    """
    count = max(len(one) for one in (x, a, goal.p, goal.b))
    features = torch.cat([one.expand(count, -1, -1) for one in (x, goal.p)], 2)
    signed = torch.cat([one.expand(count, -1, -1) for one in (a, -goal.b)], 2)
    fixed = not (goal.p.requires_grad or goal.b.requires_grad)
    return features, signed, x.shape[2] if fixed else features.shape[2]
