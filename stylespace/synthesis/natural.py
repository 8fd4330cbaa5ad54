"""Natural spectra: pictures with little more power at any scale than paintings have."""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.synthesis.phases import (
    RINGS,
    frequencies,
    ring_edges,
    spectrum_of,
    spectrum_picture,
)

CEILING = 4.0
"""How many times the paintings' power a `Natural` picture may have at a scale."""
FINE_RINGS = 3
"""Number of the finest rings, above .23 cycles a pixel, at each of which that number is halved."""


@dataclass(frozen=True, eq=False)
class Natural:
    """A Fourier basis in which no picture has much more power at a scale than paintings have.

    z is a spectrum in units of the paintings' magnitude, (B, 3, H, W // 2 + 1, 2). Where the mean
    of |z|^2 over a ring of frequencies of a plane is above CEILING, less in the FINE_RINGS, the
    ring is scaled down to it. Directions and places are free, so that shapes form; grain and
    clipped colours, which need more of some frequencies than any painting has, cannot.

    Of 50 entries over five layers of vgg19-norm at 224 px, in medians: a step of 0.05 reaches .54
    of what `Fourier` does, of 0.1 .60; 1.7 % of the energy is above .35 cycles a pixel instead of
    9.2 %, in paintings 2.3 %; 2.4 % of the values lie within .01 of 0 or 1 instead of 21 %.

    magnitude: (3, H, W // 2 + 1), orthonormal, of the decorrelated planes of the logits. The
    mean of each plane is a ring of its own, as strong as the lowest frequency.
    """

    height: int
    width: int
    magnitude: Tensor
    learning_rate: float = 0.1
    bounds: tuple[float, float] | None = None

    def decode(self, z: Tensor) -> Tensor:
        """(B, 3, H, W // 2 + 1, 2) -> (B, 3, H, W)."""
        unit = torch.view_as_complex(z)
        power = unit.abs().square().flatten(2)
        rings, weights = _ring_weights(self.height, self.width, z.device, z.dtype)
        means = power.new_zeros(*power.shape[:2], RINGS + 1)
        means = means.index_add(2, rings, power * weights)
        highest = _ceilings(z.device, z.dtype)
        gains = (highest / torch.maximum(means, highest)).sqrt()[..., rings].view_as(unit)
        return spectrum_picture(
            unit * gains * _units(self, z.device, z.dtype), self.height, self.width
        )

    def encode(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H, W // 2 + 1, 2); what is above the ceiling is lost."""
        units = _units(self, image.device, image.dtype)
        return torch.view_as_real(spectrum_of(image) / units).contiguous()

    def noise(self, count: int, *, generator: torch.Generator, amplitude: float = 0.1) -> Tensor:
        """Return a start z for `count` pictures: natural-looking, near grey."""
        shape = (count, 3, self.height, self.width // 2 + 1, 2)
        return amplitude * torch.randn(shape, generator=generator)


@functools.lru_cache(maxsize=4)
def _units(natural: Natural, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return what z is measured in, (3, H, W // 2 + 1); made once a run."""
    units = natural.magnitude.to(device, dtype, copy=True)
    units[:, 0, 0] = units[:, 0, min(1, natural.width // 2)]
    return units


@functools.cache
def _ceilings(device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the most that the mean of |z|^2 may be, for the mean and each ring: (RINGS + 1,)."""
    highest = torch.full((RINGS + 1,), CEILING, dtype=dtype)
    highest[-FINE_RINGS:] *= 0.5 ** torch.arange(1, FINE_RINGS + 1)
    return highest.to(device)


@functools.lru_cache(maxsize=4)
def _ring_weights(
    height: int, width: int, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return each frequency's ring and its share of the ring's mean, (H * (W // 2 + 1),) both.

    A column that stands for its mirror image as well counts twice.
    """
    like = torch.zeros((), device=device, dtype=dtype)
    edges = torch.from_numpy(ring_edges()[1:-1]).to(like)
    rings = 1 + torch.bucketize(frequencies(height, width, like), edges, right=True)
    rings[0, 0] = 0
    columns = torch.arange(width // 2 + 1, device=device)
    counts = torch.where(2 * columns % width == 0, 1, 2).to(like).expand(height, -1).flatten()
    rings = rings.flatten()
    totals = like.new_zeros(RINGS + 1).index_add(0, rings, counts)
    return rings, counts / totals[rings]
