"""Starts of textures: noise, and what it shares with the painting."""

import math

import torch
from torch import Tensor

from stylespace.commands.scales import noise_picture
from stylespace.images import resize
from stylespace.images.resizing import middle

SHARED = {
    "grey": "how light it is",
    "colour": "its mean colour",
    "spectrum": "its mean colour and power spectrum",
}
"""What each start shares with a picture."""


def shared_remark(kind: str) -> tuple[str]:
    """Say what a start shares with a picture, where the terms leave that open."""
    return (f"what the start shares with the source: {SHARED[kind]}.",)


def start_noise(
    kind: str,
    picture: Tensor | None,
    side: int,
    height: int,
    width: int,
    *,
    seed: int,
    grey: bool = False,
) -> Tensor:
    """Return seeded noise, (1, 3, H, W) in [0, 1].

    kind: one of SHARED. picture: (1, 3, h, w); without one the noise is around grey. side: pixels
    of its longer side at which it is matched. grey: the picture is.
    """
    if picture is None:
        return noise_picture(height, width, seed=seed, grey=grey)
    if kind == "spectrum":
        return random_phases(resize(picture, side), height, width, seed=seed)
    colour = picture.mean((0, 2, 3))
    colour = colour.mean().expand(3) if kind == "grey" else colour
    return noise_picture(height, width, colour=colour, seed=seed, grey=grey)


def random_phases(picture: Tensor, height: int, width: int, *, seed: int) -> Tensor:
    """Return seeded noise with a picture's mean colours and power spectrum: (1, 3, H, W) in [0, 1].

    The same random phases in all three colours, so that their correlations stay. Where the noise
    is larger than the picture it shows as much detail to a pixel.

    picture: (1, 3, h, w), in [0, 1].

    Source: Galerne, Gousseau & Morel 2011 (random phase noise). Departs: a Hann window in place of
    the periodic component; phases of white noise.
    """
    rows, columns = min(height, picture.shape[2]), min(width, picture.shape[3])
    inside = middle(picture, rows, columns).cpu().double()
    down, across = (torch.hann_window(side).double() for side in (rows, columns))
    window = down[:, None] * across
    mean = (inside * window).sum((2, 3), keepdim=True) / window.sum()
    energy = window.square().mean().sqrt() * math.sqrt(rows * columns / (height * width))
    spectrum = torch.fft.rfft2((inside - mean) * window / energy, s=(height, width))
    white = torch.randn(height, width, generator=torch.Generator().manual_seed(seed))
    phases = torch.fft.rfft2(white.double()).sgn()
    noise = torch.fft.irfft2(spectrum * phases, s=(height, width))
    return (mean + noise).clamp(0, 1).to(picture)
