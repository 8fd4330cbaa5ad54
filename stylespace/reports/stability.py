"""Stability: what a number of a picture's style becomes when the picture is changed a little.

A number that says something about the style should outlive what happens to every reproduction:
another resolution, another framing, a JPEG. Its value on a picture of the same power spectrum with
random phases says how much of it is there without any form.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylespace.images import encoded_jpeg, resize
from stylespace.images.resizing import middle
from stylespace.networks.network import Network
from stylespace.styles.statistics.layers import flattened, statistics
from stylespace.styles.style import measured_style

STABLE = 0.1
"""Relative change up to which a number is called stable."""
JPEG_QUALITY = 75
CROPPED = 0.75
"""Share of each side that the crop leaves, in the middle."""


def two_thirds(image: Tensor) -> Tensor:
    """Return the picture (1, 3, H, W) at two thirds of its sides."""
    return resize(image, max(1, round(2 / 3 * max(image.shape[2:]))))


def cropped(image: Tensor) -> Tensor:
    """Return the middle of the picture (1, 3, H, W): three quarters of each side."""
    height, width = (max(1, round(CROPPED * side)) for side in image.shape[2:])
    return middle(image, height, width)


def as_jpeg(image: Tensor) -> Tensor:
    """Return the picture (1, 3, H, W) through a JPEG of quality 75."""
    from PIL import Image

    stream = io.BytesIO(encoded_jpeg(image, JPEG_QUALITY, "4:2:0"))
    decoded = np.array(Image.open(stream), dtype=np.float32) / 255
    return torch.from_numpy(decoded).permute(2, 0, 1)[None]


def random_phase(image: Tensor, *, seed: int = 0) -> Tensor:
    """Return noise with the picture's power spectrum, mean and colour covariance, (1, 3, H, W).

    The same random phases are added to those of the three channels, so that what relates them
    stays. Values leave [0, 1] where the phases add up.

    Source: Galerne, Gousseau & Morel 2011, random phase noise.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.fft.fft2(torch.randn(image.shape[2:], generator=generator, dtype=torch.float64))
    turn = noise / noise.abs()
    turn[0, 0] = 1  # the mean stays
    spectrum = torch.fft.fft2(image.cpu().double())
    return torch.fft.ifft2(spectrum * turn).real.float()


CHANGES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "two_thirds": two_thirds,
    "crop": cropped,
    "jpeg": as_jpeg,
}
ROUNDING = ("eigenvalue_ratio",)
"""Numbers that are mostly rounding: nothing is said of their stability."""
MARKS = {
    "two_thirds": "depends on size",
    "crop": "depends on the crop",
    "jpeg": "depends on compression",
}
"""What is said of a number that a change moves by more than STABLE."""


@dataclass(frozen=True)
class Stability:
    """One number under every change.

    value: on the picture. changed: {change: value}. null: with random phases.
    """

    value: float
    changed: Mapping[str, float]
    null: float

    @property
    def change(self) -> float:
        """The largest relative change."""
        return max((self._moved(name) for name in self.changed), default=0.0)

    @property
    def mark(self) -> str:
        """Return in words what the number depends on; nothing where it is stable."""
        return ", ".join(MARKS[name] for name in self.changed if self._moved(name) > STABLE)

    def _moved(self, name: str) -> float:
        """Return the relative change under one change; infinite from zero."""
        value = self.changed[name]
        if self.value == 0:
            return 0.0 if value == 0 else math.inf
        return abs(value - self.value) / abs(self.value)


def stabilities(
    network: Network, image: Tensor, layers: Sequence[str], values: Mapping[str, Mapping]
) -> dict[str, dict[str, Stability]]:
    """Return {layer: {number: Stability}} of a picture.

    Args:
        network: that measures.
        image: (1, 3, H, W) in [0, 1].
        layers: layer names.
        values: {layer: {number: value}} of the picture itself, as `flattened` names them.
    """

    def numbers(picture: Tensor) -> dict[str, dict[str, float]]:
        found = statistics(measured_style(network, picture, layers))  # phases leave [0, 1]
        return {layer: flattened(one) for layer, one in found.items()}

    changed = {
        name: numbers(picture)
        for name, change in CHANGES.items()
        if network.fits(layers, *(picture := change(image)).shape[2:])
    }
    null = numbers(random_phase(image))
    return {
        layer: {
            name: Stability(
                value, {key: one[layer][name] for key, one in changed.items()}, null[layer][name]
            )
            for name, value in values[layer].items()
            if not name.endswith(".count") and name not in ROUNDING
        }
        for layer in layers
    }
