"""The localised distance by the inner products of all pairs of positions of a small layer."""

from collections.abc import Sequence

import torch
from torch import Tensor

from stylespace.losses.local.pairs import pair_weights, weighted_products
from stylespace.losses.local.positions import scratch_bytes
from stylespace.losses.local.windows import Windows


def by_one_product(
    f: Tensor, p: Tensor, windows: Windows, signs: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """Return the distance and its gradients from one N x N product, some rows of it at a time.

    Arguments and result as in `by_offsets`.
    """
    batch, _, height, width = f.shape
    both = torch.stack([(f - p).flatten(2).mT, (f + p).flatten(2).mT], 1)  # (B, 2, N, C)
    value, parts = f.new_zeros(batch), []
    rows, columns = windows.matrices()
    step = max(1, scratch_bytes(f.device) // (4 * batch * f.element_size() * height * width**2))
    for own, positions in zip(rows.split(step), both.split(step * width, 2), strict=True):
        weights = pair_weights((own, rows), (columns, columns), windows.weights)
        found, gradients = weighted_products(
            positions.flatten(1, 2), both.flatten(1, 2), weights, signs
        )
        value += found
        parts.append(gradients)
    shape = batch, height, width, -1
    return value, [
        torch.cat(part, 1).view(shape).permute(0, 3, 1, 2) for part in zip(*parts, strict=True)
    ]
