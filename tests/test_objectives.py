"""Terms: known values, scale-freeness, numpy, finite differences, dead entries."""

import math

import numpy as np
import pytest
import torch
from conftest import TINY_LAYERS, seeded_picture, tiny_network

from stylespace.gram import gram, mean
from stylespace.objectives import (
    ALIVE,
    DEAD_LEVEL,
    FLAT,
    SOFTNESS,
    Objective,
    Term,
    Terms,
    content_term,
    entry_channels,
    entry_term,
    entry_value,
    excess,
    gram_term,
    mean_term,
    range_term,
    relative_square,
    total_variation,
    total_variation_term,
)

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
    assert list(Objective(tiny, Terms((range_term(),)))(picture)) == ["range"]
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


def test_total_variation_of_a_steep_ramp_is_its_slope():
    ramp = 100 * torch.arange(7.0, dtype=torch.float64).expand(1, 3, 5, 7)
    slope = 100 * 3**0.5 * 6 / 7  # three channels, six of seven columns rise
    assert float(total_variation(ramp)) == pytest.approx(slope, rel=1e-3)
    assert float(total_variation(ramp.mT)) == pytest.approx(slope, rel=1e-3)
    assert float(total_variation(ramp[..., :1])) == 0


@pytest.mark.parametrize("function", [total_variation, excess])
def test_gradients_of_terms_of_the_picture(function):
    image = (3 * seeded_picture(4, 6, count=2) - 1).requires_grad_()
    assert torch.autograd.gradcheck(function, image)


def test_flat_pictures_have_no_variation_and_a_finite_gradient(tiny):
    image = torch.full((2, 3, 4, 6), 0.5, requires_grad=True)
    value = Objective(tiny, Terms((total_variation_term(3.0),)))(image)["total_variation"]
    (gradient,) = torch.autograd.grad(value.sum(), image)
    assert value.tolist() == [0, 0] and not gradient.any()


def test_range_term_is_numpys(tiny):
    image = 3 * seeded_picture(4, 6, count=2) - 1
    x = image.numpy()
    outside = np.maximum(x - 1, 0) + np.maximum(-x, 0)
    found = Objective(tiny, Terms((range_term(2.0),)))(image)["range"]
    np.testing.assert_allclose(found, 2 * (outside**2).mean((1, 2, 3)))
    assert excess(seeded_picture(4, 6, count=2)).tolist() == [0, 0]


# --- entries


def responses(*, dead=False, dtype=torch.float64):
    """Pre-activations (2, 4, 3, 5); dead: channels 1 and 2 never fire together, nor channel 3."""
    generator = torch.Generator().manual_seed(1)
    pre = torch.randn(2, 4, 3, 5, generator=generator, dtype=torch.float64)
    if dead:
        pre[:, 1, :, :2] = pre[:, 1, :, :2].abs() + 0.1
        pre[:, 1, :, 2:] = -pre[:, 1, :, 2:].abs() - 0.1
        pre[:, 2, :, :2] = -pre[:, 2, :, :2].abs() - 0.1
        pre[:, 2, :, 2:] = pre[:, 2, :, 2:].abs() + 0.1
        pre[:, 3] = -pre[:, 3].abs() - 0.1
    return pre.to(dtype)


def entry_loss(pre, entries, selectivity=0.0):
    term = entry_term("conv1_1", torch.tensor(entries), selectivity)
    assert term.name == "entry.conv1_1" and term.layers == ("pre:conv1_1",)
    return term.measure(torch.zeros(len(pre), 3, 3, 5), {"pre:conv1_1": pre})


def test_entry_value_is_numpys():
    features = responses().relu()
    x = features.numpy()
    g = np.einsum("bihw,bjhw->bij", x, x) / 15
    found = entry_value(features, torch.tensor([[0, 1], [3, 3]]))
    np.testing.assert_allclose(found, [g[0, 0, 1], g[1, 3, 3]])
    same = entry_value(features, torch.tensor([[2, 0]]))
    np.testing.assert_allclose(same, g[:, 2, 0])
    a, b = entry_channels(features, torch.tensor([[2, 0]]))
    assert torch.equal(a, features[:, 2]) and torch.equal(b, features[:, 0])


@pytest.mark.parametrize("selectivity", [0.0, 0.5, 1.0])
def test_a_live_entry_is_minus_its_logarithm(selectivity):
    pre = responses()
    x = pre.relu().numpy()
    g = np.einsum("bihw,bjhw->bij", x, x) / 15
    value = np.array([g[0, 0, 1], g[1, 3, 3]])
    assert (value > ALIVE * (x**2).mean((1, 2, 3))).all()
    norms = np.sqrt((g**2).sum((1, 2)))
    found = entry_loss(pre, [[0, 1], [3, 3]], selectivity)
    np.testing.assert_allclose(found, -np.log(value) + selectivity * np.log(norms))


@pytest.mark.parametrize("entries", [[[1, 2]], [[3, 3]], [[0, 3]]])
def test_a_dead_entry_is_numpys_and_above_any_live_one(entries):
    pre = responses(dead=True)
    i, j = entries[0]
    assert (entry_value(pre.relu(), torch.tensor(entries)) == 0).all()
    x = pre.numpy()
    scale = x.reshape(2, -1).std(1, ddof=1)[:, None, None]
    a, b = x[:, i] / scale, x[:, j] / scale
    lower = -np.logaddexp(-a / SOFTNESS, -b / SOFTNESS)
    expected = DEAD_LEVEL - np.log(np.log1p(np.exp(lower)).mean((1, 2)))
    found = entry_loss(pre, entries)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert found.min() > -math.log(torch.finfo(torch.float32).tiny)


@pytest.mark.parametrize("selectivity", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_dead_entry_leads_where_its_own_gradient_is_zero(selectivity, dtype):
    pre = responses(dead=True, dtype=dtype).requires_grad_()
    value = entry_value(pre.relu(), torch.tensor([[1, 2]]))
    (own,) = torch.autograd.grad(value.sum(), pre)
    assert not value.any() and not own.any()
    losses = entry_loss(pre, [[1, 2]], selectivity)
    (gradient,) = torch.autograd.grad(losses.sum(), pre)
    assert torch.isfinite(losses).all() and torch.isfinite(gradient).all()
    assert (gradient[:, [1, 2]].flatten(1).norm(dim=1) > 0).all()
    assert not gradient[:, [0, 3]].any()
    assert (entry_loss(pre.detach() - 0.01 * gradient.sign(), [[1, 2]]) < losses).all()


@pytest.mark.parametrize("selectivity", [0.0, 1.0])
def test_following_the_gradient_wakes_a_dead_entry(selectivity):
    pre = responses(dead=True)
    for _ in range(400):
        pre.requires_grad_()
        (gradient,) = torch.autograd.grad(entry_loss(pre, [[1, 2]], selectivity).sum(), pre)
        pre = (pre - 0.1 * gradient / gradient.norm()).detach()
    assert (entry_loss(pre, [[1, 2]], selectivity) < DEAD_LEVEL / 2).all()
    assert (entry_value(pre.relu(), torch.tensor([[1, 2]])) > 0).all()


@pytest.mark.parametrize("selectivity", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_layer_that_is_silent_everywhere_stays_finite(selectivity, dtype):
    pre = (-responses(dtype=dtype).abs() - 1).requires_grad_()
    losses = entry_loss(pre, [[0, 1]], selectivity)
    (gradient,) = torch.autograd.grad(losses.sum(), pre)
    assert torch.isfinite(losses).all() and torch.isfinite(gradient).all() and gradient.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("depth", [10.0, 1e3, 1e5])
def test_a_channel_far_below_its_threshold_stays_finite(dtype, depth):
    generator = torch.Generator().manual_seed(2)
    pre = torch.randn(2, 400, 3, 5, generator=generator, dtype=torch.float64).to(dtype)
    pre[:, 1] -= depth  # one channel of many: the layer's deviation grows with its square root
    pre.requires_grad_()
    losses = entry_loss(pre, [[0, 1]])
    (gradient,) = torch.autograd.grad(losses.sum(), pre)
    assert torch.isfinite(losses).all() and torch.isfinite(gradient).all()
    assert gradient[:, 1].abs().sum() > 0


@pytest.mark.parametrize(("dead", "selectivity"), [(False, 0.0), (False, 0.7), (True, 0.0)])
def test_the_entry_term_has_the_right_gradient(dead, selectivity):
    pre = responses(dead=dead).requires_grad_()
    entries = [[1, 2], [2, 1]] if dead else [[0, 1], [3, 3]]
    if not dead:
        assert torch.autograd.gradcheck(lambda x: entry_loss(x, entries, selectivity), pre)
        return
    scale = pre.detach().std((1, 2, 3))  # the term holds the layer's deviation fixed

    def held(x):
        a, b = (x[[0, 1], [i, j]].flatten(1) / scale[:, None] for i, j in ((1, 2), (2, 1)))
        lower = -torch.logaddexp(-a / SOFTNESS, -b / SOFTNESS)
        return DEAD_LEVEL - torch.nn.functional.softplus(lower).mean(1).log()

    assert torch.autograd.gradcheck(held, pre)
    (found,) = torch.autograd.grad(entry_loss(pre, entries).sum(), pre)
    (expected,) = torch.autograd.grad(held(pre).sum(), pre)
    torch.testing.assert_close(found, expected)


def test_entries_of_a_batch_are_independent(tiny):
    images = seeded_picture(13, 22, count=3)
    entries = torch.tensor([[0, 1], [2, 2], [3, 0]])
    together = Objective(tiny, Terms((entry_term("conv3_1", entries, 0.5),)))
    image = images.clone().requires_grad_()
    values = together(image)["entry.conv3_1"]
    (gradient,) = torch.autograd.grad(values.sum(), image)
    for k in range(3):
        alone = Objective(tiny, Terms((entry_term("conv3_1", entries[k : k + 1], 0.5),)))
        one = images[k : k + 1].clone().requires_grad_()
        value = alone(one)["entry.conv3_1"]
        torch.testing.assert_close(value, values[k : k + 1])
        torch.testing.assert_close(torch.autograd.grad(value.sum(), one)[0], gradient[k : k + 1])


def test_the_entry_term_on_a_network(tiny, picture):
    g = gram(targets(tiny, picture)["conv2_1"])[0]
    i, j = divmod(int(g.argmax()), 6)
    found = Objective(tiny, Terms((entry_term("conv2_1", torch.tensor([[i, j]])),)))(picture)
    assert float(found["entry.conv2_1"]) == pytest.approx(-math.log(float(g[i, j])), rel=1e-12)
    image = seeded_picture(9, 12, count=2).requires_grad_()
    objective = Objective(tiny, Terms((entry_term("conv2_1", torch.tensor([[i, j]]), 0.5),)))
    assert torch.autograd.gradcheck(lambda x: tuple(objective(x).values()), image)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_terms_are_float32_or_better_whatever_the_network(dtype, picture):
    net = tiny_network(dtype=dtype)
    target = gram(targets(net, picture)["conv2_1"])[0]
    term = gram_term("conv2_1", target) + entry_term("conv2_1", torch.tensor([[0, 0]]))
    for value in Objective(net, term)(picture.float()).values():
        assert value.dtype == torch.float32 and value.shape == (1,)
