"""Distances between styles, against numpy."""

import numpy as np
import pytest
import torch
from conftest import seeded_picture, tiny_network

from stylespace.distances import (
    geometric_mean,
    gram_distances,
    layer_pairs,
    relative_distance,
    relative_error,
)
from stylespace.errors import StylespaceError
from stylespace.style import Style

pytestmark = pytest.mark.usefixtures("one_thread")


def captured(seed, layers=("conv1_1", "conv3_1"), **options):
    return Style.capture(tiny_network(**options), seeded_picture(13, 22, seed=seed), layers)


def test_relative_distance_is_numpys():
    x, t = torch.randn(3, 4), torch.randn(3, 4)
    a, b = x.double().numpy(), t.double().numpy()
    expected = np.linalg.norm(a - b) ** 2 / np.linalg.norm(b) ** 2
    assert relative_distance(x, t) == pytest.approx(expected, rel=1e-12)
    assert relative_distance(t, t) == 0 and relative_distance(torch.zeros(3, 4), t) == 1


def test_relative_distance_does_not_depend_on_the_scale():
    x, t = torch.randn(3, 4), torch.randn(3, 4)
    for scale in (1e-15, 1e15):  # squares that float32 does not hold
        assert relative_distance(scale * x, scale * t) == pytest.approx(relative_distance(x, t))


def test_distance_to_a_zero_target_is_the_plain_square():
    assert relative_distance(torch.full((2, 3), 2.0), torch.zeros(2, 3)) == 24
    assert relative_distance(torch.zeros(2, 3), torch.zeros(2, 3)) == 0


def test_relative_error_is_unsquared():
    assert relative_error(3.0, 2.0) == relative_error(1.0, 2.0) == 0.5
    assert relative_error(-3.0, -2.0) == 0.5 and relative_error(0.3, 0.3) == 0
    assert relative_error(-3.0, 0.0) == 3 and relative_error(0.0, 0.0) == 0


def test_layer_pairs_hold_the_layers_of_the_target():
    one, two = captured(0), captured(1, ("conv3_1",))
    assert layer_pairs(one, two) == {"conv3_1": (one.layers["conv3_1"], two.layers["conv3_1"])}


def test_gram_distances_name_every_layer_of_the_target():
    one, two = captured(0), captured(1)
    found = gram_distances(one, two)
    assert list(found) == ["conv1_1", "conv3_1"]
    for name, value in found.items():
        a, b = one.layers[name].gram.numpy(), two.layers[name].gram.numpy()
        assert value == pytest.approx(((a - b) ** 2).sum() / (b**2).sum(), rel=1e-12) and value > 0
    assert gram_distances(one, one) == {"conv1_1": 0, "conv3_1": 0}
    assert list(gram_distances(one, captured(1, ("conv3_1",)))) == ["conv3_1"]


@pytest.mark.parametrize("compared", [gram_distances, layer_pairs])
def test_a_layer_that_is_not_there_is_named(compared):
    with pytest.raises(StylespaceError, match="'conv2_1'"):
        compared(captured(0), captured(1, ("conv1_1", "conv2_1")))


@pytest.mark.parametrize("compared", [gram_distances, layer_pairs])
def test_styles_of_different_spaces_do_not_compare(compared):
    with pytest.raises(StylespaceError, match="pooling max instead of average"):
        compared(captured(0, pooling="max"), captured(1))


def test_geometric_mean():
    assert geometric_mean({"a": 2.0, "b": 8.0}) == pytest.approx(4)
    assert geometric_mean({"a": 1e-300, "b": 1e-200, "c": 1e-250}) == pytest.approx(1e-250)
    assert geometric_mean({"a": 0.0, "b": 8.0}) == 0
