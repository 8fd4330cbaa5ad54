"""Claims: the randomisation test by counting, its verdicts at the edges, Holm, equal content."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from stylespace.studies.claims import (
    FAILS,
    HOLDS,
    LEVEL,
    UNDECIDED,
    UNTESTED,
    Claim,
    corrected,
    holm,
    paired,
    verdict,
)
from stylespace.studies.curves import area_between, gains


def said(values, margin=0.0):
    test = paired(values, margin)
    return verdict(test, test.p)


# --- the test


@pytest.mark.parametrize(
    "values", [[1, 2, -1, 3, 4], [0.1, 0.2, 0.3, 5, -6], [-1, -2, -3, 1], [2, 2, 2, 2, 2, 2]]
)
def test_p_is_the_share_of_all_signs_whose_mean_is_as_far(values):
    """Every outcome of n signs, counted; two-sided as twice the smaller tail."""
    values = np.array(values, dtype=float)
    means = np.array([(values * np.array(s)).mean() for s in product((-1, 1), repeat=len(values))])
    tails = [np.mean(s * means >= s * values.mean() - 1e-12) for s in (1, -1)]
    assert paired(values).p == pytest.approx(min(1, 2 * min(tails)), rel=1e-12)


def test_a_tie_speaks_for_neither_side():
    ties = paired([0.0] * 12)
    assert (ties.above, ties.p, ties.side) == (0, 1, 0) and said([0.0] * 12) == UNDECIDED
    assert paired([1.0] * 6 + [0.0] * 6).p == paired([1.0] * 6).p == 2**-5


def test_one_pair_proves_nothing():
    one = paired([8.0])
    assert one.p == 1 and said([8.0]) == UNDECIDED
    assert np.isnan([one.low, one.high, one.effect]).all()


@pytest.mark.parametrize("count", [5, 11, 40])
def test_tiny_gains_do_not_outweigh_a_great_loss(count):
    values = [1e-9] * count + [-8.0]
    test = paired(values)
    assert (test.above, test.side) == (count, 0) and said(values) == UNDECIDED
    assert said(np.negative(values)) == UNDECIDED


def test_what_is_clear_is_decided():
    values = [*np.linspace(1, 2, 11), -0.1]
    better, worse = paired(values), paired(np.negative(values))
    assert said(values) == HOLDS and said(np.negative(values)) == FAILS
    assert better.p == worse.p == pytest.approx(4 / 2**12)  # the loss with either sign
    assert verdict(better, 1.001 * LEVEL) == UNDECIDED
    assert verdict(None, 0.0) == UNTESTED


def test_a_margin_moves_the_bound():
    """Losses of .01 are more than none and more than .005, but within .02."""
    losses = [-0.01] * 8
    assert [said(losses, margin) for margin in (0, 0.005, 0.02)] == [FAILS, FAILS, HOLDS]
    assert paired(losses, 0.01).side == 0
    for margin in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="choose 0 or more"):
            Claim("a", "b", "c", "loss", margin=margin)


def test_a_false_claim_is_decided_as_seldom_as_it_says():
    """Of symmetric gains around 0: at most a share LEVEL, less what so few signs can tell."""
    rng = np.random.default_rng(0)
    decided = [said(rng.standard_t(3, size=8)) != UNDECIDED for _ in range(200)]
    assert np.mean(decided) <= LEVEL + 0.03


def test_the_interval_covers_the_mean_nearly_as_often_as_it_says():
    rng = np.random.default_rng(0)
    tests = [paired(sample) for sample in rng.normal(0.5, 1, size=(100, 12))]
    inside = np.mean([test.low <= 0.5 <= test.high for test in tests])
    assert 0.85 <= inside <= 0.99  # the bootstrap of twelve is a little narrow
    same = paired([0.3] * 5)
    assert (same.low, same.high) == pytest.approx((0.3, 0.3))


def test_the_effect_is_the_mean_over_the_deviation():
    values = np.array([1.0, 2.0, 4.0])
    assert paired(values).effect == pytest.approx(values.mean() / values.std(ddof=1))
    assert np.isnan(paired([1.0, 1.0]).effect)


def test_holm_is_that_of_its_definition():
    ps = [0.01, 0.04, 0.03, 0.005]
    assert holm(ps) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1] and holm([]) == [] and holm([0.2]) == [0.2]
    rng = np.random.default_rng(1)
    for drawn in rng.random((20, 6)) ** 2:
        step_down = [max((6 - np.sum(drawn < p)) * p for p in drawn[drawn <= own]) for own in drawn]
        assert holm(drawn) == pytest.approx(np.minimum(step_down, 1))


def test_claims_without_results_yet_are_corrected_for_and_those_never_tested_are_not():
    x, y, z = (Claim(text, "a", "b", "loss") for text in "xyz")
    never = Claim("n", "a", "b", "loss", untested="it is not there")
    tests = {x: paired([1.0] * 6), y: None, z: paired([1.0] * 7), never: None}
    assert corrected(tests) == {z: 3 * 2**-6, x: 2 * 2**-5, y: 1}


# --- gains


def table_of(curves, along="content.vgg16-hed", measure="style.vgg16-hed"):
    """Rows of {(pair, way): [(content, style), ...]}, a weight a point."""
    return pd.DataFrame(
        [
            {"pair": p, "way": w, "content_weight": float(k), along: x, measure: y}
            for (p, w), points in curves.items()
            for k, (x, y) in enumerate(points)
        ]
    )


CLAIM = Claim("", "one", "two", "style.vgg16-hed", along="content.vgg16-hed")


def test_the_area_between_curves_is_that_of_lines():
    x = np.array([0.0, 1, 2])
    assert area_between((x, x), (x, x + 0.5)) == pytest.approx(-0.5)
    assert area_between((x, 2 * x), (x[1:], x[1:])) == pytest.approx(1.5)  # 1 to 2: x, in the mean
    assert np.isnan(area_between((x, x), (x + 3, x)))
    assert np.isnan(area_between((x, x), (x + 1.9, x)))  # a twentieth in common
    assert np.isnan(area_between((x[:1], x[:1]), (x, x)))


def test_at_equal_content_a_way_that_only_keeps_less_gains_nothing():
    """Points of one curve, at other contents: style = exp(-content)."""
    line = [(x, float(np.exp(-x))) for x in np.linspace(0.1, 1, 9)]
    table = table_of({("p", "one"): line[::2], ("p", "two"): line[::-2], ("p", "x"): line})
    found = gains(table, CLAIM)
    assert found.index.tolist() == ["p"] and found["p"] == pytest.approx(0, abs=0.02)
    plain = gains(table, Claim("", "one", "two", "style.vgg16-hed"))
    assert abs(plain["p"]) < 1e-12  # the same points, whatever their weights


def test_a_tenth_nearer_is_a_gain_of_a_tenth():
    x = np.linspace(-2, 0, 4)
    curves = {("p", "one"): 0.9 * np.exp(-x), ("p", "two"): np.exp(-x)}
    table = table_of({key: list(zip(np.exp(x), y, strict=True)) for key, y in curves.items()})
    assert gains(table, CLAIM)["p"] == pytest.approx(-np.log(0.9), rel=1e-6)
    better = Claim("", "one", "two", "similarity", along="content.vgg16-hed")
    higher = table_of(
        {key: list(zip(np.exp(x), y, strict=True)) for key, y in curves.items()},
        measure="similarity",
    )
    assert gains(higher, better)["p"] < 0  # which is better where it is higher


def test_means_are_compared_over_the_weights_that_both_have():
    """A way with larger weights beside does not gain by what they keep."""
    points = [(0.9, 0.1), (0.8, 0.2), (0.7, 0.3)]
    table = table_of({("p", "one"): points, ("p", "two"): [*points, (0.1, 5.0)]})
    claim = Claim("", "one", "two", "style.vgg16-hed")
    assert gains(table, claim)["p"] == pytest.approx(0, abs=1e-12)
    table.loc[table["way"] == "one", "content_weight"] += 9  # none in common: over all
    means = np.log([0.1, 0.2, 0.3]).mean(), np.log([0.1, 0.2, 0.3, 5]).mean()
    assert gains(table, claim)["p"] == pytest.approx(means[1] - means[0])


def test_pairs_that_cannot_be_compared_are_left_out():
    points = [(0.1, 1.0), (0.2, 0.5)]
    table = table_of(
        {
            ("a", "one"): points,
            ("a", "two"): [(0.3, 1.0), (0.4, 0.5)],
            ("b", "one"): points,
            ("c", "one"): points,
            ("c", "two"): points,
        }
    )
    assert gains(table, CLAIM).to_dict() == {"c": 0}
    assert not len(gains(table, Claim("", "one", "two", "sliced")))
    table.loc[0, "style.vgg16-hed"] = 0.0  # no logarithm
    assert gains(table, Claim("", "one", "two", "style.vgg16-hed"))["c"] == 0
