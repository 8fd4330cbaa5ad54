"""The localised distance by maps of Gram entries, streamed over pairs of channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from stylespace.losses.local.positions import scratch_bytes
from stylespace.losses.local.windows import Windows

CHUNK = 32
"""Outputs of a window filter computed by one product, at least."""


def by_maps(
    f: Tensor, p: Tensor, windows: Windows, signs: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """Return the distance and its gradients from the differences D_ij(x) of all Gram entries.

    D = 1/2 sum_d w (u v^T + v u^T), a few maps at a time: the cost hardly grows with the window.
    A sum of squares, so never negative. Arguments and result as in `by_offsets`.
    """
    rows, columns = windows.matrices()
    filters = (_Filter(rows), _Filter(columns)), (_Filter(rows.mT), _Filter(columns.mT))
    weights = windows.weights.expand(len(f), -1, -1)
    found = [_picture(*three, filters, signs) for three in zip(f, p, weights, strict=True)]
    gradients = [torch.stack(parts) for parts in zip(*(each for _, each in found), strict=True)]
    return torch.stack([value for value, _ in found]), gradients


class _Filter:
    """A banded matrix along one axis, applied chunk by chunk without the zeros around its band."""

    def __init__(self, matrix: Tensor) -> None:
        inputs, outputs = matrix.shape
        band = int((matrix != 0).sum(0).max())
        step = max(CHUNK, band)
        self.parts = []
        for begin in range(0, outputs, step):
            part = matrix[:, begin : begin + step]
            used = (part != 0).any(1).nonzero().flatten().tolist()
            low, high = (used[0], used[-1] + 1) if used else (0, 1)
            self.parts.append((slice(low, high), part[low:high].contiguous()))

    def along_columns(self, maps: Tensor) -> Tensor:
        """(k, h, w) -> (k, h, outputs)."""
        return torch.cat([maps[:, :, used] @ part for used, part in self.parts], 2)

    def along_rows(self, maps: Tensor) -> Tensor:
        """(k, h, w) -> (k, outputs, w)."""
        return torch.cat([part.mT @ maps[:, used] for used, part in self.parts], 1)


Filters = tuple[tuple[_Filter, _Filter], tuple[_Filter, _Filter]]


def _picture(
    f: Tensor, p: Tensor, weights: Tensor, filters: Filters, signs: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """Return value and gradients for f, p: (C, h, w), lambda: (m, n)."""
    (rows, columns), (rows_back, columns_back) = filters
    u, v = (f - p).contiguous(), (f + p).contiguous()
    halves = [f if sign > 0 else -p for sign in signs]  # (u + sign v) / 2
    value, gradients = u.new_zeros(()), [torch.zeros_like(u) for _ in signs]
    count = max(1, scratch_bytes(u.device) // (4 * u[0].numel() * u.element_size()))
    for i, others in _pairs(len(u), count):
        products = (u[i] * v[others]).addcmul_(v[i], u[others])
        difference = rows.along_rows(columns.along_columns(products)) / 2
        weighted = difference * weights
        mirrored = (torch.arange(others.start, others.stop) > i).to(u)  # D_ij is D_ji as well
        value += (1 + mirrored) @ (weighted * difference).sum((1, 2))
        back = columns_back.along_columns(rows_back.along_rows(weighted))
        for half, gradient in zip(halves, gradients, strict=True):
            gradient[i].add_((back * half[others]).sum(0), alpha=4)
            gradient[others].addcmul_(mirrored[:, None, None] * back, half[i], value=4)
    return value, gradients


def _pairs(channels: int, count: int) -> Iterator[tuple[int, slice]]:
    """Yield every i with the j >= i, in chunks of up to `count`."""
    for i in range(channels):
        for begin in range(i, channels, count):
            yield i, slice(begin, min(begin + count, channels))
