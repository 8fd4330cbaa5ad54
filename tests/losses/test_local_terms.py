"""Localised terms and copy indices: relative values, gradients, words."""

import pytest
import torch
from tiny import TINY_LAYERS, seeded_picture

from stylespace.errors import UsageError
from stylespace.losses.local import (
    copy_index,
    copy_indices,
    copy_remark,
    local_gram_distance,
    local_term,
)
from stylespace.losses.local.copies import COPIED, RESEMBLING
from stylespace.losses.objective import Objective
from stylespace.losses.terms import Terms

pytestmark = pytest.mark.usefixtures("one_thread")


def features_of(network, image):
    """{layer: features} of a picture, without a graph."""
    with torch.no_grad():
        return network(image, network.names)


@pytest.mark.parametrize("layer", TINY_LAYERS)
def test_a_term_is_relative_to_the_distance_of_nothing(tiny, picture, layer):
    target = features_of(tiny, picture)[layer]
    options = {"half_width": 1, "kernel": "gaussian", "stride": 2}
    term = local_term(layer, target, **options, weight=2.5)
    assert (term.name, term.layers, term.weight) == (f"local.{layer}", (layer,), 2.5)
    others = features_of(tiny, seeded_picture(13, 22, count=2, seed=5))
    found = term.measure(None, others)
    own = local_gram_distance(0 * target, target, **options)
    expected = local_gram_distance(others[layer], target, **options) / own
    torch.testing.assert_close(found, expected)
    nothing = {layer: torch.zeros_like(others[layer])}
    torch.testing.assert_close(term.measure(None, nothing), torch.ones(2, dtype=torch.float64))
    assert term.measure(None, {layer: target}).tolist() == [0]


@pytest.mark.parametrize("scale", [1e-3, 1e3, 1e-60, 1e60])
def test_a_term_does_not_depend_on_the_scale(tiny, picture, scale):
    one, other = (
        features_of(tiny, image)["conv2_1"] for image in (picture, seeded_picture(13, 22, seed=5))
    )
    mask = torch.rand(one.shape[2:])
    found, scaled = (
        local_term("conv2_1", x * one, half_width=2, mask=mask).measure(
            None, {"conv2_1": x * other}
        )
        for x in (1.0, scale)
    )
    torch.testing.assert_close(scaled, found)


@pytest.mark.parametrize("exponent", [-40, 40])
def test_features_of_extreme_size_do_not_overflow(tiny32, exponent):
    p, f = (features_of(tiny32, seeded_picture(13, 22, seed=n).float()) for n in (0, 1))
    f = f["conv2_1"].requires_grad_()
    loud = 2.0**exponent
    expected = local_term("a", p["conv2_1"]).measure(None, {"a": f})
    found = local_term("a", loud * p["conv2_1"]).measure(None, {"a": loud * f})
    assert torch.equal(found, expected)
    gradients = [torch.autograd.grad(one.sum(), f)[0] for one in (found, expected)]
    assert torch.equal(*gradients)


def test_a_term_has_the_right_gradient_through_the_network(tiny):
    target = features_of(tiny, seeded_picture(4, 6))
    layers = {"conv1_1": 2, "conv2_1": 1}
    terms = Terms(tuple(local_term(name, target[name], half_width=s) for name, s in layers.items()))
    image = seeded_picture(4, 6, seed=5).requires_grad_()
    objective = Objective(tiny, terms)
    assert torch.autograd.gradcheck(lambda x: tuple(objective(x).values()), image)


def test_a_black_target_is_answered_with_the_plain_distance():
    target, other = torch.zeros(1, 3, 4, 5), torch.rand(1, 3, 4, 5)
    found = local_term("x", target, half_width=1).measure(None, {"x": other})
    assert found.item() == local_gram_distance(other, target, 1).item() > 0


def test_a_term_does_not_hold_on_to_a_graph():
    target = torch.rand(1, 3, 4, 5, requires_grad=True)
    found = local_term("x", target, half_width=1).measure(None, {"x": torch.rand(1, 3, 4, 5)})
    assert not found.requires_grad


def test_masks_without_an_area_are_refused():
    target = torch.rand(1, 3, 6, 9)
    with pytest.raises(UsageError, match="mask for conv3_1 weighs no window"):
        local_term("conv3_1", target, mask=torch.zeros(6, 9))
    between = torch.zeros(6, 9)
    between[0, 0] = 1
    local_term("conv3_1", target, mask=between)
    with pytest.raises(UsageError, match="smaller stride"):
        local_term("conv3_1", target, mask=between, stride=3)


def test_another_size_is_refused_with_the_remedy():
    term = local_term("x", torch.rand(1, 3, 6, 9), half_width=1)
    with pytest.raises(UsageError, match="bring both pictures to one size"):
        term.measure(None, {"x": torch.rand(1, 3, 6, 8)})


def test_the_copy_index_is_the_share_of_the_way_that_is_left():
    style, start = torch.rand(1, 3, 5, 7), torch.rand(1, 3, 5, 7)
    results = torch.cat([style, start, style + (start - style) / 4, 2 * style - start])
    found = copy_index(results, style, start=start)
    expected = torch.tensor([0, 1, 0.25, 1], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-12)


def test_the_copy_index_needs_a_start_and_one_size():
    style = torch.rand(1, 3, 5, 7)
    with pytest.raises(UsageError, match="start is the style picture"):
        copy_index(style, style, start=style.clone())
    with pytest.raises(UsageError, match="one size"):
        copy_index(style, style, start=torch.rand(1, 3, 7, 5))


def test_copy_indices_are_measured_at_every_layer(tiny, picture):
    start, other = (seeded_picture(13, 22, seed=seed) for seed in (5, 6))
    found = copy_indices(tiny, TINY_LAYERS, result=other, style=picture, start=start)
    assert set(found) == {*TINY_LAYERS, "together", "pixels"}
    features = [features_of(tiny, image) for image in (other, picture, start)]
    for layer in TINY_LAYERS:
        a, b, c = (one[layer] for one in features)
        assert found[layer] == pytest.approx(float((a - b).norm() / (c - b).norm()), rel=1e-10)
    assert min(found[x] for x in TINY_LAYERS) <= found["together"] <= max(found.values())
    same = copy_indices(tiny, TINY_LAYERS, result=picture, style=picture, start=start)
    assert set(same.values()) == {0.0}


def test_small_windows_copy_the_target_and_large_ones_do_not():
    """Behind a ReLU s = 0 leaves no other solution."""
    generator = torch.Generator().manual_seed(0)
    start, target = torch.rand(2, 1, 3, 5, 7, generator=generator, dtype=torch.float64)
    indices = []
    for half_width in (0, 30):
        root = start.sqrt().requires_grad_()  # features are squares: never negative
        term = local_term("x", target, half_width=half_width)
        optimizer = torch.optim.LBFGS([root], max_iter=120, line_search_fn="strong_wolfe")

        def closure(root=root, term=term, optimizer=optimizer):
            optimizer.zero_grad()
            loss = term.measure(None, {"x": root.square()}).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        assert closure().item() < 1e-6
        indices.append(float(copy_index(root.square(), target, start=start)))
    assert indices[0] < 0.05 < 0.5 < indices[1]


def test_remarks_name_the_index_and_the_remedy():
    widths = {"conv2_1": 1, "conv3_1": 0}
    assert copy_remark({"together": RESEMBLING + 0.01}, widths) is None
    copied = copy_remark({"together": COPIED}, widths)
    assert "reconstructs the style picture (copy index 0.35;" in copied
    assert "conv2_1 1, conv3_1 0" in copied and "larger windows" in copied
    assert "largely follows" in copy_remark({"together": RESEMBLING}, widths)
    assert "\n" not in copied
