"""Grain: shares of energy known in closed form, and invariances."""

import math

import numpy as np
import pytest
import torch

from stylespace.images.grain import FINE, grain


def wave(across, down, height=96, width=130):
    rows, columns = np.mgrid[:height, :width]
    light = 0.5 + 0.3 * np.cos(2 * np.pi * (across * columns + down * rows))
    return torch.tensor(light).expand(1, 3, -1, -1)


@pytest.mark.parametrize(
    ("across", "down", "share"),
    [(0.4, 0, 1), (0, 0.45, 1), (0.3, 0.3, 1), (0.2, 0.2, 0), (0.3, 0, 0), (0.01, 0.02, 0)],
)
def test_waves_are_grain_from_a_frequency_on(across, down, share):
    assert (math.hypot(across, down) > FINE) == bool(share)
    assert grain(wave(across, down)) == pytest.approx(share, abs=1e-3)


def test_white_noise_has_the_share_of_the_area():
    noise = torch.rand(1, 3, 200, 300, generator=torch.Generator().manual_seed(0))
    assert grain(noise) == pytest.approx(1 - math.pi * FINE**2, abs=0.02)


def test_a_share_does_not_change_with_light_contrast_or_direction():
    picture = wave(0.4, 0) + 0.5 * wave(0.1, 0.05)
    share = grain(picture)
    assert 0.5 < share < 0.95
    assert grain(0.1 + 0.3 * picture) == pytest.approx(share, rel=1e-6)
    assert grain(picture.mT) == pytest.approx(share, rel=1e-9)
    assert grain(picture.flip(3)) == pytest.approx(share, rel=1e-9)


def test_one_colour_has_none():
    assert grain(torch.full((1, 3, 20, 30), 0.3)) == pytest.approx(0, abs=1e-6)
