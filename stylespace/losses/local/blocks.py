"""The localised distance by tiles of positions against their halos: linear in the layer's size."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from stylespace.losses.local.pairs import pair_weights, weighted_products
from stylespace.losses.local.positions import Positions, position_numbers, scratch_bytes
from stylespace.losses.local.windows import Windows, profile_matrix


def by_blocks(
    f: Tensor, p: Tensor, windows: Windows, signs: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """Return the distance and its gradients from tiles of positions against their halos.

    Each t x t tile meets the (t + 4s)^2 positions around it in one product of a batch; value and
    gradients come from the same pass, and nothing is kept for later. Arguments and result as in
    `by_offsets`.
    """
    tiling = Tiling(f, windows)
    positions = Positions(f, p)
    value, totals = f.new_zeros(len(f)), [torch.zeros_like(positions.values[0]) for _ in signs]
    for tiles, weights in _batches(tiling, windows, scratch_bytes(f.device) // f.element_size()):
        own, halo = (tiling.positions(tiles, reaches) for reaches in (0, 2))
        found, gradients = weighted_products(positions.at(own), positions.at(halo), weights, signs)
        value.index_add_(0, tiles // tiling.per_picture, found)
        for total, gradient in zip(totals, gradients, strict=True):
            total[own] = gradient
    return value, [positions.as_layers(total) for total in totals]


def tile_side(reach: Sequence[int]) -> int:
    """Return the side t of a tile: small tiles meet fewer pairs, large ones multiply faster."""
    return 4 if max(reach) <= 2 else 8


def tile_numbers(channels: int, side: int, reach: Sequence[int]) -> int:
    """Return how many numbers one tile needs: its products and factors, its and its halo's rows."""
    own, halo = side**2, (side + 4 * reach[0]) * (side + 4 * reach[1])
    return 6 * own * halo + (3 * own + 2 * halo) * channels


class Tiling:
    """Tiles over a batch of layers, numbered picture by picture, row by row.

    Attributes:
        shape: (B, C, h, w). reach: r along rows and columns. side: t.
        across: tiles side by side; the last one may reach outside. per_picture: tiles of one layer.
    """

    def __init__(self, f: Tensor, windows: Windows) -> None:
        self.shape, self.device, self.reach = f.shape, f.device, windows.reach
        self.side = tile_side(self.reach)
        self.across = -(-f.shape[3] // self.side)
        self.per_picture = -(-f.shape[2] // self.side) * self.across

    def positions(self, tiles: Tensor, reaches: int) -> Tensor:
        """Return the positions of each tile with so many reaches around it: (n,) -> (n, T)."""
        within = tiles % self.per_picture
        corners = within // self.across, within % self.across
        y, x = (
            corner[:, None] * self.side + span
            for corner, span in zip(corners, self.spans(reaches), strict=True)
        )
        return position_numbers(tiles // self.per_picture, y, x, self.shape)

    def spans(self, reaches: int) -> tuple[Tensor, Tensor]:
        """Return the rows and the columns of a tile and its halo, counted from its corner."""
        down, right = (
            torch.arange(-reaches * r, self.side + reaches * r, device=self.device)
            for r in self.reach
        )
        return down, right

    def patches(self, grid: Tensor) -> Tensor:
        """Return a map (B or 1, h, w) as each tile and one reach around it sees it.

        (tiles, t + 2r, t + 2r), zero outside.
        """
        known = torch.cat([grid.expand(self.shape[0], -1, -1).flatten(), grid.new_zeros(1)])
        tiles = torch.arange(self.shape[0] * self.per_picture, device=self.device)
        return known[self.positions(tiles, 1)].view(-1, *map(len, self.spans(1)))


def _batches(tiling: Tiling, windows: Windows, numbers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield tiles (n,) with W (n or 1, t^2, (t + 4r)^2), about `numbers` inner products at a time.

    Tiles that see the same weights, as all but those at a border do, share one W; tiles that see
    none are left out.
    """
    seen, kinds = tiling.patches(windows.weight_map()).unique(dim=0, return_inverse=True)
    order = kinds.argsort(stable=True)
    order = order[seen.any(2).any(1)[kinds[order]]]
    rows, columns = _tile_profiles(tiling, windows)
    size = max(1, numbers // tile_numbers(tiling.shape[1], tiling.side, tiling.reach))
    last, weights = seen.new_zeros(0, dtype=torch.long), seen
    for tiles in order.split(size) if len(order) else ():
        kind = kinds[tiles].unique()
        if len(kind) > 1 or not torch.equal(kind, last):
            weights = pair_weights(rows, columns, seen[kind if len(kind) == 1 else kinds[tiles]])
        last = kind
        yield tiles, weights


def _tile_profiles(tiling: Tiling, windows: Windows) -> list[tuple[Tensor, Tensor]]:
    """Return, along either axis, what a tile and what its halo weigh in the windows around it."""
    own, around, halo = (tiling.spans(reaches) for reaches in (0, 1, 2))
    return [
        (
            profile_matrix(profile, own[axis], around[axis]),
            profile_matrix(profile, halo[axis], around[axis]),
        )
        for axis, profile in enumerate(windows.profiles)
    ]
