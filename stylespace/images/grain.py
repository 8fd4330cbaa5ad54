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
    light = image[0].detach().cpu().double().mean(0)
    windows = (torch.hann_window(side, periodic=False).double() for side in light.shape)
    rows, columns = windows
    window = rows[:, None] * columns
    light = (light - (window * light).sum() / window.sum()) * window
    energy = torch.fft.fft2(light).abs().square()
    across, down = (torch.fft.fftfreq(side, dtype=torch.float64) for side in light.shape)
    fine = torch.hypot(*torch.meshgrid(across, down, indexing="ij")) > FINE
    return float(energy[fine].sum() / energy.sum().clamp(min=1e-20))
