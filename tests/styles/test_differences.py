"""What tells two groups apart: against brute force, and by how often it is right and wrong."""

import itertools
import math

import numpy as np
import pytest

from stylespace.styles.statistics.differences import (
    Differences,
    differences,
    effects_kept,
    effects_under,
    floors,
    labelings,
    root_shares,
    usual_deviations,
)
from stylespace.styles.statistics.nearest_mean import held_out_decisions, nearest_mean

SIZES = (10, 21, 45)


def drawn(seed, count=12, sizes=SIZES, spread=2.0):
    """A table of entries of very different sizes whose deviations grow with them, but less."""
    generator = np.random.default_rng(seed)
    scales = np.exp(generator.normal(0, spread, sum(sizes)))
    return np.abs(scales + 0.3 * scales**0.6 * generator.normal(size=(count, sum(sizes))))


def grouped(count, members):
    return np.arange(count) < members


def plain_effect(values, first, floor):
    """Of one entry, written out: difference of means by pooled deviation plus floor."""
    one, two = values[first], values[~first]
    squares = ((one - one.mean()) ** 2).sum() + ((two - two.mean()) ** 2).sum()
    return (one.mean() - two.mean()) / (math.sqrt(squares / max(len(values) - 2, 1)) + floor)


def plain_floors(table, sizes):
    """What numpy's own fit of a line says, layer by layer."""
    found, start = [], 0
    for size in sizes:
        columns = table[:, start : start + size].T
        varying = [one for one in columns if np.std(one) > 0]
        means = np.log([np.mean(one) for one in varying])
        slope, offset = np.polyfit(means, np.log([np.std(one, ddof=1) for one in varying]), 1)
        assert 0 <= slope <= 1
        found += [math.exp(offset + slope * math.log(np.mean(one))) for one in columns]
        start += size
    return found


def test_root_shares_are_the_roots_of_shares_that_add_up_to_one():
    features = np.random.default_rng(0).random((5, 40))
    gram = features @ features.T / 40
    found = root_shares(gram)
    assert found == pytest.approx(
        [math.sqrt(gram[i, j] / gram.sum()) for i in range(5) for j in range(i, 5)]
    )
    assert root_shares(9 * gram) == pytest.approx(found)
    double = [1 if i == j else 2 for i in range(5) for j in range(i, 5)]
    assert double @ found**2 == pytest.approx(1)
    assert not root_shares(np.zeros((3, 3))).any()


@pytest.mark.parametrize("members", [1, 3, 6])
def test_effects_are_those_of_the_definition(members):
    table, first = drawn(1), grouped(12, members)
    table[:, 4] = 0.25  # never varies
    floor = floors(table, SIZES)
    assert floor == pytest.approx(plain_floors(table, SIZES), rel=1e-6)
    expected = [plain_effect(*each) for each in zip(table.T, [first] * 76, floor, strict=True)]
    found = differences(table, first, SIZES).effects
    assert found == pytest.approx(expected, rel=1e-9) and found[4] == 0


@pytest.mark.parametrize(("count", "members"), [(8, 3), (8, 4), (9, 2), (7, 6)])
def test_the_threshold_is_that_of_brute_force_over_all_labels(count, members):
    """Every way to label the pictures, the largest effect of all entries, one by one."""
    table, first = drawn(2, count), grouped(count, members)[::-1].copy()
    floor = plain_floors(table, SIZES)
    maxima = {}
    for chosen in itertools.combinations(range(count), members):
        labels = np.isin(np.arange(count), chosen)
        each = [abs(plain_effect(*one)) for one in zip(table.T, [labels] * 76, floor, strict=True)]
        maxima[chosen] = max(each)
    found = differences(table, first, SIZES)
    others = sorted(
        (m for c, m in maxima.items() if set(c) != {*np.flatnonzero(first)}), reverse=True
    )
    if 2 * members == count:  # a way and its mirror image are one
        others = [m for m in others if m != pytest.approx(maxima[tuple(np.flatnonzero(first))])][
            ::2
        ]
    assert found.exact and found.maxima == pytest.approx(others)
    p = [(1 + sum(m >= abs(e) - 1e-12 for m in others)) / (1 + len(others)) for e in found.effects]
    assert found.p_values(np.arange(76)) == pytest.approx(p)
    assert found.significant.tolist() == [one <= 0.05 for one in p]


def test_few_pictures_have_no_threshold():
    for count, members in ((2, 1), (4, 2), (5, 2), (6, 2), (6, 3)):
        found = differences(drawn(3, count), grouped(count, members), SIZES)
        assert found.threshold is None and not found.significant.any() and found.finest > 0.05
    assert differences(drawn(3, 8), grouped(8, 2), SIZES).threshold is not None  # 28 ways


def test_two_single_pictures_differ_by_multiples_of_what_is_usual():
    table = drawn(4, 2)
    effects = differences(table, grouped(2, 1), SIZES).effects
    assert effects == pytest.approx((table[0] - table[1]) / plain_floors(table, SIZES))


def test_usual_deviations_are_above_zero_whatever_the_table():
    silent = usual_deviations(np.array([0.0, 0, 2]), np.zeros(3), (2, 1))
    assert silent.tolist() == [1, 1, 1]
    one = usual_deviations(np.array([0.0, 3.0, 3.0]), np.array([0.0, 0.5, 0.5]), (3,))
    assert one == pytest.approx([1, 0.5, 0.5])  # no line goes through a single mean
    falling = usual_deviations(np.array([1.0, 10.0]), np.array([10.0, 1.0]), (2,))
    assert falling == pytest.approx([10**0.5] * 2)
    rising = usual_deviations(np.array([1.0, 10.0]), np.array([1.0, 1000.0]), (2,))
    assert rising[1] / rising[0] == pytest.approx(10)


def test_random_labels_keep_the_groups_and_the_seed():
    first = grouped(15, 6)
    labels, exact = labelings(first, 200, 5)
    assert not exact and labels.shape == (200, 15) and set(labels.sum(1)) == {6}
    assert np.array_equal(labels, labelings(first, 200, 5)[0])
    assert not np.array_equal(labels, labelings(first, 200, 6)[0])
    assert len(np.unique(labels, axis=0)) > 190


def test_p_values_count_the_maxima_that_reach():
    found = Differences(np.array([-3.0, 1.0, 2.0]), np.arange(19, 0, -1) / 10, True)
    assert found.p_values(np.arange(3)).tolist() == [1 / 20, 11 / 20, 1 / 20]
    assert found.threshold == pytest.approx(1.9) and found.significant.tolist() == [
        True,
        False,
        True,
    ]
    assert Differences(np.zeros(1), np.arange(18.0), True).threshold is None


def planted(seed):
    """Two groups of eight whose one entry differs by four of its deviations."""
    table, first = drawn(seed, 16, (28, 120)), grouped(16, 8)
    entry = int(np.random.default_rng(seed).integers(148))
    table[:, entry] += 4 * table[:, entry].std() * first
    return table, first, entry


def test_a_planted_entry_is_recovered_in_95_of_100_draws():
    found = 0
    for seed in range(100):
        table, first, entry = planted(seed)
        seen = differences(table, first, (28, 120), permutations=199, seed=seed)
        found += seen.significant[entry] and np.abs(seen.effects).argmax() == entry
    assert found >= 95


def test_shuffled_labels_name_an_entry_in_at_most_10_of_100_draws():
    named = 0
    for seed in range(100):
        table, first, _ = planted(seed)
        shuffled = np.random.default_rng(1000 + seed).permutation(first)
        shuffled = first if seed % 2 else shuffled
        table = drawn(seed + 500, 16, (28, 120)) if seed % 2 else table
        named += differences(
            table, shuffled, (28, 120), permutations=199, seed=seed
        ).significant.any()
    assert named <= 10


def test_what_is_kept_is_the_least_without_any_one_picture():
    table, first = drawn(6, 9)[:, :5], grouped(9, 4)
    floor = np.linspace(0.1, 0.5, 5)
    whole = effects_under(first[None], table, floor)[0]
    expected = [
        min(plain_effect(np.delete(column, k), np.delete(first, k), low) / effect for k in range(9))
        for column, low, effect in zip(table.T, floor, whole, strict=True)
    ]
    assert effects_kept(table, first, floor) == pytest.approx(expected)
    assert np.isnan(effects_kept(table[:2], grouped(2, 1), floor)).all()


def test_decision_values_are_one_and_minus_one_at_the_means_and_count_layers_alike():
    table, first, sizes = drawn(7, 9), grouped(9, 4), SIZES
    learnt = nearest_mean(table, first, sizes)
    one, two = table[first].mean(0), table[~first].mean(0)
    assert [learnt.decision(one), learnt.decision(two)] == pytest.approx([1, -1])
    deviations = table.std(0, ddof=1)
    scale = (deviations + plain_floors(table, sizes)) * np.sqrt(np.repeat(sizes, sizes))
    near, far = (((table[0] - mean) / scale) @ ((table[0] - mean) / scale) for mean in (one, two))
    whole = ((one - two) / scale) @ ((one - two) / scale)
    assert learnt.decision(table[0]) == pytest.approx((far - near) / whole)


def test_held_out_pictures_are_not_seen():
    table, first = drawn(8, 9), grouped(9, 4)
    found = held_out_decisions(table, first, SIZES)
    for k in range(9):
        rest, labels = np.delete(table, k, 0), np.delete(first, k)
        assert found[k] == pytest.approx(nearest_mean(rest, labels, SIZES).decision(table[k]))
    same = np.ones((6, 76))
    assert not held_out_decisions(same, grouped(6, 3), SIZES).any()
