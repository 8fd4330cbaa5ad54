"""Natural spectra: no ring of frequencies above its ceiling, exact gradients, numpy."""

import numpy as np
import pytest
import torch
from tiny import seeded_picture

from stylespace.synthesis.natural import CEILING, FINE_RINGS, Natural
from stylespace.synthesis.parameters import parameters_for
from stylespace.synthesis.phases import RINGS, colour_planes, spectrum_of

pytestmark = pytest.mark.usefixtures("one_thread")


def ring_powers(planes, units):
    """Mean power of planes (B, 3, H, W) in units of a magnitude by ring: (B, 3, R), the rings."""
    height, width = planes.shape[2:]
    power = np.abs(np.fft.fft2(planes, norm="ortho")) ** 2 / units**2
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    edges = np.geomspace(2 / 256, 0.5, RINGS + 1)[1:-1]
    rings = 1 + np.searchsorted(edges, frequency + 1e-12)
    rings[0, 0] = 0
    found = [
        power[..., rings == ring].mean(-1) for ring in range(RINGS + 1) if (rings == ring).any()
    ]
    return np.stack(found, -1), [ring for ring in range(RINGS + 1) if (rings == ring).any()]


def both_sides(half, width):
    """A magnitude (3, H, W // 2 + 1) at every frequency: (3, H, W)."""
    height = half.shape[1]
    rows, columns = (
        -np.arange(height) % height,
        np.minimum(np.arange(width), -np.arange(width) % width),
    )
    far = np.arange(width) > width // 2
    return np.where(far, half[:, rows][:, :, columns], half[:, :, columns])


@pytest.mark.parametrize("size", [(24, 30), (25, 31), (24, 31)])
def test_no_natural_picture_has_more_power_at_a_scale_than_it_may(size):
    natural = parameters_for("natural", *size)
    generator = torch.Generator().manual_seed(0)
    z = 20 * natural.noise(2, generator=generator, amplitude=1.0).double()
    z[1] *= 0.01
    image = natural.decode(z)
    assert image.min() > 0 and image.max() < 1
    half = natural.magnitude.numpy().copy()
    half[:, 0, 0] = half[:, 0, 1]
    planes = colour_planes(image, margin=0.0).numpy()
    found, rings = ring_powers(planes, both_sides(half, size[1]))
    highest = np.array([CEILING * 0.5 ** max(0, ring - RINGS + FINE_RINGS) for ring in rings])
    assert (found <= 1.0001 * highest).all()
    many = np.array(rings) > 12  # where frequencies are few, the parts that none can have count
    assert (found[0][:, many] >= 0.85 * highest[many]).all() and found[1].max() < 0.3
    torch.testing.assert_close(natural.decode(natural.encode(image[1:])), image[1:])


def test_natural_pictures_have_exact_gradients_and_know_nothing_of_their_neighbours():
    natural = Natural(6, 7, spectrum_of(seeded_picture(6, 7, seed=0))[0].abs())
    z = 3 * torch.randn(2, 3, 6, 4, 2, dtype=torch.float64)
    z.requires_grad_()
    assert torch.autograd.gradcheck(natural.decode, (z,))
    torch.testing.assert_close(natural.decode(z)[1:], natural.decode(z[1:]))
    kept = natural.magnitude.clone()
    natural.decode(z)
    assert torch.equal(natural.magnitude, kept)
    start = natural.noise(2, generator=torch.Generator().manual_seed(0))
    assert start.shape == z.shape and natural.decode(start).std() < 0.2
