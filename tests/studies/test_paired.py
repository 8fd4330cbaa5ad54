"""Paired comparisons: the sign test by counting outcomes, its interval, Holm, groups of pairs."""

from itertools import product

import numpy as np
import pytest

from stylespace.studies.paired import LEVEL, fewest, holm, independent_groups, sign_test, verdict


def test_p_is_the_share_of_all_signs_that_are_as_one_sided():
    """Every outcome of n fair signs, counted."""
    for gains in ([1, 2, -1, 3, 4], [1, 2, 3, 4, 5, -6, 7], [-1, -2, -3, 1], [1], [2, -2]):
        signs = np.sign(gains)
        most = max((signs > 0).sum(), (signs < 0).sum())
        tails = [np.array(one) for one in product((-1, 1), repeat=len(gains))]
        extreme = sum(((one > 0).sum() >= most) + ((one < 0).sum() >= most) for one in tails)
        assert sign_test(gains).p == pytest.approx(min(1, extreme / len(tails)), rel=1e-12)


def test_a_tie_speaks_for_neither_side():
    ties = sign_test([0.0] * 12)
    assert (ties.above, ties.below, ties.p, ties.side) == (0, 0, 1, 0)
    assert verdict(ties, ties.p) == "is undecided"
    assert sign_test([1.0] * 6).p == 2**-5
    assert sign_test([1.0] * 6 + [0.0] * 6).p == 1  # six of twelve


def test_one_pair_proves_nothing():
    one = sign_test([8.0])
    assert one.p == 1 and verdict(one, one.p) == "is undecided"
    assert one.covered == 0 and one.interval == "one has no interval"


@pytest.mark.parametrize("count", [5, 11, 60])
def test_small_gains_do_not_outweigh_a_large_loss(count):
    """However small p is: most signs and the mean must agree."""
    test = sign_test([1e-9] * count + [-8.0])
    assert (test.above, test.below, test.median) == (count, 1, 1e-9)
    assert verdict(test, test.p) == "is undecided"


def test_what_is_clear_is_decided():
    gains = [*np.linspace(1, 2, 11), -0.1]
    better, worse = sign_test(gains), sign_test(np.negative(gains))
    assert verdict(better, better.p) == "holds" and verdict(worse, worse.p) == "fails"
    assert better.p == worse.p == pytest.approx(2 * 13 / 2**12)
    assert verdict(better, 1.001 * LEVEL) == "is undecided"


def test_a_margin_moves_the_bound():
    """Losses of .01 are more than none and more than .005, but within .02."""
    losses = [-0.01] * 8
    words = [verdict(test := sign_test(losses, margin), test.p) for margin in (0, 0.005, 0.02)]
    assert words == ["fails", "fails", "holds"]
    assert sign_test(losses, 0.01).side == 0


def test_the_interval_covers_the_median_as_often_as_it_says():
    """Of exponential samples, whose median is log 2; and it ends in gains."""
    generator = np.random.default_rng(0)
    for count in (2, 4, 6, 9, 20):
        samples = generator.exponential(size=(500, count))
        tests = [sign_test(sample) for sample in samples]
        inside = np.mean([test.low <= np.log(2) <= test.high for test in tests])
        assert inside == pytest.approx(tests[0].covered, abs=0.05)
        assert (tests[0].covered >= 1 - LEVEL) == (count >= 6)
        assert {tests[0].low, tests[0].high} <= set(samples[0])


def test_the_interval_is_the_shortest_that_covers_enough():
    gains = np.arange(9.0)
    test = sign_test(gains)  # P(of nine at most one) = 10 / 512, at most two 46 / 512
    assert (test.low, test.high) == (1, 7)
    assert test.covered == pytest.approx(1 - 2 * 10 / 512)
    assert sign_test(np.arange(4.0)).interval == "87.5 % interval 0 to 3"


def test_holm_is_that_of_its_definition():
    ps = [0.01, 0.04, 0.03, 0.005]
    assert holm(ps) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1] and holm([]) == [] and holm([0.2]) == [0.2]
    generator = np.random.default_rng(1)
    for drawn in generator.random((20, 6)) ** 2:
        step_down = [max((6 - np.sum(drawn < p)) * p for p in drawn[drawn <= own]) for own in drawn]
        assert holm(drawn) == pytest.approx(np.minimum(step_down, 1))


def test_fewest_gains_that_can_decide():
    for tests in (1, 3, 12, 20):
        count = fewest(tests)
        assert (
            tests * sign_test([1.0] * count).p <= LEVEL < tests * sign_test([1.0] * (count - 1)).p
        )


def test_pairs_that_share_a_picture_are_one_group():
    pairs = {
        "a": ("sun", "sea"),
        "b": ("moon", "sky"),
        "c": ("sun", "sand"),  # the content of a
        "d": ("sea", "wood"),  # the style of a is its content
        "e": ("rain", "snow"),
        "f": ("wood", "sand"),
    }
    found = independent_groups(pairs)
    assert list(found) == list(pairs)
    assert found["a"] == found["c"] == found["d"] == found["f"]
    assert len({found[name] for name in "abe"}) == 3
    assert len(set(independent_groups({"a": ("x", "x"), "b": ("y", "z")}).values())) == 2


def test_pairs_joined_by_another_are_one_group():
    pairs = {"a": ("1", "2"), "b": ("3", "4"), "c": ("2", "3")}
    assert len(set(independent_groups(pairs).values())) == 1
    del pairs["c"]
    assert len(set(independent_groups(pairs).values())) == 2
