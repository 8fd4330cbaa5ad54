"""What is optimised: free numbers z that become a picture. What is measured is the objective.

A parametrisation turns z into a picture inside the pixel box, and a picture into z. The optimiser
sees z alone; every value and gradient belongs to the picture that would be written, so nothing is
ever clamped behind the optimiser's back.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from stylespace.errors import check_known
from stylespace.synthesis import phases
from stylespace.synthesis.natural import Natural


class Parameters(Protocol):
    """The contract of a parametrisation; the B pictures are independent of each other."""

    @property
    def learning_rate(self) -> float:
        """Of Adam, in units of z."""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Of z, held by the optimiser."""

    def encode(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> z (B, ...)."""

    def decode(self, z: Tensor) -> Tensor:
        """Z -> (B, 3, H, W)."""


@dataclass(frozen=True)
class Free:
    """Unbounded values: the picture is z itself."""

    learning_rate: float = 0.02
    bounds: tuple[float, float] | None = None

    def encode(self, image: Tensor) -> Tensor:
        """Return a copy."""
        return image.clone()

    def decode(self, z: Tensor) -> Tensor:
        """Return z."""
        return z


@dataclass(frozen=True)
class Pixels(Free):
    """Plain pixels inside [0, 1], real bounds that the optimiser holds.

    So the loss that it sees is that of the picture as written: measured at 128 px, the 8-bit
    file's loss is within 0.1 % of it, where unbounded pixels lose 6 to 310 % when clamped.
    """

    bounds: tuple[float, float] = (0.0, 1.0)

    def encode(self, image: Tensor) -> Tensor:
        """Return the picture inside the bounds."""
        return image.clamp(*self.bounds)


@dataclass(frozen=True)
class Sigmoid(Free):
    """Pixels as the sigmoid of z: smooth bounds that are never quite reached."""

    learning_rate: float = 0.05
    margin: float = phases.MARGIN

    def encode(self, image: Tensor) -> Tensor:
        """Return the logit of the picture, kept `margin` away from the bounds."""
        return torch.logit(image.clamp(self.margin, 1 - self.margin))

    def decode(self, z: Tensor) -> Tensor:
        """Return sigmoid(z)."""
        return torch.sigmoid(z)


@dataclass(frozen=True)
class Fourier:
    """Sigmoid of decorrelated colours in a Fourier basis scaled by 1 / frequency^decay.

    Equal steps in z give a picture the spectrum of natural ones, so that an ascent draws shapes
    where plain pixels draw high-frequency noise.

    Source: Distill17, section "Preconditioning and parameterization". Departs: the colour
    matrix is normalised by the norm of its largest column, as in lucid's code; `spread` sets the
    standard deviation of the logits for a z of unit variance.
    """

    height: int
    width: int
    learning_rate: float = 0.05
    bounds: tuple[float, float] | None = None
    decay: float = 1.0
    spread: float = 3.0
    margin: float = phases.MARGIN

    def decode(self, z: Tensor) -> Tensor:
        """(B, 3, H, W // 2 + 1, 2) -> (B, 3, H, W)."""
        spectrum = torch.view_as_complex(z) * self._scale(z)
        return phases.spectrum_picture(spectrum, self.height, self.width)

    def encode(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H, W // 2 + 1, 2), kept `margin` away from the bounds."""
        spectrum = phases.spectrum_of(image, self.margin) / self._scale(image)
        return torch.view_as_real(spectrum).contiguous()

    def noise(self, count: int, *, generator: torch.Generator, amplitude: float = 0.1) -> Tensor:
        """Return a start z for `count` pictures: natural-looking, near grey."""
        shape = (count, 3, self.height, self.width // 2 + 1, 2)
        return amplitude * torch.randn(shape, generator=generator)

    def _scale(self, like: Tensor) -> Tensor:
        """Return the (H, W // 2 + 1) amplitudes, of mean square 1 over the grid."""
        return _scaled(self, like.device, like.dtype)


@functools.lru_cache(maxsize=4)
def _scaled(fourier: Fourier, device: torch.device, dtype: torch.dtype) -> Tensor:
    """See `Fourier._scale`; made once a run."""
    lowest = 1 / max(fourier.height, fourier.width)
    like = torch.zeros((), device=device, dtype=dtype)
    length = phases.frequencies(fourier.height, fourier.width, like).clamp(min=lowest)
    scale = length**-fourier.decay
    return fourier.spread * scale / scale.square().mean().sqrt()


@dataclass(frozen=True)
class Grey:
    """Grey pictures: one plane of another parametrisation as red, green and blue.

    What is measured is then the grey picture that will be written, and no step can leave it.
    """

    plane: Parameters

    @property
    def learning_rate(self) -> float:
        """That of the plane."""
        return self.plane.learning_rate

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Those of the plane."""
        return self.plane.bounds

    def encode(self, image: Tensor) -> Tensor:
        """Return the numbers of the mean of the three colours, of a picture (B, 3, H, W)."""
        return self.plane.encode(image.mean(1, keepdim=True))

    def decode(self, z: Tensor) -> Tensor:
        """Return the plane three times: (B, 3, H, W)."""
        return self.plane.decode(z).expand(-1, 3, -1, -1)


PARAMETERS: dict[str, Callable[..., Parameters]] = {
    "pixels": Pixels,
    "sigmoid": Sigmoid,
    "fourier": Fourier,
    "free": Free,
}
"""Parametrisations by name that hold any picture of the box."""
PAINTED: dict[str, Callable[[int, int, Tensor], Parameters]] = {
    "phases": phases.Phases,
    "natural": Natural,
}
"""Those that know the spectrum of paintings, and hold what has it."""


def parameters_for(name: str, height: int, width: int) -> Parameters:
    """Return the parametrisation of that name for pictures of height x width pixels.

    Raises:
        UsageError: a name that is neither in PARAMETERS nor PAINTED.
    """
    if name in PAINTED:
        return PAINTED[name](height, width, phases.painting_spectrum(height, width))
    check_known("parametrisation", name, (*PARAMETERS, *PAINTED))
    return Fourier(height, width) if name == "fourier" else PARAMETERS[name]()
