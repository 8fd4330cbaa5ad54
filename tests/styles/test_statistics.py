"""Statistics of Gram matrices against numpy, scipy, closed forms and what must not matter."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from grams import captured, sparse_gram, vector
from scipy.stats import wasserstein_distance
from tiny import tiny_network

from stylespace.errors import StyleError, UsageError
from stylespace.styles.distances import gram_distances, relative_distance
from stylespace.styles.statistics.entries import (
    NEAR_ZERO,
    EntryStatistics,
    entry_statistics,
    near_zero,
)
from stylespace.styles.statistics.layers import LayerStatistics, layer_statistics, statistics
from stylespace.styles.statistics.matrices import diagonal, off_diagonal
from stylespace.styles.statistics.pairs import cosines
from stylespace.styles.statistics.spectra import (
    effective_rank,
    eigenvalue_ratio,
    largest_share,
    spectrum,
)
from stylespace.styles.statistics.values import QUANTILES, gini, hoyer, quantiles, wasserstein
from stylespace.styles.style import LayerStyle, Style

pytestmark = pytest.mark.usefixtures("one_thread")


def style_of(grams):
    """A style whose layers have these Gram matrices."""
    layers = {name: LayerStyle(torch.zeros(len(g)), g, 5) for name, g in grams.items()}
    return Style(layers, captured(0).space)


def numbers(record):
    """Every number of a record, one after the other."""
    if not isinstance(record, tuple):
        record = dataclasses.astuple(record)
    return [x for one in record for x in (numbers(one) if isinstance(one, tuple) else [one])]


# --- entries


def test_entries_are_numpys_each_once_and_sorted():
    g = sparse_gram()
    upper = g.numpy()[np.triu_indices(7, 1)]
    np.testing.assert_array_equal(off_diagonal(g), np.sort(upper))
    np.testing.assert_array_equal(diagonal(g), np.sort(np.diag(g)))
    assert len(off_diagonal(g)) == 21 and len(diagonal(g)) == 7
    assert off_diagonal(g.float()).dtype == diagonal(g.float()).dtype == torch.float64


def test_entries_of_known_values():
    g = torch.tensor([[3.0, 9.0, 7.0], [9.0, 1.0, 8.0], [7.0, 8.0, 2.0]])
    assert diagonal(g).tolist() == [1, 2, 3] and off_diagonal(g).tolist() == [7, 8, 9]


@pytest.mark.parametrize("function", [diagonal, off_diagonal, spectrum, cosines, layer_statistics])
@pytest.mark.parametrize("shape", [(2, 3), (1, 3, 3), (4,)])
def test_other_shapes_are_refused(function, shape):
    with pytest.raises(ValueError, match=r"must be \(C, C\)"):
        function(torch.zeros(shape))


def test_inputs_are_left_alone_and_need_no_graph():
    g = sparse_gram().requires_grad_()
    before = g.detach().clone()
    layer_statistics(g)
    wasserstein(diagonal(g), diagonal(g))
    relative_distance(g, g)
    assert torch.equal(g.detach(), before) and g.grad is None


# --- sparsity


@pytest.mark.parametrize("count", [2, 3, 17, 1000])
def test_sparsity_of_one_value_and_of_equal_ones(count):
    one = torch.zeros(count)
    one[count // 2] = 3.0
    assert hoyer(one) == 1 and gini(one) == pytest.approx(1 - 1 / count)
    equal = torch.full((count,), 0.3)
    assert hoyer(equal) == pytest.approx(0, abs=1e-12) and gini(equal) == pytest.approx(
        0, abs=1e-12
    )


def test_hoyer_in_closed_form():
    assert hoyer(vector(3, 4, 0, 0)) == pytest.approx(2 - 7 / 5)
    for k in range(1, 10):  # k equal values among 9
        values = torch.cat([torch.ones(k), torch.zeros(9 - k)])
        assert hoyer(values) == pytest.approx((3 - math.sqrt(k)) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_gini_is_half_the_relative_mean_difference(seed):
    rng = np.random.default_rng(seed)
    values = rng.exponential(size=23) * (rng.random(23) < 0.7)
    differences = np.abs(values[:, None] - values).sum()
    expected = differences / (2 * 23**2 * values.mean())
    assert gini(torch.from_numpy(values)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("measure", [hoyer, gini])
def test_sparsity_ignores_scale_order_sign_and_type(measure):
    values = vector(0, 0.1, 2, 7, 0.5, 0)
    expected = measure(values)
    assert 0 < expected < 1
    for scale in (1e-15, 3.0, -2.0, 1e15):
        assert measure(scale * values) == pytest.approx(expected, rel=1e-12)
    assert measure(values.flip(0)) == pytest.approx(expected, rel=1e-12)
    assert measure(values.float()) == pytest.approx(expected, rel=1e-6)
    assert measure(torch.cat([values, torch.zeros(6)])) > expected


@pytest.mark.parametrize("measure", [hoyer, gini])
def test_sparsity_stays_within_its_range(measure):
    generator = torch.Generator().manual_seed(0)
    for count in (2, 5, 300):
        for power in (0.0, 1e-9, 1.0, 30.0):
            values = torch.rand(count, generator=generator).double() ** power
            assert 0 <= measure(values) <= 1


@pytest.mark.parametrize("measure", [hoyer, gini])
def test_nothing_and_zeros_and_a_single_value_have_no_sparsity(measure):
    for values in (torch.zeros(0), torch.zeros(1), torch.zeros(9), vector(3)):
        assert measure(values) == 0


def test_near_zero_counts_off_diagonal_entries_against_the_mean_diagonal():
    g = torch.tensor([[1.0, 0.0, 0.02], [0.0, 3.0, 0.021], [0.02, 0.021, 2.0]]).double()
    assert near_zero(g, 0.0) == pytest.approx(1 / 3)
    assert near_zero(g) == pytest.approx(2 / 3)  # up to .01 * 2, the level itself among them
    assert near_zero(g, 0.011) == 1 and near_zero(g, 0.001) == pytest.approx(1 / 3)
    assert near_zero(g, 0.6, part=diagonal) == pytest.approx(1 / 3)
    assert near_zero(-g) == near_zero(g) == near_zero(1e9 * g)


def test_near_zero_is_numpys():
    g = sparse_gram(9, 5, seed=3)
    upper, mean = g.numpy()[np.triu_indices(9, 1)], np.diag(g).mean()
    for tau in (0.0, NEAR_ZERO, 0.1, 1.0):
        assert near_zero(g, tau) == pytest.approx((upper <= tau * mean).mean())
    assert near_zero(g, 0.0) == pytest.approx((upper == 0).mean())
    assert near_zero(g, 0.0, part=diagonal) == pytest.approx(1 / 9)


# --- intensity


def test_quantiles_are_numpys():
    values = off_diagonal(sparse_gram(12))
    np.testing.assert_allclose(quantiles(values), np.quantile(values, QUANTILES), rtol=1e-12)
    assert quantiles(torch.zeros(0)) == (0.0,) * len(QUANTILES)
    assert quantiles(vector(4), (0.0, 1.0)) == (4, 4)


@pytest.mark.parametrize(("n", "m"), [(40, 40), (40, 17), (1, 9), (9, 1), (1, 1)])
def test_wasserstein_is_scipys(n, m):
    rng = np.random.default_rng(n + m)
    a, b = rng.exponential(size=n).round(1), 0.3 + 2 * rng.random(m).round(1)  # with ties
    found = wasserstein(torch.from_numpy(a), torch.from_numpy(b))
    assert found == pytest.approx(wasserstein_distance(a, b) / b.mean(), rel=1e-12)
    if n == m:
        assert found == pytest.approx(np.abs(np.sort(a) - np.sort(b)).mean() / b.mean(), rel=1e-12)


def test_wasserstein_in_closed_form():
    values = vector(5, 1, 2, 4)
    assert wasserstein(values, values.flip(0)) == 0
    assert wasserstein(values, torch.cat([values, values])) == pytest.approx(0, abs=1e-15)
    assert wasserstein(values + 0.6, values) == pytest.approx(0.6 / 3)
    assert wasserstein(2 * values, values) == pytest.approx(1)
    assert wasserstein(vector(0, 0), vector(1, 3)) == 1
    assert wasserstein(vector(1, 3), vector(0, 0)) == 2  # nothing to be relative to
    assert wasserstein(1e15 * values, 2e15 * values) == pytest.approx(0.5)


def test_wasserstein_of_nothing():
    assert wasserstein(torch.zeros(0), torch.zeros(0)) == 0
    for a, b in [(0, 3), (3, 0)]:
        with pytest.raises(ValueError, match=f"between {a} and {b} values"):
            wasserstein(torch.ones(a), torch.ones(b))


# --- spectrum and cosines


def test_spectrum_is_numpys_descending():
    g = sparse_gram(8, 30, dead=0)
    expected = np.linalg.eigvalsh(g.numpy())[::-1]
    np.testing.assert_allclose(spectrum(g), expected, rtol=1e-10)
    assert spectrum(g.float()).dtype == torch.float64
    assert effective_rank(g) == pytest.approx(expected.sum() ** 2 / (expected**2).sum())
    assert largest_share(spectrum(g)) == pytest.approx(expected[0] / expected.sum())
    assert eigenvalue_ratio(spectrum(g)) == pytest.approx(expected[-1] / expected[0])


def test_effective_rank_of_known_matrices():
    assert effective_rank(torch.eye(5)) == pytest.approx(5)
    assert effective_rank(torch.ones(5, 5)) == pytest.approx(1)
    assert effective_rank(torch.diag(vector(1, 1, 1, 0, 0))) == pytest.approx(3)
    assert largest_share(spectrum(torch.eye(5))) == pytest.approx(0.2)
    assert largest_share(spectrum(torch.ones(5, 5))) == pytest.approx(1)
    assert eigenvalue_ratio(spectrum(vector(1, 2, 2, 1).reshape(2, 2))) == pytest.approx(-1 / 3)


def test_cosines_are_those_of_the_rows():
    rng = np.random.default_rng(0)
    f = rng.exponential(size=(5, 9))
    expected = np.array([[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in f] for a in f])
    np.testing.assert_allclose(cosines(torch.from_numpy(f @ f.T / 9)), expected, rtol=1e-12)


def test_cosines_of_a_dead_channel_are_zero():
    found = cosines(sparse_gram(6, dead=2))
    assert not found[-2:].any() and not found[:, -2:].any()
    np.testing.assert_allclose(found.diagonal(), [1, 1, 1, 1, 0, 0], rtol=1e-12)
    assert found.max() <= 1 + 1e-12


def test_cosines_say_what_no_features_have():
    found = cosines(torch.tensor([[0.0, 2.0, -2.0], [2.0, 1.0, 3.0], [-2.0, 3.0, 4.0]]))
    assert found[0].tolist() == [0, math.inf, -math.inf] and found[1, 2] == 1.5


def test_cosines_of_very_small_and_large_energies():
    for scale in (1e-200, 1e200):
        found = cosines(scale * torch.tensor([[4.0, 3.0], [3.0, 9.0]], dtype=torch.float64))
        assert found[0, 1] == pytest.approx(0.5)


# --- layers


def test_statistics_of_a_layer_are_those_of_its_parts():
    g = sparse_gram(9)
    found = layer_statistics(g)
    for part, entries in [(diagonal, found.diagonal), (off_diagonal, found.off_diagonal)]:
        values = part(g)
        assert entries.count == len(values) and entries.mean == pytest.approx(values.numpy().mean())
        assert entries.hoyer == hoyer(values) and entries.gini == gini(values)
        assert entries.quantiles == quantiles(values)
        assert entries.near_zero == near_zero(g, part=part)
        assert entries.exactly_zero == near_zero(g, 0.0, part=part)
    upper = cosines(g).numpy()[np.triu_indices(9, 1)]
    assert found.mean_cosine == pytest.approx(np.abs(upper).mean())
    assert found.effective_rank == effective_rank(g)
    assert found.largest_share == largest_share(spectrum(g))
    assert found.eigenvalue_ratio == eigenvalue_ratio(spectrum(g))


def compared(gram, target):
    """Every number that compares a matrix with a target's: distance, then those of both parts."""
    found = [relative_distance(gram, target)]
    for part in (diagonal, off_diagonal):
        values, goal = part(gram), part(target)
        found.append(wasserstein(values, goal))
        for measure in (hoyer, gini):
            found.append(abs(measure(values) - measure(goal)) / (abs(measure(goal)) or 1))
        found += [near_zero(one, part=part) for one in (gram, target)]
    return tuple(found)


def assert_alike(one, two, rel=1e-9):
    np.testing.assert_allclose(numbers(one), numbers(two), rtol=rel, atol=1e-12)


def test_the_order_of_channels_does_not_matter():
    g, order = sparse_gram(9), torch.randperm(9, generator=torch.Generator().manual_seed(1))
    permuted = g[order][:, order]
    assert_alike(layer_statistics(g), layer_statistics(permuted))
    for part in (diagonal, off_diagonal):
        assert wasserstein(part(permuted), part(g)) == pytest.approx(0, abs=1e-12)
    assert relative_distance(permuted, g) > 0.1


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_scale_moves_the_intensity_alone(scale):
    g = sparse_gram(9)
    one, two = layer_statistics(g), layer_statistics(scale * g)
    for name in ("diagonal", "off_diagonal"):
        a, b = getattr(one, name), getattr(two, name)
        scaled = dataclasses.replace(
            a,
            mean=scale * a.mean,
            deviation=scale * a.deviation,
            quantiles=tuple(scale * q for q in a.quantiles),
        )
        assert_alike(scaled, b)
        two = dataclasses.replace(two, **{name: a})
    np.testing.assert_allclose(two.spectrum, scale * np.array(one.spectrum), atol=1e-12 * scale)
    assert_alike(one, dataclasses.replace(two, spectrum=one.spectrum))
    other = sparse_gram(9, seed=1)
    assert_alike(compared(g, other), compared(scale * g, scale * other))


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("value", [0.0, 2.0])
def test_degenerate_matrices_have_finite_statistics(channels, value):
    """Black layers, constant pictures (all entries of all channels equal), single channels."""
    found = layer_statistics(torch.full((channels, channels), value))
    assert np.isfinite(numbers(found)).all()
    alive = float(value > 0)
    assert found.effective_rank == pytest.approx(alive)
    assert found.largest_share == pytest.approx(alive)
    assert found.diagonal.exactly_zero == found.diagonal.near_zero == 1 - alive
    assert found.diagonal.hoyer == pytest.approx(0, abs=1e-12)
    assert found.off_diagonal.gini == pytest.approx(0, abs=1e-12)
    if channels == 1:
        none = EntryStatistics(0, 0, 0, 0, 0, (0,) * len(QUANTILES), 0, 0, 0, 0, 0)
        assert found.off_diagonal == none and found.cosine_quantiles == none.quantiles
        assert found.mean_cosine == 0 and found.eigenvalue_ratio == alive
    else:
        assert found.mean_cosine == pytest.approx(alive)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_constant_picture_has_finite_statistics(value):
    image = torch.full((1, 3, 13, 22), value, dtype=torch.float64)
    style = Style.capture(tiny_network(), image, ("conv1_1", "conv3_1"))
    other = captured(0)
    assert all(np.isfinite(numbers(layer)).all() for layer in statistics(style).values())
    for name, gram in style.grams.items():
        assert np.isfinite(compared(gram, other.grams[name])).all()
        assert np.isfinite(compared(other.grams[name], gram)).all()


def test_effective_rank_depends_on_the_sorted_entries_alone():
    g = sparse_gram(6, dead=0)
    shuffled = torch.diag(g.diagonal().flip(0))
    rows, columns = torch.triu_indices(6, 6, 1)
    shuffled[rows, columns] = shuffled[columns, rows] = g[rows, columns].flip(0)
    assert effective_rank(shuffled) == pytest.approx(effective_rank(g))
    assert largest_share(spectrum(shuffled)) != pytest.approx(largest_share(spectrum(g)), rel=0.01)


def test_comparison_with_a_degenerate_target_is_finite():
    black, g = torch.zeros(4, 4), sparse_gram(4, dead=0)
    for pair in [(black, black), (g, black), (black, g)]:
        flat = np.array(compared(*pair))
        assert np.isfinite(flat).all() and (flat >= 0).all()
    assert relative_distance(black, black) == 0
    assert wasserstein(off_diagonal(black), off_diagonal(g)) == pytest.approx(1)
    two, four = vector(2).reshape(1, 1), vector(4).reshape(1, 1)
    assert wasserstein(off_diagonal(two), off_diagonal(four)) == 0
    assert wasserstein(diagonal(two), diagonal(four)) == 0.5


# --- styles


def test_statistics_of_a_style_are_those_of_its_layers():
    style = captured(0)
    found = statistics(style)
    assert list(found) == ["conv1_1", "conv3_1"]
    for name, layer in found.items():
        assert isinstance(layer, LayerStatistics)
        assert layer == layer_statistics(style.layers[name].gram, style.layers[name].mean)
    assert found["conv1_1"].diagonal.count == 4 and found["conv1_1"].off_diagonal.count == 6


def test_statistics_hold_plain_numbers_only():
    values = numbers(statistics(captured(0))["conv1_1"])
    assert len(values) == 2 * (10 + len(QUANTILES)) + 7 + 4 + len(QUANTILES)
    assert all(type(value) in (int, float) for value in values)


def test_a_statistic_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        layer_statistics(torch.eye(3)).effective_rank = 1


def test_comparison_of_a_style_with_itself():
    style = captured(0)
    for gram in style.grams.values():
        near = [near_zero(gram, part=part) for part in (diagonal, off_diagonal) for _ in range(2)]
        assert compared(gram, gram) == (0, 0, 0, 0, *near[:2], 0, 0, 0, *near[2:])
    assert set(gram_distances(style, style).values()) == {0}


def test_comparison_is_that_of_scipy():
    style, target = captured(0), captured(1)
    assert gram_distances(style, target) == {
        name: relative_distance(gram, target.grams[name]) for name, gram in style.grams.items()
    }
    for name, g in style.grams.items():
        a = target.grams[name]
        x, y = (m.numpy()[np.triu_indices(len(m), 1)] for m in (g, a))
        found = wasserstein(off_diagonal(g), off_diagonal(a))
        assert found == pytest.approx(wasserstein_distance(x, y) / y.mean())
        of, goal = entry_statistics(g, off_diagonal), entry_statistics(a, off_diagonal)
        assert (of.hoyer, goal.hoyer) == (hoyer(off_diagonal(g)), hoyer(off_diagonal(a)))
        assert (of.gini, goal.gini) == (gini(off_diagonal(g)), gini(off_diagonal(a)))
        assert (near_zero(g), near_zero(a)) == (of.near_zero, goal.near_zero)


def test_comparison_has_the_layers_of_its_target():
    one = style_of({"a": torch.eye(3), "b": sparse_gram(5)})
    assert list(gram_distances(one, one.pick(["b"]))) == ["b"]
    with pytest.raises(UsageError, match="layer of the style 'a'"):
        gram_distances(one.pick(["b"]), one)


def test_styles_of_different_spaces_do_not_compare():
    with pytest.raises(StyleError, match="pooling max instead of average"):
        gram_distances(captured(0, pooling="max"), captured(1))
