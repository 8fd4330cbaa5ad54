"""The recipes of the study: pairs that share nothing, claims that can be tested, quick ones."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from stylespace.assets import samples
from stylespace.studies.plans import plan_of

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "probes" / "paper"


@pytest.fixture(scope="module")
def plan():
    return plan_of(PAPER / "study.toml")


def test_every_recipe_of_a_study_is_read():
    paths = [*(ROOT / "probes" / "trials").glob("*.toml"), *PAPER.glob("*.toml")]
    for path in paths:
        if path.name not in ("pairs.toml", "implementations.toml"):
            assert plan_of(path).runs()
    assert len(paths) >= 12


def test_the_twelve_pairs_share_no_picture_and_are_drawn_by_lot():
    pairs = tomllib.loads((PAPER / "pairs.toml").read_text())["pairs"]
    names = [name for pair in pairs.values() for name in pair]
    assert len(pairs) == 12 and len(set(names)) == 24
    paintings = [one.name for one in samples() if one.kind == "painting"]
    order = np.random.default_rng(17).permutation(12)
    drawn = [pair[1].removeprefix("sample:") for pair in pairs.values()]
    assert [paintings.index(name) for name in drawn] == order.tolist()


def test_every_pair_has_hand_drawn_masks_of_both(plan):
    for pair in plan.parts[0].pairs.values():
        assert pair.masks and all(
            mask.get("polygons") or mask.get("circles") for mask in pair.masks
        )


def test_what_is_claimed_could_hold(plan):
    """Twelve pairs that agree decide a claim after Holm's correction for all of them."""
    claims = [(part, claim) for part in plan.parts for claim in part.claims]
    assert len(claims) * 2 / 2**12 <= 0.05
    for part, claim in claims:
        if not claim.untested:
            for way in (claim.way, claim.than):
                assert not (part.ways[way].count or part.count) and len(part.pairs) == 12, claim


def test_ways_of_a_curve_have_four_weights_over_a_decade_and_a_half(plan):
    for part in plan.parts:
        if part.content_weights:
            assert len(part.content_weights) == 4
            assert max(part.content_weights) / min(part.content_weights) >= 10**1.45


def test_a_quick_study_has_every_way_in_small(plan):
    quick = plan.quick()
    assert {(run.part, run.way) for run in quick.runs()} == {
        (run.part, run.way) for run in plan.runs()
    }
    assert all(run.settings.size == 64 for run in quick.runs())
    assert all(run.settings.iterations == (4,) for run in quick.runs())
    assert len(quick.runs()) < len(plan.runs()) / 5


def test_runs_of_one_content_in_two_parts_are_alike(plan):
    """The default way is made once, whatever the part calls it; networks has a weight more."""
    names = {"networks": "vgg19-norm", "representations": "global", "partial": "nothing kept"}
    curves = [
        [run.settings for run in part.runs() if run.way == names[part.name]]
        for part in plan.parts
        if part.name in names
    ]
    networks, *others = curves
    assert len(others) == 2 and others[0] == others[1]
    assert all(settings in networks for settings in others[0])
