"""Terms for regular structure against numpy: sums over pixels, matrices of waves, sorted values."""

import math

import numpy as np
import pytest
import skimage.data
import torch
from regularity import autocorrelation_error, seam_ratio
from tiny import TINY_LAYERS, seeded_picture, tiny_network

from stylespace.commands.scales import noise_picture
from stylespace.images import resize_to
from stylespace.losses.objective import (
    Objective,
    total_variation,
    total_variation_term,
    wrapped_total_variation,
)
from stylespace.losses.patterns import (
    SHARE,
    autocorrelation,
    autocorrelation_term,
    cut_evenly,
    fourier_waves,
    histogram_term,
    periodic_component,
    spectrum_term,
)
from stylespace.losses.representations.gram import gram_term
from stylespace.losses.terms import Terms
from stylespace.networks.loading import load_network
from stylespace.styles.gram import gram
from stylespace.synthesis.loop import synthesize

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = [(13, 22), (9, 12), (18, 31)]
SOURCE = (13, 22)
TERMS = {
    "histogram": lambda source, f: histogram_term("conv2_1", f["conv2_1"]),
    "spectrum": lambda source, f: spectrum_term(source),
    "spectrum.wrap": lambda source, f: spectrum_term(source, wrap=True),
    "autocorrelation": lambda source, f: autocorrelation_term(source),
    "autocorrelation.wrap": lambda source, f: autocorrelation_term(source, wrap=True),
    "autocorrelation.deep": lambda source, f: autocorrelation_term(f["conv2_1"], layer="conv2_1"),
}


@pytest.fixture
def source():
    return seeded_picture(*SOURCE)


def made(kind, net, source):
    """The objective of one term of unit weight, and its name."""
    with torch.no_grad():
        term = TERMS[kind](source, net(source, net.names)) * (1 / SHARE)
    assert term.weight == 1
    return Objective(net, Terms((term,))), term.name


def bricks(height, width, *, period=(8, 16), seed=0):
    """(1, 3, height, width): courses of bricks, every other one set off by half a brick."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    course = rows // period[0]
    inside = (rows % period[0] > 1) & ((columns + course % 2 * period[1] // 2) % period[1] > 1)
    grain = 0.05 * seeded_picture(height, width, seed=seed)
    return 0.2 + inside * torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)[:, None, None] + grain


# --- what every term does


@pytest.mark.parametrize("kind", [kind for kind in TERMS if not kind.endswith("wrap")])
def test_a_term_is_zero_at_its_source(tiny, source, kind):
    objective, name = made(kind, tiny, source)
    assert float(objective(source)[name]) == pytest.approx(0, abs=1e-24)
    assert name.startswith(kind.partition(".")[0])


@pytest.mark.parametrize("kind", ["spectrum", "autocorrelation", "autocorrelation.wrap"])
@pytest.mark.parametrize("size", SIZES)
def test_a_picture_of_one_colour_is_as_far_as_nothing(tiny, source, kind, size):
    objective, name = made(kind, tiny, source)
    flat = torch.full((2, 3, *size), 0.3, dtype=torch.float64)
    assert objective(flat)[name].tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize("kind", TERMS)
@pytest.mark.parametrize("size", SIZES)
def test_a_term_has_the_right_gradient_at_any_size(tiny, source, kind, size):
    objective, name = made(kind, tiny, source)
    image = seeded_picture(*size, count=2, seed=6).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: objective(x)[name], image, fast_mode=True)


@pytest.mark.parametrize("kind", TERMS)
def test_the_gradient_is_finite_at_one_colour_and_at_the_source(tiny32, source, kind):
    objective, name = made(kind, tiny32, source.float())
    for image in (torch.full((2, 3, *SOURCE), 0.3), source.float()):
        image = image.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(objective(image)[name].sum(), image)
        assert torch.isfinite(gradient).all() and gradient.shape == image.shape


@pytest.mark.parametrize("kind", TERMS)
def test_the_pictures_of_a_batch_do_not_mix(tiny, source, kind):
    objective, name = made(kind, tiny, source)
    images = seeded_picture(11, 26, count=3, seed=2)
    together = objective(images)[name]
    alone = torch.cat([objective(images[k : k + 1])[name] for k in range(3)])
    assert together.shape == (3,) and (together > 0).all()
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("kind", TERMS)
def test_weights_scale_and_halves_are_widened(source, kind):
    net = tiny_network(dtype=torch.bfloat16)
    objective, name = made(kind, net, source.float())
    image = seeded_picture(*SOURCE, seed=3, dtype=torch.float32)
    value = objective(image)[name]
    assert value.dtype == torch.float32
    twice = Objective(net, 2 * objective.terms)(image)[name]
    torch.testing.assert_close(twice, 2 * value)


# --- histograms


@pytest.mark.parametrize("layer", TINY_LAYERS)
def test_histograms_are_numpys_sorted_values(tiny, source, layer):
    with torch.no_grad():
        target = tiny(source, [layer])[layer]
        images = seeded_picture(*SOURCE, count=2, seed=5)
        x = tiny(images, [layer])[layer]
        found = Objective(tiny, Terms((histogram_term(layer, target, 3.0),)))(images)
    a, t = (np.sort(one.numpy().reshape(len(one), one.shape[1], -1), 2) for one in (x, target))
    expected = 3 * SHARE * ((a - t) ** 2).sum((1, 2)) / (t**2).sum()
    np.testing.assert_allclose(found[f"histogram.{layer}"], expected, rtol=1e-12)


@pytest.mark.parametrize("count", [20, 37, 400])
def test_histograms_of_another_size_are_read_at_its_quantiles(count):
    generator = torch.Generator().manual_seed(3)
    target = torch.rand(1, 4, 10, 10, generator=generator, dtype=torch.float64)
    x = torch.rand(2, 4, 1, count, generator=generator, dtype=torch.float64)
    found = histogram_term("a", target).measure(x, {"a": x})
    places, own = (np.arange(count) + 0.5) / count, (np.arange(100) + 0.5) / 100
    t = np.stack([np.interp(places, own, np.sort(c.ravel())) for c in target[0].numpy()])
    a = np.sort(x[:, :, 0].numpy(), 2)
    np.testing.assert_allclose(found, ((a - t) ** 2).sum((1, 2)) / (t**2).sum(), rtol=1e-10)


def test_histograms_do_not_see_where_positions_lie(tiny, source):
    f = torch.rand(1, 4, 6, 9, dtype=torch.float64)
    order = torch.randperm(54, generator=torch.Generator().manual_seed(0))
    moved = f.flatten(2)[:, :, order].view_as(f)
    assert histogram_term("a", f).measure(f, {"a": moved}).tolist() == [0]


# --- spectra


def waves(length, grid):
    """(grid, length): exp(-2 pi i k x / grid)."""
    return np.exp(-2j * np.pi * np.outer(np.arange(grid), np.arange(length)) / grid)


def smooth_part(x):
    """The smooth component by its definition: a Poisson equation on the torus, solved densely."""
    h, w = x.shape
    index = np.arange(h * w).reshape(h, w)
    laplacian, jumps = np.zeros((h * w, h * w)), np.zeros((h, w))
    for axis in (0, 1):
        for step in (1, -1):
            laplacian[index.ravel(), np.roll(index, step, axis).ravel()] += 1
        laplacian[index.ravel(), index.ravel()] -= 2
    jumps[0] += x[-1] - x[0]
    jumps[-1] += x[0] - x[-1]
    jumps[:, 0] += x[:, -1] - x[:, 0]
    jumps[:, -1] += x[:, 0] - x[:, -1]
    solved = np.linalg.lstsq(laplacian, jumps.ravel(), rcond=None)[0]
    return (solved - solved.mean()).reshape(h, w)


def test_the_periodic_component_leaves_moisans_smooth_one():
    image = seeded_picture(7, 10, count=2)
    found = image - periodic_component(image)
    for one, part in zip(image.flatten(0, 1).numpy(), found.flatten(0, 1).numpy(), strict=True):
        np.testing.assert_allclose(part, smooth_part(one), atol=1e-12)


@pytest.mark.parametrize("grid", [(13, 22), (7, 9), (5, 60), (30, 31)])
def test_a_spectrum_is_numpys_sum_over_pixels(source, grid):
    found = fourier_waves(source, grid, wrap=True)[0].numpy()
    x = source[0].numpy() - source[0].numpy().mean((1, 2), keepdims=True)
    expected = waves(13, grid[0]) @ x @ waves(22, grid[1]).T / np.sqrt(13 * 22)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_spectrum_term_is_the_distance_to_the_nearest_picture_of_that_spectrum(source):
    images = seeded_picture(*SOURCE, count=2, seed=5)
    found = spectrum_term(source, wrap=True).measure(images, {})
    a = np.fft.fft2(images.numpy() - images.numpy().mean((2, 3), keepdims=True))
    t = np.fft.fft2(periodic_component(source - source.mean((2, 3), keepdim=True)).numpy())[0]
    inner = np.abs((a * t.conj()).sum(1)).sum(
        (1, 2)
    )  # eq. 8: the best phase, frequency by frequency
    norms = (np.abs(a) ** 2).sum((1, 2, 3)), (np.abs(t) ** 2).sum()
    np.testing.assert_allclose(found, (norms[0] + norms[1] - 2 * inner) / norms[1], rtol=1e-10)


def test_the_spectrum_term_does_not_see_phases(source):
    whole = periodic_component(source)
    phase = torch.fft.fft2(seeded_picture(*SOURCE, seed=9)[:, :1]).sgn()
    scattered = torch.fft.ifft2(torch.fft.fft2(whole) * phase).real
    moved = whole.roll((3, 8), (2, 3))
    for image in (scattered, moved):
        assert float(spectrum_term(source, wrap=True).measure(image, {})) < 1e-24
    assert float(spectrum_term(source, wrap=True).measure(whole.flip(1), {})) > 1e-3


# --- autocorrelations


def brute_force(x, lags, *, wrap=False):
    """Mean product of pixels that lie (dy, dx) apart, pair by pair: (2 ly + 1, 2 lx + 1)."""
    h, w = x.shape
    x, result = x - x.mean(), np.zeros([2 * lag + 1 for lag in lags])
    for i, dy in enumerate(range(-lags[0], lags[0] + 1)):
        for j, dx in enumerate(range(-lags[1], lags[1] + 1)):
            pairs = [
                x[y, u] * x[(y + dy) % h, (u + dx) % w]
                for y in range(h)
                for u in range(w)
                if wrap or (0 <= y + dy < h and 0 <= u + dx < w)
            ]
            result[i, j] = np.mean(pairs)
    return result


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("lags", [(3, 5), (1, 6), (6, 11)])
def test_autocorrelations_are_sums_over_pairs_of_pixels(source, lags, wrap):
    images = torch.cat([source, seeded_picture(*SOURCE, seed=4)])[:, :2]
    found = autocorrelation(images, lags, wrap=wrap)
    for picture, values in zip(images.flatten(0, 1), found.flatten(0, 1), strict=True):
        expected = brute_force(picture.numpy(), lags, wrap=wrap)
        np.testing.assert_allclose(values, expected, atol=1e-13)


@pytest.mark.parametrize("size", SIZES)
def test_the_autocorrelation_term_compares_the_lags_that_both_have(source, size):
    images = seeded_picture(*size, count=2, seed=5)
    found = autocorrelation_term(source).measure(images, {})
    lags = [min(a, b) // 2 for a, b in zip(size, SOURCE, strict=True)]
    t = np.stack([brute_force(c, lags) for c in source[0].numpy()])
    for value, picture in zip(found, images.numpy(), strict=True):
        a = np.stack([brute_force(c, lags) for c in picture])
        assert float(value) == pytest.approx(((a - t) ** 2).sum() / (t**2).sum(), rel=1e-10)


def test_a_seamless_picture_is_held_to_the_inside_of_its_source(source):
    images = seeded_picture(*SOURCE, count=2, seed=5)
    found = autocorrelation_term(source, wrap=True).measure(images, {})
    t = np.stack([brute_force(c, (6, 11)) for c in source[0].numpy()])
    for value, picture in zip(found, images.numpy(), strict=True):
        a = np.stack([brute_force(c, (6, 11), wrap=True) for c in picture])
        assert float(value) == pytest.approx(((a - t) ** 2).sum() / (t**2).sum(), rel=1e-10)
    rolled = autocorrelation_term(source, wrap=True).measure(images.roll((5, -3), (2, 3)), {})
    torch.testing.assert_close(rolled, found)


@pytest.mark.parametrize("size", [(18, 24), (12, 18)])
def test_the_autocorrelation_error_is_numpys(size):
    picture, source = seeded_picture(*size, seed=5), bricks(14, 20)
    for reach in (0.25, 0.5):
        lags = [int(reach * min(a, b)) for a, b in zip(size, (14, 20), strict=True)]
        a, t = (sum(brute_force(c, lags) for c in one[0].numpy()) for one in (picture, source))
        a, t = (one / one[lags[0], lags[1]] for one in (a, t))
        expected = np.linalg.norm(a - t) / np.linalg.norm(t)
        assert autocorrelation_error(picture, source, reach=reach) == pytest.approx(expected)


def test_the_autocorrelation_error_knows_bricks_from_rubble():
    source, other = bricks(64, 96), bricks(96, 128, seed=1)
    order = torch.randperm(64 * 96, generator=torch.Generator().manual_seed(0))
    rubble = source.flatten(2)[:, :, order].view_as(source)
    assert autocorrelation_error(source, source) == 0
    assert autocorrelation_error(0.5 * source + 0.1, source) < 1e-12  # contrast does not count
    assert autocorrelation_error(other, source) < 0.1
    assert autocorrelation_error(rubble, source) > 0.9
    assert autocorrelation_error(torch.full((1, 3, 64, 96), 0.5), source) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["autocorrelation", "spectrum"])
def test_a_term_lays_bricks_that_the_gram_matrices_scatter(tiny32, kind):
    source = bricks(48, 64).float()
    with torch.no_grad():
        features = tiny32(source, TINY_LAYERS)
    terms = Terms(tuple(gram_term(name, gram(features[name])[0], 1 / 3) for name in TINY_LAYERS))
    term = {"autocorrelation": autocorrelation_term, "spectrum": spectrum_term}[kind](source)
    start = noise_picture(48, 64, colour=source.mean((0, 2, 3)), seed=0)
    alone, both = (
        synthesize(Objective(tiny32, total), start, steps=60).image
        for total in (terms, terms + term)
    )
    errors = [autocorrelation_error(image, source) for image in (alone, both)]
    assert errors[1] < errors[0] / 2


# --- seamless pictures


def test_the_wrapped_total_variation_is_a_rolled_pictures(source):
    images = seeded_picture(*SOURCE, count=2, seed=5)
    found = Objective(tiny_network(), Terms((total_variation_term(2.0, wrap=True),)))(images)
    x = images.numpy()
    steps = [np.concatenate([x, x.take([0], axis)], axis) for axis in (2, 3)]
    squares = sum(np.diff(one, axis=axis) ** 2 for one, axis in zip(steps, (2, 3), strict=True))
    expected = 2 * (np.sqrt(squares.sum(1) + 0.02**2) - 0.02).mean((1, 2))
    np.testing.assert_allclose(found["total_variation"], expected)
    rolled = wrapped_total_variation(images.roll((4, -7), (2, 3)))
    torch.testing.assert_close(2 * rolled, found["total_variation"])
    plane = total_variation(images.tile(1, 1, 30, 30))  # its border weighs a sixtieth of it
    torch.testing.assert_close(2 * plane, found["total_variation"], rtol=5e-3, atol=0)


def test_the_wrapped_total_variation_has_the_right_gradient():
    image = seeded_picture(5, 8, count=2).requires_grad_()
    assert torch.autograd.gradcheck(wrapped_total_variation, image)


def test_the_seam_ratio_is_numpys_for_each_direction():
    x = seeded_picture(13, 22).numpy()
    across = np.abs(x[..., 0] - x[..., -1]).mean() / np.abs(np.diff(x, axis=3)).mean()
    down = np.abs(x[:, :, 0] - x[:, :, -1]).mean() / np.abs(np.diff(x, axis=2)).mean()
    assert seam_ratio(torch.from_numpy(x)) == pytest.approx((across, down))
    ramp = torch.linspace(0, 1, 11, dtype=torch.float64).expand(1, 3, 6, 11)
    assert seam_ratio(ramp)[0] == pytest.approx(10)


@pytest.mark.parametrize("shift", [(4, -8), (-12, 4)])
def test_a_seamless_objective_does_not_know_where_the_border_is(source, shift):
    net = tiny_network(padding="circular")
    with torch.no_grad():
        features = net.with_padding("reflect")(source, net.names)
    terms = Terms(tuple(gram_term(name, gram(features[name])[0]) for name in TINY_LAYERS))
    terms += histogram_term("conv2_1", features["conv2_1"])
    terms += autocorrelation_term(features["conv2_1"], layer="conv2_1", wrap=True)
    for term in (spectrum_term, autocorrelation_term):
        terms += term(source, wrap=True)
    objective = Objective(net, terms + total_variation_term(0.1, wrap=True))
    image = seeded_picture(16, 28, count=2, seed=7).requires_grad_()
    moved = image.detach().roll(shift, (2, 3)).requires_grad_()
    values, others = objective(image), objective(moved)
    for name, value in values.items():
        torch.testing.assert_close(others[name], value)
    (gradient,) = torch.autograd.grad(sum(values.values()).sum(), image)
    (other,) = torch.autograd.grad(sum(others.values()).sum(), moved)
    torch.testing.assert_close(other, gradient.roll(shift, (2, 3)))


def test_a_seamless_texture_of_the_embedded_network_shows_no_seam():
    net, layers = load_network(padding="circular"), ("conv1_1", "conv2_1", "conv3_1")
    gravel = torch.from_numpy(skimage.data.gravel()[100:356, 100:356]).float().expand(1, 3, -1, -1)
    source = resize_to(gravel / 255, 128, 128)
    with torch.no_grad():
        features = net.with_padding("reflect")(source, layers)
    terms = Terms(tuple(gram_term(name, gram(features[name])[0], 1 / 3) for name in layers))
    objective = Objective(net, terms + total_variation_term(0.1, wrap=True))
    start = noise_picture(128, 128, colour=source.mean((0, 2, 3)), seed=0)
    image = synthesize(objective, start, steps=25).image
    assert min(seam_ratio(source)) > 1.5  # a photograph does not wrap
    ratios = seam_ratio(image)
    assert sum(ratios) / 2 == pytest.approx(1, abs=0.1)
    # One line among 128 differs from the next by chance; the seam is no line apart.
    for axis, ratio in zip((3, 2), ratios, strict=True):
        lines = image.diff(dim=axis).abs().movedim(axis, 0).flatten(1).mean(1)
        assert lines.min() < ratio * lines.mean() < lines.max()


def test_a_seamless_picture_is_cut_where_it_changes_on_average():
    picture = seeded_picture(48, 64)
    picture[:, :, 0] = 1 - picture[:, :, -1]  # a seam that shows
    found = cut_evenly(picture, 16)
    rolls = [(down, right) for down in range(0, 48, 16) for right in range(0, 64, 16)]
    assert any(torch.equal(found, picture.roll(roll, (2, 3))) for roll in rolls)
    before, after = (seam_ratio(one) for one in (picture, found))
    assert before[1] > 1.2
    for axis in (0, 1):
        every = [seam_ratio(picture.roll(roll, (2, 3)))[axis] for roll in rolls]
        assert abs(math.log(after[axis])) == pytest.approx(min(abs(math.log(e)) for e in every))
