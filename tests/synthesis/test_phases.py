"""Pictures of which only the phases are free: numpy, magnitudes, spectra, importance."""

import math

import numpy as np
import pytest
import torch
from tiny import seeded_picture

from stylespace.assets import paintings, sample_path
from stylespace.images import read_image, resize
from stylespace.synthesis.loop import synthesize
from stylespace.synthesis.parameters import parameters_for
from stylespace.synthesis.phases import (
    COLOUR,
    MEASURED_SIDE,
    Importance,
    Phases,
    colour_matrix,
    colour_planes,
    frequencies,
    painting_spectrum,
    spectrum_of,
    spectrum_picture,
)

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = [(6, 8), (7, 8), (6, 9), (7, 9), (1, 4), (5, 1), (2, 2)]


def magnitude(height, width, seed=0):
    """(3, H, W // 2 + 1), as any picture's: its means negative, mirror images alike."""
    found = spectrum_of(seeded_picture(height, width, seed=seed))[0].abs()
    found[:, 0, 0] = torch.tensor([-0.5, 0.3, -0.1], dtype=torch.float64)
    return found


@pytest.mark.parametrize("size", SIZES)
def test_spectra_and_pictures_are_each_others_inverse(size):
    image = 0.05 + 0.9 * seeded_picture(*size, count=2)
    torch.testing.assert_close(spectrum_picture(spectrum_of(image), *size), image)
    matrix = np.array(COLOUR) / np.linalg.norm(COLOUR, axis=0).max()
    np.testing.assert_allclose(colour_matrix(image), matrix)
    logits = np.log(image.numpy() / (1 - image.numpy()))
    planes = np.einsum("cd,bdhw->bchw", np.linalg.inv(matrix), logits)
    np.testing.assert_allclose(colour_planes(image), planes, atol=1e-10)
    np.testing.assert_allclose(spectrum_of(image), np.fft.rfft2(planes, norm="ortho"), atol=1e-10)
    expected = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1]))
    np.testing.assert_allclose(frequencies(*size, image), expected)


@pytest.mark.parametrize("size", SIZES)
def test_any_phases_keep_every_magnitude(size):
    phases = Phases(*size, magnitude(*size))
    z = 20 * torch.randn(2, 3, size[0], size[1] // 2 + 1, dtype=torch.float64)
    image = phases.decode(z)
    assert image.shape == (2, 3, *size) and image.min() > 0 and image.max() < 1
    spectrum = spectrum_of(image, margin=0.0)
    expected = phases.magnitude.expand_as(spectrum)
    torch.testing.assert_close(spectrum.abs(), expected.abs(), rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(spectrum[..., 0, 0].real, expected[..., 0, 0])


@pytest.mark.parametrize("size", SIZES)
def test_phases_are_numpys_inverse_transform(size):
    """By the full transform of a spectrum that is its own mirror image's conjugate."""
    height, width = size
    phases = Phases(*size, magnitude(*size))
    z = phases.noise(1, generator=torch.Generator().manual_seed(0)).double()
    full = np.zeros((3, height, width), complex)
    for y in range(height):
        for x in range(width):
            other = (-y % height, -x % width)
            if (y, x) == other:
                full[:, y, x] = phases.magnitude[:, y, x] if x <= width // 2 else 0
            elif x <= width // 2 and (x != -x % width or y <= height // 2):
                angle = z[0, :, y, x].numpy()
                full[:, y, x] = phases.magnitude[:, y, x].numpy() * np.exp(1j * angle)
                full[:, *other] = full[:, y, x].conj()
    planes = np.fft.ifft2(full, norm="ortho")
    assert abs(planes.imag).max() < 1e-12
    logits = np.einsum("dc,chw->dhw", colour_matrix(z).numpy(), planes.real)
    np.testing.assert_allclose(phases.decode(z)[0], 1 / (1 + np.exp(-logits)), rtol=1e-10)


@pytest.mark.parametrize("size", SIZES)
def test_a_picture_with_the_right_magnitudes_comes_back(size):
    phases = Phases(*size, 0.3 * magnitude(*size))  # inside the margin
    image = phases.decode(phases.noise(2, generator=torch.Generator().manual_seed(0)).double())
    torch.testing.assert_close(phases.decode(phases.encode(image)), image, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
def test_decode_has_the_right_gradient(size):
    phases = Phases(*size, magnitude(*size))
    z = phases.noise(2, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    assert torch.autograd.gradcheck(phases.decode, z)


def test_noise_is_seeded_and_its_pictures_do_not_mix():
    phases = Phases(6, 9, magnitude(6, 9))
    z = [phases.noise(3, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(z[0], z[1]) and not torch.equal(z[0], z[2])
    assert z[0].abs().max() <= math.pi and not torch.equal(z[0][0], z[0][1])
    together = phases.decode(z[0])
    assert together.dtype == torch.float32
    for k in range(3):
        torch.testing.assert_close(phases.decode(z[0][k : k + 1])[0], together[k])


# --- the spectrum of the paintings


def test_the_spectrum_is_a_function_of_the_frequency_that_falls():
    found = painting_spectrum(48, 70)
    assert found.shape == (3, 48, 36) and found.dtype == torch.float64
    assert torch.equal(found[:, 1:], found[:, 1:].flip(1))  # up and down alike
    frequency = frequencies(48, 70, found)
    order = frequency.flatten()[1:].argsort()
    fallen = found.flatten(1)[:, 1:][:, order].diff(dim=1)
    assert (fallen < 1e-3 * found.flatten(1)[:, 1:].max()).all()
    assert (found.flatten(1)[:, 1:] > 0).all()


def test_the_spectrum_does_not_depend_on_the_size():
    small, large = painting_spectrum(32, 48), painting_spectrum(64, 96)
    torch.testing.assert_close(large[:, ::2, ::2][:, 1:16, :24], small[:, 1:16, :24])
    mean = torch.tensor(32 * 48.0).sqrt()
    torch.testing.assert_close(small[:, 0, 0] / mean, large[:, 0, 0] / (2 * mean))


def test_the_spectrum_has_the_paintings_mean_and_contrast():
    """Variance above two cycles a painting, by high-pass filtering the paintings themselves."""
    planes = [
        colour_planes(resize(read_image(sample_path(name)), MEASURED_SIDE).double())[0]
        for name in paintings()
    ]
    mean = torch.stack([plane.mean((1, 2)) for plane in planes]).mean(0)
    found = painting_spectrum(200, 256)
    torch.testing.assert_close(found[:, 0, 0] / (200 * 256) ** 0.5, mean)

    def variance(power, height, width):
        frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
        both = np.where(2 * np.arange(width // 2 + 1) % width == 0, 1, 2)
        return (power * both * (frequency > 8 / 256)).sum((1, 2)) / (height * width)

    expected = np.mean(
        [
            variance(np.abs(np.fft.rfft2(plane, norm="ortho")) ** 2, *plane.shape[1:])
            for plane in map(torch.Tensor.numpy, planes)
        ],
        0,
    )
    ours = variance(found.square().numpy(), 200, 256)
    np.testing.assert_allclose(ours, expected, rtol=0.35)


def test_noise_looks_like_a_painting_in_colour_and_contrast():
    phases = parameters_for("phases", 96, 128)
    image = phases.decode(phases.noise(2, generator=torch.Generator().manual_seed(0)))
    assert ((image.mean((2, 3)) > 0.3) & (image.mean((2, 3)) < 0.7)).all()
    assert ((image.std((2, 3)) > 0.1) & (image.std((2, 3)) < 0.35)).all()
    assert float(((image < 0.01) | (image > 0.99)).float().mean()) < 0.02


# --- in the loop


def test_an_ascent_moves_phases_alone():
    goal = parameters_for("phases", 12, 17).noise(2, generator=torch.Generator().manual_seed(5))
    target = parameters_for("phases", 12, 17).decode(goal.double())

    def distance(image):
        return {"distance": (image - target).square().flatten(1).sum(1)}

    start = seeded_picture(12, 17, count=2)
    result = synthesize(distance, start, optimizer="adam", steps=150, parameters="phases")
    assert result.loss < 0.2 * result.steps[0].loss
    found = spectrum_of(result.image, margin=0.0).abs()
    torch.testing.assert_close(found, painting_spectrum(12, 17).abs().expand_as(found))


@pytest.mark.parametrize("parameters", ["free", "sigmoid", "phases"])
def test_importance_is_the_mean_gradient_of_the_pictures_evaluated(parameters):
    weights = seeded_picture(6, 9, count=2, seed=3)
    seen = []

    def objective(image):
        seen.append(image.detach().clone())
        return {
            "a": (weights * image.square()).flatten(1).sum(1),
            "b": image.flatten(1).sum(1),
        }

    importance = Importance(objective)
    assert importance.map is None
    synthesize(
        importance, weights, optimizer="adam", steps=5, parameters=parameters_for(parameters, 6, 9)
    )
    gradients = torch.stack([2 * weights * image + 1 for image in seen])
    assert importance.count == len(seen) == 5
    torch.testing.assert_close(importance.map, gradients.abs().mean((0, 2)))


def test_importance_begins_anew_with_another_size_and_bears_pictures_without_gradient():
    importance = Importance(lambda image: {"sum": image.flatten(1).sum(1)})
    for size in ((4, 6), (4, 6), (8, 12)):
        image = seeded_picture(*size, count=2).requires_grad_()
        torch.autograd.grad(importance(image)["sum"].sum(), image)
    assert importance.count == 1 and torch.equal(importance.map, torch.ones(2, 8, 12).double())
    importance(seeded_picture(4, 6))
    assert importance.count == 1
