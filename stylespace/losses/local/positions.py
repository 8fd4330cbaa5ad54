"""Positions of a batch of layers in one row, so that any block of them can be gathered."""

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


class Positions:
    """F - P and F + P of a batch of layers, position by position.

    values: (2, B N + 1, C); the last position stands for every one outside, and is zero.
    """

    def __init__(self, f: Tensor, p: Tensor) -> None:
        self.shape = f.shape
        f, p = f.permute(0, 2, 3, 1), p.permute(0, 2, 3, 1)
        self.values = f.new_zeros(2, f[..., 0].numel() + 1, f.shape[3])
        u, v = self.values[:, :-1].view(2, *f.shape)
        torch.sub(f, p, out=u)
        torch.add(f, p, out=v)

    def at(self, numbers: Tensor) -> Tensor:
        """Return F - P, then F + P at numbered positions: (n, T) -> (n, 2 T, C)."""
        both = torch.cat([numbers, numbers + self.values.shape[1]], 1)
        return self.values.flatten(0, 1).index_select(0, both.flatten()).view(*both.shape, -1)

    def as_layers(self, values: Tensor) -> Tensor:
        """Return values (B N + 1, C) as layers (B, C, h, w), the channels innermost."""
        batch, _, height, width = self.shape
        return values[:-1].view(batch, height, width, -1).permute(0, 3, 1, 2)


def position_numbers(picture: Tensor, y: Tensor, x: Tensor, shape: torch.Size) -> Tensor:
    """Return the numbers of the positions in rectangles.

    Args:
        picture: (n,), which of the batch. y: (n, a) and x: (n, b), inside or outside.
        shape: of the layers, (B, C, h, w).

    Returns:
        (n, a b).
    """
    batch, _, height, width = shape
    y, x = y[:, :, None], x[:, None]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    numbers = (picture[:, None, None] * height + y) * width + x
    return torch.where(inside, numbers, batch * height * width).flatten(1)
