"""The style of a transfer at every scale: its terms in whichever representation, and their cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from stylespace.commands.outcome import fitted
from stylespace.errors import UsageError
from stylespace.images import resize, resize_to
from stylespace.images.colour import match_colours
from stylespace.losses.covariance import covariance_term
from stylespace.losses.covariance.responses import Reduced, reduced
from stylespace.losses.guides import (
    Regions,
    area_remarks,
    check_guides_memory,
    guided_terms,
    matched_regions,
    open_guide,
    open_guides,
    propagated,
    resized,
)
from stylespace.losses.local import local_term
from stylespace.losses.matching import style_terms
from stylespace.losses.objective import Terms
from stylespace.losses.representations import moment_terms, representation_terms
from stylespace.networks.network import Network
from stylespace.settings import TransferSettings
from stylespace.settings.shared import default_content_layer
from stylespace.styles.sources import StyleSource, blender
from stylespace.styles.style import Style

MOMENTS = {"centred": "covariance", "mean": "mean", "shifted": "shifted"}
"""Representations of means and Gram matrices, by their names among the terms."""
FEATURES = ("chained", "sliced")
"""Representations of the style picture's features, wherever they lie."""


class Styling:
    """What a transfer takes from its style pictures.

    Args:
        settings: of the transfer.
        network: that sees the pictures.
        content: (1, 3, H, W). sources: the styles.

    Attributes:
        sources: recoloured after the content where the settings say so.
        content: what the result starts from and keeps, recoloured after the style where they do.
        regions: that guide the style, or None.
    """

    def __init__(
        self,
        settings: TransferSettings,
        network: Network,
        content: Tensor,
        sources: Sequence[StyleSource],
    ) -> None:
        self.settings, self.network, self.content = settings, network, content
        self.sources = self._recoloured(sources)
        if settings.colour == "match-style":
            self.content = match_colours(content, sources[0].image).clamp(0, 1)
        self.layers = tuple(settings.style_layers())
        self.largest = settings.source_side(settings.size)
        self._style_at = blender(self.sources, self.layers, largest=self.largest)
        self.regions = self._regions()
        mask = settings.mask
        self._mask = open_guide(mask, tuple(content.shape[2:])) if mask else None
        self._responses: Reduced | None = None
        self._measures: list = []
        self._said: list[str] = []

    def style(self, network: Network, side: int) -> Style:
        """Return the blended style, with `side` pixels on the longer side of its pictures."""
        return self._style_at(network, side)

    def target(self, network: Network, height: int, width: int) -> Style:
        """Return the style that a result of height x width pixels is measured against.

        Of a localised style, that of the picture as it lies over the result.
        """
        if self.settings.representation != "local":
            return self.style(network, self.largest)
        picture = self.covering(height, width).to(network.device)
        return Style.capture(network, picture, self.layers)

    def terms(self, height: int, width: int) -> Terms:
        """Return the terms for pictures of height x width pixels, their weights adding up to 1."""
        side = self.settings.source_side(max(height, width))
        kind, weights = self.settings.representation, self._weights()
        if self.regions is not None:
            picture = self._picture(side)
            return guided_terms(self.network, picture, self.regions, (height, width), weights)
        if kind == "gram":
            return style_terms(self.style(self.network, side).grams, self.settings)
        if kind in MOMENTS:
            return moment_terms(MOMENTS[kind], self.style(self.network, side), weights)
        if kind in FEATURES:
            return representation_terms(kind, self._features(self._picture(side)), weights)
        make = self._local if kind == "local" else self._covariance
        return make(weights, height, width, side)

    def remarks(self, height: int, width: int) -> list[str]:
        """Return what a user should know, a sentence each."""
        found = [*self._said, *(text for one in self._measures for text in one.remarks)]
        for source in self.sources:
            found += source.remarks(self.network, self.layers, self.largest)
        if self.regions is not None:
            style = tuple(self._picture(self.largest).shape[2:])
            found += self.regions.remarks
            found += area_remarks(self.network, self.layers, self.regions, (height, width), style)
        if self.settings.representation in ("local", "covariance"):
            found += self._wide_windows(height, width)
        return found + list(self._mask.remarks if self._mask else ())

    @property
    def explained(self) -> float | None:
        """Share of the content responses' energy that their maps hold; None without any."""
        return None if self._responses is None else self._responses.explained

    def covering(self, height: int, width: int) -> Tensor:
        """Return the style picture resized to cover height x width pixels, and cut to them.

        A window is compared with the window at the same place, so that both pictures need one
        grid; cutting keeps the style's proportions.
        """
        image = self.sources[0].image
        scale = max(height / image.shape[2], width / image.shape[3])
        sides = [
            max(n, round(scale * m)) for n, m in zip((height, width), image.shape[2:], strict=True)
        ]
        whole = resize_to(image, *sides)
        top, left = (sides[0] - height) // 2, (sides[1] - width) // 2
        return whole[..., top : top + height, left : left + width]

    def masks(self, height: int, width: int) -> dict[str, Tensor] | None:
        """Return what share of the mask each position sees, {layer: (h, w)}; None without one."""
        if self._mask is None:
            return None
        drawn = resized(self._mask.mask, height, width).to(self.network.device)
        return {layer: propagated(self.network, layer, drawn)[0, 0] for layer in self.layers}

    def _weights(self) -> dict[str, float]:
        weights = self.settings.style_layers()
        total = sum(weights.values())
        return {layer: weight / total for layer, weight in weights.items()}

    def _recoloured(self, sources: Sequence[StyleSource]) -> tuple[StyleSource, ...]:
        if self.settings.colour != "match-before":
            return tuple(sources)
        return tuple(
            replace(one, image=match_colours(one.image, self.content).clamp(0, 1))
            for one in sources
        )

    def _picture(self, side: int) -> Tensor:
        """Return the only style picture with `side` pixels on its longer side."""
        return resize(self.sources[0].image, side).to(self.network.device)

    def _features(self, picture: Tensor, layers: Sequence[str] = ()) -> dict[str, Tensor]:
        with torch.no_grad():
            return self.network(picture, layers or self.layers)

    def _regions(self) -> Regions | None:
        settings = self.settings
        if not settings.guided():
            return None
        style, pairs = self.sources[0].image, settings.guide_pairs()
        shape = fitted(*self.content.shape[2:])(settings.size)
        count = len(pairs) or settings.auto_guides
        check_guides_memory(self.network, self.layers, count, *shape)  # before any mask is opened
        if pairs:
            return open_guides(pairs, tuple(self.content.shape[2:]), tuple(style.shape[2:]))
        return matched_regions(self.network, self.content, style, count=count, seed=settings.seed)

    def _local(self, weights: Mapping[str, float], height: int, width: int, side: int) -> Terms:
        """Return a local term a layer; the style picture lies on the same grid."""
        features = self._features(self.covering(height, width).to(self.network.device))
        options = {"kernel": self.settings.kernel, "stride": self.settings.stride}
        masks, terms = self.masks(height, width), []
        for layer, s in self.settings.half_widths().items():
            own = {"mask": masks and masks[layer], "weight": weights[layer]}
            terms.append(local_term(layer, features[layer], half_width=s, **own, **options))
        return Terms(tuple(terms))

    def _covariance(
        self, weights: Mapping[str, float], height: int, width: int, side: int
    ) -> Terms:
        """Return a style-content covariance term a layer."""
        maps, features = self._maps(), self._features(self._picture(side))
        terms = [
            covariance_term(
                layer,
                features[layer],
                maps.style,
                maps.content,
                half_width=s,
                kernel=self.settings.kernel,
                centred=not self.settings.moment,
                weight=weights[layer],
            )
            for layer, s in self.settings.half_widths().items()
        ]
        self._measures += [term.measure for term in terms]
        return Terms(tuple(terms))

    def _maps(self) -> Reduced:
        """Return the content responses of both pictures, reduced; the same for all scales."""
        if self._responses is None:
            layer = default_content_layer(self.network.name)
            pictures = resize(self.content, self.settings.size), self._picture(self.largest)
            content, style = (self._features(one, [layer])[layer] for one in pictures)
            method, asked = self.settings.reduction()
            most = min(content.shape[1], content[0, 0].numel() + style[0, 0].numel())
            count = min(asked, most)
            if count < asked:
                self._said.append(
                    f"{layer} of these pictures gives {count} content responses, not {asked}."
                )
            centred = not self.settings.moment
            self._responses = reduced(content, style, count, method, centred=centred)
        return self._responses

    def _wide_windows(self, height: int, width: int) -> list[str]:
        """Say which windows are larger than their layers."""
        found = []
        for layer, half_width in self.settings.half_widths().items():
            grid = self.network.grid(layer, height, width)
            if 2 * half_width + 1 > min(grid):
                found.append(
                    f"the windows of {layer}, {2 * half_width + 1} positions wide, are larger than "
                    f"the layer's {grid[1]}x{grid[0]}: what lies beyond its borders counts as zero."
                )
        return found


def check_style_size(styling: Styling) -> None:
    """Refuse a style picture that is smaller than a window which fits the result.

    Enlarged, it would hold nothing at the size of that window. A window larger than the result
    is another matter: `Styling.remarks` says so.

    Raises:
        UsageError: with both sizes.
    """
    settings = styling.settings
    if settings.representation != "local":
        return
    image = styling.sources[0].image
    height, width = image.shape[2:]
    for layer, half_width in settings.half_widths().items():
        needed = (2 * half_width + 1) * styling.network.reach(layer).stride
        if half_width and max(height, width) < needed <= settings.size:
            raise UsageError(
                f"the style picture has {width}x{height} pixels, less than a window of {layer}, "
                f"{needed} pixels wide: take a larger picture or a smaller --window."
            )
