"""The pixel side: sum_uv <a(u), a(v)> <X(u), X(v)>^2, a tile of pairs at a time."""

from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.losses.covariance.blocks import blocks, by_picture

SIDE = {"cpu": 256, "cuda": 4096}
"""Positions along one side of a tile: two tiles of float64 fit a processor's own cache."""


def kernel_square(
    x: Tensor, a: Tensor, *, active: int | None = None, rest: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return sum_uv <a(u), a(v)> <X(u), X(v)>^2 and the sum that it is the remainder of.

    Value and gradient come from one pass over half of the tiles. Memory is that of x, a and their
    gradients, and tiles of constant size.

    Args:
        x: (B, C, M), features. a: (B, K, M), weights of any sign.
        active: gradients are for the first so many positions, and zero for the others; None: all.
        rest: (1 or B,), the sum over pairs of two positions behind the active ones, where it is
            known: they are left out then.

    Returns:
        value: (B,). sums: (B,), the active and the other positions' own sums: rounding errors
        of the value are of the order of eps times this. No second derivatives.
    """
    stop = x.shape[2] if active is None else active
    sums: list[Tensor] = []

    def of_picture(b: int, features: Tensor, weights: Tensor, *gradients: Tensor | None) -> Tensor:
        """Return the value of picture b, with its gradients."""
        picture = _Picture(features, weights, stop, *gradients)
        own, cross, behind = picture.sums(behind=rest is None)
        if rest is not None:
            behind = rest[b % len(rest)].to(behind)
        sums.append(own + behind)
        return own + cross + behind

    return by_picture(of_picture, x, a), torch.stack(sums)


@dataclass(frozen=True, eq=False)
class _Picture:
    """One picture's positions, x (C, M) and a (K, M), and the gradients to be added to."""

    x: Tensor
    a: Tensor
    active: int
    x_gradient: Tensor | None
    a_gradient: Tensor | None

    def sums(self, *, behind: bool) -> Tensor:
        """Return the sums over pairs of active positions, of mixed and of other ones, (3,).

        behind: whether pairs of two positions that are not active are wanted.
        """
        totals = self.x.new_zeros(3)
        size = SIDE.get(self.x.device.type, SIDE["cuda"])
        tiles = list(blocks(self.active, size))
        count = len(tiles)  # active positions are never in a tile with others
        others = blocks(self.x.shape[1] - self.active, size)
        tiles += [slice(one.start + self.active, one.stop + self.active) for one in others]
        for i, rows in enumerate(tiles):
            for j, columns in enumerate(tiles[i:], i):
                kind = (i >= count) + (j >= count)
                if kind < 2 or behind:
                    totals[kind] += (1 if i == j else 2) * self._tile(rows, columns)
        return totals

    def _tile(self, rows: slice, columns: slice) -> Tensor:
        """Return the sum over one tile, and add its gradient to the positions of both sides."""
        product = self.x[:, rows].T @ self.x[:, columns]
        weighted = (self.a[:, rows].T @ self.a[:, columns]).mul_(product)
        total = torch.dot(weighted.flatten(), product.flatten())
        if self.x_gradient is not None:
            self._spread(self.x_gradient, self.x, weighted, 4, rows, columns)
        if self.a_gradient is not None:
            self._spread(self.a_gradient, self.a, product.square_(), 2, rows, columns)
        return total

    def _spread(
        self, gradient: Tensor, y: Tensor, pairs: Tensor, factor: int, rows: slice, columns: slice
    ) -> None:
        """Add factor * sum_v pairs(u, v) y(v) to each active u, and the same to each active v."""
        if rows.start < self.active:
            gradient[:, rows].addmm_(y[:, columns], pairs.T, alpha=factor)
        if columns.start < self.active and columns != rows:
            gradient[:, columns].addmm_(y[:, rows], pairs, alpha=factor)
