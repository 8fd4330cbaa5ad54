"""Dissimilarity matrices and their rank correlation, by brute force."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import stylespace as ss
from stylespace.errors import UsageError

NAMES = [f"picture-{k}" for k in range(8)]


def rows(seed=0, count=8):
    return np.random.default_rng(seed).random((count, 5)).astype("float32")


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "correlation"])
def test_a_matrix_holds_the_distances_of_all_pairs(metric):
    x = rows()
    matrix = ss.dissimilarity(x, NAMES, metric=metric)
    assert list(matrix.index) == list(matrix.columns) == NAMES
    for i, j in combinations(range(8), 2):
        a, b = x[i].astype(float), x[j].astype(float)
        if metric == "correlation":
            a, b = a - a.mean(), b - b.mean()
        cosine = 1 - a @ b / np.sqrt((a @ a) * (b @ b))
        expected = np.linalg.norm(a - b) if metric == "euclidean" else cosine
        assert matrix.iloc[i, j] == matrix.iloc[j, i] == pytest.approx(expected, abs=1e-12)
    assert (np.diag(matrix) == 0).all()


def test_a_frame_brings_its_names():
    frame = pd.DataFrame(rows(), index=NAMES)
    assert ss.dissimilarity(frame).equals(ss.dissimilarity(rows(), NAMES))
    assert list(ss.dissimilarity(rows()).index) == list(range(8))


def test_the_correlation_is_spearmans_over_pairs():
    first, second = (ss.dissimilarity(rows(seed), NAMES) for seed in (1, 2))
    pairs = list(combinations(range(8), 2))
    values = [[one.iloc[i, j] for i, j in pairs] for one in (first, second)]
    found = ss.rank_correlation(first, second, samples=0)
    assert found.value == pytest.approx(spearmanr(*values)[0], abs=1e-12)
    assert (found.pictures, found.pairs) == (8, 28) and np.isnan([found.low, found.high]).all()


def test_frames_are_compared_by_name_whatever_their_order():
    first, second = (ss.dissimilarity(rows(seed), NAMES) for seed in (1, 2))
    turned = second.loc[NAMES[::-1], NAMES[::-1]]
    assert ss.rank_correlation(first, turned, samples=9) == ss.rank_correlation(
        first, second, samples=9
    )


def test_the_interval_is_that_of_drawn_pictures():
    """Drawn again here: pictures with replacement, pairs of a picture with itself left out."""
    first, second = (ss.dissimilarity(rows(seed), NAMES) for seed in (1, 1))
    second = second + 0.3 * ss.dissimilarity(rows(5), NAMES)
    found = ss.rank_correlation(first, second, samples=200, confidence=0.8, seed=7)
    rng, drawn = np.random.default_rng(7), []
    for _ in range(200):
        chosen = rng.integers(8, size=8)
        pairs = [(i, j) for i, j in combinations(chosen, 2) if i != j]
        values = [[one.iloc[i, j] for i, j in pairs] for one in (first, second)]
        drawn.append(spearmanr(*values)[0])
    assert [found.low, found.high] == pytest.approx(np.quantile(drawn, [0.1, 0.9]), abs=1e-9)
    assert found.low < found.value < found.high
    assert ss.rank_correlation(first, first, samples=50).low == pytest.approx(1)


GOOD = ss.dissimilarity(rows(), NAMES)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (GOOD.rename(index={"picture-3": "pictur-3"}), "no picture 'picture-3'. Did you mean"),
        (GOOD.drop(index="picture-3", columns="picture-3"), "no picture 'picture-3'."),
        (ss.dissimilarity(rows(0, 9), [*NAMES, "more"]), "8 and 9 pictures"),
        (np.zeros((3, 3)), "3 pictures are too few"),
        (np.zeros((5, 5)), "all values of a matrix are equal"),
        (np.zeros((4, 5)), r"shape \(4, 5\)"),
        (ss.dissimilarity(rows(0, 5)).to_numpy(), "8 and 5 pictures"),
        (np.triu(GOOD), "not symmetric"),
        (GOOD.replace(GOOD.iloc[0, 1], np.nan), "not finite"),
    ],
)
def test_matrices_that_do_not_compare_are_refused(other, words):
    with pytest.raises(UsageError, match=words):
        ss.rank_correlation(GOOD, other)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ss.dissimilarity(rows(), metric="euclid"), "Did you mean 'euclidean'"),
        (lambda: ss.dissimilarity(rows(), NAMES[:-1]), "7 different names for 8 rows"),
        (lambda: ss.dissimilarity(rows(), [NAMES[0]] * 8), "1 different names for 8 rows"),
        (lambda: ss.dissimilarity(rows()[0]), r"shape \(5,\)"),
        (lambda: ss.dissimilarity(rows() * np.nan, NAMES), "the row of 'picture-0' is not finite"),
        (lambda: ss.rank_correlation(GOOD, GOOD, confidence=95), "between 0 and 1"),
    ],
)
def test_wrong_arguments_are_one_line(call, words):
    with pytest.raises(UsageError, match=words):
        call()
