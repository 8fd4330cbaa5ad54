"""What a report measures: everything that its figures, tables and sentences are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from stylespace.images import resize
from stylespace.networks.network import Network
from stylespace.reports.pictures import Subject
from stylespace.reports.stability import Stability, stabilities
from stylespace.styles.statistics import (
    Fits,
    LayerStatistics,
    Pair,
    diagonal,
    fits,
    flattened,
    off_diagonal,
    similarity_order,
    statistics,
    strongest_pairs,
)
from stylespace.styles.style import WHOLE

SHOWN_PAIRS = 4
"""Pairs whose places are shown in the picture."""
LISTED_PAIRS = 8


@dataclass(frozen=True, eq=False)
class Measured:
    """One subject's numbers, {layer: ...} each.

    fits: of the diagonal and of the off-diagonal entries. order: channels by similarity.
    products: (n, h, w), F_i F_j of the first pairs; none of a style file.
    stability: {layer: {number: Stability}}; empty of a style file, and where it was not asked for.
    """

    subject: Subject
    statistics: Mapping[str, LayerStatistics]
    fits: Mapping[str, tuple[Fits, Fits]]
    orders: Mapping[str, tuple[int, ...]]
    pairs: Mapping[str, tuple[Pair, ...]]
    products: Mapping[str, Tensor] = field(default_factory=dict)
    stability: Mapping[str, Mapping[str, Stability]] = field(default_factory=dict)

    @property
    def numbers(self) -> dict[str, dict[str, float]]:
        """The plain numbers, {layer: {name: value}}."""
        return {layer: flattened(one) for layer, one in self.statistics.items()}


def measured(subject: Subject, network: Network, *, stability: bool) -> Measured:
    """Measure a subject.

    Args:
        subject: opened.
        network: of its style space, for what only a picture shows.
        stability: measure the picture again as it is changed.
    """
    grams = subject.style.grams
    numbers = statistics(subject.style)
    pairs = {layer: strongest_pairs(g, LISTED_PAIRS) for layer, g in grams.items()}
    found = Measured(
        subject,
        numbers,
        {layer: (fits(diagonal(g)), fits(off_diagonal(g))) for layer, g in grams.items()},
        {layer: similarity_order(g) for layer, g in grams.items()},
        pairs,
        _products(subject, network, pairs),
        _stability(subject, network, numbers) if stability else {},
    )
    return found


def _products(
    subject: Subject, network: Network, pairs: Mapping[str, Sequence[Pair]]
) -> dict[str, Tensor]:
    """Return where the strongest pairs fire together, of a picture at up to 1024 pixels."""
    if subject.image is None:
        return {}
    image = resize(subject.image, min(max(subject.image.shape[2:]), WHOLE))
    with torch.no_grad():
        features = network(image, tuple(pairs))
    return {
        layer: torch.stack([features[layer][0, p.i] * features[layer][0, p.j] for p in found]).cpu()
        for layer, found in ((layer, every[:SHOWN_PAIRS]) for layer, every in pairs.items())
        if found
    }


def _stability(
    subject: Subject, network: Network, numbers: Mapping[str, LayerStatistics]
) -> dict[str, dict[str, Stability]]:
    if subject.image is None:
        return {}
    plain = {layer: flattened(one) for layer, one in numbers.items()}
    return stabilities(network, subject.image, tuple(plain), plain)
