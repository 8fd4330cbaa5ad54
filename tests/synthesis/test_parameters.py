"""What is optimised: round trips, bounds, gradients, spectra."""

import numpy as np
import pytest
import torch
from tiny import seeded_picture

from stylespace.errors import UsageError
from stylespace.synthesis.parameters import PARAMETERS, Fourier, Grey, parameters_for
from stylespace.synthesis.phases import COLOUR, Phases

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = [(6, 8), (7, 8), (6, 9), (7, 9), (1, 4), (5, 1)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_picture_comes_back(name, size, dtype):
    parameters = parameters_for(name, *size)
    image = (0.05 + 0.9 * seeded_picture(*size, count=2)).to(dtype)
    z = parameters.encode(image)
    assert len(z) == 2 and z.dtype == dtype
    torch.testing.assert_close(parameters.decode(z), image, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PARAMETERS)
def test_grey_pictures_are_one_plane(name, size):
    """A grey picture comes back, one of colours as the mean of them; any numbers are grey."""
    plain = parameters_for(name, *size)
    grey = Grey(plain)
    assert (grey.bounds, grey.learning_rate) == (plain.bounds, plain.learning_rate)
    image = 0.05 + 0.9 * seeded_picture(*size, count=2)
    z = grey.encode(image)
    assert 3 * z.numel() == plain.encode(image).numel()
    expected = image.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    torch.testing.assert_close(grey.decode(z), expected)
    drawn = grey.decode(torch.rand(z.shape, generator=torch.Generator().manual_seed(0)))
    assert drawn.shape == image.shape and drawn[:, :1].expand_as(drawn).equal(drawn)
    z.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: grey.decode(z).square(), z)


def test_a_step_of_grey_fourier_numbers_is_that_of_light_in_colour():
    """The plane is as strong as the first of three, which is grey but for 4 %."""
    plain = Fourier(7, 9)
    z = torch.randn(1, 3, 7, 5, 2, generator=torch.Generator().manual_seed(0)).double()
    z[:, 1:] = 0
    logits, grey = (torch.logit(one.decode(z[:, :n])) for one, n in ((plain, 3), (Grey(plain), 1)))
    torch.testing.assert_close(grey[:, 0], logits.mean(1))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["free", "pixels", "sigmoid"])
def test_numbers_come_back(name, size):
    parameters = parameters_for(name, *size)
    z = seeded_picture(*size, count=2)
    torch.testing.assert_close(parameters.encode(parameters.decode(z)), z)


@pytest.mark.parametrize("size", SIZES)
def test_fourier_numbers_that_a_picture_holds_come_back(size):
    fourier = Fourier(*size)
    z = fourier.encode(0.05 + 0.9 * seeded_picture(*size, count=2))
    assert z.shape == (2, 3, size[0], size[1] // 2 + 1, 2)
    torch.testing.assert_close(fourier.encode(fourier.decode(z)), z)


@pytest.mark.parametrize("name", ["pixels", "sigmoid", "fourier"])
def test_every_encoded_picture_lies_in_the_box(name):
    parameters = parameters_for(name, 6, 9)
    image = 3 * seeded_picture(6, 9, count=2) - 1  # outside the box as well
    z = parameters.encode(image)
    back = parameters.decode(z)
    assert back.min() >= 0 and back.max() <= 1
    if parameters.bounds:
        assert z.min() >= parameters.bounds[0] and z.max() <= parameters.bounds[1]
    margin = getattr(parameters, "margin", 0.0)
    torch.testing.assert_close(back, image.clamp(margin, 1 - margin))


@pytest.mark.parametrize("name", ["sigmoid", "fourier"])
def test_any_numbers_give_a_picture_in_the_box(name):
    parameters = parameters_for(name, 6, 9)
    z = 100 * torch.randn_like(parameters.encode(seeded_picture(6, 9)))
    image = parameters.decode(z)
    assert image.shape == (1, 3, 6, 9) and image.min() >= 0 and image.max() <= 1


def test_encoding_does_not_share_memory():
    image = seeded_picture(6, 9)
    for name in PARAMETERS:
        z = parameters_for(name, 6, 9).encode(image)
        before = image.clone()
        z += 1
        assert torch.equal(image, before)


@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
@pytest.mark.parametrize("name", PARAMETERS)
def test_decode_has_the_right_gradient(name, size):
    parameters = parameters_for(name, *size)
    z = parameters.encode(0.1 + 0.8 * seeded_picture(*size, count=2)).requires_grad_()
    assert torch.autograd.gradcheck(parameters.decode, z)


def test_the_pictures_of_a_batch_do_not_mix():
    fourier = Fourier(6, 9)
    z = fourier.noise(3, generator=torch.Generator().manual_seed(0))
    together = fourier.decode(z)
    for k in range(3):
        torch.testing.assert_close(fourier.decode(z[k : k + 1])[0], together[k])


def test_fourier_is_numpys_inverse_transform():
    fourier = Fourier(6, 9, decay=1.0, spread=2.0)
    z = torch.randn(1, 3, 6, 5, 2, dtype=torch.float64)
    down, across = np.fft.fftfreq(6)[:, None], np.fft.rfftfreq(9)
    scale = 1 / np.maximum(np.hypot(down, across), 1 / 9)
    scale *= 2 / np.sqrt((scale**2).mean())
    spectrum = (z[0, ..., 0] + 1j * z[0, ..., 1]).numpy() * scale
    planes = np.fft.irfft2(spectrum, (6, 9), norm="ortho")
    colour = np.array(COLOUR)
    colour /= np.linalg.norm(colour, axis=0).max()
    logits = np.einsum("dc,chw->dhw", colour, planes)
    np.testing.assert_allclose(fourier.decode(z)[0], 1 / (1 + np.exp(-logits)), rtol=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0, 2.0])
def test_noise_has_a_spectrum_that_falls_with_the_frequency(decay):
    fourier = Fourier(48, 64, decay=decay)
    z = fourier.noise(64, generator=torch.Generator().manual_seed(0)).double()
    logits = torch.logit(fourier.decode(z))
    power = torch.fft.rfft2(logits).abs().square().mean((0, 1)).numpy()
    frequency = np.hypot(np.fft.fftfreq(48)[:, None], np.fft.rfftfreq(64))
    inside = (frequency > 0.05) & (frequency < 0.4)
    slope = np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)[0]
    assert slope == pytest.approx(-2 * decay, abs=0.05)


def test_noise_is_seeded_near_grey_and_of_the_asked_strength():
    fourier = Fourier(32, 48)
    z = [fourier.noise(2, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(z[0], z[1]) and not torch.equal(z[0], z[2])
    assert not torch.equal(z[0][0], z[0][1])
    generator = torch.Generator().manual_seed(1)
    torch.testing.assert_close(fourier.noise(2, generator=generator, amplitude=0.2), 2 * z[0])
    assert float(fourier.decode(0 * z[0]).mean()) == 0.5


def test_unknown_parametrisations_are_answered_with_the_known():
    with pytest.raises(
        UsageError, match="unknown parametrisation 'furier'. Did you mean 'fourier'"
    ):
        parameters_for("furier", 4, 6)
    with pytest.raises(UsageError, match="Known: pixels, sigmoid, fourier, free, phases"):
        parameters_for("oil", 4, 6)


def test_the_phases_are_those_of_the_size_asked_for():
    phases = parameters_for("phases", 4, 6)
    assert isinstance(phases, Phases) and phases.magnitude.shape == (3, 4, 4)
    assert phases.encode(seeded_picture(4, 6, count=2)).shape == (2, 3, 4, 4)
