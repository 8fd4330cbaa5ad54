"""The channel side: sum_k || X diag(a_k) X^T - T_k ||^2, a block of k at a time."""

from collections.abc import Sequence

from torch import Tensor

from stylespace.losses.covariance.blocks import blocks, by_picture

ROWS = {"cpu": 2**11, "cuda": 2**14}
"""Rows k, i of the weighted features in one product; fewer or more are slower."""
ENTRIES = {"cpu": 2**18, "cuda": 2**24}
"""Weighted features alive at once: a processor's own cache."""


def explicit_square(
    x: Tensor, a: Tensor, *, target: Tensor | None = None, active: int | None = None
) -> Tensor:
    """Return sum_k || X diag(a_k) X^T - T_k ||^2, differentiable in x and a.

    Value and gradient come from one pass: a block of the differences is used for both while it
    is there, so that they are neither kept nor formed twice. Memory is that of x, a and their
    gradients, and blocks of constant size.

    Args:
        x: (B, C, M), features. a: (B, K, M), weights of any sign.
        target: (1 or B, K, C, C), symmetric and held; None for zero.
        active: gradients are for the first so many positions, and zero for the others; None: all.

    Returns:
        (B,), in the precision of x. It has no second derivatives.
    """
    stop = x.shape[2] if active is None else active

    def of_picture(b: int, features: Tensor, weights: Tensor, *gradients: Tensor | None) -> Tensor:
        goal = None if target is None else target[b % len(target)]
        return _value(features, weights, goal, stop, gradients)

    return by_picture(of_picture, x, a)


def _value(
    x: Tensor, a: Tensor, target: Tensor | None, active: int, gradients: Sequence[Tensor | None]
) -> Tensor:
    """Return one picture's value, 0-d; the gradients (C, M) and (K, M) are added to."""
    (x_gradient, a_gradient), total = gradients, x.new_zeros(())
    for ks in blocks(len(a), channel_block(x)):
        # Two sums, not one: of equal pictures the difference is exactly zero.
        difference = moments(x[:, :active], a[ks, :active])
        if active < x.shape[1]:
            difference += moments(x[:, active:], a[ks, active:])
        if target is not None:
            difference -= target[ks]
        total += difference.square().sum()
        if x_gradient is not None:
            _add_feature_gradient(x_gradient, difference, x, a[ks], active)
        if a_gradient is not None:
            _add_weight_gradient(a_gradient[ks], difference, x, active)
    return total


def moments(x: Tensor, a: Tensor) -> Tensor:
    """Return X diag(a_k) X^T, (K, C, C), of features (C, M) and weights (K, M)."""
    result = x.new_zeros(len(a), len(x), len(x))
    for ks in blocks(len(a), channel_block(x)):
        for us in blocks(x.shape[1], _position_block(x, a[ks])):
            result[ks].flatten(0, 1).addmm_(_weighted(x[:, us], a[ks, us]), x[:, us].T)
    return result


def _add_feature_gradient(
    gradient: Tensor, difference: Tensor, x: Tensor, a: Tensor, active: int
) -> None:
    """Add 4 sum_k D_k X diag(a_k); D is symmetric, so its rows k, i serve as columns."""
    columns = difference.flatten(0, 1).T
    for us in blocks(active, _position_block(x, a)):
        gradient[:, us].addmm_(columns, _weighted(x[:, us], a[:, us]), alpha=4)


def _add_weight_gradient(gradient: Tensor, difference: Tensor, x: Tensor, active: int) -> None:
    """Add 2 x(u)^T D_k x(u)."""
    for us in blocks(active, _position_block(x, difference)):
        turned = (difference.flatten(0, 1) @ x[:, us]).view(len(difference), len(x), -1)
        gradient[:, us] += 2 * (turned * x[:, us]).sum(1)


def _weighted(x: Tensor, a: Tensor) -> Tensor:
    """Return a_k(u) x_i(u), (K C, n)."""
    return (a[:, None] * x).flatten(0, 1)


def channel_block(x: Tensor) -> int:
    """How many k at once."""
    return max(1, ROWS.get(x.device.type, ROWS["cuda"]) // len(x))


def _position_block(x: Tensor, a: Tensor) -> int:
    """How many positions at once."""
    return max(1, ENTRIES.get(x.device.type, ENTRIES["cuda"]) // (len(a) * len(x)))
