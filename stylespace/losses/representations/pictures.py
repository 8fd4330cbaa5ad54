"""The pictures of a transfer, as a representation of style reads them."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from stylespace.errors import UsageError
from stylespace.images import resize, resize_to
from stylespace.images.resizing import fitted, middle
from stylespace.networks.memory import measured_bytes
from stylespace.networks.network import Network
from stylespace.settings import TransferSettings
from stylespace.settings.representations import REPRESENTATIONS
from stylespace.styles.sources import StyleSource, blender

Grid = tuple[int, int]


class Pictures:
    """Content and styles of a transfer, their features, and how much memory those take.

    Args:
        settings: of the transfer. network: that sees the pictures.
        content: (1, 3, H, W), what the result keeps. sources: the styles.

    Attributes:
        layers: of the style. weights: {style layer: weight}, adding up to 1.
        content_shape: (H, W) of the content as it is.
        itemsize: bytes of a number in a term, which is never in half precision.
        largest: longer side in pixels of the style pictures at the finest scale.
        style: (network, longer side in pixels) -> the blended style.

    Raises:
        MemoryLimitError: the style pictures would not fit.
    """

    def __init__(
        self,
        settings: TransferSettings,
        network: Network,
        content: Tensor,
        sources: Sequence[StyleSource],
    ) -> None:
        self.settings, self.network = settings, network
        self.content, self.sources = content, tuple(sources)
        weights = settings.style_layers()
        self.layers = tuple(weights)
        self.weights = {layer: weights[layer] / sum(weights.values()) for layer in weights}
        self.content_shape: Grid = (content.shape[2], content.shape[3])
        self.itemsize = max(4, network.dtype.itemsize)
        self.largest = settings.source_side(settings.size)
        self.style = blender(self.sources, self.layers, largest=self.largest)

    def seen_by(self, network: Network) -> Pictures:
        """Return the same pictures as another network of the same style space sees them."""
        other = copy.copy(self)
        other.network = network
        return other

    @property
    def style_picture(self) -> Tensor:
        """The only style picture as it is, (1, 3, H, W).

        Raises:
            UsageError: the style is one of statistics alone.
        """
        return picture_of(self.sources[0], self.settings.representation)

    @property
    def style_shape(self) -> Grid:
        """(H, W) of the style picture at the finest scale."""
        return fitted(*self.style_picture.shape[2:])(self.largest)

    def style_side(self, height: int, width: int) -> int:
        """Return the longer side of the style pictures for a result of height x width pixels."""
        return self.settings.source_side(max(height, width))

    def resized(self, side: int) -> Tensor:
        """Return the only style picture with `side` pixels on its longer side."""
        return resize(self.style_picture, side).to(self.network.device)

    def covering(self, height: int, width: int) -> Tensor:
        """Return the style picture resized to cover height x width pixels, and cut to them.

        A window is compared with the window at the same place, so that both pictures need one
        grid; cutting keeps the style's proportions.
        """
        image = self.style_picture
        scale = max(height / image.shape[2], width / image.shape[3])
        rows, columns = (
            max(n, round(scale * m)) for n, m in zip((height, width), image.shape[2:], strict=True)
        )
        return middle(resize_to(image, rows, columns), height, width)

    def features(self, picture: Tensor, layers: Sequence[str] = ()) -> dict[str, Tensor]:
        """Return a picture's activations at layers, by default those of the style."""
        with torch.no_grad():
            return self.network(picture, layers or self.layers)

    def remarks(self) -> list[str]:
        """Return what is degenerate about the styles, a sentence each."""
        each = (source.remarks(self.network, self.layers, self.largest) for source in self.sources)
        return [text for texts in each for text in texts]

    def wide_windows(self, height: int, width: int) -> list[str]:
        """Say which windows are larger than their layers in a result of height x width pixels."""
        half_widths, grids = self.settings.half_widths(), self.grids(height, width)
        return [
            f"the windows of {layer}, {2 * half_widths[layer] + 1} positions wide, are larger than "
            f"the layer's {columns}x{rows}: what lies beyond its borders counts as zero."
            for layer, (rows, columns) in grids.items()
            if 2 * half_widths[layer] + 1 > min(rows, columns)
        ]

    def grids(self, height: int, width: int) -> dict[str, Grid]:
        """Return {style layer: (h, w)} of a picture of height x width pixels."""
        return {layer: self.network.grid(layer, height, width) for layer in self.layers}

    def feature_bytes(self, height: int, width: int) -> int:
        """Return the bytes of all style layers' features of a picture of height x width pixels."""
        return self.itemsize * sum(
            self.network.channels(layer) * rows * columns
            for layer, (rows, columns) in self.grids(height, width).items()
        )

    def measuring_bytes(self) -> int:
        """Return the bytes of the style picture's features at the finest scale, in one piece."""
        return measured_bytes(self.network, self.layers, *self.style_shape)


def picture_of(source: StyleSource, representation: str = "gram") -> Tensor:
    """Return the picture of a style, (1, 3, H, W).

    representation: for which it is needed.

    Raises:
        UsageError: the style is one of statistics alone.
    """
    if source.image is None:
        enough = [name for name, needs in REPRESENTATIONS.items() if not needs.picture]
        raise UsageError(
            f"representation {representation!r} needs style pictures, a captured style holds means "
            f"and Gram matrices alone: name a picture, or choose {', '.join(enough)}."
        )
    return source.image
