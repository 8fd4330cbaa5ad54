"""Terms: known values, scale-freeness, numpy, finite differences."""

import math

import numpy as np
import pytest
import torch
from tiny import TINY_LAYERS, seeded_picture, tiny_network

from stylespace.losses.objective import (
    EDGE,
    FLAT,
    Objective,
    content_term,
    evenness,
    relative_square,
    total_variation,
    total_variation_term,
)
from stylespace.losses.representations.gram import gram_term
from stylespace.losses.representations.mean import mean_term
from stylespace.losses.terms import Term, Terms
from stylespace.styles.gram import gram, mean

pytestmark = pytest.mark.usefixtures("one_thread")


def targets(net, image):
    """{layer: features} of a picture, without a graph."""
    with torch.no_grad():
        return net(image, net.names)


def matching(kind, layer, features, weight=1.0):
    """A matching term whose target is taken from features (1, C, h, w)."""
    target = {
        "gram": lambda: gram(features[layer])[0],
        "mean": lambda: mean(features[layer])[0],
        "content": lambda: features[layer],
    }[kind]()
    return {"gram": gram_term, "mean": mean_term, "content": content_term}[kind](
        layer, target, weight
    )


MATCHING = [(kind, layer) for kind in ("gram", "mean", "content") for layer in TINY_LAYERS]


@pytest.mark.parametrize(("kind", "layer"), MATCHING)
def test_a_matching_term_is_zero_at_its_target_and_numpys_elsewhere(tiny, picture, kind, layer):
    features = targets(tiny, picture)
    term = matching(kind, layer, features, 2.5)
    objective = Objective(tiny, Terms((term,)))
    assert objective(picture)[f"{kind}.{layer}"].tolist() == [0]
    others = seeded_picture(13, 22, count=2, seed=5)
    found = objective(others)[f"{kind}.{layer}"]
    measure = {"gram": gram, "mean": mean, "content": lambda x: x}[kind]
    a, t = (measure(f[layer]).numpy() for f in (targets(tiny, others), features))
    expected = [2.5 * ((one - t[0]) ** 2).sum() / (t[0] ** 2).sum() for one in a]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize(("kind", "layer"), MATCHING)
def test_a_matching_term_has_the_right_gradient(tiny, kind, layer):
    image = seeded_picture(9, 12, count=2, seed=5).requires_grad_()
    objective = Objective(
        tiny, Terms((matching(kind, layer, targets(tiny, seeded_picture(9, 12))),))
    )
    assert torch.autograd.gradcheck(lambda x: tuple(objective(x).values()), image)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_relative_squares_do_not_depend_on_the_scale(scale):
    x, t = torch.randn(2, 3, 4, dtype=torch.float64), torch.randn(2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(relative_square(scale * x, scale * t), relative_square(x, t))
    torch.testing.assert_close(relative_square(0 * x, t), torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize("tiny_or_large", [1e-24, 1e-38, 1e24, 1e36])
def test_relative_squares_of_any_size_that_float32_holds(tiny_or_large):
    x = torch.full((2, 3), tiny_or_large, requires_grad=True)
    found = relative_square(x, torch.full((1, 3), 2 * tiny_or_large))
    assert found.tolist() == pytest.approx([0.25, 0.25])  # (1 - 2)^2 / 2^2
    (gradient,) = torch.autograd.grad(found.sum(), x)  # 2 (x - t) / |t|^2
    assert (tiny_or_large * gradient).flatten().tolist() == pytest.approx([-1 / 6] * 6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_relative_squares_of_ordinary_size_are_the_plain_quotient_to_the_last_bit(dtype):
    x, t = (seeded_picture(31, 17, count=n, seed=n, dtype=dtype) * 100 for n in (2, 1))
    x.requires_grad_()
    plain = (x - t).square().flatten(1).sum(1) / t.square().flatten(1).sum(1)
    found = relative_square(x, t)
    assert torch.equal(found, plain)
    gradients = [torch.autograd.grad(one.sum(), x)[0] for one in (found, plain)]
    torch.testing.assert_close(*gradients, rtol=4 * torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("scale", [1.0, 1e-90, 1e90])
def test_relative_squares_of_any_size_have_the_right_gradient(scale):
    t = scale * seeded_picture(3, 4)
    assert torch.autograd.gradcheck(
        lambda x: relative_square(scale * x, t), seeded_picture(3, 4, count=2).requires_grad_()
    )


def test_what_is_nothing_to_be_relative_to_is_told_by_its_norm():
    x, t = torch.tensor([[3e20, 4e20]]), torch.tensor([[3e-4, 4e-4]])
    given = {"nothing": 1e-3, "instead": 5e20}
    assert float(relative_square(x, t, **given)) == pytest.approx(1)
    assert float(relative_square(x, 10 * t, **given)) == math.inf  # 1e46: no float32 holds it


def test_a_zero_target_gives_the_plain_square_and_a_finite_gradient():
    x = torch.tensor([[1.0, 2.0], [0.0, 0.0]], requires_grad=True)
    found = relative_square(x, torch.zeros(1, 2))
    assert found.tolist() == [5, 0]
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert gradient.tolist() == [[2, 4], [0, 0]]


def test_a_target_for_each_picture(tiny):
    images = seeded_picture(13, 22, count=2)
    features = targets(tiny, images)
    term = gram_term("conv2_1", gram(features["conv2_1"]))
    assert Objective(tiny, Terms((term,)))(images)["gram.conv2_1"].tolist() == [0, 0]
    swapped = Objective(tiny, Terms((term,)))(images.flip(0))["gram.conv2_1"]
    assert (swapped > 0).all() and swapped[0] != swapped[1]


# --- sums and products


def constant(name, value, **options):
    return Term(name, lambda image, features: torch.full((len(image),), value), **options)


def test_terms_add_and_scale_like_numbers(tiny, picture):
    a, b, c = constant("a", 1.0), constant("b", 2.0, weight=3.0), constant("c", 4.0)
    total = 2 * (a + b) + c * 0.5 + Terms()
    assert [(part.name, part.weight) for part in total.parts] == [("a", 2), ("b", 6), ("c", 0.5)]
    assert a.weight == 1 and b.weight == 3  # what was added is not changed
    values = Objective(tiny, total)(picture.expand(2, 3, 13, 22))
    assert {name: value.tolist() for name, value in values.items()} == {
        "a": [2, 2],
        "b": [12, 12],
        "c": [2, 2],
    }
    assert (a + (b + c)).parts == ((a + b) + c).parts
    with pytest.raises(ValueError, match="named twice: a"):
        a + c + constant("a", 5.0)
    with pytest.raises(ValueError, match="named twice: a, b"):
        (a + b) + (b + a)


def test_an_objective_evaluates_its_network_once_up_to_the_deepest(tiny, picture, monkeypatch):
    calls, call = [], type(tiny).__call__
    monkeypatch.setattr(
        type(tiny), "__call__", lambda self, x, names: calls.append(names) or call(self, x, names)
    )
    features = {n: f for n, f in targets(tiny, picture).items()}
    calls.clear()
    terms = matching("gram", "conv2_1", features) + matching("mean", "conv2_1", features)
    Objective(tiny, terms + matching("content", "conv1_1", features))(picture)
    assert calls == [["conv1_1", "conv2_1"]]
    calls.clear()
    assert list(Objective(tiny, Terms((total_variation_term(),)))(picture)) == ["total_variation"]
    assert calls == []


# --- terms of the picture alone


def test_total_variation_is_numpys():
    image = seeded_picture(5, 7, count=2)
    expected = []
    for one in image.numpy():
        right, down = np.zeros_like(one), np.zeros_like(one)
        right[:, :, :-1], down[:, :-1] = np.diff(one, axis=2), np.diff(one, axis=1)
        squares = (right**2 + down**2).sum(0)
        expected.append((np.sqrt(squares + FLAT**2) - FLAT).mean())
    np.testing.assert_allclose(total_variation(image), expected, rtol=1e-6)


def test_total_variation_counts_places_as_it_is_told():
    image = seeded_picture(6, 8, count=2)
    places = torch.zeros(1, 6, 8, dtype=image.dtype)
    places[:, :3] = 1
    above = total_variation(image[:, :, :3])  # but for what leads from its last row to the next
    across = image[:, :, 2:4].diff(dim=2)[:, :, 0].square().sum(1)
    assert (total_variation(image, places) <= above / 2 + across.sqrt().mean(1)).all()
    ones = torch.ones(2, 6, 8, dtype=image.dtype)
    torch.testing.assert_close(total_variation(image, ones), total_variation(image))
    torch.testing.assert_close(
        total_variation(image, 3 * places), 3 * total_variation(image, places)
    )
    assert total_variation(image, 0 * places).tolist() == [0, 0]


def test_evenness_is_numpys():
    image = 0.2 * seeded_picture(12, 15, count=2)
    found = evenness(image)
    right, down = np.zeros((2, 3, 12, 15)), np.zeros((2, 3, 12, 15))
    right[..., :-1], down[:, :, :-1] = np.diff(image, axis=3), np.diff(image, axis=2)
    lengths = np.sqrt((right**2 + down**2).sum(1))
    padded = np.pad(lengths, ((0, 0), (4, 4), (4, 4)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (9, 9), (1, 2))
    np.testing.assert_allclose(found, 1 / (1 + (windows.mean((3, 4)) / EDGE) ** 2), rtol=1e-9)


def test_a_flat_picture_is_even_everywhere_and_one_of_noise_nowhere():
    assert evenness(torch.full((1, 3, 9, 11), 0.3)).eq(1).all()
    assert evenness(seeded_picture(30, 20)).max() < 0.02


def test_total_variation_of_a_steep_ramp_is_its_slope():
    ramp = 100 * torch.arange(7.0, dtype=torch.float64).expand(1, 3, 5, 7)
    slope = 100 * 3**0.5 * 6 / 7  # three channels, six of seven columns rise
    assert float(total_variation(ramp)) == pytest.approx(slope, rel=1e-3)
    assert float(total_variation(ramp.mT)) == pytest.approx(slope, rel=1e-3)
    assert float(total_variation(ramp[..., :1])) == 0


def test_the_gradient_of_total_variation_is_that_of_finite_differences():
    image = (3 * seeded_picture(4, 6, count=2) - 1).requires_grad_()
    assert torch.autograd.gradcheck(total_variation, image)


def test_flat_pictures_have_no_variation_and_a_finite_gradient(tiny):
    image = torch.full((2, 3, 4, 6), 0.5, requires_grad=True)
    value = Objective(tiny, Terms((total_variation_term(3.0),)))(image)["total_variation"]
    (gradient,) = torch.autograd.grad(value.sum(), image)
    assert value.tolist() == [0, 0] and not gradient.any()


# --- precision


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_terms_are_float32_or_better_whatever_the_network(dtype, picture):
    net = tiny_network(dtype=dtype)
    target = gram(targets(net, picture)["conv2_1"])[0]
    terms = gram_term("conv2_1", target) + total_variation_term()
    for value in Objective(net, terms)(picture.float()).values():
        assert value.dtype == torch.float32 and value.shape == (1,)
