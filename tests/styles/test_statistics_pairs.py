"""Strongest pairs against a plain sort; the order of channels by what it is for."""

from itertools import permutations

import numpy as np
import pytest
import torch
from grams import sparse_gram
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist, squareform
from timing import quickest

from stylespace.styles.statistics.orders import leaf_order
from stylespace.styles.statistics.pairs import (
    ChannelPair,
    cosines,
    disjoint_pairs,
    similarity_order,
    strongest_pairs,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def gram_of(features):
    return torch.from_numpy(features @ features.T / features.shape[1])


# --- strongest pairs


def test_strongest_pairs_are_those_of_a_plain_sort():
    g = sparse_gram(9, dead=2)
    angles = cosines(g)
    pairs = [(float(g[i, j]), i, j) for i in range(9) for j in range(i + 1, 9) if g[i, j] > 0]
    pairs = sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))
    expected = [ChannelPair(i, j, value, float(angles[i, j])) for value, i, j in pairs]
    assert strongest_pairs(g) == tuple(expected[:8])
    assert strongest_pairs(g, 3) == tuple(expected[:3])
    assert strongest_pairs(g, 1000) == tuple(expected)
    assert all(0 < pair.cosine <= 1 + 1e-12 for pair in expected)


def test_disjoint_pairs_are_the_largest_of_the_channels_that_are_left():
    g = sparse_gram(11, dead=2)
    left, expected = set(range(11)), []
    while places := [(i, j) for i in left for j in left if i < j and g[i, j] > 0]:
        best = max(places, key=lambda place: float(g[place]))
        expected.append(best)
        left -= set(best)
    found = strongest_pairs(g, 1000, disjoint=True)
    assert [(pair.i, pair.j) for pair in found] == expected and len(expected) > 2
    assert strongest_pairs(g, 2, disjoint=True) == found[:2]
    assert set(found) < set(strongest_pairs(g, 1000))
    assert strongest_pairs(torch.eye(4), disjoint=True) == ()


def test_equal_pairs_stand_in_the_order_of_their_channels():
    found = strongest_pairs(torch.ones(60, 60), 100)
    expected = [(i, j) for i in range(60) for j in range(i + 1, 60)][:100]
    assert [(pair.i, pair.j) for pair in found] == expected


def test_channels_that_never_fire_together_are_no_pair():
    assert strongest_pairs(torch.eye(4)) == strongest_pairs(torch.zeros(3, 3)) == ()
    assert strongest_pairs(torch.ones(1, 1)) == strongest_pairs(torch.ones(4, 4), 0) == ()


def test_a_count_below_zero_is_refused():
    with pytest.raises(ValueError, match="at least 0, got -1"):
        strongest_pairs(torch.eye(3), -1)


# --- order by similarity


def test_order_brings_groups_together():
    """Three groups of channels, each of which fires at places of its own, interleaved."""
    rng = np.random.default_rng(0)
    features = np.zeros((12, 30))
    for channel in range(12):
        group = channel % 3
        features[channel, 10 * group : 10 * group + 10] = 1 + rng.random(10)
    order = np.array(similarity_order(gram_of(features)))
    assert sorted(order) == list(range(12))
    assert (np.diff(order % 3) != 0).sum() == 2


def test_order_follows_a_chain():
    """Channels that fire at places next to each other, numbered at random."""
    places = np.random.default_rng(1).permutation(11)
    features = np.exp(-((np.arange(40) - 3 * places[:, None] - 5) ** 2) / 30)
    found = places[list(similarity_order(gram_of(features)))]
    assert sorted(found) == list(range(11)) and (np.abs(np.diff(found)) == 1).all()


@pytest.mark.parametrize("seed", range(8))
def test_order_is_the_shortest_that_its_clusters_allow(seed):
    """Of six channels every order can be tried: those that keep average-linkage clusters whole."""
    g = sparse_gram(6, 12, seed=seed, dead=0)
    rows = cosines(g).numpy()
    away = np.linalg.norm(rows[:, None] - rows, axis=2)
    clusters, order = average_linkage(away), similarity_order(g)
    assert whole(order, clusters)
    assert length(order, away) == pytest.approx(shortest(away, clusters))


@pytest.mark.parametrize("method", ["single", "complete", "average", "ward"])
def test_leaves_are_in_the_shortest_order_of_any_tree(method):
    """Chains and balanced trees; a seventh of the points coincide."""
    for seed in range(4):
        points = np.random.default_rng(seed).random((7, 2))
        points[seed] = points[6]
        merges = linkage(pdist(points), method)
        away, clusters = squareform(pdist(points)), members(merges)
        order = leaf_order(away, merges)
        assert sorted(order) == list(range(7)) and whole(order, clusters)
        assert length(order, away) == pytest.approx(shortest(away, clusters))


@pytest.mark.parametrize("method", ["single", "average"])
def test_leaves_of_large_trees_are_in_no_longer_an_order_than_scipys(method):
    points = np.random.default_rng(0).random((90, 3))
    merges = linkage(pdist(points), method)
    away, theirs = squareform(pdist(points)), optimal_leaf_ordering(merges, pdist(points))
    order = leaf_order(away, merges)
    assert sorted(order) == list(range(90)) and whole(order, members(merges))
    assert length(order, away) < length(leaves_list(theirs), away)


def members(merges):
    """The leaves of each cluster of a tree."""
    found = [[leaf] for leaf in range(len(merges) + 1)]
    for one, other in merges[:, :2].astype(int):
        found.append(found[one] + found[other])
    return found


def length(order, away):
    return sum(away[a, b] for a, b in zip(order, order[1:], strict=False))


def whole(order, clusters):
    """Whether each cluster is in one piece."""
    place = {leaf: k for k, leaf in enumerate(order)}
    spots = [[place[leaf] for leaf in one] for one in clusters]
    return all(max(spot) - min(spot) == len(spot) - 1 for spot in spots)


def shortest(away, clusters):
    orders = permutations(range(len(away)))
    return min(length(order, away) for order in orders if whole(order, clusters))


def average_linkage(away):
    """All clusters that merging the two nearest ones (by mean distance) makes."""
    current, found = [[k] for k in range(len(away))], []
    while len(current) > 1:
        near = min(
            ((a, b) for a in range(len(current)) for b in range(a)),
            key=lambda pair: away[np.ix_(current[pair[0]], current[pair[1]])].mean(),
        )
        merged = current[near[0]] + current[near[1]]
        current = [one for k, one in enumerate(current) if k not in near] + [merged]
        found.append(merged)
    return found


def test_dead_channels_come_last_in_the_order_of_their_numbers():
    g = sparse_gram(6, dead=0)
    wide = torch.zeros(9, 9, dtype=torch.float64)
    live = [1, 2, 4, 5, 7, 8]
    wide[np.ix_(live, live)] = g
    found = similarity_order(wide)
    assert found[-3:] == (0, 3, 6)
    assert [live.index(channel) for channel in found[:6]] == list(similarity_order(g))


@pytest.mark.parametrize("seed", range(3))
def test_order_does_not_depend_on_scale_and_numbering(seed):
    g = sparse_gram(10, 40, seed=seed, dead=2)
    order = similarity_order(g)
    assert g.diagonal()[order[0]] > g.diagonal()[order[7]]
    assert similarity_order(1e-9 * g) == order == similarity_order(g)
    numbers = torch.randperm(10, generator=torch.Generator().manual_seed(seed))
    moved = numbers[list(similarity_order(g[numbers][:, numbers]))].tolist()
    assert moved[:8] == list(order[:8])


def test_order_of_few_channels():
    assert similarity_order(torch.zeros(3, 3)) == (0, 1, 2)
    assert similarity_order(torch.ones(1, 1)) == (0,)
    assert similarity_order(torch.diag(torch.tensor([1.0, 0.0, 2.0]))) == (2, 0, 1)
    assert sorted(similarity_order(torch.ones(5, 5))) == [0, 1, 2, 3, 4]


def test_order_of_512_channels_takes_as_long_as_six_times_their_eigenvectors():
    rng = np.random.default_rng(0)
    g = gram_of(rng.exponential(size=(512, 90)) * (rng.random((512, 90)) < 0.3))
    assert len(set(similarity_order(g))) == 512
    ordering = quickest(lambda: similarity_order(g), runs=2)
    assert ordering < 40 * quickest(lambda: np.linalg.eigh(g.numpy()))


def test_disjoint_entries_share_no_channel():
    pairs = np.array([(0, 1), (1, 2), (2, 3), (3, 3), (4, 5), (0, 4)])
    assert disjoint_pairs(np.array([5.0, 4, 3, 2, 1, 0]), pairs, 9) == [0, 2, 4]
    assert disjoint_pairs(np.array([1.0, 9, 0, 8, 0, 0]), pairs, 9) == [1, 3]
    assert disjoint_pairs(np.array([5.0, 4, 3, 2, 1, 0]), pairs, 2) == [0, 2]
