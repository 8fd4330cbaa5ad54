"""What a report measures: everything that its figures, tables and sentences are made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from stylespace.figures.scaling import classical_scaling
from stylespace.images import resize
from stylespace.networks.network import Network
from stylespace.reports.pictures import Picture
from stylespace.reports.stability import Stability, stabilities
from stylespace.settings import DISTANCES
from stylespace.styles.distances import as_metric, distance_matrix
from stylespace.styles.statistics.fitting import Fits, fits
from stylespace.styles.statistics.layers import LayerStatistics, flattened, statistics
from stylespace.styles.statistics.matrices import diagonal, off_diagonal
from stylespace.styles.statistics.pairs import ChannelPair, similarity_order, strongest_pairs
from stylespace.styles.style import WHOLE

FIELDS, MANY_FIELDS = 32, 16
"""Fields a side by which a page knows where channels fire: of one picture, and of several."""
SHOWN_PAIRS = 4
"""Pairs whose places are shown in the picture; no two share a channel."""
LISTED_PAIRS = 8
PARTS = ("diagonal", "off-diagonal")
Distances = Mapping[str, Mapping[str, np.ndarray]]
"""{kind: {layer or "together": (n, n)}}."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One picture's numbers, {layer: ...} each.

    fits: of the diagonal and of the off-diagonal entries. order: channels by similarity.
    pairs: the strongest. shown_pairs: the strongest of which no two share a channel.
    products: (n, h, w), F_i F_j of the pairs shown; places: (C, h, w), `field_means` of the
    channels; none of a style file.
    stability: {layer: {number: Stability}}; empty of a style file, and where it was not asked for.
    """

    picture: Picture
    statistics: Mapping[str, LayerStatistics]
    fits: Mapping[str, tuple[Fits, Fits]]
    orders: Mapping[str, tuple[int, ...]]
    pairs: Mapping[str, tuple[ChannelPair, ...]]
    shown_pairs: Mapping[str, tuple[ChannelPair, ...]]
    products: Mapping[str, Tensor] = field(default_factory=dict)
    places: Mapping[str, Tensor] = field(default_factory=dict)
    stability: Mapping[str, Mapping[str, Stability]] = field(default_factory=dict)

    @property
    def numbers(self) -> dict[str, dict[str, float]]:
        """The plain numbers, {layer: {name: value}}."""
        return {layer: flattened(one) for layer, one in self.statistics.items()}

    def each_fits(self) -> Iterator[tuple[str, str, Fits]]:
        """Yield layer, part of PARTS and what fits its entries."""
        for layer, both in self.fits.items():
            yield from ((layer, part, found) for part, found in zip(PARTS, both, strict=True))


@dataclass(frozen=True, eq=False)
class Compared:
    """Several pictures' distances, and the map by one kind of them.

    kind: of the map. coordinates: (n, 2). explained: share in [0, 1] of the distances' variance.
    """

    distances: Distances
    kind: str
    coordinates: np.ndarray
    explained: float


def measured(
    picture: Picture, network: Network, *, stability: bool, side: int = FIELDS
) -> Measured:
    """Measure a picture.

    Args:
        picture: opened.
        network: of its style space, for what only a picture shows.
        stability: measure the picture again as it is changed.
        side: of the grid of fields of `places`.
    """
    grams, numbers = picture.style.grams, statistics(picture.style)
    shown = {layer: strongest_pairs(g, SHOWN_PAIRS, disjoint=True) for layer, g in grams.items()}
    products, places = _seen(picture, network, shown, side)
    return Measured(
        picture,
        numbers,
        {layer: (fits(diagonal(g)), fits(off_diagonal(g))) for layer, g in grams.items()},
        {layer: similarity_order(g) for layer, g in grams.items()},
        {layer: strongest_pairs(g, LISTED_PAIRS) for layer, g in grams.items()},
        shown,
        products,
        places,
        _stability(picture, network, numbers) if stability else {},
    )


def compared(pictures: Sequence[Picture], kind: str, layers: Sequence[str]) -> Compared | None:
    """Compare the styles of pictures by every kind of distance; None of a single one.

    kind: that the map is made of.
    """
    styles = [picture.style for picture in pictures]
    if len(styles) < 2:
        return None
    distances = {name: distance_matrix(styles, name, layers) for name in DISTANCES}
    return Compared(
        distances, kind, *classical_scaling(as_metric(distances[kind]["together"], kind))
    )


def _seen(
    picture: Picture, network: Network, pairs: Mapping[str, Sequence[ChannelPair]], side: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return where pairs fire together, and the channels alone, by layer.

    Of a picture at up to 1024 pixels.
    """
    if picture.image is None:
        return {}, {}
    image = resize(picture.image, min(max(picture.image.shape[2:]), WHOLE))
    with torch.no_grad():
        features = network(image, tuple(pairs))
    products = {
        layer: torch.stack([features[layer][0, p.i] * features[layer][0, p.j] for p in found]).cpu()
        for layer, found in pairs.items()
        if found
    }
    return products, field_means(features, side)


def field_means(features: Mapping[str, Tensor], side: int) -> dict[str, Tensor]:
    """Return the means of activations over a grid of fields, side x side.

    Of a layer that has fewer positions the grid is its own.

    Args:
        features: {layer: (1, C, H, W)}.

    Returns:
        {layer: (C, h, w)} in float32 on the CPU.
    """
    grids = {
        layer: (min(side, one.shape[2]), min(side, one.shape[3])) for layer, one in features.items()
    }
    return {
        layer: adaptive_avg_pool2d(one.float(), grids[layer])[0].cpu()
        for layer, one in features.items()
    }


def _stability(
    picture: Picture, network: Network, numbers: Mapping[str, LayerStatistics]
) -> dict[str, dict[str, Stability]]:
    if picture.image is None:
        return {}
    plain = {layer: flattened(one) for layer, one in numbers.items()}
    return stabilities(network, picture.image, tuple(plain), plain)
