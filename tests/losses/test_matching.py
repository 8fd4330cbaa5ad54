"""The terms of a style and the figures of a match, against numpy and by hand."""

import itertools

import numpy as np
import pytest
import scipy.stats
import torch
from tiny import TINY_LAYERS, seeded_picture

from stylespace.losses.matching import (
    MATCHES,
    layer_numbers,
    match_figures,
    seed_distance,
    smoothness_terms,
    style_figures,
    style_terms,
)
from stylespace.losses.objective import Objective
from stylespace.networks.space import Space
from stylespace.settings import TextureSettings
from stylespace.settings import texture as texture_settings
from stylespace.styles.gram import mean
from stylespace.styles.moments import LayerStyle
from stylespace.styles.style import Style

pytestmark = pytest.mark.usefixtures("one_thread")

SPACE = Space("tiny", "average", "zeros", "0")
WEIGHTED = ("conv1_1=2", "conv2_1", "conv3_1=5")


def settings(**changes):
    return TextureSettings(sources=("painting.png",), **{"layers": WEIGHTED, **changes})


def style_of(**grams):
    layers = {
        name: LayerStyle(torch.zeros(len(g)), torch.tensor(g, dtype=torch.float64), 1)
        for name, g in grams.items()
    }
    return Style(layers, SPACE)


@pytest.fixture
def painting(tiny):
    return Style.capture(tiny, seeded_picture(13, 22, seed=1), TINY_LAYERS)


@pytest.fixture
def found(tiny):
    return Style.capture(tiny, seeded_picture(16, 9, seed=2).square(), TINY_LAYERS)


# --- terms


def test_every_match_of_the_settings_has_its_term():
    assert tuple(MATCHES) == texture_settings.MATCHES


@pytest.mark.parametrize("match", MATCHES)
def test_the_weights_of_a_style_add_up_to_1(painting, match):
    terms = style_terms(painting.grams, settings(), match=match).parts
    assert [term.name for term in terms] == [f"{match}.{name}" for name in TINY_LAYERS]
    assert [term.weight for term in terms] == pytest.approx([2 / 8, 1 / 8, 5 / 8])
    assert [term.layers for term in terms] == [(name,) for name in TINY_LAYERS]


@pytest.mark.parametrize("match", MATCHES)
def test_the_terms_are_zero_at_the_painting_alone(tiny, painting, match):
    objective = Objective(tiny, style_terms(painting.grams, settings(), match=match))
    same, other = seeded_picture(13, 22, seed=1), seeded_picture(13, 22, seed=3).square()
    values = objective(torch.cat([same, other]))
    for name, value in values.items():
        assert value[0].item() == pytest.approx(0, abs=1e-20), name
        assert value[1].item() > 1e-6, name


@pytest.mark.parametrize("match", MATCHES)
def test_the_means_stand_beside_the_terms_of_every_layer(tiny, painting, match):
    terms = style_terms(painting.grams, settings(mean_weight=3.0), match=match, means=painting)
    weights = {term.name: term.weight for term in terms.parts}
    assert list(weights) == [f"{kind}.{name}" for name in TINY_LAYERS for kind in (match, "mean")]
    for name in TINY_LAYERS:
        assert weights[f"mean.{name}"] == pytest.approx(3 * weights[f"{match}.{name}"])
    picture = seeded_picture(9, 14, seed=4)
    values = Objective(tiny, terms)(picture)
    for name, share in zip(TINY_LAYERS, (2 / 8, 1 / 8, 5 / 8), strict=True):
        goal = painting.layers[name].mean.numpy()
        difference = mean(tiny(picture, [name])[name])[0].numpy() - goal
        expected = 3 * share * (difference**2).sum() / (goal**2).sum()
        assert values[f"mean.{name}"].item() == pytest.approx(expected)


def test_smoothness_weighs_what_the_settings_say():
    assert smoothness_terms(settings(tv_weight=0.0)).parts == ()
    (term,) = smoothness_terms(settings(tv_weight=0.7)).parts
    assert (term.name, term.weight) == ("total_variation", 0.7)


# --- figures


def numpy_numbers(gram, target):
    """The numbers of one layer; Gini as the mean absolute difference over all pairs."""
    count = len(gram)
    pairs = tuple(zip(*itertools.combinations(range(count), 2), strict=True))
    places = {"": pairs, "_diagonal": (range(count), range(count))}
    numbers = {"gram": ((gram - target) ** 2).sum() / (target**2).sum()}
    for suffix, (rows, columns) in places.items():
        values, goal = gram[list(rows), list(columns)], target[list(rows), list(columns)]
        distance = scipy.stats.wasserstein_distance(values, goal)
        numbers[f"w1{suffix}"] = distance / goal.mean()
        for end, x, matrix in (("", values, gram), ("_target", goal, target)):
            n = len(x)
            spread = np.abs(x[:, None] - x).sum() / (2 * n * x.sum())
            ratio = x.sum() / np.sqrt((x**2).sum())
            numbers[f"gini{suffix}{end}"] = spread
            numbers[f"hoyer{suffix}{end}"] = (np.sqrt(n) - ratio) / (np.sqrt(n) - 1)
            numbers[f"near_zero{suffix}{end}"] = (x <= 0.01 * np.trace(matrix) / count).mean()
    return numbers


def sparse_grams():
    """Two Gram matrices, (9, 9), of features that are mostly 0."""
    generator = np.random.default_rng(5)
    for scale in (1.0, 1.7):
        x = (generator.normal(size=(9, 12)) - 0.6).clip(0) * scale
        yield x @ x.T / 12


def test_the_numbers_of_a_layer_are_numpys():
    gram, target = sparse_grams()
    expected = numpy_numbers(gram, target)
    assert 0 < expected["near_zero"] < 1 and 0 < expected["near_zero_target"] < 1
    found = layer_numbers(torch.from_numpy(gram), torch.from_numpy(target))
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_numbers_of_the_target_itself_and_of_its_channels_in_another_order():
    target = torch.from_numpy(next(sparse_grams()))
    same = layer_numbers(target, target)
    order = torch.tensor([3, 1, 4, 0, 5, 8, 2, 6, 7])
    moved = layer_numbers(target[order][:, order], target)
    assert same["gram"] == 0 and moved["gram"] > 0.1
    for numbers in (same, moved):
        for suffix in ("", "_diagonal"):
            assert numbers[f"w1{suffix}"] == pytest.approx(0, abs=1e-12)
            for kind in ("hoyer", "gini", "near_zero"):
                own, goal = numbers[f"{kind}{suffix}"], numbers[f"{kind}{suffix}_target"]
                assert own == pytest.approx(goal, abs=1e-12)


@pytest.mark.parametrize("target", [np.zeros((4, 4)), np.ones((4, 4)), np.eye(4), [[2.0]]])
def test_degenerate_targets_have_finite_numbers(target):
    goal = torch.tensor(np.array(target))
    for gram in (goal, goal + 0.5, torch.zeros_like(goal)):
        numbers = layer_numbers(gram, goal)
        assert np.isfinite(list(numbers.values())).all()
        assert (numbers["gram"] == 0) == torch.equal(gram, goal)


def test_match_figures_are_those_of_every_layer(found, painting):
    figures = match_figures(found, painting)
    expected = {}
    for name in TINY_LAYERS:
        numbers = numpy_numbers(found.grams[name].numpy(), painting.grams[name].numpy())
        expected |= {f"{key}.{name}": value for key, value in numbers.items()}
    distances = [expected[f"gram.{name}"] for name in TINY_LAYERS]
    expected["style_distance"] = np.prod(distances) ** (1 / 3)
    assert figures == pytest.approx(expected, rel=1e-9)
    assert len(set(distances)) == 3


def test_match_figures_of_some_layers(found, painting):
    figures = match_figures(found, painting.pick(["conv2_1"]))
    assert {name.partition(".")[2] for name in figures} == {"conv2_1", ""}
    assert figures["style_distance"] == pytest.approx(figures["gram.conv2_1"])
    assert match_figures(painting, painting)["style_distance"] == 0


def test_style_figures_agree_with_those_of_a_match(found, painting):
    whole, figures = match_figures(found, painting), style_figures(found, painting)
    assert set(figures) == {*(f"gram.{name}" for name in TINY_LAYERS), "style_distance"}
    assert figures == pytest.approx({name: whole[name] for name in figures})


def test_seed_distance_by_hand():
    target = style_of(a=[[1.0, 0.0], [0.0, 2.0]], b=[[2.0]])  # squares 5 and 4
    first = style_of(a=[[1.0, 1.0], [1.0, 1.0]], b=[[3.0]])
    second = style_of(a=[[1.0, 0.0], [0.0, 1.0]], b=[[5.0]])
    third = style_of(a=[[4.0, 1.0], [1.0, 1.0]], b=[[3.0]])
    pairs = [2 / 5, 9 / 5, (9 + 2) / 5, 4 / 4, 0, 4 / 4]  # 12, 13, 23 in a, then in b
    assert seed_distance([first, second, third], target) == pytest.approx(sum(pairs) / 6)
    assert seed_distance([first, second], target) == pytest.approx((2 / 5 + 1) / 2)
    assert seed_distance([first, first, first], target) == 0


@pytest.mark.parametrize("size", [1e-24, 1e24])
def test_seed_distance_does_not_depend_on_the_size(size):
    def sized(factor):
        grams = ([[factor, 0.0], [0.0, factor]], [[2 * factor, 0.0], [0.0, 2 * factor]])
        styles = [style_of(a=g) for g in grams]
        return seed_distance(styles, styles[0])

    assert sized(size) == pytest.approx(1) == sized(1.0)


def test_seed_distance_of_a_black_layer_is_finite():
    target = style_of(a=[[0.0, 0.0], [0.0, 0.0]])
    assert seed_distance([target, target], target) == 0
