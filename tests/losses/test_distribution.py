"""Terms of sorted Gram entries against numpy: loops over pairs, formulas written out."""

import itertools

import numpy as np
import pytest
import torch

from stylespace.losses.distribution import (
    FLOOR,
    LEVELS,
    SHARPNESS,
    distribution_term,
    entries_of,
    intensity_term,
    sparsity_term,
)
from stylespace.styles.gram import gram
from stylespace.styles.statistics.entries import NEAR_ZERO

pytestmark = pytest.mark.usefixtures("one_thread")

TERMS = {
    "distribution": distribution_term,
    "intensity": intensity_term,
    "sparsity": sparsity_term,
}
every_term = pytest.mark.parametrize("kind", TERMS)
both_precisions = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def features(count=1, channels=6, height=4, width=7, *, seed=0, scale=2.0, dtype=torch.float64):
    """(count, channels, height, width) >= 0, a third of the values 0.

    scale: of each channel to that before it.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (count, channels, height, width)
    values = torch.rand(shape, generator=generator, dtype=torch.float64) - 1 / 3
    scales = scale ** torch.arange(channels, dtype=torch.float64)[:, None, None]
    return (values.clamp(min=0) * scales).to(dtype)


def with_energies(energies):
    """Channels that fire one at a time: the Gram matrix is diagonal, with these entries."""
    energies = torch.as_tensor(energies, dtype=torch.float64)
    return (energies * len(energies)).sqrt().diag()[None, :, :, None]


def term_of(kind, target_features):
    return TERMS[kind]("layer", gram(target_features)[0])


def value(term, x):
    """(B,)"""
    return term.measure(None, {"layer": x})


def value_and_gradient(term, x):
    x = x.detach().requires_grad_()
    found = value(term, x)
    (gradient,) = torch.autograd.grad(found.sum(), x)
    return found.detach(), gradient


def parts(matrix):
    """Diagonal and entries i < j, ascending, by loops."""
    count = len(matrix)
    pairs = itertools.combinations(range(count), 2)
    diagonal = sorted(matrix[i][i] for i in range(count))
    return np.array(diagonal), np.array(sorted(matrix[i][j] for i, j in pairs))


def numpy_gram(x):
    flat = x.numpy().reshape(len(x), -1)
    return np.einsum("in,jn->ij", flat, flat) / flat.shape[1]


# --- what every term does


@every_term
def test_the_name_and_the_layer(kind):
    term = TERMS[kind]("conv2_1", torch.eye(3), 0.25)
    assert (term.name, term.layers, term.weight) == (f"{kind}.conv2_1", ("conv2_1",), 0.25)


@every_term
def test_zero_at_the_target_and_at_its_channels_in_any_order(kind):
    x = features(seed=1)
    term = term_of(kind, x)
    orders = [torch.arange(6), torch.arange(5, -1, -1), torch.tensor([2, 0, 5, 1, 4, 3])]
    same = torch.cat([x[:, order] for order in orders])
    assert value(term, same).tolist() == pytest.approx([0, 0, 0], abs=1e-20)
    other = torch.cat([features(seed=2), x.square(), x.flip(1)])
    found = value(term, other).tolist()
    assert min(found[:2]) > 1e-4 and found[2] == pytest.approx(0, abs=1e-20)


@every_term
def test_the_positions_of_the_picture_may_be_others_and_more(kind):
    x = features(height=4, width=7)
    moved = x.flatten(2)[..., torch.randperm(28, generator=torch.Generator().manual_seed(3))]
    twice = torch.cat([x, x], 3)
    term = term_of(kind, x)
    found = [value(term, one).item() for one in (moved.unflatten(2, (2, 14)), twice)]
    assert found == pytest.approx([0, 0], abs=1e-20)


@every_term
def test_gradient_through_the_sort(kind):
    term = term_of(kind, features(channels=3, height=2, width=3, seed=4))
    x = features(2, 3, 2, 3, seed=5) + 0.1  # all entries differ, and none is near zero
    for matrix in gram(x):
        for entries in parts(matrix.tolist()):
            assert np.diff(entries).min() > 1e-3
    assert torch.autograd.gradcheck(lambda z: value(term, z), x.requires_grad_())


@every_term
def test_the_pictures_of_a_batch_are_independent(kind):
    term = term_of(kind, features(seed=6))
    x = features(3, seed=7)
    x[1] *= 3
    together, gradient = value_and_gradient(term, x)
    assert together.shape == (3,)
    for k in range(3):
        alone, own = value_and_gradient(term, x[k : k + 1])
        assert together[k].item() == pytest.approx(alone.item(), rel=1e-12)
        torch.testing.assert_close(gradient[k : k + 1], own, rtol=1e-9, atol=1e-14)
    one = x.clone().requires_grad_()
    (of_first,) = torch.autograd.grad(value(term, one)[0], one)
    assert of_first[0].abs().max() > 0 and not of_first[1:].any()


@every_term
def test_float32_agrees_with_float64(kind):
    target, x = features(seed=8), features(2, seed=9)
    wide, narrow = value(term_of(kind, target), x), value(term_of(kind, target.float()), x.float())
    assert narrow.dtype == torch.float32
    assert narrow.tolist() == pytest.approx(wide.tolist(), rel=1e-3)


@pytest.mark.parametrize("exponent", [-40, 40])
@every_term
def test_features_of_extreme_size(kind, exponent):
    target, x = (features(seed=seed, dtype=torch.float32) for seed in (1, 2))
    x.requires_grad_()
    found = []
    for loud in (1.0, 2.0**exponent):
        value = TERMS[kind]("a", gram(loud * target)[0]).measure(None, {"a": loud * x})
        found.append((value, torch.autograd.grad(value.sum(), x)[0]))
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-7)


def test_entries_are_each_once():
    matrices = torch.arange(32.0).reshape(2, 4, 4)
    diagonal, between = entries_of(matrices)
    assert diagonal.tolist() == [[0, 5, 10, 15], [16, 21, 26, 31]]
    assert between.tolist() == [[1, 2, 3, 6, 7, 11], [17, 18, 19, 22, 23, 27]]
    assert entries_of(torch.ones(3, 1, 1))[1].shape == (3, 0)


# --- against numpy


def test_distribution_is_numpys():
    target, x = features(seed=10), features(2, seed=11)
    expected = []
    for row in x:
        total = 0.0
        for found, goal in zip(parts(numpy_gram(row)), parts(numpy_gram(target[0])), strict=True):
            roots, goals = (np.sqrt(one + FLOOR * one.mean()) for one in (found, goal))
            total += ((roots - goals) ** 2).sum() / (goals**2).sum()
        expected.append(total)
    assert value(term_of("distribution", target), x).tolist() == pytest.approx(expected, rel=1e-9)


def test_distribution_is_the_formula_where_no_entry_is_near_zero():
    target, x = features(seed=12) + 0.3, features(seed=13) + 0.3
    pairs = zip(parts(numpy_gram(x[0])), parts(numpy_gram(target[0])), strict=True)
    expected = sum(((np.sqrt(g) - np.sqrt(a)) ** 2).sum() / a.sum() for g, a in pairs)
    found = value(term_of("distribution", target), x).item()
    assert found == pytest.approx(expected, rel=2e-3)


def test_intensity_is_numpys():
    count = 2 * LEVELS + 1  # every other entry is a quantile
    generator = np.random.default_rng(0)
    g, a = (np.sort(generator.exponential(size=count)) for _ in range(2))
    roots, goals = (np.sqrt(one[::2] + FLOOR * one[::2].mean()) for one in (g, a))
    expected = ((roots - goals) ** 2).sum() / (goals**2).sum()
    found = value(term_of("intensity", with_energies(a)), with_energies(generator.permutation(g)))
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_intensity_is_zero_where_the_quantiles_alone_agree():
    energies = torch.arange(1.0, 2 * LEVELS + 2, dtype=torch.float64)
    between, at = energies.clone(), energies.clone()
    between[1::2] += 0.9  # each stays below its neighbour
    at[2] += 0.9
    coarse, fine = (
        term_of(kind, with_energies(energies)) for kind in ("intensity", "distribution")
    )
    assert value(coarse, with_energies(between)).item() == pytest.approx(0, abs=1e-20)
    assert value(fine, with_energies(between)).item() > 1e-4
    assert value(coarse, with_energies(at)).item() > 1e-5


def test_the_smallest_and_the_largest_entry_are_quantiles():
    energies = torch.arange(1.0, 51.0, dtype=torch.float64)
    term = term_of("intensity", with_energies(energies))
    for place in (0, -1):
        moved = energies.clone()
        moved[place] *= 1.01 if place else 0.99
        assert value(term, with_energies(moved)).item() > 1e-9


def numpy_sparsity(matrix):
    """Hoyer, Gini and the soft share near zero, of the diagonal and of the entries i < j."""
    level = NEAR_ZERO * np.diag(matrix).mean()
    described = []
    for entries in parts(matrix):
        n = len(entries)
        hoyer = (np.sqrt(n) - entries.sum() / np.linalg.norm(entries)) / (np.sqrt(n) - 1)
        gini = np.abs(entries[:, None] - entries).sum() / (2 * n * entries.sum())
        far = (entries + 1e-3 * level) / level
        described.append((hoyer, gini, (1 / (1 + far ** (1 / SHARPNESS))).mean()))
    return np.array(described)


def test_sparsity_is_numpys():
    target, x = features(seed=14), features(2, seed=15)
    goal = numpy_sparsity(numpy_gram(target[0]))
    expected = []
    for row in x:
        difference = numpy_sparsity(numpy_gram(row)) - goal
        expected.append(((difference**2).sum(1) / (goal**2).sum(1)).sum())
    assert value(term_of("sparsity", target), x).tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e3])
def test_sparsity_alone_is_free_of_scale(factor):
    target, x = features(seed=16), features(seed=17)
    found = {kind: value(term_of(kind, target), factor * x).item() for kind in TERMS}
    before = {kind: value(term_of(kind, target), x).item() for kind in TERMS}
    assert found["sparsity"] == pytest.approx(before["sparsity"], rel=1e-9)
    assert value(term_of("sparsity", target), factor * target).item() == pytest.approx(0, abs=1e-18)
    for kind in ("distribution", "intensity"):
        assert abs(found[kind] - before[kind]) > 0.05


def test_sparsity_grows_with_the_distance_in_sparsity():
    energies = torch.ones(16, dtype=torch.float64)
    peaks = [energies.index_fill(0, torch.tensor([3]), peak) for peak in (4.0, 16.0, 64.0)]
    x = torch.cat([with_energies(one) for one in peaks])
    found = value(term_of("sparsity", with_energies(peaks[0])), x)
    assert found[0].item() == pytest.approx(0, abs=1e-18) and found[0] < found[1] < found[2]


# --- ties, one channel, black layers


def test_ties_are_sorted_in_the_order_of_the_channels():
    """Of two channels of the same energy the first is drawn to the smaller goal."""
    term = term_of("distribution", with_energies([3.0, 0.5, 2.0]))
    for energies, low, high in (((1, 1, 4), 0, 1), ((4, 1, 1), 1, 2), ((1, 4, 1), 0, 2)):
        gradient = value_and_gradient(term, with_energies(energies))[1][0, :, :, 0].diagonal()
        assert gradient[low] > 0 > gradient[high], energies


@every_term
def test_channels_that_are_the_same_have_a_finite_gradient(kind):
    x = features(channels=2).repeat(1, 3, 1, 1)
    found, gradient = value_and_gradient(term_of(kind, features(seed=1)), x)
    again, same = value_and_gradient(term_of(kind, features(seed=1)), x)
    assert torch.isfinite(gradient).all() and gradient.any()
    assert torch.equal(found, again) and torch.equal(gradient, same)


@every_term
@both_precisions
def test_a_single_channel(kind, dtype):
    x, target = (features(2, 1, seed=seed, dtype=dtype) for seed in (1, 2))
    found, gradient = value_and_gradient(term_of(kind, target[:1]), x)
    assert torch.isfinite(found).all() and torch.isfinite(gradient).all()
    if kind == "sparsity":
        assert found.tolist() == pytest.approx([0, 0], abs=1e-6)  # one number has none
    else:
        g, a = (np.sqrt(numpy_gram(one[0])[0, 0]) for one in (x.double(), target.double()))
        assert found[0].item() == pytest.approx((g - a) ** 2 / a**2, rel=1e-3)


@every_term
@both_precisions
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_black_features_have_a_finite_value_and_gradient(kind, dtype, channels, scale):
    """A dead layer is as far from a painting as nothing is: a few units, and no NaN."""
    target = features(channels=channels, scale=scale, dtype=dtype)
    black = torch.zeros(2, channels, 4, 7, dtype=dtype)
    found, gradient = value_and_gradient(term_of(kind, target), black)
    assert torch.isfinite(gradient).all()
    assert (found <= 1000).all() and (found > 0).all()


@every_term
@both_precisions
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_a_black_target(kind, dtype, channels):
    """There is nothing to be relative to: the plain square."""
    x = features(2, channels, dtype=dtype)
    black = torch.zeros(1, channels, 4, 7, dtype=dtype)
    found, gradient = value_and_gradient(term_of(kind, black), x)
    assert torch.isfinite(gradient).all()
    assert (found <= 1e5).all() and (found > 0).all()
    nothing, still = value_and_gradient(term_of(kind, black), black)
    assert nothing.tolist() == [0] and not still.any()


@every_term
@both_precisions
def test_a_black_channel_among_others(kind, dtype):
    x = features(2, dtype=dtype)
    x[:, 1:3] = 0
    target = features(seed=1, dtype=dtype)
    target[:, 4] = 0
    found, gradient = value_and_gradient(term_of(kind, target), x)
    assert torch.isfinite(found).all() and torch.isfinite(gradient).all()
    assert gradient[:, 0].any()
