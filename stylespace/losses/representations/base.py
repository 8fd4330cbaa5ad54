"""What every representation of style answers, and the two plain kinds of them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from stylespace.losses.guides import Regions
from stylespace.losses.representations.pictures import Pictures
from stylespace.losses.terms import Term, Terms
from stylespace.networks.memory import read_shape
from stylespace.networks.network import Network
from stylespace.styles.moments import LayerStyle
from stylespace.styles.style import Style

Remarked = tuple[dict[str, float], list[str]]
"""Figures by name, and what they give to say, a sentence each."""


class Representation(ABC):
    """The style of one transfer in one representation: its terms at every scale, and their cost.

    Attributes:
        pictures: of the transfer. regions: that guide the style, or None.
        copies: of all layers' features that one evaluation takes beyond a Gram matrix's.
    """

    copies: ClassVar[int] = 0

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures
        self.regions: Regions | None = None

    def seen_by(self, network: Network) -> Representation:
        """Return the same style as another network of its style space sees it, or itself."""
        if network is self.pictures.network:
            return self
        other = copy.copy(self)
        other.pictures = self.pictures.seen_by(network)
        return other

    @abstractmethod
    def terms(self, height: int, width: int) -> Terms:
        """Return the terms for pictures of height x width pixels, their weights adding up to 1."""

    def memory(self, height: int, width: int) -> int:
        """Return the bytes that it adds to a global style's objective of height x width pixels."""
        read = read_shape(self.pictures.network, self.pictures.layers, height, width)
        return self.copies * self.pictures.feature_bytes(*read)

    def target(self, network: Network, height: int, width: int) -> Style:
        """Return the style that a result of height x width pixels is measured against."""
        return self.pictures.style(network, self.pictures.largest)

    def remarks(self, height: int, width: int) -> list[str]:
        """Return what a user should know of a result of height x width pixels, a sentence each."""
        return self.pictures.remarks()

    def figures(self, judge: Network, image: Tensor, content: Tensor) -> Remarked:
        """Return its own figures of a result, and what they give to say, a sentence each.

        Args:
            judge: the network to measure with. image, content: (1, 3, H, W).
        """
        return {}, []


class FromMoments(Representation):
    """A representation that means and Gram matrices of a style determine: a term a layer."""

    @staticmethod
    @abstractmethod
    def term(layer: str, style: LayerStyle, weight: float) -> Term:
        """Return the term of a layer, whose style may be a blend or come from a file."""

    @classmethod
    def of_style(cls, style: Style, weights: Mapping[str, float]) -> Terms:
        """Return the terms of a captured style, which may be a blend or come from a file.

        Args:
            style: its layers must be those of `weights` at least. weights: {layer: weight}.

        Raises:
            UsageError: a layer that the style does not hold.
        """
        layers = style.pick(tuple(weights)).layers
        return Terms(tuple(cls.term(name, layers[name], weights[name]) for name in weights))

    def terms(self, height: int, width: int) -> Terms:
        """See `Representation.terms`."""
        pictures = self.pictures
        style = pictures.style(pictures.network, pictures.style_side(height, width))
        return self.of_style(style, pictures.weights)


class FromFeatures(Representation):
    """A representation of the style picture's features, wherever they lie."""

    @classmethod
    @abstractmethod
    def of_features(cls, features: Mapping[str, Tensor], weights: Mapping[str, float]) -> Terms:
        """Return the terms of a style picture.

        Args:
            features: {layer: (1, C, h, w)}, its activations.
            weights: {layer: weight}, above 0, of the layers to match.
        """

    def terms(self, height: int, width: int) -> Terms:
        """See `Representation.terms`."""
        picture = self.pictures.resized(self.pictures.style_side(height, width))
        return self.of_features(self.pictures.features(picture), self.pictures.weights)

    def memory(self, height: int, width: int) -> int:
        """See `Representation.memory`; the style picture's features are measured at once."""
        return super().memory(height, width) + self.pictures.measuring_bytes()
