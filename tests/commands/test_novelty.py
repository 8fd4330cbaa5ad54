"""Novelty of a texture: its distance to its painting beside that of the nearest other painting."""

import math

import numpy as np
import pytest
import torch
from tiny import TINY_LAYERS, seeded_picture, tiny_network

from stylespace.assets import paintings, sample_path
from stylespace.commands.texture.novelty import new_layers, novelty_figures
from stylespace.commands.texture.textures import texture
from stylespace.images import read_image, resize, write_image
from stylespace.styles.style import Style

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 40
OPTIONS = {"size": SIDE, "iterations": (3,), "layers": TINY_LAYERS, "padding": "zeros"}


@pytest.fixture(scope="module")
def net():
    return tiny_network(dtype=torch.float32)


@pytest.fixture(scope="module")
def grams(net):
    """{painting: {layer: Gram matrix}} by numpy, at SIDE pixels."""
    found = {}
    for name in paintings():
        seen = net(resize(read_image(sample_path(name)), SIDE), TINY_LAYERS)
        flat = {layer: x[0].flatten(1).double().numpy() for layer, x in seen.items()}
        found[name] = {layer: x @ x.T / x.shape[1] for layer, x in flat.items()}
    return found


def distances(grams, painting):
    """Relative Gram distances of every other painting, {name: {layer: distance}}."""
    return {
        name: {
            layer: ((one[layer] - goal) ** 2).sum() / (goal**2).sum()
            for layer, goal in grams[painting].items()
        }
        for name, one in grams.items()
        if name != painting
    }


def expected(others):
    nearest = {layer: min(one[layer] for one in others.values()) for layer in TINY_LAYERS}
    means = [math.exp(np.mean(np.log(list(one.values())))) for one in others.values()]
    named = {f"gram_nearest.{layer}": distance for layer, distance in nearest.items()}
    return {**named, "style_distance_nearest": min(means)}


@pytest.mark.parametrize("painting", ["gogh-auvers", "durer-lion"])
@pytest.mark.parametrize("match", ["distribution", "sparsity", "intensity"])
def test_the_nearest_other_painting_stands_beside_a_texture(net, grams, painting, match):
    made = texture(f"sample:{painting}", match=match, network=net, **OPTIONS)
    wanted, figures = expected(distances(grams, painting)), made.figures
    assert {name: figures[name] for name in wanted} == pytest.approx(wanted, rel=1e-4)
    new = [la for la in TINY_LAYERS if figures[f"gram.{la}"] > wanted[f"gram_nearest.{la}"]]
    assert new_layers(figures) == new and figures["new_layers"] == len(new)


def test_a_texture_of_the_gram_matrices_claims_nothing_new(net):
    figures = texture("sample:gogh-auvers", network=net, **OPTIONS).figures
    assert not [name for name in figures if "nearest" in name or "new" in name]


def test_a_sampler_has_the_same_scale(net, grams):
    made = texture("sample:gogh-auvers", sampler="permutation", network=net, **OPTIONS)
    wanted = expected(distances(grams, "gogh-auvers"))
    assert {name: made.figures[name] for name in wanted} == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.5), (2, 2, 2), (2, 0.5, 1), (1, 1, 1)])
def test_new_is_only_what_is_farther_than_the_nearest(net, grams, shares):
    """The nearest itself is not new: not one of it is farther."""
    picture = resize(read_image(sample_path("gogh-auvers")), SIDE)
    target = Style.capture(net, picture, TINY_LAYERS, source="sample:gogh-auvers")
    nearest = novelty_figures(
        dict.fromkeys((f"gram.{la}" for la in TINY_LAYERS), 0), target, net, 1
    )
    assert nearest["new_layers"] == 0
    figures = {
        f"gram.{layer}": share * nearest[f"gram_nearest.{layer}"]
        for layer, share in zip(TINY_LAYERS, shares, strict=True)
    }
    found = novelty_figures(figures, target, net, 1)
    new = [layer for layer, share in zip(TINY_LAYERS, shares, strict=True) if share > 1]
    assert found["new_layers"] == len(new) and new_layers({**figures, **found}) == new


def test_other_paintings_are_those_that_the_target_is_not_made_of(net, grams, tmp_path):
    """Under another name, from a style file, or blended of two, as at the target's own size."""
    copy, file = tmp_path / "copy.png", tmp_path / "a.style.safetensors"
    write_image(copy, read_image(sample_path("gogh-auvers")))
    picture = resize(read_image(copy), SIDE)
    Style.capture(net, picture, TINY_LAYERS).save(file)
    wanted = expected(distances(grams, "gogh-auvers"))
    for source in (copy, file):
        options = OPTIONS | {"size": 24} if source == file else OPTIONS
        made = texture(str(source), match="distribution", network=net, **options)
        assert {name: made.figures[name] for name in wanted} == pytest.approx(wanted, rel=1e-3)
    two = [resize(read_image(sample_path(name)), SIDE) for name in paintings()[:2]]
    blend = Style.blend([(Style.capture(net, one, TINY_LAYERS), 1.0) for one in two])
    left = {name: grams[name] for name in paintings()[2:]}
    goal = {layer: gram.double().numpy() for layer, gram in blend.grams.items()}
    found = novelty_figures(
        dict.fromkeys((f"gram.{layer}" for layer in TINY_LAYERS), 1.0), blend, net, SIDE
    )
    for name, value in expected(distances({**left, "blend": goal}, "blend")).items():
        assert found[name] == pytest.approx(value, rel=1e-4)


def test_a_seamless_texture_is_compared_as_its_source_is_seen(net):
    """Its source is continued beyond its borders, and so are the others."""
    made = texture(
        "sample:gogh-auvers", match="distribution", seamless=True, network=net, **OPTIONS
    )
    other = net.with_padding("reflect")
    styles = {
        name: Style.capture(other, resize(read_image(sample_path(name)), SIDE), TINY_LAYERS)
        for name in paintings()
    }
    grams = {
        name: {layer: gram.double().numpy() for layer, gram in style.grams.items()}
        for name, style in styles.items()
    }
    wanted = expected(distances(grams, "gogh-auvers"))
    assert {name: made.figures[name] for name in wanted} == pytest.approx(wanted, rel=1e-4)


def test_where_no_painting_is_large_enough_nothing_is_said(net):
    target = Style.capture(net, seeded_picture(4, 4).float(), TINY_LAYERS)
    target = Style(target.layers, target.space, {})
    figures = {f"gram.{layer}": 1.0 for layer in TINY_LAYERS}
    assert novelty_figures(figures, target, net, 3) == {}
    assert new_layers(figures) == []


@pytest.mark.parametrize(("share", "words"), [(2, ", ".join(TINY_LAYERS)), (0.5, "no layer")])
def test_the_figure_says_where_a_texture_is_new(net, monkeypatch, share, words):
    from dataclasses import replace

    from stylespace.commands.texture import figure

    made = texture("sample:gogh-auvers", match="distribution", network=net, **OPTIONS)
    nearest = {f"gram.{la}": share * made.figures[f"gram_nearest.{la}"] for la in TINY_LAYERS}
    titles = []
    monkeypatch.setattr(figure, "show_picture", lambda *given, **_: titles.append(given[2]))
    figure.texture_figure(replace(made, figures={**made.figures, **nearest}))
    assert titles[1].endswith(f"\nnew at {words}") and "nearest other painting" in titles[1]
