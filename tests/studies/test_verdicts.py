"""Verdicts on claims: what a table of trials shows, and what it does not."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from stylespace.studies.verdicts import Claim, counted_wins, how_claims_are_tested, verdicts

CLAIM = Claim("Noise is better.", "noise", "whole", "sliced")


def pairs_of(count):
    """Pairs that share no picture."""
    return {f"p{k}": (f"content {k}", f"style {k}") for k in range(count)}


def table_of(gains, measure="sliced"):
    """A table in which noise is better than whole by the gains, a pair each."""
    sign = 1 if measure == "similarity" else -1
    return pd.DataFrame(
        {"pair": f"p{k}", "way": way, measure: 5 + sign * gain * (way == "noise")}
        for k, gain in enumerate(gains)
        for way in ("whole", "noise")
    )


def said_of(gains, claims=(CLAIM,), measure="sliced"):
    return verdicts(claims, table_of(gains, measure), pairs_of(len(gains)))


@pytest.mark.parametrize(
    ("gains", "word"),
    [
        ([1] * 6, "holds"),
        ([-1] * 6, "fails"),
        ([1] * 5, "is undecided"),
        ([1] * 5 + [-1], "is undecided"),
        ([0] * 6, "is undecided"),
        ([1], "is undecided"),
        ([1e-9] * 11 + [-8], "is undecided"),
    ],
)
@pytest.mark.parametrize("measure", ["sliced", "similarity"])
def test_a_claim_holds_fails_or_is_undecided(gains, word, measure):
    (said,) = said_of(gains, [replace(CLAIM, measure=measure)], measure)
    side = "above" if measure == "similarity" else "below"
    assert said.startswith(
        f"*Noise is better.* This {word}: `{measure}` of noise is {side} that of whole in "
        f"{sum(gain > 0 for gain in gains)} of {len(gains)} groups"
    )
    assert (", on it in 6 (p = 1," in said) == (gains == [0] * 6)


def test_a_verdict_tells_p_effect_and_interval():
    (said,) = said_of([1, 2, 3, 4, 5, 6])
    assert said.endswith(
        " in 6 of 6 groups (p = 0.0312, 0.0312 for 1 claims); median gain 3.5 (96.9 % interval 1 "
        "to 6)."
    )


def test_more_claims_take_more_pairs():
    """Six of one sign have p = 1/32: enough for one claim, not for two; nine are for two."""
    claims = [CLAIM, replace(CLAIM, says="So it is.")]
    assert all("This is undecided" in one for one in said_of([1] * 6, claims))
    assert all("This holds" in one for one in said_of([1] * 9, claims))
    assert "(p = 0.0312, 0.0625 for 2 claims)" in said_of([1] * 6, claims)[0]


def test_pairs_that_share_a_picture_count_once_with_their_mean_gain():
    """Eight pairs, all better, prove it; with one style picture for all they are one group."""
    table, apart = table_of([1, 3, 1, 3, 1, 3, 1, 3]), pairs_of(8)
    (said,) = verdicts([CLAIM], table, apart)
    assert "This holds" in said and "in 8 of 8 groups" in said
    (said,) = verdicts([CLAIM], table, {name: (one, "style") for name, (one, _) in apart.items()})
    assert "This is undecided" in said and "in 1 of 1 groups (p = 1," in said
    assert "median gain 2 (one has no interval)" in said
    two = {name: (f"content {k % 4}", style) for k, (name, (_, style)) in enumerate(apart.items())}
    (said,) = verdicts([CLAIM], table, two)  # k and k + 4 share their content
    assert "in 4 of 4 groups (p = 0.125," in said
    assert "median gain 2 (87.5 % interval 1 to 3)" in said


def test_as_good_as_is_a_claim_within_a_margin():
    """Eight losses of .01: worse than the other, and as good to within .02."""
    within = replace(CLAIM, says="It is as good, to within 0.02.", margin=0.02)
    said = said_of([-0.01] * 8, [CLAIM, within])
    assert "This fails" in said[0] and "that of whole in 0 of 8" in said[0]
    assert "This holds" in said[1] and "that of whole + 0.02 in 8 of 8" in said[1]
    higher = replace(within, measure="similarity")
    assert "above that of whole - 0.02 in 8" in said_of([-0.01] * 8, [higher], "similarity")[0]


@pytest.mark.parametrize("margin", [-0.1, math.inf, math.nan])
def test_a_margin_that_cannot_be(margin):
    with pytest.raises(ValueError, match="choose 0 or more"):
        replace(CLAIM, margin=margin)


def test_ways_not_tried_and_measures_not_taken_count_for_nothing():
    table = table_of([1] * 6).assign(placed=math.nan)
    claims = [CLAIM, replace(CLAIM, way="not tried"), replace(CLAIM, measure="placed")]
    said = verdicts(claims, table, pairs_of(6))
    assert len(said) == 2 and "This holds" in said[0] and "for 1 claims" in said[0]
    assert said[1] == "*Noise is better.* This could not be tested: no `placed`."


@pytest.mark.parametrize(
    ("count", "end"),
    [
        (5, "a first claim takes 6 that agree, so **none can be decided by these**."),
        (6, "a first claim takes 6 that agree, so some can be decided."),
    ],
)
def test_a_page_says_how_claims_are_tested_and_whether_they_can_be(count, end):
    said = how_claims_are_tested([CLAIM], table_of([1] * count), pairs_of(9))
    assert f"The {count} pairs here make {count} groups; " in said and said.endswith(end)
    assert "corrected for 1 claims" in said


def test_counts_leave_out_pairs_that_one_of_both_ways_lacks():
    rows = [("a", "x", 1.0), ("a", "y", 0.5), ("b", "x", 1.0), ("b", "y", 2.0), ("c", "x", 3.0)]
    table = pd.DataFrame([{"pair": p, "way": w, "sliced": value} for p, w, value in rows])
    assert counted_wins(table) == ["y is better than x in so many of 2: sliced 1."]
    assert counted_wins(table[table["way"] == "x"]) == []


def test_counts_tell_ties_and_measures_of_fewer_pairs():
    table = table_of([1, 0, 0, -1]).assign(placed=[2, 1, 2, 1, 2, 1, math.nan, 1])
    said = "noise is better than whole in so many of 4: sliced 1 (2 the same), placed 3 (of 3)."
    assert counted_wins(table) == [said]
