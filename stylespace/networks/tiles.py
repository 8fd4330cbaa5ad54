"""Tiles: what a picture that is larger than memory is cut into, so that nothing changes but memory.

Each tile is read with a halo as wide as the deepest layer's receptive field and owns only its own
positions, so that sums over positions, and their gradients, are those of the whole picture up to
rounding. Tile origins are multiples of the total stride; padding only happens at the picture's
true borders, and where it is circular the halo continues at the opposite side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from stylespace.networks.architectures import Reach

PICTURE = ""
"""Name of the picture itself among the layers: its positions are pixels."""


@dataclass(frozen=True)
class Span:
    """Pixels read (start, stop) and owned (first, last) along one side; last None: to the end.

    Pixels read below 0 or beyond the side are those of the opposite end.
    """

    start: int
    stop: int
    first: int
    last: int | None

    def positions(self, stride: int, margin: int, origin: int) -> slice:
        """Return the positions of a layer that a span owns, and `margin` more at either end.

        origin: the pixel where the layer's first position lies, 0 or the first that is read.
        """
        begin = (self.first - origin) // stride - margin
        end = None if self.last is None else (self.last - origin) // stride + margin
        return slice(max(0, begin), end)


@dataclass(frozen=True, eq=False)
class Tile:
    """One tile of a picture.

    image: (B, 3, h, w), what is read. rows, columns: where it lies.
    grids: {layer: (h, w) of the whole picture}. strides: {layer: pixels between two positions}.
    features: {layer: (B, C, h, w) of what is read}.
    """

    image: Tensor
    rows: Span
    columns: Span
    grids: Mapping[str, tuple[int, int]]
    strides: Mapping[str, int]
    features: Mapping[str, Tensor] = field(default_factory=dict)

    def seen(self, image: Tensor, features: Mapping[str, Tensor]) -> Tile:
        """Return the tile with the features of its image, which may be a copy that is followed."""
        return replace(self, image=image, features={PICTURE: image, **features})

    def own(self, layer: str, margin: int = 0) -> Tensor:
        """Return the features that the tile owns, and `margin` positions around: (B, C, h, w)."""
        return self.own_of(layer, self.features[layer], margin)

    def own_of(self, layer: str, values: Tensor, margin: int = 0) -> Tensor:
        """Cut what `own` returns out of values (..., h, w) on the tile's own grid of a layer."""
        return self._cut(layer, values, margin, (self.rows.start, self.columns.start))

    def inside(self, layer: str, margin: int) -> Tensor:
        """Return which positions of `cut` are the tile's own: (h, w), true or false."""
        height, width = self.grids[layer]
        grid = torch.zeros(height, width, dtype=torch.bool, device=self.image.device)
        self.cut(layer, grid).fill_(True)
        return self.cut(layer, grid, margin)

    def share(self, layer: str) -> float:
        """Return which share of all positions of a layer the tile owns."""
        return self.own(layer)[0, 0].numel() / math.prod(self.grids[layer])

    def cut(self, layer: str, values: Tensor, margin: int = 0) -> Tensor:
        """Cut the same positions out of values (..., H, W) on the whole picture's grid."""
        return self._cut(layer, values, margin, (0, 0))

    def _cut(self, layer: str, values: Tensor, margin: int, origin: tuple[int, int]) -> Tensor:
        stride = self.strides[layer]
        rows = self.rows.positions(stride, margin, origin[0])
        return values[..., rows, self.columns.positions(stride, margin, origin[1])]

    def add_to(self, whole: Tensor, values: Tensor) -> None:
        """Add values (B, 3, h, w), of every pixel that is read, in their place (B, 3, H, W)."""
        shape = self.grids[PICTURE]
        rows, columns = (
            _places(span, side, whole.device)
            for span, side in zip((self.rows, self.columns), shape, strict=True)
        )
        if isinstance(rows, slice) and isinstance(columns, slice):
            whole[..., rows, columns] += values
            return
        every = (torch.arange(side, device=whole.device) for side in shape)
        rows, columns = (
            side[at] if isinstance(at, slice) else at
            for side, at in zip(every, (rows, columns), strict=True)
        )
        at = (rows[:, None] * shape[1] + columns).flatten()
        whole.flatten(2).index_add_(2, at, values.flatten(2))


def tiles(
    image: Tensor,
    reads: Mapping[str, tuple[Reach, int]],
    grids: Mapping[str, tuple[int, int]],
    side: int,
    *,
    wraps: bool = False,
) -> Iterator[Tile]:
    """Cut a picture (B, 3, H, W) into tiles of about one size, that own up to `side` pixels a side.

    A circular network wraps sides that its strides do not divide at other places in every layer,
    as no halo does: such a picture is one tile.

    Args:
        reads: {layer that is measured: (its reach, positions around a tile's own that are needed
            as well, as by windows)}. grids: {layer: (h, w) of the whole picture}.
        wraps: the network's padding is circular.
    """
    strides = {PICTURE: 1} | {name: reach.stride for name, (reach, _) in reads.items()}
    stride, halo = max(strides.values()), halo_of(reads)
    if wraps and any(length % stride for length in image.shape[2:]):
        side = max(image.shape[2:])
    spans = _wrapped_spans if wraps else _spans
    height, width = image.shape[2:]
    for rows in spans(_firsts(height, side, stride), height, halo):
        strip = _read(image, 2, rows)
        for columns in spans(_firsts(width, side, stride), width, halo):
            crop = _read(strip, 3, columns)
            yield Tile(crop, rows, columns, {PICTURE: (height, width), **grids}, strides)


def wider(side: int) -> int:
    """Return the side of tiles that keep nothing for a gradient, by that of tiles that do.

    Of VGG-19 from 192 pixels on they take about as much memory, by what `estimate` counts.
    """
    return round(1.5 * side)


def assembled(seen: Iterable[tuple[Tile, Mapping[str, Tensor]]]) -> dict[str, Tensor]:
    """Return the features of a picture, put together from those of its tiles.

    seen: every tile, with {layer: (B, C, h, w)} of what it reads.
    """
    result: dict[str, Tensor] = {}
    for tile, features in seen:
        for name, values in features.items():
            if name not in result:
                shape = (*values.shape[:2], *tile.grids[name])
                empty = torch.empty(shape, dtype=values.dtype, device=values.device)
                result[name] = empty.contiguous(memory_format=torch.channels_last)
            tile.cut(name, result[name]).copy_(tile.own_of(name, values))
    return result


def halo_of(reads: Mapping[str, tuple[Reach, int]]) -> int:
    """Return how many pixels beyond its own a tile reads, a multiple of the total stride.

    reads: see `tiles`.
    """
    stride = max((reach.stride for reach, _ in reads.values()), default=1)
    farthest = max(
        (max(r.before, r.after + 1 - r.stride) + n * r.stride for r, n in reads.values()),
        default=0,
    )
    return -(-farthest // stride) * stride


def _firsts(length: int, side: int, stride: int) -> list[int]:
    """Return where the fewest tiles of one size begin, a multiple of the stride, at most `side`.

    A rest shorter than a stride, which may own no position, belongs to the tile before it.
    """
    count = -(-length // (max(1, side // stride) * stride))
    firsts = list(range(0, length, -(-length // (count * stride)) * stride))
    return firsts[:-1] if len(firsts) > 1 and length - firsts[-1] < stride else firsts


def _spans(firsts: list[int], length: int, halo: int) -> list[Span]:
    """Cut one side into tiles."""
    lasts: list[int | None] = [*firsts[1:], None]
    return [
        Span(
            max(0, first - halo), length if last is None else min(length, last + halo), first, last
        )
        for first, last in zip(firsts, lasts, strict=True)
    ]


def _wrapped_spans(firsts: list[int], length: int, halo: int) -> list[Span]:
    """Cut one side whose ends are joined; one tile alone is wrapped by the network itself."""
    if len(firsts) == 1:
        return [Span(0, length, 0, None)]
    pairs = zip(firsts, [*firsts[1:], length], strict=True)
    return [Span(first - halo, last + halo, first, last) for first, last in pairs]


def _places(span: Span, length: int, device: torch.device) -> slice | Tensor:
    """Return where the pixels of a span lie along a side."""
    if span.start >= 0 and span.stop <= length:
        return slice(span.start, span.stop)
    return torch.arange(span.start, span.stop, device=device) % length


def _read(image: Tensor, axis: int, span: Span) -> Tensor:
    places = _places(span, image.shape[axis], image.device)
    if isinstance(places, slice):
        return image.narrow(axis, places.start, places.stop - places.start)
    return image.index_select(axis, places)
