"""Judging transfers by measures that none of them optimises."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from stylespace.commands.transfer.transfer import grey_similarity
from stylespace.errors import StylespaceError, UsageError
from stylespace.images import resize_to
from stylespace.images.colour import colour_distance
from stylespace.losses.guides import Regions, matched_regions
from stylespace.losses.representations import sliced_distance
from stylespace.networks.network import Network, load_network
from stylespace.settings.shared import default_style_layers
from stylespace.styles.distances import (
    geometric_mean,
    gram_distances,
    symmetric_distances,
    together,
)
from stylespace.styles.style import Style

JUDGE = "alexnet-st"
"""Network that no transfer of the default network has seen; its weights come from an extra."""
PERCEPTUAL = ("conv2", "conv3", "conv4", "conv5")
"""Layers of the judge that the content is compared in."""
REGIONS, REGION_SEED, LEAST_POSITIONS = 8, 1, 4
"""Of `placed`: other regions than those of guides with few of them and seed 0."""
INSIDE = 0.501
"""Share of a region above which a position lies in it: half and half, to rounding, in none."""


class Judges:
    """Judge pictures against a content and a style; networks are loaded once.

    Args:
        network: whose features' distributions are compared (sliced Wasserstein).
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.layers = default_style_layers(network.name)[:4]
        self._known: tuple[Tensor, Tensor, Regions] | None = None  # of the last pair
        try:
            self.other: Network | None = load_network(JUDGE, device=str(network.device))
        except StylespaceError:
            self.other = None

    def figures(self, image: Tensor, content: Tensor, style: Tensor) -> dict[str, float]:
        """Return the measures of a result.

        Args:
            image, content: (1, 3, H, W). style: (1, 3, H', W'), of any size.

        Returns:
            `sliced`: sliced Wasserstein distance of features to the style's, the geometric mean
            over layers (H21). `other_style`, `other_content`: relative Gram distance to the style
            and relative feature distance to the content in another network, where its weights are
            installed. `placed`: sliced Wasserstein distance in that network between matched regions
            (see `matched_regions`): whether each takes after the part of the style that it is
            like. `similarity`: structural similarity of the grey pictures to the content.
            `content_colours`, `style_colours`: CIELAB distances. 0 is the same, but similarity 1.
            Layers that a picture is too small for are left out; NaN where none is left.
        """
        content = resize_to(content, *image.shape[2:])
        found = {
            "sliced": self._sliced(image, style),
            "similarity": grey_similarity(image, content),
            "content_colours": colour_distance(image, content),
            "style_colours": colour_distance(image, style),
        }
        if self.other is not None:
            found["other_style"] = self._other_style(image, style)
            found["other_content"] = self._other_content(image, content)
            found["placed"] = self._placed(image, content, style)
        return found

    def between(self, one: Tensor, other: Tensor) -> dict[str, float]:
        """Return how far two results are from each other, the same in either order.

        Args:
            one, other: (1, 3, H, W), of one size.

        Returns:
            `pixels`: root mean squared difference. `style`: symmetric relative Gram distance, the
            mean over the default style layers. `perceptual`: as `other_content`, where the other
            network's weights are installed.
        """
        layers = _fitting(self.network, default_style_layers(self.network.name), one, other)
        found = {"pixels": float((one - other).square().mean().sqrt()), "style": math.nan}
        if layers:
            a, b = (Style.capture(self.network, picture, layers) for picture in (one, other))
            found["style"] = together(symmetric_distances(a, b))
        if self.other is not None:
            found["perceptual"] = self._other_content(one, other)
        return found

    def _sliced(self, image: Tensor, style: Tensor) -> float:
        layers = _fitting(self.network, self.layers, image, style)
        if not layers:
            return math.nan
        with torch.no_grad():
            a, b = (self.network(one, layers) for one in (image, style))
        return geometric_mean({name: sliced_distance(a[name], b[name]) for name in layers})

    def _other_style(self, image: Tensor, style: Tensor) -> float:
        layers = _fitting(self.other, self.other.names, image, style)
        if not layers:
            return math.nan
        a, b = (Style.capture(self.other, one, layers) for one in (image, style))
        return geometric_mean(gram_distances(a, b))

    def _placed(self, image: Tensor, content: Tensor, style: Tensor) -> float:
        """Return the mean over regions, by their areas, of how far they are from their partners."""
        layers = _fitting(self.other, self.other.names, image, style)
        if not layers:
            return math.nan
        try:
            regions = self._regions(content, style)
        except UsageError:  # too small for a region
            return math.nan
        with torch.no_grad():
            a, b = (self.other(one, layers) for one in (image, style))
        found = {name: _between_regions(a[name], b[name], regions) for name in layers}
        kept = {name: value for name, value in found.items() if not math.isnan(value)}
        return geometric_mean(kept) if kept else math.nan

    def _regions(self, content: Tensor, style: Tensor) -> Regions:
        """Return the regions of a pair, kept while the same pair is asked for."""
        known = self._known
        if known is None or not all(map(torch.equal, known, (content, style))):
            options = {"count": REGIONS, "seed": REGION_SEED}
            found = matched_regions(self.network, content, style, **options)
            self._known = known = (content, style, found)
        return known[2]

    def _other_content(self, image: Tensor, content: Tensor) -> float:
        """Return the mean squared distance of unit features over layers, in [0, 4].

        LPIPS without its learned weights.

        Source: Zhang et al. 2018, eq. 1. Departs: every channel weighs alike.
        """
        layers = _fitting(self.other, PERCEPTUAL, image, content)
        if not layers:
            return math.nan
        with torch.no_grad():
            a, b = (self.other(one, layers) for one in (image, content))
        unit = [normalize(a[name], dim=1) - normalize(b[name], dim=1) for name in layers]
        return float(sum(one.square().sum(1).mean() for one in unit) / len(unit))


def _between_regions(a: Tensor, b: Tensor, regions: Regions) -> float:
    """Return the mean distance of the positions of regions in (1, C, h, w) and (1, C, h', w')."""
    masks = regions.at(tuple(a.shape[2:]), tuple(b.shape[2:]))
    pairs = zip(masks.content_masks[0].to(a), masks.style_masks[0].to(b), strict=True)
    total, area = 0.0, 0
    for one, other in pairs:
        inside, partner = a[..., one > INSIDE], b[..., other > INSIDE]  # (1, C, n)
        if min(inside.shape[2], partner.shape[2]) >= LEAST_POSITIONS:
            total += inside.shape[2] * sliced_distance(inside[..., None], partner[..., None])
            area += inside.shape[2]
    return total / area if area else math.nan


def _fitting(network: Network, layers: Sequence[str], *pictures: Tensor) -> tuple[str, ...]:
    """Return those layers that every picture (1, 3, H, W) is large enough for."""
    shapes = [tuple(one.shape[2:]) for one in pictures]
    return tuple(one for one in layers if all(network.fits([one], *shape) for shape in shapes))
