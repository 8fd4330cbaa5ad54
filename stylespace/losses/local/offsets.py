"""The localised distance by inner products at offsets, the form without cancellation."""

from collections.abc import Iterator, Sequence
from types import EllipsisType

import torch
from torch import Tensor

from stylespace.losses.local.windows import Windows


def by_offsets(
    f: Tensor, p: Tensor, windows: Windows, signs: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """Return the distance and its gradients, offset by offset; see `local_gram_distance`.

    E = 1/2 sum_delta sum_p W_delta(p) [K_uu K_vv + K_uv K_vu], with u = F - P, v = F + P
    and W_delta(p) = sum_d w(d) w(d + delta) lambda(p - d). Symmetric in delta: half the offsets are
    visited.

    Args:
        f, p: (B, C, h, w), features and target.
        windows: over (h, w).
        signs: which gradients: 1 for F, -1 for P.

    Returns:
        (B,) and one (B, C, h, w) for each sign.

    Source: NN16a (localised style).
    """
    u, v = f - p, f + p
    value, gradients = u.new_zeros(len(u)), [torch.zeros_like(u) for _ in signs]
    for here, there, weight in _offsets(windows):
        up, vp, uq, vq = u[here], v[here], u[there], v[there]
        uu, uv, vu, vv = _dots(up, uq), _dots(up, vq), _dots(vp, uq), _dots(vp, vq)
        same = here == there
        value += (0.5 if same else 1) * (weight * (uu * vv + uv * vu)).sum((1, 2))
        for sign, gradient in zip(signs, gradients, strict=True):
            _add(gradient[here], weight * (uv + sign * vv), uq, weight * (uu + sign * vu), vq)
            if not same:
                _add(gradient[there], weight * (vu + sign * vv), up, weight * (uu + sign * uv), vp)
    return value, gradients


Region = tuple[EllipsisType, slice, slice]


def _offsets(windows: Windows) -> Iterator[tuple[Region, Region, Tensor]]:
    """Yield where p and p + delta lie, and W_delta(p), for one of delta and -delta each."""
    rows, columns = windows.matrices()
    height, width = windows.shape
    down, right = (
        min(2 * r, side - 1) for r, side in zip(windows.reach, windows.shape, strict=True)
    )
    for dy in range(down + 1):
        tall = rows[: height - dy] * rows[dy:]
        for dx in range(-right if dy else 0, right + 1):
            here = slice(max(0, -dx), width - max(0, dx))
            there = slice(max(0, dx), width + min(0, dx))
            weight = tall @ windows.weights @ (columns[here] * columns[there]).mT
            yield (..., slice(0, height - dy), here), (..., slice(dy, height), there), weight


def _dots(x: Tensor, y: Tensor) -> Tensor:
    """<x(p), y(p)> over channels: (B, C, h, w) twice -> (B, h, w)."""
    return (x * y).sum(1)


def _add(total: Tensor, a: Tensor, x: Tensor, b: Tensor, y: Tensor) -> None:
    """Add a x + b y to total (B, C, h, w); a, b: (B, h, w)."""
    total.addcmul_(a[:, None], x).addcmul_(b[:, None], y)
