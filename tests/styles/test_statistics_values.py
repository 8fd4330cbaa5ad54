"""Entropy, moments and their edge cases against numpy, scipy and closed forms."""

import math

import numpy as np
import pytest
import torch
from grams import sparse_gram, vector
from scipy import stats

from stylespace.styles.statistics.entries import entry_statistics
from stylespace.styles.statistics.matrices import diagonal, off_diagonal
from stylespace.styles.statistics.spectra import effective_rank
from stylespace.styles.statistics.values import deviation, entropy, hoyer, kurtosis, skewness

pytestmark = pytest.mark.usefixtures("one_thread")

MEASURES = (entropy, deviation, skewness, kurtosis)


def entries(seed=0, count=400):
    """Skewed values of which a third is 0."""
    rng = np.random.default_rng(seed)
    return rng.gamma(0.7, 3.0, count) * (rng.random(count) < 0.67)


@pytest.mark.parametrize("seed", range(3))
def test_entropy_and_moments_are_scipys(seed):
    values = entries(seed)
    given = torch.from_numpy(values)
    assert entropy(given) == pytest.approx(stats.entropy(values) / math.log(400), rel=1e-12)
    assert deviation(given) == pytest.approx(np.std(values), rel=1e-12)
    assert skewness(given) == pytest.approx(stats.skew(values), rel=1e-12)
    assert kurtosis(given) == pytest.approx(stats.kurtosis(values), rel=1e-12)


def test_entropy_in_closed_form():
    assert entropy(torch.full((7,), 0.3)) == pytest.approx(1)
    assert entropy(vector(0, 0, 5, 0)) == 0
    for k in range(1, 10):  # k equal values among 9
        values = torch.cat([torch.ones(k), torch.zeros(9 - k)])
        assert entropy(values) == pytest.approx(math.log(k) / math.log(9), abs=1e-12)


def test_moments_in_closed_form():
    values = vector(0, 0, 0, 4)  # Bernoulli of 1/4, four times as large
    assert deviation(values) == pytest.approx(math.sqrt(3))
    assert skewness(values) == pytest.approx((1 - 2 / 4) / math.sqrt(3 / 16))
    assert kurtosis(values) == pytest.approx((1 - 6 * 3 / 16) / (3 / 16))
    assert kurtosis(vector(-1, 1)) == -2  # the least there is
    assert skewness(vector(-3, -1, 1, 3)) == pytest.approx(0, abs=1e-15)


def test_sign_and_scale_of_moments():
    values = torch.from_numpy(entries())
    for scale in (1e-300, 1e-30, 1.0, 1e30, 1e300):
        moved = scale * values
        assert deviation(moved) == pytest.approx(scale * deviation(values), rel=1e-12)
        assert skewness(moved) == pytest.approx(skewness(values), rel=1e-12)
        assert skewness(-moved) == pytest.approx(-skewness(values), rel=1e-12)
        assert kurtosis(-moved) == pytest.approx(kurtosis(values), rel=1e-12)
        assert entropy(-moved) == pytest.approx(entropy(values), rel=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_squares_do_not_overflow(scale):
    values = torch.from_numpy(entries())
    assert hoyer(scale * values) == pytest.approx(hoyer(values), rel=1e-12)
    g = sparse_gram()
    assert effective_rank(scale * g) == pytest.approx(effective_rank(g), rel=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("count", [0, 1, 6])
def test_nothing_and_zeros_have_no_entropy_and_no_moments(measure, count):
    assert measure(torch.zeros(count)) == 0


@pytest.mark.parametrize("value", [0.1, 1e-320, 3.0, 1e300])
def test_values_all_the_same_have_no_shape(value):
    for count in (1, 3, 1000):
        values = torch.full((count,), value, dtype=torch.float64)
        assert skewness(values) == kurtosis(values) == 0
        assert deviation(values) == pytest.approx(0, abs=1e-14 * value)
    rounded = value * (1 + 1e-7 * torch.rand(9, dtype=torch.float64))
    assert skewness(rounded) == kurtosis(rounded) == 0


def test_values_of_any_order_and_type():
    values = torch.from_numpy(entries()).requires_grad_()
    for measure in MEASURES:
        assert measure(values.flip(0)) == pytest.approx(measure(values), rel=1e-12)
        assert measure(values.float()) == pytest.approx(measure(values), rel=1e-5)
    assert values.grad is None


def test_statistics_of_entries_hold_them():
    g = sparse_gram(8)
    for part in (diagonal, off_diagonal):
        found, values = entry_statistics(g, part), part(g)
        for measure in MEASURES:
            assert getattr(found, measure.__name__) == measure(values) != 0
