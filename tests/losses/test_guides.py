"""Masks, their way to a layer's grid, guided Gram matrices and their terms."""

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import TINY_LAYERS, seeded_picture, tiny_network

from stylespace.errors import MemoryLimitError, PictureError
from stylespace.losses.guides import (
    Regions,
    area_remarks,
    check_guides_memory,
    guided_gram,
    guided_targets,
    guided_term,
    guided_terms,
    guides_memory,
    open_guide,
    open_guides,
    propagated,
    resized,
    with_rest,
)
from stylespace.losses.objective import Objective
from stylespace.networks import architectures
from stylespace.networks.network import Network
from stylespace.networks.weights import random_weights
from stylespace.styles.gram import gram

pytestmark = pytest.mark.usefixtures("one_thread")


def seeded_masks(count, height, width, *, seed=3):
    """(1, count, height, width) in [0, 1 / count], with holes of exactly 0."""
    masks = torch.rand(
        1, count, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return torch.where(masks < 0.3, 0.0, masks) / count


def halves(height, width):
    """(1, 2, height, width): left and right half."""
    left = torch.zeros(1, 1, height, width, dtype=torch.float64)
    left[..., : width // 2] = 1
    return torch.cat([left, 1 - left], 1)


# ---------------------------------------------------------------------------------------- masks


def written(path, values, mode="L"):
    Image.fromarray(np.asarray(values, dtype=np.uint8), mode).save(path)
    return str(path)


def test_a_mask_of_the_pictures_size_is_read_as_it_is(tmp_path):
    values = np.array([[0, 255, 51], [102, 0, 255]])
    guide = open_guide(written(tmp_path / "mask.png", values), (2, 3))
    assert guide.remarks == ()
    assert guide.mask.shape == (1, 1, 2, 3)
    np.testing.assert_allclose(guide.mask[0, 0], values / 255, atol=1e-6)


def test_a_mask_of_another_size_is_resized_and_said_to_be(tmp_path):
    values = np.zeros((20, 40))
    values[:, 20:] = 255
    guide = open_guide(written(tmp_path / "mask.png", values), (10, 20))
    (remark,) = guide.remarks
    assert "40x20" in remark and "20x10" in remark and "stretch" not in remark
    assert guide.mask.shape == (1, 1, 10, 20)
    assert float(guide.mask[..., :9].max()) == 0 and float(guide.mask[..., 11:].min()) == 1
    (stretched,) = open_guide(str(tmp_path / "mask.png"), (20, 20)).remarks
    assert "stretches" in stretched


def test_transparent_pixels_of_a_mask_lie_outside(tmp_path):
    values = np.full((4, 6, 4), 255)
    values[:, :3, 3] = 0
    mask = open_guide(written(tmp_path / "mask.png", values, "RGBA"), (4, 6)).mask
    assert mask[0, 0].tolist() == [[0, 0, 0, 1, 1, 1]] * 4


def test_a_black_mask_is_refused_in_one_line(tmp_path):
    path = written(tmp_path / "night.png", np.zeros((5, 7)))
    with pytest.raises(PictureError, match="night.png") as caught:
        open_guide(path, (5, 7))
    assert "black" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(PictureError, match="no such file"):
        open_guide(str(tmp_path / "nothing.png"), (5, 7))


def test_overlapping_masks_are_shared_and_the_rest_completes_them():
    masks = torch.tensor([[0.5, 1.0, 0.2, 0.0], [0.25, 1.0, 0.0, 0.0]])[None, :, None]
    assert with_rest(masks)[0, :-1, 0].T.tolist() == [
        [0.5, 0.25],
        [0.5, 0.5],
        masks[0, :, 0, 2].tolist(),
    ] + [[0, 0]]
    full = with_rest(masks)
    assert full.shape == (1, 3, 1, 4)
    torch.testing.assert_close(full.sum(1), torch.ones(1, 1, 4))
    assert full[0, 2, 0].tolist() == pytest.approx([0.25, 0, 0.8, 1])


def test_resizing_masks_keeps_their_sum_and_their_range():
    masks = with_rest((seeded_masks(3, 23, 17) * 9).clamp(0, 1))
    for shape in ((9, 31), (46, 8)):
        small = resized(masks, *shape)
        torch.testing.assert_close(small.sum(1), torch.ones(1, *shape, dtype=torch.float64))
        assert float(small.min()) >= 0 and float(small.max()) <= 1 + 1e-12


# ------------------------------------------------------------------------- receptive fields


def paths(layers, length, name):
    """(positions, length): along one side, how many paths lead from each pixel to a position.

    By matrices of windows, without a network; what lies beyond the border counts for nothing.
    """
    matrix = np.eye(length)
    for layer in layers:
        for one in layer.operations:
            count = architectures.output_length(one, len(matrix))
            window = np.zeros((count, len(matrix)))
            for i in range(count):
                for j in range(
                    i * one.stride - one.padding, i * one.stride - one.padding + one.kernel
                ):
                    if 0 <= j < len(matrix):
                        window[i, j] = 1 / one.kernel
            matrix = window @ matrix
        if layer.name == name:
            return matrix / matrix.sum(1, keepdims=True)
    raise AssertionError(name)


@pytest.mark.parametrize("layer", TINY_LAYERS)
def test_a_mask_arrives_by_the_paths_through_the_receptive_field(tiny, layer):
    masks = seeded_masks(2, 13, 22)
    rows, columns = (paths(tiny.layers, n, layer) for n in (13, 22))
    expected = np.einsum("ip,kpq,jq->kij", rows, masks[0].numpy(), columns)
    found = propagated(tiny, layer, masks)
    assert found.shape == (1, 2, *tiny.grid(layer, 13, 22))
    np.testing.assert_allclose(found[0], expected, atol=1e-12)


def test_a_position_takes_up_exactly_the_pixels_that_it_reads(tiny):
    layer, reach = "conv3_1", tiny.reach("conv3_1")
    row, column = 2, 3
    masks = torch.ones(1, 1, 32, 44, dtype=torch.float64)
    top, left = row * reach.stride - reach.before, column * reach.stride - reach.before
    masks[..., top : top + reach.field, left : left + reach.field] = 0
    assert float(propagated(tiny, layer, masks)[0, 0, row, column]) == 0
    masks[..., top, left] = 1  # the outermost pixel of its field
    assert float(propagated(tiny, layer, masks)[0, 0, row, column]) > 0


PARTS = pytest.mark.parametrize(
    "layers",
    [architectures.VGG16, architectures.ALEXNET, architectures.ALEXNET_ST, architectures.GOOGLENET],
    ids=["vgg16", "alexnet", "alexnet-st", "googlenet"],
)


@PARTS
@pytest.mark.parametrize("padding", ["zeros", "replicate", "circular"])
def test_every_network_shares_a_grid_out_without_gaps(layers, padding):
    small = Network("any", layers, random_weights(TINY_WEIGHTS, 0), padding=padding)
    shape = (128, 192)
    parts = with_rest(halves(*shape).float()[:, :1])
    for layer in (layers[0].name, layers[-1].name):
        found = propagated(small, layer, parts)
        assert found.shape == (1, 2, *small.grid(layer, *shape))
        torch.testing.assert_close(found.sum(1), torch.ones_like(found[:, 0]))
        assert float(found.min()) >= 0
        quarter = found.shape[3] // 4
        assert float(found[0, 0, :, quarter].min()) > 0.5
        assert float(found[0, 0, :, -1 - quarter].max()) < 0.5
        everything = propagated(small, layer, torch.ones(1, 1, *shape))
        torch.testing.assert_close(everything, torch.ones_like(everything))


TINY_WEIGHTS = tiny_network().layers


def test_borders_are_soft_where_a_receptive_field_crosses_them_and_only_there(tiny):
    left = propagated(tiny, "conv3_1", halves(16, 48))[0, 0, 0]
    assert float(left[:4].min()) == 1 and float(left[-4:].max()) == 0
    assert bool((left.diff() <= 1e-12).all())
    assert 2 <= int(((left > 0) & (left < 1)).sum()) <= 4


# ---------------------------------------------------------------------- guided Gram matrices


def test_guided_gram_is_the_weighted_sum_of_outer_products():
    features, masks = seeded_features(2, 5, 4, 7), seeded_masks(3, 4, 7)
    expected = np.zeros((2, 3, 5, 5))
    for b in range(2):
        for k in range(3):
            for row in range(4):
                for column in range(7):
                    f = features[b, :, row, column].numpy()
                    expected[b, k] += float(masks[0, k, row, column]) * np.outer(f, f)
            expected[b, k] /= float(masks[0, k].sum())
    np.testing.assert_allclose(guided_gram(features, masks), expected, atol=1e-13)


def seeded_features(count, channels, height, width, *, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, height, width, generator=generator, dtype=torch.float64)


def test_the_regions_of_a_partition_add_up_to_the_global_gram():
    features, masks = seeded_features(2, 6, 5, 9), with_rest(seeded_masks(3, 5, 9))
    share = masks.mean((0, 2, 3))
    total = torch.einsum("k,bkij->bij", share, guided_gram(features, masks))
    torch.testing.assert_close(total, gram(features))
    torch.testing.assert_close(
        guided_gram(features, torch.full((1, 1, 5, 9), 0.25))[:, 0], gram(features)
    )


def test_hard_masks_cut_the_positions_out():
    features = seeded_features(1, 4, 6, 8)
    left, right = guided_gram(features, halves(6, 8))[0]
    torch.testing.assert_close(left, gram(features[..., :4])[0])
    torch.testing.assert_close(right, gram(features[..., 4:])[0])


@pytest.mark.parametrize("channels, height, width", [(4, 3, 5), (1, 2, 3), (3, 1, 1)])
def test_the_gradient_is_that_of_finite_differences(channels, height, width):
    features = seeded_features(2, channels, height, width).requires_grad_()
    masks = torch.cat(
        [seeded_masks(2, height, width, seed=1) + 0.01, halves(height, width)[:, 1:]], 1
    )
    assert torch.autograd.gradcheck(lambda f: guided_gram(f, masks), (features,))


def test_the_gradient_agrees_with_autograds_in_channels_last_memory():
    features = seeded_features(2, 5, 6, 7).contiguous(memory_format=torch.channels_last)
    masks = seeded_masks(3, 6, 7)
    weight = seeded_features(2, 3, 5, 5)  # not symmetric
    mine, plain = (features.clone().requires_grad_() for _ in range(2))
    (guided_gram(mine, masks) * weight).sum().backward()
    a = masks[0].flatten(1)
    x = plain.flatten(2)
    products = torch.einsum("bin,kn,bjn->bkij", x, a / a.sum(1, keepdim=True), x)
    (products * weight).sum().backward()
    torch.testing.assert_close(mine.grad, plain.grad)


def test_a_region_without_area_is_zero_and_its_target_the_whole_picture():
    features, masks = seeded_features(1, 4, 3, 5), seeded_masks(2, 3, 5)
    masks[:, 1] = 0
    grams = guided_gram(features, masks)
    assert bool((grams[:, 1] == 0).all())
    targets = guided_targets(features, masks)
    torch.testing.assert_close(targets[0], grams[0, 0])
    torch.testing.assert_close(targets[1], gram(features)[0])


def test_half_precision_features_are_widened():
    features = (100 * seeded_features(1, 3, 8, 8)).bfloat16()
    grams = guided_gram(features, halves(8, 8))
    assert grams.dtype == torch.float32
    torch.testing.assert_close(grams[:, 0], gram(features[..., :4]))


def test_masks_on_another_grid_are_refused():
    with pytest.raises(ValueError, match="grid"):
        guided_gram(seeded_features(1, 3, 4, 5), seeded_masks(2, 4, 4))


# ------------------------------------------------------------------------------------- terms


def test_the_term_weighs_relative_distances_by_area():
    features, masks = seeded_features(2, 4, 5, 6), seeded_masks(3, 5, 6)
    masks[:, 2] = 0
    targets = guided_targets(seeded_features(1, 4, 5, 6, seed=8), seeded_masks(3, 5, 6, seed=9))
    term = guided_term("conv1_1", masks, targets, 2.5)
    assert (term.name, term.layers, term.weight) == ("guided.conv1_1", ("conv1_1",), 2.5)
    value = term.measure(None, {"conv1_1": features})
    area = masks.sum((0, 2, 3))[:2] / masks.sum()
    expected = []
    for b in range(2):
        grams = guided_gram(features, masks)[b]
        parts = [
            float(((grams[k] - targets[k]) ** 2).sum() / (targets[k] ** 2).sum()) for k in (0, 1)
        ]
        expected.append(sum(a * b for a, b in zip(parts, area.tolist(), strict=True)))
    assert value.tolist() == pytest.approx(expected, rel=1e-12)


def test_the_term_is_zero_at_its_target_and_one_for_nothing():
    features, masks = seeded_features(2, 4, 5, 6)[:1], seeded_masks(2, 5, 6)
    term = guided_term("conv1_1", masks, guided_targets(features, masks))
    assert float(term.measure(None, {"conv1_1": features})) == pytest.approx(0, abs=1e-25)
    assert float(term.measure(None, {"conv1_1": 0 * features})) == pytest.approx(1)


def test_a_term_without_any_area_is_refused():
    with pytest.raises(ValueError, match="no region has an area at conv1_1"):
        guided_term("conv1_1", torch.zeros(1, 2, 3, 4), torch.zeros(2, 5, 5))


def regions_of(content, style, **changes):
    count = content.shape[1]
    named = {"names": tuple(f"part {k}" for k in range(count)), "similarity": (None,) * count}
    return Regions(content, style, **{**named, **changes})


def test_terms_of_all_layers_are_zero_at_the_style_itself_and_match_its_parts_alone(tiny):
    style, masks = seeded_picture(16, 24), halves(16, 24)
    weights = {"conv1_1": 1.0, "conv3_1": 3.0}
    terms = guided_terms(tiny, style, regions_of(masks, masks), (16, 24), weights)
    assert [part.weight for part in terms.parts] == [0.25, 0.75]
    values = Objective(tiny, terms)(style)
    assert list(values) == ["guided.conv1_1", "guided.conv3_1"]
    assert all(float(value) < 1e-20 for value in values.values())
    swapped = guided_terms(tiny, style, regions_of(masks, masks.flip(1)), (16, 24), weights)
    assert all(float(value) > 1e-5 for value in Objective(tiny, swapped)(style).values())


def test_what_no_mask_covers_takes_after_what_no_mask_covers(tiny):
    style, masks = seeded_picture(16, 24), halves(16, 24)
    whole = guided_terms(tiny, style, regions_of(masks, masks), (16, 24), {"conv2_1": 1.0})
    left = regions_of(masks[:, :1], masks[:, :1])
    rest = guided_terms(tiny, style, left, (16, 24), {"conv2_1": 1.0})
    other = seeded_picture(16, 24, seed=4)
    found = [float(Objective(tiny, terms)(other)["guided.conv2_1"]) for terms in (whole, rest)]
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_a_region_without_partner_takes_after_the_whole_style(tiny):
    style, masks = seeded_picture(20, 12), torch.ones(1, 1, 16, 24, dtype=torch.float64)
    alone = regions_of(masks, torch.zeros(1, 1, 20, 12, dtype=torch.float64), unmatched=(0,))
    terms = guided_terms(tiny, style, alone, (16, 24), {"conv2_1": 1.0})
    other = seeded_picture(16, 24, seed=4)
    a, t = (gram(tiny(one, ["conv2_1"])["conv2_1"]) for one in (other, style))
    expected = float((a - t).square().sum() / t.square().sum())
    value = float(Objective(tiny, terms)(other)["guided.conv2_1"])
    assert value == pytest.approx(expected, rel=1e-10)


def test_masks_fit_every_scale(tiny32):
    masks = halves(40, 60).float()
    for shape in ((16, 24), (31, 47)):
        style = seeded_picture(24, 18, dtype=torch.float32)
        terms = guided_terms(tiny32, style, regions_of(masks, masks), shape, {"conv3_1": 1.0})
        image = seeded_picture(*shape, dtype=torch.float32).requires_grad_()
        value = Objective(tiny32, terms)(image)["guided.conv3_1"]
        value.sum().backward()
        assert bool(image.grad.isfinite().all()) and float(image.grad.abs().max()) > 0


def test_regions_without_area_at_a_layer_are_said(tiny):
    """An odd side loses its last row behind a pooling; what lies there alone has no area."""
    content = torch.zeros(1, 2, 17, 24, dtype=torch.float64)
    content[:, 0, -1, -1], content[:, 1, :8] = 1e-4, 1
    style = torch.zeros(1, 2, 16, 24, dtype=torch.float64)
    style[:, 0] = 1
    remarks = area_remarks(tiny, ["conv2_1"], regions_of(content, style), (17, 24), (16, 24))
    assert remarks == [
        "part 0 has no area in the content at conv2_1: left out there.",
        "part 1 has no area in the style at conv2_1: it takes after the whole style.",
    ]
    matched = regions_of(content[:, 1:], style[:, 1:], unmatched=(0,))
    assert area_remarks(tiny, ["conv2_1"], matched, (17, 24), (16, 24)) == []


def test_guides_are_opened_in_pairs(tmp_path):
    a = written(tmp_path / "a.png", np.full((4, 6), 255))
    b = written(tmp_path / "b.png", np.full((3, 5), 128))
    found = open_guides([(a, b), (b, a)], (4, 6), (3, 5))
    assert found.content_masks.shape == (1, 2, 4, 6) and found.style_masks.shape == (1, 2, 3, 5)
    assert found.names == ("a.png=b.png", "b.png=a.png") and len(found.remarks) == 2
    assert found.unmatched == () and found.similarity == (None, None)
    torch.testing.assert_close(found.style_masks[0, 0], torch.full((3, 5), 128 / 255))


def test_memory_grows_with_the_guides_and_is_checked_first(tiny32, monkeypatch):
    layers = ("conv1_1", "conv3_1")
    few, many = (guides_memory(tiny32, layers, count, 64, 96) for count in (1, 5))
    positions = 64 * 96 + 16 * 24
    assert many - few == 4 * 4 * (2 * positions + 4 * (4**2 + 5**2))
    assert few > 4 * 3 * 4 * 64 * 96
    assert check_guides_memory(tiny32, layers, 5, 64, 96) > many
    monkeypatch.setattr("stylespace.losses.guides.terms.available", lambda device: 1000)
    with pytest.raises(MemoryLimitError, match="5 guides at 96x64 pixels.*fewer guides"):
        check_guides_memory(tiny32, layers, 5, 64, 96)
