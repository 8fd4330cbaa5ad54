"""What a position of a layer sees of a picture, measured where a network is not known inside."""

import bisect

import torch
from torch import Tensor

from stylespace.networks.architectures import Reach
from stylespace.networks.network import Network

LARGEST = 2048
"""Pixels up to which the sizes that a layer needs, and what it sees, are measured."""


def measured_reach(network: Network, layer: str, stride: int) -> Reach:
    """Return the reach of a layer along a row; LARGEST on both sides of one that sees all.

    Columns of a picture hold no number, and so do the positions that see one of them. With the
    columns left of c that is j < (c + before) / stride, with the others j >= (c - after) / stride:
    where these counts step as c moves tells both ends.
    """
    height, width = network.minimum_side(layer), 4 * stride
    while width <= LARGEST:
        row = torch.full((1, 3, height, width), 0.5, device=network.device)
        if found := _reach(network, layer, stride, row):
            return found
        width *= 2
    return Reach(stride, LARGEST, LARGEST)


def _reach(network: Network, layer: str, stride: int, row: Tensor) -> Reach | None:
    """Return the reach of a layer, if a row (1, 3, h, w) is longer than it."""

    def lost(columns: slice) -> Tensor:
        """Return which positions of the layer hold no number, (w,)."""
        picture = row.clone()
        picture[..., columns] = torch.nan
        with torch.no_grad():
            return network.whole(picture, [layer])[layer].isnan().flatten(0, 2).any(0)

    def left(c: int) -> int:
        """Count the positions that see a column left of c."""
        return int(lost(slice(c)).sum())

    def right(c: int) -> int:
        """Count the positions that see no column from c on."""
        return int((~lost(slice(c, None))).sum())

    middle = row.shape[3] // 2 // stride * stride
    places = range(middle + 1, middle + stride + 1)
    seen, unseen = left(middle), right(middle)
    if seen == network.grid(layer, *row.shape[2:])[1] or not unseen:
        return None
    before = stride * seen + 1 - places[bisect.bisect_right(places, seen, key=left)]
    after = places[bisect.bisect_right(places, unseen, key=right)] - 1 - stride * unseen
    return Reach(stride, before, after)
