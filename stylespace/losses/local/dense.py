"""The localised distance by the inner products of all pairs of positions of a small layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from stylespace.losses.local.pairs import pair_weights, product
from stylespace.losses.local.positions import scratch_bytes
from stylespace.losses.local.windows import Windows


def by_one_product(
    f: Tensor, p: Tensor, windows: Windows, signs: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """Return the distance and its gradients from one N x N product, some rows of it at a time.

    Arguments and result as in `by_offsets`.
    """
    batch, _, height, width = f.shape
    pairs = torch.stack([(f - p).flatten(2).mT, (f + p).flatten(2).mT], 1)  # (B, 2, N, C)
    value, parts = f.new_zeros(batch), [[] for _ in signs]
    numbers = scratch_bytes(f.device) // (batch * f.element_size())
    for positions, weights in _row_blocks(windows, numbers):
        own = pairs[:, :, positions].flatten(1, 2)
        found, gradients = product(own, pairs.flatten(1, 2), weights, signs)
        value += found
        for part, gradient in zip(parts, gradients, strict=True):
            part.append(gradient)
    shape = batch, height, width, -1
    return value, [torch.cat(part, 1).view(shape).permute(0, 3, 1, 2) for part in parts]


def _row_blocks(windows: Windows, numbers: int) -> Iterator[tuple[slice, Tensor]]:
    """Yield positions and their W (B or 1, T, N); about `numbers` inner products at a time."""
    (height, width), (rows, columns) = windows.shape, windows.matrices()
    step = max(1, numbers // (4 * height * width**2))
    for begin in range(0, height, step):
        own = rows[begin : begin + step]
        positions = slice(begin * width, (begin + len(own)) * width)
        yield positions, pair_weights(own, rows, columns, columns, windows.weights)
