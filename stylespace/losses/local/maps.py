"""The localised distance by maps of Gram entries, streamed over pairs of channels."""

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
    filters = _Filters(*windows.matrices())
    weights = windows.weights.expand(len(f), -1, -1)
    found = [_picture(*three, filters, signs) for three in zip(f, p, weights, strict=True)]
    gradients = [torch.stack(parts) for parts in zip(*(each for _, each in found), strict=True)]
    return torch.stack([value for value, _ in found]), gradients


class _Filters:
    """The window as a filter of maps, and its transpose: matrices along rows and columns.

    They are banded, and applied chunk by chunk without the zeros around their band.
    """

    def __init__(self, rows: Tensor, columns: Tensor) -> None:
        self.rows, self.columns = _band(rows), _band(columns)
        self.rows_back, self.columns_back = _band(rows.mT), _band(columns.mT)

    def forward(self, maps: Tensor) -> Tensor:
        """(k, h, w) -> (k, m, n)."""
        return _along_rows(_along_columns(maps, self.columns), self.rows)

    def back(self, maps: Tensor) -> Tensor:
        """(k, m, n) -> (k, h, w)."""
        return _along_columns(_along_rows(maps, self.rows_back), self.columns_back)


Band = list[tuple[slice, Tensor]]


def _band(matrix: Tensor) -> Band:
    """Cut a banded matrix (inputs, outputs) into chunks of outputs, with the inputs they see."""
    step = max(CHUNK, int((matrix != 0).sum(0).max()))
    parts = []
    for part in matrix.split(step, 1):
        used = (part != 0).any(1).nonzero().flatten().tolist() or [0]
        seen = slice(used[0], used[-1] + 1)
        parts.append((seen, part[seen].contiguous()))
    return parts


def _along_columns(maps: Tensor, band: Band) -> Tensor:
    return torch.cat([maps[:, :, seen] @ part for seen, part in band], 2)


def _along_rows(maps: Tensor, band: Band) -> Tensor:
    return torch.cat([part.mT @ maps[:, seen] for seen, part in band], 1)


def _picture(
    f: Tensor, p: Tensor, weights: Tensor, filters: _Filters, signs: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """Return value and gradients for f, p: (C, h, w), lambda: (m, n)."""
    u, v = (f - p).contiguous(), (f + p).contiguous()
    halves = [f if sign > 0 else -p for sign in signs]  # (u + sign v) / 2
    value, gradients = u.new_zeros(()), [torch.zeros_like(u) for _ in signs]
    count = max(1, scratch_bytes(u.device) // (4 * u[0].numel() * u.element_size()))
    for i, others in _pairs(len(u), count):
        products = (u[i] * v[others]).addcmul_(v[i], u[others])
        difference = filters.forward(products) / 2
        weighted = difference * weights
        mirrored = (torch.arange(others.start, others.stop) > i).to(u)  # D_ij is D_ji as well
        value += (1 + mirrored) @ (weighted * difference).sum((1, 2))
        back = filters.back(weighted)
        for half, gradient in zip(halves, gradients, strict=True):
            gradient[i].add_((back * half[others]).sum(0), alpha=4)
            gradient[others].addcmul_(mirrored[:, None, None] * back, half[i], value=4)
    return value, gradients


def _pairs(channels: int, count: int) -> Iterator[tuple[int, slice]]:
    """Yield every i with the j >= i, in chunks of up to `count`."""
    for i in range(channels):
        for begin in range(i, channels, count):
            yield i, slice(begin, min(begin + count, channels))
