"""Entries of a Gram matrix: numpy, finite differences, every goal, dead starts."""

import math

import numpy as np
import pytest
import torch
from tiny import seeded_picture, tiny_network

from stylespace.errors import UsageError
from stylespace.losses.entries import (
    ALIVE,
    DEAD_LEVEL,
    MIXTURE,
    SOFTNESS,
    energy_unit,
    entry_channels,
    entry_term,
    entry_value,
)
from stylespace.losses.objective import Objective
from stylespace.losses.terms import Terms
from stylespace.settings import GOALS
from stylespace.styles.gram import gram
from stylespace.synthesis.loop import synthesize

pytestmark = pytest.mark.usefixtures("one_thread")


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


def entry_loss(pre, entries, selectivity=0.0, goal="log"):
    term = entry_term("conv1_1", torch.tensor(entries), selectivity, goal=goal)
    assert term.name == "entry.conv1_1" and term.layers == ("pre:conv1_1",)
    return term.measure(torch.zeros(len(pre), 3, 3, 5), {"pre:conv1_1": pre})


def test_the_unit_of_energy_is_a_power_of_two_near_the_layers_energy(tiny):
    for layer in tiny.names:
        unit = energy_unit(tiny, layer)
        assert math.log2(unit) == round(math.log2(unit))
        noise = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            energy = float(tiny(noise.double(), [layer])[layer].square().mean())
        assert unit / 2 < energy < 2 * unit


@pytest.mark.parametrize("goal", ["log", "energy", "mixture"])
def test_entries_in_a_unit_are_those_of_a_layer_scaled_by_its_root(tiny, goal):
    pre = tiny(seeded_picture(20, 24, count=2), ["pre:conv2_1"])
    entries = torch.tensor([[0, 3], [1, 1]])
    one, four = (entry_term("conv2_1", entries, goal=goal, unit=unit) for unit in (1.0, 4.0))
    doubled = {name: 2 * x for name, x in pre.items()}
    torch.testing.assert_close(four.measure(None, doubled), one.measure(None, pre))


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
    g = gram(tiny(picture, ["conv2_1"])["conv2_1"])[0]
    i, j = divmod(int(g.argmax()), 6)
    found = Objective(tiny, Terms((entry_term("conv2_1", torch.tensor([[i, j]])),)))(picture)
    assert float(found["entry.conv2_1"]) == pytest.approx(-math.log(float(g[i, j])), rel=1e-12)
    image = seeded_picture(9, 12, count=2).requires_grad_()
    objective = Objective(tiny, Terms((entry_term("conv2_1", torch.tensor([[i, j]]), 0.5),)))
    assert torch.autograd.gradcheck(lambda x: tuple(objective(x).values()), image)


# --- goals


def test_every_live_goal_is_numpys():
    pre = responses()
    x = pre.relu().numpy()
    g = np.einsum("bihw,bjhw->bij", x, x) / 15
    value, norm = np.array([g[0, 0, 1], g[1, 3, 3]]), np.sqrt((g**2).sum((1, 2)))
    expected = {
        ("energy", 0.0): value,
        ("energy", 0.7): value,
        ("log", 0.0): np.log(value),
        ("log", 0.7): np.log(value) - 0.7 * np.log(norm),
        ("selectivity", 0.0): np.log(value / norm),
        ("selectivity", 0.3): np.log(value / norm),
        ("mixture", 0.0): np.log(value) - MIXTURE * np.log(norm),
        ("mixture", 0.3): np.log(value) - 0.3 * np.log(norm),
    }
    assert {goal for goal, _ in expected} == set(GOALS)
    for (goal, selectivity), score in expected.items():
        found = entry_loss(pre, [[0, 1], [3, 3]], selectivity, goal)
        np.testing.assert_allclose(found, -score, err_msg=goal)


@pytest.mark.parametrize("goal", GOALS)
def test_every_goal_has_the_right_gradient(goal):
    pre = responses().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: entry_loss(x, [[0, 1], [3, 3]], goal=goal), pre)


@pytest.mark.parametrize("goal", ["energy", "log"])
def test_more_of_an_entry_is_a_lower_loss(goal):
    pre = responses()
    losses = torch.stack(
        [entry_loss(factor * pre, [[0, 1]], goal=goal) for factor in (1, 1.1, 3, 40)]
    )
    assert (losses.diff(dim=0) < 0).all()


def test_selectivity_does_not_depend_on_the_scale():
    pre = responses()
    one, other = (entry_loss(factor * pre, [[0, 1]], goal="selectivity") for factor in (1, 40))
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize("goal", GOALS)
def test_every_goal_is_below_a_dead_start_and_shares_its_way_out(goal):
    dead = responses(dead=True).requires_grad_()
    losses = entry_loss(dead, [[1, 2]], goal=goal)
    assert torch.equal(losses, entry_loss(dead, [[1, 2]]))
    assert (losses > entry_loss(responses(), [[1, 2]], goal=goal) + 50).all()
    (gradient,) = torch.autograd.grad(losses.sum(), dead)
    assert torch.isfinite(gradient).all() and (gradient[:, [1, 2]].flatten(1).norm(dim=1) > 0).all()
    pre = dead.detach()
    for _ in range(400):
        pre.requires_grad_()
        (gradient,) = torch.autograd.grad(entry_loss(pre, [[1, 2]], goal=goal).sum(), pre)
        pre = (pre - 0.1 * gradient / gradient.norm()).detach()
    assert (entry_loss(pre, [[1, 2]], goal=goal) < DEAD_LEVEL / 2).all()


@pytest.mark.parametrize("goal", GOALS)
def test_goals_of_a_batch_are_independent(tiny, goal):
    images = seeded_picture(13, 22, count=3)
    entries = torch.tensor([[0, 1], [2, 2], [3, 0]])
    together = Objective(tiny, Terms((entry_term("conv3_1", entries, goal=goal),)))(images)
    for k in range(3):
        alone = Objective(tiny, Terms((entry_term("conv3_1", entries[k : k + 1], goal=goal),)))
        value = alone(images[k : k + 1])["entry.conv3_1"]
        torch.testing.assert_close(value, together["entry.conv3_1"][k : k + 1])


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_course_of_the_energy_does_not_depend_on_its_unit(tiny, optimizer):
    term = entry_term("conv2_1", torch.tensor([[0, 3]]), goal="energy")
    start = 0.3 + 0.4 * seeded_picture(9, 12)
    plain, scaled = (
        synthesize(Objective(tiny, Terms((factor * term,))), start, optimizer=optimizer, steps=25)
        for factor in (1.0, 1e3)
    )
    assert plain.loss < plain.steps[0].loss
    torch.testing.assert_close(plain.image, scaled.image, rtol=0, atol=2e-3)


def test_unknown_goals_and_shares_are_refused():
    entries = torch.tensor([[0, 1]])
    with pytest.raises(UsageError, match="unknown goal 'energi'. Did you mean 'energy'"):
        entry_term("conv1_1", entries, goal="energi")
    for selectivity in (-0.1, 1.1, math.nan):
        with pytest.raises(UsageError, match="must be between 0 and 1"):
            entry_term("conv1_1", entries, selectivity)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_entries_are_float32_or_better_whatever_the_network(dtype, picture):
    term = entry_term("conv2_1", torch.tensor([[0, 0]]))
    (value,) = Objective(tiny_network(dtype=dtype), Terms((term,)))(picture.float()).values()
    assert value.dtype == torch.float32 and value.shape == (1,)


def test_an_entry_in_parts_is_the_mean_over_parts_of_the_logarithm():
    network, image = tiny_network(), seeded_picture(21, 34, count=2)
    entries = torch.tensor([[0, 1], [2, 2]])
    layers = ("pre:conv1_1",)
    features = network(image, layers)
    found = entry_term("conv1_1", entries, parts=4).measure(image, features)
    active = features[layers[0]].relu()
    expected = torch.zeros(2, dtype=torch.float64)
    for row in range(4):
        for column in range(4):
            part = active[:, :, 5 * row : 5 * row + 5, 8 * column : 8 * column + 8]
            expected -= entry_value(part, entries).log() / 16
    assert torch.isfinite(expected).all()
    torch.testing.assert_close(found, expected)


def test_a_dead_part_has_a_gradient_where_the_plain_entry_has_none():
    pre = torch.full((1, 2, 8, 12), -1.0, dtype=torch.float64)
    pre[:, :, 0, 0] = 5.0
    gradients = []
    for parts in (1, 4):
        x = pre.clone().requires_grad_()
        image = torch.zeros(1, 3, 8, 12)
        term = entry_term("conv1_1", torch.tensor([[0, 1]]), parts=parts)
        term.measure(image, {"pre:conv1_1": x}).sum().backward()
        gradients.append(x.grad[:, :, 4:, 6:].abs().sum())
    assert gradients[0] == 0
    assert gradients[1] > 0


def test_a_layer_of_few_positions_has_fewer_parts():
    pre = {"pre:conv1_1": torch.rand(2, 3, 1, 3)}
    found = entry_term("conv1_1", torch.tensor([[0, 1]] * 2), parts=4).measure(torch.zeros(2), pre)
    assert found.shape == (2,) and torch.isfinite(found).all()
