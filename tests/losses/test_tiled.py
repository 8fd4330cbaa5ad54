"""Objectives in tiles against the same objectives on the whole picture."""

import math

import pytest
import torch

from stylespace.commands.edit.edits import _terms as edit_terms
from stylespace.errors import UsageError
from stylespace.losses import patterns
from stylespace.losses.covariance import covariance_term
from stylespace.losses.distribution import distribution_term, intensity_term, sparsity_term
from stylespace.losses.guides.terms import guided_term
from stylespace.losses.local import local_term
from stylespace.losses.objective import Objective, content_term, evenness, total_variation_term
from stylespace.losses.representations.centred import centred_term
from stylespace.losses.representations.chained import chained_term
from stylespace.losses.representations.gram import gram_term
from stylespace.losses.representations.mean import mean_term
from stylespace.losses.representations.shifted import shifted_term
from stylespace.losses.terms import Terms
from stylespace.networks.tiles import halo_of
from stylespace.settings import EditSettings
from stylespace.styles.gram import covariance, gram, mean, shifted_gram
from tests.helpers import slim
from tests.helpers.tiny import TINY_LAYERS, seeded_picture, tiny_network

DEEP, MIDDLE, FIRST = TINY_LAYERS[2], TINY_LAYERS[1], TINY_LAYERS[0]
HEIGHT, WIDTH = 61, 86


def value_and_gradient(objective, image):
    """The terms, and the gradient of their sum."""
    z = image.clone().requires_grad_()
    values = objective(z)
    (gradient,) = torch.autograd.grad(torch.stack(list(values.values())).sum(), z)
    return {name: value.detach() for name, value in values.items()}, gradient


def same(objective, tiled, image, tolerance=1e-10):
    """Assert that both give the same values and gradient, to a share of the gradient's size."""
    (whole, gradient), (parts, other) = (
        value_and_gradient(one, image) for one in (objective, tiled)
    )
    assert list(parts) == list(whole)
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=tolerance, atol=tolerance)
    assert float((gradient - other).norm() / gradient.norm()) < tolerance
    with torch.no_grad():
        for name, value in tiled(image).items():
            torch.testing.assert_close(value, whole[name], rtol=tolerance, atol=tolerance)


def features_of(network, seed=5):
    """Features of a picture of the same size, {layer: (1, C, h, w)}."""
    with torch.no_grad():
        return network(seeded_picture(HEIGHT, WIDTH, seed=seed), TINY_LAYERS)


def masks_for(features, count, seed=3):
    """Soft masks on the grid of features, (1, count, h, w)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, count, *features.shape[2:], generator=generator, dtype=torch.float64)


def one_of_each(network):
    """Every kind of term that can be measured in tiles, on layers of different strides."""
    seen = features_of(network)
    first, middle, deep = (seen[name] for name in TINY_LAYERS)
    window = {"half_width": 2, "kernel": "gaussian", "stride": 3, "mask": masks_for(middle, 1)[0]}
    terms = (
        gram_term(FIRST, gram(first)[0], 0.7),
        gram_term(DEEP, gram(deep)[0]),
        mean_term(MIDDLE, mean(middle)[0], 0.3),
        centred_term(MIDDLE, covariance(middle)[0], 0.2),
        shifted_term(DEEP, shifted_gram(deep)[0], 0.5),
        content_term(MIDDLE, middle, 0.4),
        distribution_term(MIDDLE, gram(middle)[0]),
        intensity_term(FIRST, gram(first)[0]),
        sparsity_term(DEEP, gram(deep)[0]),
        guided_term(DEEP, masks_for(deep, 3), gram(deep)[0].expand(3, -1, -1)),
        covariance_term(MIDDLE, middle, masks_for(middle, 4, 6), masks_for(middle, 4, 7)),
        local_term(FIRST, first, half_width=1),
        local_term(MIDDLE, middle, **window),
        total_variation_term(0.6, places=evenness(seeded_picture(HEIGHT, WIDTH, seed=2))),
    )
    return {term.name + ("" if k < 12 else "!"): term for k, term in enumerate(terms)}


NAMES = tuple(one_of_each(tiny_network()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tile", [12, 40])
def test_a_term_in_tiles_is_the_whole_pictures(name, tile):
    network = tiny_network()
    terms = Terms((one_of_each(network)[name],))
    image = seeded_picture(HEIGHT, WIDTH, count=2)
    same(Objective(network, terms), Objective(network.in_tiles(tile), terms), image)


def test_a_sum_of_terms_in_tiles_is_the_whole_pictures():
    network = tiny_network()
    terms = Terms(tuple(one_of_each(network)[name] for name in NAMES if not name.endswith("!")))
    image = seeded_picture(HEIGHT, WIDTH, count=2)
    same(Objective(network, terms), Objective(network.in_tiles(16), terms), image)


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
@pytest.mark.parametrize(("height", "width"), [(251, 176), (97, 310)])
def test_real_strides_and_receptive_fields(name, height, width):
    network = slim.network(name, positive=True)
    image = seeded_picture(height, width)
    terms = Terms(
        (gram_term("conv1_1", torch.eye(2).double()), gram_term("conv5_1", torch.eye(2).double()))
    )
    same(Objective(network, terms), Objective(network.in_tiles(48), terms), image)


@pytest.mark.parametrize(("name", "halo"), [("vgg16", 64), ("vgg19", 80)])
def test_the_halo_is_no_wider_than_needed(name, halo, monkeypatch):
    """One stride less must fail: the terms of conv5_1 then lack pixels that they see."""
    network = slim.network(name, positive=True)
    assert halo_of(network.reads({"conv1_1": 0, "conv5_1": 0})) == halo
    image = seeded_picture(320, 160)
    terms = Terms((gram_term("conv5_1", torch.eye(2).double()),))
    whole = value_and_gradient(Objective(network, terms), image)[1]
    monkeypatch.setattr("stylespace.networks.tiles.halo_of", lambda reads: halo - 16)
    less = value_and_gradient(Objective(network.in_tiles(128), terms), image)[1]
    assert float((whole - less).norm() / whole.norm()) > 1e-6


def test_tiles_of_a_seamless_picture():
    network = slim.network("vgg16", positive=True, padding="circular")
    image = seeded_picture(160, 96)
    terms = Terms((gram_term("conv3_1", torch.eye(2).double()), total_variation_term(wrap=True)))
    for tile in (32, 96):  # of the second, columns are one tile, rows are two
        same(Objective(network, terms), Objective(network.in_tiles(tile), terms), image)


def test_float32_is_right_to_1e_4():
    network, double = (tiny_network(dtype=dtype) for dtype in (torch.float32, torch.float64))
    target = gram(features_of(double)[DEEP])[0]
    image = seeded_picture(HEIGHT, WIDTH)
    whole = value_and_gradient(Objective(double, Terms((gram_term(DEEP, target),))), image)[1]
    terms = Terms((gram_term(DEEP, target.float()),))
    tiled = value_and_gradient(Objective(network.in_tiles(16), terms), image.float())[1]
    assert float((whole - tiled).norm() / whole.norm()) < 1e-4


def test_an_edit_in_tiles():
    network = tiny_network()
    settings = EditSettings(source="a.png", layer="conv2_1", entry="1,2", layers=TINY_LAYERS)
    grams = {name: gram(f)[0] for name, f in features_of(network).items()}
    for factor in (0.0, 2.0):
        terms = edit_terms(
            grams, (MIDDLE, 1, 2), settings.__class__(**{**vars(settings), "factor": factor})
        )
        image = seeded_picture(HEIGHT, WIDTH)
        same(Objective(network, terms), Objective(network.in_tiles(16), terms), image)


def test_what_looks_at_the_whole_picture_is_refused():
    network = tiny_network().in_tiles(16)
    image = seeded_picture(HEIGHT, WIDTH)
    seen = features_of(tiny_network())
    chained = chained_term(DEEP, MIDDLE, torch.ones(5, 6).double())
    for term in (
        patterns.spectrum_term(image, 1.0),
        patterns.autocorrelation_term(image, 1.0),
        patterns.histogram_term(FIRST, seen[FIRST]),
        chained,
    ):
        with pytest.raises(UsageError, match="in tiles"):
            Objective(network, Terms((term,)))(image)


def test_features_of_tiles_are_put_together():
    network, image = tiny_network(), seeded_picture(HEIGHT, WIDTH, count=2)
    names = (*TINY_LAYERS, f"pre:{MIDDLE}", "relu3_1")
    for name, whole in network(image, names).items():
        torch.testing.assert_close(network.in_tiles(12)(image, names)[name], whole)


def test_a_picture_no_larger_than_a_tile_is_evaluated_whole():
    network = tiny_network().in_tiles(WIDTH)
    assert not network.tiled(HEIGHT, WIDTH)
    assert network.tiled(HEIGHT, WIDTH + 1)


def test_half_precision_keeps_its_tiles():
    network = tiny_network(dtype=torch.bfloat16).in_tiles(24)
    assert network.precise.tile == 24


def test_no_pixel_is_missed_and_none_is_counted_twice():
    network = tiny_network()
    counts = torch.zeros(1, 3, HEIGHT, WIDTH)
    area = 0
    for tile in network.in_tiles(12).tiles(counts, {DEEP: 0}):
        seen = tile.seen(tile.image, {})
        area += seen.own("").numel()
        tile.cut("", counts).add_(1)
    assert bool((counts == 1).all()) and area == 3 * HEIGHT * WIDTH
    assert math.isclose(
        sum(t.seen(t.image, {}).share("") for t in network.in_tiles(12).tiles(counts, {DEEP: 0})), 1
    )
