"""Pictures as Fourier spectra of decorrelated colours, and as phases of a spectrum that is held.

Where the strength of every frequency is that of paintings and only the phases are free, an ascent
cannot reach its goal by contrast or by noise: it has to move edges (MACO).
"""

import functools
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylespace.assets import paintings, sample_path
from stylespace.images import read_image, resize
from stylespace.synthesis.checkpoint import named, part

COLOUR = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""Square root of the RGB covariance of natural pictures, as published with Distill17 (lucid)."""
MARGIN = 0.01
"""How far a picture is kept from 0 and 1, where its logits are infinite."""


def colour_matrix(like: Tensor) -> Tensor:
    """Return COLOUR over the norm of its largest column, (3 RGB, 3 planes), as in lucid's code.

    Of one plane, (B, 1, ...), what a grey picture has of the first column: (1, 1).
    """
    matrix = _colour_matrix(like.device, like.dtype)
    return matrix[:, :1].mean(0, keepdim=True) if like.shape[1] == 1 else matrix


@functools.cache
def _colour_matrix(device: torch.device, dtype: torch.dtype) -> Tensor:
    """Make it once: what a step sends to a GPU makes it wait."""
    matrix = torch.tensor(COLOUR, device=device, dtype=dtype)
    return matrix / matrix.norm(dim=0).max()


def spectrum_picture(spectrum: Tensor, height: int, width: int) -> Tensor:
    """Return the sigmoid of the planes of a spectrum, as RGB.

    spectrum: complex (B, 3, H, W // 2 + 1), orthonormal -> (B, 3, H, W) between 0 and 1.
    """
    planes = torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")
    return torch.sigmoid(torch.einsum("dc,bchw->bdhw", colour_matrix(planes), planes))


def spectrum_of(image: Tensor, margin: float = MARGIN) -> Tensor:
    """Return the complex (B, 3, H, W // 2 + 1) whose `spectrum_picture` is image (B, 3, H, W)."""
    return torch.fft.rfft2(colour_planes(image, margin), norm="ortho")


def colour_planes(image: Tensor, margin: float = MARGIN) -> Tensor:
    """Return the decorrelated planes of the logits of a picture: (B, 3, H, W), both.

    The picture is kept `margin` away from 0 and 1.
    """
    logits = torch.logit(image.clamp(margin, 1 - margin))
    return torch.einsum("cd,bdhw->bchw", torch.linalg.inv(colour_matrix(image)), logits)


def frequencies(height: int, width: int, like: Tensor) -> Tensor:
    """Return the length of each frequency, (H, W // 2 + 1), in cycles per pixel."""
    down = torch.fft.fftfreq(height, device=like.device, dtype=like.dtype)[:, None]
    across = torch.fft.rfftfreq(width, device=like.device, dtype=like.dtype)
    return (down.square() + across.square()).sqrt()


@dataclass(frozen=True, eq=False)
class Phases:
    """Phases of a spectrum whose magnitude is held, z in radians: (B, 3, H, W // 2 + 1).

    magnitude: (3, H, W // 2 + 1), orthonormal, of the decorrelated planes of the logits. The
    mean of each plane, [:, 0, 0], may be negative and has no phase, nor have the other
    frequencies that are their own mirror image. In the columns that hold both a frequency and its
    mirror image the one follows from the other: independent phases would cancel in the real
    picture and take magnitude away.

    With learning rate 0.3 log G_ij of conv3_1 and conv4_1 12,40 rose by 4.0 in 150 evaluations at
    128 px, with 0.1 by 3.9, with shapes and without grain in both.

    Source: MACO (Fel et al. 2023, arXiv:2306.06805). Departs: the logits have the
    magnitude, and no second normalisation follows; plain Adam.
    """

    height: int
    width: int
    magnitude: Tensor
    learning_rate: float = 0.3
    bounds: tuple[float, float] | None = None

    def decode(self, z: Tensor) -> Tensor:
        """(B, 3, H, W // 2 + 1) -> (B, 3, H, W)."""
        spectrum = self.magnitude.to(z) * self._mirrored(torch.polar(torch.ones_like(z), z))
        return spectrum_picture(spectrum, self.height, self.width)

    def encode(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> its phases; the magnitudes of the picture are lost."""
        return spectrum_of(image).angle()

    def noise(self, count: int, *, generator: torch.Generator) -> Tensor:
        """Return a start z for `count` pictures: every phase equally likely."""
        shape = (count, 3, self.height, self.width // 2 + 1)
        return math.pi * (2 * torch.rand(shape, generator=generator) - 1)

    def _mirrored(self, unit: Tensor) -> Tensor:
        """Return unit complex numbers with those of mirror images conjugated, of their own 1."""
        row = torch.arange(self.height, device=unit.device)[:, None]
        column = torch.arange(self.width // 2 + 1, device=unit.device)
        both = 2 * column % self.width == 0  # the mirror image is in the same column
        unit = torch.where(both & (2 * row > self.height), unit.flip(2).roll(1, 2).conj(), unit)
        return torch.where(both & (2 * row % self.height == 0), torch.ones_like(unit), unit)


MEASURED_SIDE = 256
"""Longer side in pixels of the paintings whose spectrum is measured."""
RINGS = 16
"""Number of rings of equal ratio over which a spectrum is averaged, from 2 cycles a side on."""


def painting_spectrum(height: int, width: int) -> Tensor:
    """Return the magnitude of the bundled paintings' spectrum for pictures of any size.

    The root of the mean power over the paintings at 256 px and over all directions, a function of
    the frequency in cycles per pixel for each decorrelated plane of the logits, so that a larger
    picture shows as much detail to a pixel. Frequencies below two cycles a painting have the
    strength of those. The mean is that of the paintings.

    Returns:
        (3, H, W // 2 + 1) in float64, orthonormal, for `Phases`.

    Source: MACO (see `Phases`). Departs: eight paintings in place of ImageNet; Hann windows,
    without which the borders draw a cross; the root of the mean square in place of the mean, so
    that contrast is kept; smooth, where an average over many pictures is.
    """
    rings, strength, mean = _rings()
    like = torch.zeros((), dtype=torch.float64)
    logarithm = frequencies(height, width, like).clamp(min=float(rings[0])).log().numpy()
    planes = [np.interp(logarithm, np.log(rings), np.log(plane)) for plane in strength]
    magnitude = torch.from_numpy(np.exp(np.stack(planes)))
    magnitude[:, 0, 0] = torch.from_numpy(mean) * math.sqrt(height * width)
    return magnitude


@functools.cache
def _rings() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return frequencies (R,), magnitudes (3, R) and means (3,) over the paintings."""
    planes = [
        colour_planes(resize(read_image(sample_path(name)), MEASURED_SIDE).double())[0]
        for name in paintings()
    ]
    edges = ring_edges()
    powers = np.mean([_ring_powers(plane, edges) for plane in planes], 0)
    mean = np.mean([plane.mean((1, 2)).numpy() for plane in planes], 0)
    return np.sqrt(edges[1:] * edges[:-1]), np.sqrt(powers), mean


def ring_edges() -> np.ndarray:
    """Return the frequencies between which the rings lie, (RINGS + 1,)."""
    return np.geomspace(2 / MEASURED_SIDE, 0.5, RINGS + 1)


def _ring_powers(planes: Tensor, edges: np.ndarray) -> np.ndarray:
    """Return the mean power of planes (3, H, W) in each ring of frequencies: (3, R)."""
    height, width = planes.shape[1:]
    window = _hann(height)[:, None] * _hann(width)
    window = window / window.square().mean().sqrt()
    centred = planes - (planes * window).sum((1, 2), keepdim=True) / window.sum()
    power = torch.fft.fft2(centred * window, norm="ortho").abs().square().numpy()
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    inside = [(low <= frequency) & (frequency < high) for low, high in itertools.pairwise(edges)]
    return np.stack([power[:, ring].mean(1) for ring in inside], 1)


def _hann(side: int) -> Tensor:
    return torch.hann_window(side, dtype=torch.float64)


class Importance:
    """An objective that notes where its gradient is strong, for MACO's importance map.

    `map` is the mean over the evaluations of |gradient of the summed terms| over the channels,
    (B, H, W); pictures of another shape begin anew. It is noted whenever a gradient is taken, and
    is None before that.

    Source: MACO (see `Phases`), which takes it for the transparency of its pictures.
    """

    def __init__(self, objective: Callable[[Tensor], Mapping[str, Tensor]]) -> None:
        self.objective = objective
        self.count = 0
        self.map: Tensor | None = None

    def __call__(self, image: Tensor) -> Mapping[str, Tensor]:
        """Evaluate the objective."""
        if image.requires_grad:
            image.register_hook(self._note)
        return self.objective(image)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the map so far and the state of the objective, where it has any."""
        noted = {} if self.map is None else {"map": self.map, "count": torch.tensor(self.count)}
        inner: Mapping[str, Tensor] = getattr(self.objective, "state_dict", dict)()
        return noted | named("objective", inner)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from there."""
        if "map" in state:
            self.map, self.count = state["map"], int(state["count"])
        if inner := part("objective", state):
            self.objective.load_state_dict(inner)  # type: ignore[attr-defined]

    def _note(self, gradient: Tensor) -> None:
        strength = gradient.detach().abs().mean(1)
        if self.map is None or self.map.shape != strength.shape:
            self.count, self.map = 0, torch.zeros_like(strength)
        self.count += 1
        self.map = self.map + (strength - self.map) / self.count
