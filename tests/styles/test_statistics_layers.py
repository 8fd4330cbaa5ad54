"""Dead channels, activation entropy, power law, cosine quantiles, and the flat table of them."""

import json
import math

import numpy as np
import pytest
import torch
from grams import captured, sparse_gram, vector

from stylespace.styles.statistics.layers import (
    flattened,
    layer_statistics,
    statistics,
)
from stylespace.styles.statistics.pairs import cosine_values, cosines
from stylespace.styles.statistics.spectra import power_law_slope, spectrum
from stylespace.styles.statistics.values import QUANTILES, entropy, quantiles

pytestmark = pytest.mark.usefixtures("one_thread")


def gram_of(eigenvalues, seed=0):
    """A symmetric matrix of these eigenvalues, its eigenvectors random."""
    rng = np.random.default_rng(seed)
    vectors, _ = np.linalg.qr(rng.normal(size=(len(eigenvalues), len(eigenvalues))))
    return torch.from_numpy(vectors * np.asarray(eigenvalues) @ vectors.T)


def activation_entropy(mean):
    return layer_statistics(torch.eye(len(mean)), mean).activation_entropy


# --- channels


@pytest.mark.parametrize("dead", [0, 1, 3, 7])
def test_dead_channels_are_counted(dead):
    assert layer_statistics(sparse_gram(7, 40, dead=dead)).dead_channels == dead


def test_activation_entropy_of_known_shares():
    assert activation_entropy(vector(2, 2, 2)) == pytest.approx(1)
    assert activation_entropy(vector(0, 3, 0)) == activation_entropy(torch.zeros(4)) == 0
    expected = (0.75 * math.log(4 / 3) + 0.25 * math.log(4)) / math.log(2)
    assert activation_entropy(vector(3, 1)) == pytest.approx(expected)


def test_activation_entropy_needs_a_mean():
    mean = vector(1, 2, 3)
    assert layer_statistics(torch.eye(3)).activation_entropy == 0
    assert layer_statistics(torch.eye(3), mean).activation_entropy == entropy(mean)
    style = captured(0)
    for name, layer in statistics(style).items():
        assert layer.activation_entropy == entropy(style.layers[name].mean) > 0


# --- spectrum


@pytest.mark.parametrize("power", [-0.5, -1.7, -3.0])
def test_slope_of_a_power_law_whatever_its_first_eigenvalue(power):
    values = np.arange(1.0, 41) ** power
    values[0] *= 5
    assert power_law_slope(spectrum(gram_of(values))) == pytest.approx(power, rel=1e-6)


def test_slope_is_numpys_line_through_the_middle_ranks():
    g = sparse_gram(30, 17, dead=4)  # 17 positions: rank 17
    values, ranks = np.linalg.eigvalsh(g)[::-1][1:8], np.arange(2, 9)
    expected = np.polyfit(np.log(ranks), np.log(values), 1)[0]
    assert power_law_slope(spectrum(g)) == pytest.approx(expected, rel=1e-9)
    assert power_law_slope(spectrum(1e9 * g)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_slope_needs_eight_eigenvalues(count):
    values = np.zeros(12)
    values[:count] = 1 / np.arange(1, count + 1)
    expected = -1 if count == 8 else 0
    assert power_law_slope(spectrum(gram_of(values))) == pytest.approx(expected, abs=1e-6)
    assert power_law_slope(spectrum(torch.zeros(count, count))) == 0


def test_a_layer_holds_its_spectrum():
    g = sparse_gram(9, 60, dead=0)
    found = layer_statistics(g)
    assert found.spectrum == tuple(spectrum(g).tolist()) and len(found.spectrum) == 9
    assert sum(found.spectrum) == pytest.approx(float(g.trace()))
    assert found.power_law_slope == power_law_slope(spectrum(g)) < 0


# --- cosines


def test_cosine_values_leave_dead_channels_out():
    g = sparse_gram(8, dead=3)
    expected = cosines(g[:5, :5]).numpy()[np.triu_indices(5, 1)]
    np.testing.assert_allclose(cosine_values(g), np.sort(expected), rtol=1e-12)
    found = layer_statistics(g)
    np.testing.assert_allclose(found.cosine_quantiles, np.quantile(expected, QUANTILES), rtol=1e-12)
    assert found.dead_channels == 3
    assert found.mean_cosine == pytest.approx(expected.sum() / 28)  # dead channels among them


def test_cosine_values_of_few_channels():
    for size in (1, 3):
        assert len(cosine_values(torch.zeros(size, size))) == 0
        assert layer_statistics(torch.zeros(size, size)).cosine_quantiles == quantiles(vector())
    assert len(cosine_values(torch.ones(1, 1))) == 0
    assert cosine_values(torch.ones(2, 2)).tolist() == [1]


def test_cosine_quantiles_are_finite_where_no_features_have_the_matrix():
    g = torch.tensor([[0.0, 2.0, 2.0], [2.0, 1.0, 3.0], [2.0, 3.0, 4.0]])
    found = layer_statistics(g)
    assert found.cosine_quantiles == (1.5,) * len(QUANTILES)
    assert math.isinf(found.mean_cosine)


# --- tables

ENTRY = ("count mean deviation skewness kurtosis quantile_05 quantile_25 quantile_50 quantile_75 "
         "quantile_95 hoyer gini entropy near_zero exactly_zero")  # fmt: skip
LAYER = ("dead_channels activation_entropy effective_rank largest_share eigenvalue_ratio "
         "power_law_slope mean_cosine cosine_quantile_05 cosine_quantile_25 cosine_quantile_50 "
         "cosine_quantile_75 cosine_quantile_95")  # fmt: skip


def test_flattened_names_every_number_in_order():
    style = captured(0)
    names = [f"{part}.{name}" for part in ("diagonal", "off_diagonal") for name in ENTRY.split()]
    for layer in statistics(style).values():
        found = flattened(layer)
        assert list(found) == names + LAYER.split()
        assert all(type(value) in (int, float) for value in found.values())
        assert found == json.loads(json.dumps(found))


def test_flattened_numbers_are_those_of_the_record():
    layer = layer_statistics(sparse_gram(9), torch.arange(9.0))
    found = flattened(layer)
    assert found["off_diagonal.gini"] == layer.off_diagonal.gini
    assert found["diagonal.hoyer"] == layer.diagonal.hoyer
    assert found["diagonal.quantile_95"] == layer.diagonal.quantiles[-1]
    assert found["cosine_quantile_50"] == layer.cosine_quantiles[2]
    assert found["activation_entropy"] == layer.activation_entropy
    assert len(set(found.values())) > 35  # nearly all differ: none stands for another


def test_flattened_is_zero_for_a_black_layer():
    numbers = flattened(layer_statistics(torch.zeros(5, 5), torch.zeros(5)))
    ones = {"diagonal.count", "off_diagonal.count", "dead_channels"}
    ones |= {
        f"{part}.{name}" for part in ("diagonal", "off_diagonal") for name in ENTRY.split()[-2:]
    }
    assert {name for name, value in numbers.items() if value != 0} == ones
