"""The judges of a study: closed forms, order, and that nobody judges itself."""

import math

import numpy as np
import pytest
import torch
from tiny import seeded_picture
from torch.distributions import MultivariateNormal, kl_divergence

from stylespace.assets import sample_path
from stylespace.errors import WeightsError
from stylespace.images import read_image, resize
from stylespace.images.colour import match_colours
from stylespace.studies import judges
from stylespace.studies.judges import Jury, contours, debiased, drawn_mask, grid_energy, scores
from stylespace.studies.measures import HIGHER, MEASURES, better

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def jury():
    return Jury()


@pytest.fixture(scope="module")
def pair():
    """A photograph and a painting, 72 pixels."""
    return [resize(read_image(sample_path(name)), 72) for name in ("coffee", "gogh-auvers")]


def test_every_measure_is_known_and_goes_the_way_that_it_says(jury, pair):
    """From the content to the style itself: nearer to the one is farther from the other."""
    content, style = pair
    content = resize(content, 72)
    style = torch.nn.functional.interpolate(style, content.shape[2:])
    masks = ({"polygons": [[0, 0, 50, 0, 50, 100, 0, 100]]},) * 2
    at = [
        jury.figures(content + t * (style - content), content, style, masks=masks)
        for t in (0, 0.5, 1)
    ]
    assert set(at[0]) <= set(MEASURES)
    to_style = ["sliced", "figures", "effectiveness", "style_colours", "copy_index"]
    to_style += [name for name in at[0] if name.startswith("style.")]
    for name in to_style:
        values = [one[name] for one in at]
        falls = better(name) == "lower" or name == "copy_index"
        assert values == sorted(values, reverse=falls), name
    assert at[0]["similarity"] > at[1]["similarity"] > at[2]["similarity"]
    seen = [
        contours(jury.networks["vgg16-hed"], content + t * (style - content)) for t in (0, 0.5, 1)
    ]
    agreement = [judges._agreement(one, seen[0]) for one in seen]
    assert agreement == sorted(agreement, reverse=True)
    assert [at[0][f"content.{name}"] for name in jury.networks] == pytest.approx([0] * 3, abs=1e-9)
    assert at[0]["copy_index"] == pytest.approx(1) and at[2]["copy_index"] < 1e-6
    assert set(HIGHER) <= set(MEASURES)


def test_nobody_judges_its_own_results(jury, pair):
    found = jury.figures(*pair[:1], *pair, made_by="vgg16-hed")
    assert not {"style.vgg16-hed", "sliced", "figures", "coherence"} & set(found)
    assert {"style.alexnet-st", "style.vgg19-norm"} <= set(found)


def test_a_judge_that_cannot_be_had_is_left_out_and_named(pair, monkeypatch):
    true = judges.load_network

    def load(name, **options):
        if name == "alexnet-st":
            raise WeightsError("pip install it.")
        return true(name, **options)

    monkeypatch.setattr(judges, "load_network", load)
    jury = Jury()
    assert jury.missing == {"alexnet-st": "pip install it."}
    assert "style.alexnet-st" not in jury.figures(pair[0], *pair)


def test_crops_of_an_even_picture_do_not_differ(jury):
    even = torch.full((1, 3, 80, 64), 0.5)
    found = jury.between_crops(even, even, seeded_picture(80, 64, dtype=torch.float32))
    assert found["crops.similarity"] == 0 and found["crops.style_colours"] == 0
    assert all(value == pytest.approx(0, abs=1e-4) for value in found.values() if value == value)


def test_half_a_cloud_is_not_apart_from_the_other():
    """Of one distribution around 0, of either sign; of two, about what is between their means."""
    rng = torch.Generator().manual_seed(0)
    clouds = [torch.rand(1, 6, 30, 20, generator=rng) for _ in range(12)]
    same = [debiased(a, b) for a, b in zip(clouds[::2], clouds[1::2], strict=True)]
    assert abs(np.mean(same)) < 0.003 and min(same) < 0 < max(same)
    assert debiased(clouds[0] + 1, clouds[1]) > 0.5
    assert math.isnan(debiased(clouds[0][:, :, :9, :9], clouds[1]))


def test_closeness_is_minus_the_logarithm_of_the_divergence_of_gaussians():
    rng = torch.Generator().manual_seed(0)
    a = torch.rand(1, 5, 20, 30, generator=rng, dtype=torch.float64)
    b = 1.3 * torch.rand(1, 5, 18, 14, generator=rng, dtype=torch.float64) + 0.1
    moments = [(x[0].flatten(1).T.mean(0), torch.cov(x[0].flatten(1))) for x in (a, b)]
    expected = -math.log(kl_divergence(*(MultivariateNormal(*one) for one in moments)))
    assert judges._closeness(a, b, 5) == pytest.approx(expected, rel=1e-4)
    assert judges._closeness(b, b, 3) > 15 > judges._closeness(a, b, 3)


def test_a_grid_is_seen_at_its_own_stride(pair):
    content = resize(read_image(sample_path("coffee")), 128)
    plain = [grid_energy(content, stride) for stride in (4, 8)]
    down = torch.arange(content.shape[2])[:, None]
    for stride, before in zip((4, 8), plain, strict=True):
        grid = content + 0.3 * (torch.arange(content.shape[3]) % stride == 0)
        grid = grid + 0.3 * (down % stride == 0)
        assert grid_energy(grid, stride) > 4 * before
    noise = seeded_picture(96, 70, dtype=torch.float64)
    assert grid_energy(noise, 4) == pytest.approx(1, abs=0.6)


def test_contours_are_where_edges_are(jury):
    picture = torch.zeros(1, 3, 64, 96)
    picture[..., 48:] = 1
    found = contours(jury.networks["vgg16-hed"], picture)
    assert found.shape == (64, 96) and found.min() >= 0 and found.max() <= 1
    assert found[16:48, 44:52].mean() > 5 * found[16:48, 4:36].mean()
    assert judges._agreement(found, found) == pytest.approx(1)
    assert judges._agreement(torch.zeros(3, 3), torch.zeros(3, 3)) == 1


def test_masks_are_drawn_in_percent():
    box = drawn_mask({"polygons": [[25, 50, 75, 50, 75, 100, 25, 100]]}, 20, 40)
    assert box.shape == (1, 1, 20, 40) and box[0, 0, 12:19, 12:29].all()
    assert not box[0, 0, :9].any() and not box[0, 0, :, :9].any() and not box[0, 0, :, 32:].any()
    circle = drawn_mask({"circles": [[50, 50, 25]]}, 100, 200)
    assert float(circle.sum()) == pytest.approx(math.pi * 50**2, rel=0.03)


def test_matched_colours_come_nearer_by_the_colours_alone(jury, pair):
    content, style = pair
    matched = match_colours(content, style).clamp(0, 1)
    before, after = (jury.figures(one, content, style) for one in (content, matched))
    assert after["style_colours"] < before["style_colours"] / 2
    assert after["similarity"] > 0.6


def test_the_truth_is_no_distance_away():
    truth = seeded_picture(20, 30, dtype=torch.float32)
    assert scores(truth, truth) == {
        "truth_colours": pytest.approx(0, abs=1e-5),
        "truth_similarity": pytest.approx(1),
    }
    darker = scores(0.8 * truth, truth)
    assert darker["truth_colours"] > 2.3 and darker["truth_similarity"] < 1
