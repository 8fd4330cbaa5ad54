"""Grain: how much of a picture is finer than pictures are, such as specks and crosshatch."""

import torch
from torch import Tensor

FINE = 0.35
"""Cycles a pixel from which on detail is grain: photographs and paintings have little there."""


def grain(image: Tensor) -> float:
    """Return the share of a picture's energy above FINE cycles a pixel, its mean left out.

    Of the mean of its three channels, under a Hann window, so that borders have no part in it.

    Args:
        image: (1, 3, H, W), from 4 x 4 pixels on.

    Returns:
        In [0, 1]; 0 of one colour; of white noise 1 - pi FINE^2 = .615.
    """
    energy = spectrum(image)
    across, down = (torch.fft.fftfreq(side, dtype=torch.float64) for side in energy.shape)
    fine = torch.hypot(*torch.meshgrid(across, down, indexing="ij")) > FINE
    return float(energy[fine].sum() / energy.sum().clamp(min=1e-20))


def spectrum(image: Tensor) -> Tensor:
    """Return the energy of a picture (1, 3, H, W) at each frequency, (H, W) in float64.

    Of the mean of its three channels, less their mean, under a Hann window.
    """
    light = image[0].detach().cpu().double().mean(0)
    rows, columns = (torch.hann_window(side, periodic=False).double() for side in light.shape)
    window = rows[:, None] * columns
    light = (light - (window * light).sum() / window.sum()) * window
    return torch.fft.fft2(light).abs().square()
