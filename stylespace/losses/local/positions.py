"""Positions of a batch of layers as the rows of one matrix, so that any block can be taken."""

from __future__ import annotations

import torch
from torch import Tensor

LARGEST_SCRATCH = 16 * 2**20
"""Bytes that one batch of products works with, at most."""


def scratch_bytes(device: torch.device) -> int:
    """Return the working memory of one batch of products: on a CPU, what stays near its cores.

    Measured on one core: 1 and 16 MiB take 1.4 times as long as 4. With more threads larger
    batches, since threads wait for each other after each operation.
    """
    if device.type != "cpu":
        return LARGEST_SCRATCH
    return min(4 * 2**20 * torch.get_num_threads(), LARGEST_SCRATCH)


def position_rows(f: Tensor, p: Tensor) -> Tensor:
    """Return F - P and F + P, position by position: (B, C, h, w) twice -> (2, B N + 1, C).

    The last row of both stands for every position outside, and is zero.
    """
    f, p = f.permute(0, 2, 3, 1), p.permute(0, 2, 3, 1)
    rows = f.new_zeros(2, f[..., 0].numel() + 1, f.shape[3])
    u, v = rows[:, :-1].view(2, *f.shape)
    torch.sub(f, p, out=u)
    torch.add(f, p, out=v)
    return rows


def layers_of(rows: Tensor, shape: torch.Size) -> Tensor:
    """Return rows (B N + 1, C) as layers of shape (B, C, h, w), the channels innermost."""
    batch, channels, height, width = shape
    return rows[:-1].view(batch, height, width, channels).permute(0, 3, 1, 2)


def places(picture: Tensor, y: Tensor, x: Tensor, shape: torch.Size) -> Tensor:
    """Return the row numbers of rectangles of positions.

    Args:
        picture: (n,), which of the batch. y: (n, a) and x: (n, b), positions inside or outside.
        shape: of the layers, (B, C, h, w).

    Returns:
        (n, a b).
    """
    batch, _, height, width = shape
    y, x = y[:, :, None], x[:, None]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    numbers = (picture[:, None, None] * height + y) * width + x
    return torch.where(inside, numbers, batch * height * width).flatten(1)


def taken(rows: Tensor, numbers: Tensor) -> Tensor:
    """Return the rows of F - P, then those of F + P: (2, R, C) at (n, T) -> (n, 2 T, C)."""
    both = torch.cat([numbers, numbers + rows.shape[1]], 1)
    return rows.flatten(0, 1).index_select(0, both.flatten()).view(*both.shape, -1)
