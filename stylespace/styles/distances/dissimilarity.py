"""Dissimilarity matrices of pictures, and how well two of them agree in rank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata

from stylespace.errors import UsageError, check_known, nearest, public

METRICS = ("euclidean", "cosine", "correlation")
"""Distances between rows."""
FEWEST = 4
"""Pictures of a rank correlation, which have six pairs."""


@public
def dissimilarity(
    features: Any, names: Iterable[str] | None = None, *, metric: str = "euclidean"
) -> pd.DataFrame:
    """Return the dissimilarity matrix (RDM) of pictures: the distances between their rows.

    Args:
        features: (n, d), such as those of `StyleFeatures`; a DataFrame brings the names as its
            index.
        names: of the pictures, in the order of the rows; None for those of a DataFrame, or 0 to
            n - 1.
        metric: "euclidean", "cosine" or "correlation" (one minus that of two rows).

    Returns:
        (n, n) float64, named by picture in rows and columns, symmetric, 0 on the diagonal.

    Raises:
        UsageError: an unknown metric, a row that is not finite, or names that are not n different
            ones.

    Source: K08.

    Example:
        >>> import stylespace as ss
        >>> distances = ss.dissimilarity([[0.0, 0.0], [3.0, 4.0]], ["here", "there"])
        >>> float(distances.loc["here", "there"])
        5.0
    """
    check_known("metric", metric, METRICS)
    rows = np.asarray(features, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < 2:
        raise UsageError(f"features of shape {rows.shape}: two or more rows (n, d) are needed.")
    own = features.index if isinstance(features, pd.DataFrame) else range(len(rows))
    index = list(own if names is None else names)
    if len(set(index)) != len(index) or len(index) != len(rows):
        raise UsageError(
            f"{len(set(index))} different names for {len(rows)} rows: give each row its own."
        )
    for name, row in zip(index, rows, strict=True):
        if not np.isfinite(row).all():
            raise UsageError(f"the row of {name!r} is not finite: leave that picture out.")
    return pd.DataFrame(squareform(pdist(rows, metric)), index=index, columns=index)


@dataclass(frozen=True)
class RankCorrelation:
    """How well two dissimilarity matrices agree.

    value: Spearman's, in [-1, 1]. low, high: the interval that holds it in `confidence` of
    the samples of pictures. pictures, pairs: how many were compared.
    """

    value: float
    low: float
    high: float
    confidence: float
    pictures: int
    pairs: int


@public
def rank_correlation(
    matrix: Any,
    other: Any,
    *,
    samples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> RankCorrelation:
    """Return the rank correlation of two dissimilarity matrices, with a bootstrap interval.

    Pairs of one picture depend on each other, so pictures are drawn with replacement, not pairs;
    pairs of a picture with itself are left out.

    Args:
        matrix: (n, n), symmetric, such as that of `dissimilarity`. other: of the same pictures,
            people's judgements for example; two DataFrames are brought into one order by name.
        samples: of the bootstrap; 0 for none, whose interval is NaN.
        confidence: in (0, 1). seed: of the samples.

    Raises:
        UsageError: matrices of other pictures, of other shapes, that are not symmetric or finite,
            or all of whose values are equal; fewer than four pictures.

    Source: N14 (pictures as the unit of the bootstrap). Departs: percentiles, of Spearman's
    correlation.

    Example:
        >>> import stylespace as ss, numpy as np
        >>> rows = np.random.default_rng(0).normal(size=(12, 3))
        >>> near = rows + 0.01 * np.random.default_rng(1).normal(size=(12, 3))
        >>> agreement = ss.rank_correlation(ss.dissimilarity(rows), ss.dissimilarity(near))
        >>> agreement.value > agreement.low > 0.9, agreement.pairs
        (True, 66)
    """
    if not (0 < confidence < 1 and samples >= 0):
        raise UsageError("confidence lies between 0 and 1, and samples are 0 or more.")
    first, second = _aligned(matrix, other)
    count, rng = len(first), np.random.default_rng(seed)
    value = _spearman(first, second, np.arange(count))
    draws = (rng.integers(count, size=count) for _ in range(samples))
    drawn = np.array([_spearman(first, second, chosen) for chosen in draws] or [np.nan])
    tail = (1 - confidence) / 2
    defined = drawn[np.isfinite(drawn)]
    low, high = np.quantile(defined, [tail, 1 - tail]) if len(defined) else (np.nan, np.nan)
    return RankCorrelation(
        value, float(low), float(high), confidence, count, count * (count - 1) // 2
    )


def _aligned(matrix: Any, other: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return two matrices in one order of pictures, checked."""
    named = isinstance(matrix, pd.DataFrame) and isinstance(other, pd.DataFrame)
    if named:
        other = _ordered(other, list(matrix.index))
        matrix = _ordered(matrix, list(matrix.index))
    first, second = (_checked(one) for one in (matrix, other))
    if len(first) != len(second):
        raise UsageError(
            f"matrices of {len(first)} and {len(second)} pictures: give both the same ones."
        )
    return first, second


def _ordered(matrix: pd.DataFrame, names: Sequence[Any]) -> pd.DataFrame:
    """Return a matrix with rows and columns in the order of names."""
    for axis in (matrix.index, matrix.columns):
        for name in names:
            if name not in axis:
                hint = nearest(str(name), map(str, axis))
                raise UsageError(f"a matrix has no picture {name!r}.{hint} Give both the same.")
        if len(axis) != len(names):
            raise UsageError(
                f"matrices of {len(names)} and {len(axis)} pictures: give both the same ones."
            )
    return matrix.loc[names, names]


def _checked(matrix: Any) -> np.ndarray:
    """Return a matrix as it has to be."""
    values = np.asarray(matrix, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise UsageError(f"a matrix of shape {values.shape}: a square one is needed.")
    if len(values) < FEWEST:
        raise UsageError(f"{len(values)} pictures are too few: compare {FEWEST} or more.")
    apart = values[~np.eye(len(values), dtype=bool)]
    if not np.isfinite(apart).all() or not np.allclose(values, values.T, equal_nan=True):
        raise UsageError("a matrix is not symmetric, or not finite: give a value for each pair.")
    if np.ptp(apart) == 0:
        raise UsageError("all values of a matrix are equal: they have no ranks.")
    return values


def _spearman(first: np.ndarray, second: np.ndarray, chosen: np.ndarray) -> float:
    """Return the correlation of ranks over the pairs of different pictures; NaN without ranks."""
    i, j = np.triu_indices(len(chosen), 1)
    i, j = chosen[i], chosen[j]
    apart = i != j
    ranks = [rankdata(one[i[apart], j[apart]]) for one in (first, second)]
    spreads = [float(np.std(one)) if len(one) else 0.0 for one in ranks]
    return float(np.corrcoef(*ranks)[0, 1]) if all(spreads) else np.nan
