"""Exact tiles: the moments of a picture that is larger than memory, tile by tile.

Each tile is read with a halo as wide as the deepest layer's receptive field and owns only its own
positions, so the sums are those of the whole picture up to rounding. Tile origins are multiples of
the total stride; padding only happens at the picture's true borders, and where it is circular the
halo continues at the opposite side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.networks.architectures import Reach
from stylespace.networks.network import Network
from stylespace.styles.gram import gram, mean


@dataclass(frozen=True, eq=False)
class LayerStyle:
    """Raw moments of one layer's activations.

    mean: (C,). gram: (C, C), F F^T / N. positions: N = h w.
    """

    mean: Tensor
    gram: Tensor
    positions: int


def moments_in_tiles(
    network: Network, image: Tensor, names: Sequence[str], tile: int
) -> dict[str, LayerStyle]:
    """Sum the moments over tiles. Every position is measured once, in the tile that owns it.

    A circular network wraps sides that its strides do not divide at other places in every layer,
    as no halo does: such a picture is evaluated whole.
    """
    reaches = {name: network.reach(name) for name in names}
    stride = max(reach.stride for reach in reaches.values())
    farthest = max(max(r.before, r.after + 1 - r.stride) for r in reaches.values())
    halo = -(-farthest // stride) * stride
    tile, wraps = max(1, tile // stride) * stride, network.padding == "circular"
    if wraps and any(side % stride for side in image.shape[2:]):
        tile = max(image.shape[2:])
    sums: dict[str, tuple[Tensor, Tensor, int]] = {}
    spans = _wrapped_spans if wraps else _spans
    for rows in spans(image.shape[2], tile, halo):
        strip = _read(image, 2, rows)
        for columns in spans(image.shape[3], tile, halo):
            crop = _read(strip, 3, columns)
            for name, features in network(crop, names).items():
                owned = _owned(features, reaches[name], rows, columns)
                if owned.numel():
                    _add(sums, name, owned)
    return {name: LayerStyle(m / count, g / count, count) for name, (m, g, count) in sums.items()}


@dataclass(frozen=True)
class _Span:
    """Pixels read (start, stop) and owned (first, last) along one side; last None: to the end.

    Pixels read below 0 or beyond the side are those of the opposite end.
    """

    start: int
    stop: int
    first: int
    last: int | None


def _spans(length: int, tile: int, halo: int) -> list[_Span]:
    """Cut one side into tiles; a rest shorter than the halo belongs to the tile before it."""
    firsts = list(range(0, length, tile))
    if len(firsts) > 1 and length - firsts[-1] <= halo:
        firsts.pop()
    lasts: list[int | None] = [*firsts[1:], None]
    return [
        _Span(
            max(0, first - halo), length if last is None else min(length, last + halo), first, last
        )
        for first, last in zip(firsts, lasts, strict=True)
    ]


def _wrapped_spans(length: int, tile: int, halo: int) -> list[_Span]:
    """Cut one side whose ends are joined; one tile alone is wrapped by the network itself."""
    if tile >= length:
        return [_Span(0, length, 0, None)]
    pairs = ((first, min(first + tile, length)) for first in range(0, length, tile))
    return [_Span(first - halo, last + halo, first, last) for first, last in pairs]


def _read(image: Tensor, axis: int, span: _Span) -> Tensor:
    length = image.shape[axis]
    if span.start >= 0 and span.stop <= length:
        return image.narrow(axis, span.start, span.stop - span.start)
    places = torch.arange(span.start, span.stop, device=image.device) % length
    return image.index_select(axis, places)


def _owned(features: Tensor, reach: Reach, rows: _Span, columns: _Span) -> Tensor:
    """Cut the positions that a tile owns out of its features."""

    def positions(span: _Span) -> slice:
        """Return the positions of a layer that a span owns."""
        begin = (span.first - span.start) // reach.stride
        end = None if span.last is None else (span.last - span.start) // reach.stride
        return slice(begin, end)

    return features[:, :, positions(rows), positions(columns)]


def _add(sums: dict[str, tuple[Tensor, Tensor, int]], name: str, owned: Tensor) -> None:
    count = owned.shape[2] * owned.shape[3]
    m, g, before = sums.get(name, (0, 0, 0))
    sums[name] = (m + count * mean(owned)[0], g + count * gram(owned)[0], before + count)
