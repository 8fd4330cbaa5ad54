"""Ascents whose summit is known beforehand, by another route."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tiny import seeded_picture

import stylespace as ss
from stylespace.losses.entries import entry_term, entry_value
from stylespace.losses.objective import Objective
from stylespace.losses.representations.gram import gram_term
from stylespace.losses.terms import Terms
from stylespace.styles.gram import gram
from stylespace.synthesis.loop import synthesize
from stylespace.synthesis.parameters import Free

pytestmark = pytest.mark.usefixtures("one_thread")


# --- a linear layer on a torus: one grating


@dataclass(frozen=True)
class OnTheSphere(Free):
    """Free pixels divided by the root of their mean square over the positions."""

    def decode(self, z):
        return z / z.square().sum(1).mean((1, 2)).sqrt()[:, None, None, None]


def on_a_torus(filters):
    """A linear layer (C, 3, 3, 3) -> picture's responses (B, C, H, W), without borders."""
    return lambda image: torch.nn.functional.conv2d(
        torch.nn.functional.pad(image, (1, 1, 1, 1), "circular"), filters
    )


def gratings(filters, height, width):
    """Responses of a layer to the gratings of all frequencies, (H, W, C, 3), by numpy."""
    y, x = np.indices((3, 3)) - 1
    down, across = np.fft.fftfreq(height), np.fft.fftfreq(width)
    angle = down[:, None, None, None] * y + across[:, None, None] * x
    return np.einsum("hwyx,cdyx->hwcd", np.exp(2j * np.pi * angle), filters.numpy())


def summits_of(a, b):
    """Largest G_ij of a grating of each frequency, from responses a and b (H, W, 3).

    With waves c e^(i w u), G_ij / |c|^2 is the Hermitian form of (a b^H + b a^H) / 2, conjugated,
    whose largest eigenvalue is (Re a^H b + sqrt(|a|^2 |b|^2 - (Im a^H b)^2)) / 2.
    """
    inner = np.einsum("hwd,hwd->hw", a.conj(), b)
    norms = np.linalg.norm(a, axis=2) * np.linalg.norm(b, axis=2)
    closed = (inner.real + np.sqrt((norms**2 - inner.imag**2).clip(0))) / 2
    outer = np.einsum("hwc,hwd->hwcd", a, b.conj())
    highest = np.linalg.eigvalsh((outer + outer.conj().swapaxes(2, 3)) / 2)[..., -1]
    np.testing.assert_allclose(closed, highest, atol=1e-10)
    assert (closed <= (inner.real + norms) / 2 + 1e-12).all()  # equal where a^H b is real
    return highest


@pytest.mark.parametrize("entry", [(0, 1), (2, 2), (3, 1)])
def test_the_best_picture_of_a_linear_layer_is_one_grating(entry):
    height, width = 12, 17
    generator = torch.Generator().manual_seed(7)
    filters = torch.randn(4, 3, 3, 3, generator=generator, dtype=torch.float64)
    responses = gratings(filters, height, width)
    summits = summits_of(responses[:, :, entry[0]], responses[:, :, entry[1]])

    layer, place = on_a_torus(filters), torch.tensor([entry])
    result = synthesize(
        lambda image: {"entry": -entry_value(layer(image), place)},
        torch.randn(2, 3, height, width, generator=generator, dtype=torch.float64),
        parameters=OnTheSphere(),
        steps=150,
    )
    assert max(-loss for loss in result.losses) <= summits.max() * (1 + 1e-9)
    assert min(-loss for loss in result.losses) >= 0.99 * summits.max()
    power = (np.abs(np.fft.fft2(result.image.numpy())) ** 2).sum(1)
    down, across = np.unravel_index(summits.argmax(), summits.shape)
    grating = power[:, down, across] + power[:, -down, -across]  # itself and its mirror image
    assert (grating > 0.9 * power.sum((1, 2))).all()


# --- bounds between the summits of a network


@pytest.mark.parametrize(
    ("layer", "entries"), [("conv1_1", [(3, 7), (20, 41)]), ("conv2_1", [(5, 77), (60, 100)])]
)
def test_an_entry_is_bounded_by_the_summits_of_its_channels(layer, entries):
    """G_ij <= sqrt(max G_ii max G_jj), each summit climbed on its own from three starts."""
    net = ss.load_network()
    places = torch.tensor([place for i, j in entries for place in ((i, j), (i, i), (j, j))])
    starts = seeded_picture(16, 20, count=3, dtype=torch.float32)
    every = places.repeat(3, 1)
    objective = Objective(net, Terms((entry_term(layer, every),)))
    result = synthesize(objective, starts.repeat_interleave(len(places), 0), steps=60)
    with torch.no_grad():
        values = entry_value(net(result.image, [layer])[layer], every)
    entry, first, second = values.view(3, -1, 3).amax(0).unbind(1)
    assert (entry > 0).all() and (entry <= (first * second).sqrt()).all()


# --- targets that no Gram matrix is


def features_of(image, layers):
    """A network of which the picture itself is the layer: three channels, any Gram matrix."""
    return {layer: image for layer in layers}


@pytest.mark.parametrize("parameters", ["free", "pixels"])  # pixels: completely positive as well
@pytest.mark.parametrize(("entry", "floor"), [((0, 2), 0.5), ((1, 1), 0.0)])
def test_a_single_entry_is_matched_down_to_its_floor(parameters, entry, floor):
    target = torch.zeros(3, 3, dtype=torch.float64)
    target[entry[0], entry[1]] = target[entry[1], entry[0]] = 0.2
    objective = Objective(features_of, Terms((gram_term("conv1_1", target),)))
    start = seeded_picture(4, 7, count=2)
    result = synthesize(objective, start, parameters=parameters, steps=150)
    assert list(result.losses) == pytest.approx([floor, floor], abs=1e-4)
    if floor:
        assert min(result.losses) >= floor - 1e-12


def test_no_positive_matrix_is_below_the_floor():
    """The nearest positive semi-definite matrix keeps the positive eigenvalues: half the square."""
    target = np.zeros((5, 5))
    target[1, 3] = target[3, 1] = 0.7
    values, vectors = np.linalg.eigh(target)
    nearest = vectors * values.clip(0) @ vectors.T
    square = (target**2).sum()
    assert ((nearest - target) ** 2).sum() / square == pytest.approx(0.5)
    generator = np.random.default_rng(0)
    for rank in (1, 2, 5):
        for _ in range(100):
            factor = generator.normal(size=(5, rank))
            positive = factor @ factor.T
            best = max((positive * target).sum(), 0) / (positive**2).sum()  # its best multiple
            assert ((best * positive - target) ** 2).sum() / square >= 0.5 - 1e-12


# --- saturation


def test_the_diagonal_of_the_first_layer_is_convex_in_the_pixels():
    net = ss.load_network(precision="float64")
    ends = [3 * seeded_picture(9, 14, seed=seed) - 1 for seed in (1, 2)]
    shares = torch.linspace(0, 1, 9, dtype=torch.float64)
    line = torch.cat([(1 - share) * ends[0] + share * ends[1] for share in shares])
    diagonal = gram(net(line, ["conv1_1"])["conv1_1"]).diagonal(dim1=1, dim2=2)
    bend = diagonal[2:] - 2 * diagonal[1:-1] + diagonal[:-2]
    assert (bend >= -1e-10 * diagonal.amax(0)).all() and (bend > 0).any()


def test_a_diagonal_entry_of_the_first_layer_ends_at_the_corners_of_the_box():
    net = ss.load_network()
    term = entry_term("conv1_1", torch.tensor([[12, 12]]), goal="energy")
    objective = Objective(net, Terms((term,)))
    start = 0.5 + 0.1 * (seeded_picture(14, 19, count=2, dtype=torch.float32) - 0.5)
    result = synthesize(objective, start, steps=300)
    image = result.image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(image)["entry.conv1_1"].sum(), image)
    felt = gradient.abs() > 1e-3 * gradient.abs().amax((1, 2, 3), keepdim=True)
    corner = (result.image == 0) | (result.image == 1)
    assert felt.float().mean() > 0.5
    assert corner[felt].float().mean() > 0.98
    outward = torch.where(result.image == 1, -gradient, gradient)  # the loss falls outwards
    assert (outward[felt & corner] > 0).float().mean() > 0.98
