"""The kinds of distances between two layers of styles, each in two steps.

What belongs to one layer alone is prepared once, then any two are compared: n styles take n
preparations and n (n - 1) / 2 comparisons.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import check_known
from stylespace.styles.distances.bures import square_root, transport
from stylespace.styles.moments import LayerStyle


@dataclass(frozen=True)
class Distance:
    """One kind of distance, in float64 on the CPU.

    prepared: layer -> what `between` needs of it. between: two of these -> the distance, >= 0.
    metric: the increasing function that makes a metric of the distance, of numbers or arrays.
    """

    prepared: Callable[[LayerStyle], Any]
    between: Callable[[Any, Any], float]
    metric: Callable[[Any], Any]


def distance_named(name: str) -> Distance:
    """Return a kind of DISTANCES.

    Raises:
        UsageError: an unknown kind, the nearest named.
    """
    check_known("kind of distance", name, DISTANCES)
    return DISTANCES[name]


def _matrix(layer: LayerStyle) -> tuple[Tensor, float]:
    """Return the matrix (C, C) and its squared Frobenius norm."""
    values = _wide(layer.gram)
    return values, float(values.square().sum())


def _relative_frobenius(first: tuple[Tensor, float], second: tuple[Tensor, float]) -> float:
    """Return ||G - A||^2 / ((||G||^2 + ||A||^2) / 2).

    Between matrices of one norm it is the matching loss. Its root satisfies the triangle
    inequality, itself it does not: of the numbers 1, 2 and 3 the outer two are .8 apart, with
    steps of .4 and .154.

    Source: Klamkin and Meir 1982 (the root is a metric wherever Ptolemy's inequality holds).
    """
    (one, norm), (other, other_norm) = first, second
    return ratio(float((one - other).square().sum()), (norm + other_norm) / 2)


def _direction(layer: LayerStyle) -> Tensor:
    values = _wide(layer.gram)
    return values / (values.norm() or 1.0)


def _cosine(first: Tensor, second: Tensor) -> float:
    """Return 1 - <G, A> / (||G|| ||A||) of unit matrices, as half a squared difference.

    0 for multiples of each other; 1 where one of the two is all zero.
    """
    if not first.any() or not second.any():
        return float(first.any() or second.any())
    return float((first - second).square().sum()) / 2


@dataclass(frozen=True, eq=False)
class _Normal:
    """mean: (C,). root: (C, C), of the covariance. energy: mean squared length, the trace of G."""

    mean: Tensor
    root: Tensor
    energy: float


def _normal(layer: LayerStyle) -> _Normal:
    """Take the covariance as G - mu mu^T.

    A style holds G in float32, which leaves 1e-7 of its energy uncertain; what that makes negative
    counts as 0.
    """
    mean = _wide(layer.mean)
    root = square_root(_wide(layer.gram) - mean[:, None] * mean)
    return _Normal(mean, root, float(mean.square().sum() + root.square().sum()))


def _bures(first: _Normal, second: _Normal) -> float:
    """Return W^2 / ((E|x|^2 + E|y|^2) / 2).

    E|x|^2 is the squared distance to all zero. Seen from there the distributions form a cone over
    their directions, of which any three, with the apex, lie in a Euclidean space: what holds for
    the relative Frobenius distance holds here.

    Source: Takatsu and Yokota 2012 (the cone).
    """
    square = transport(first.mean, first.root, second.mean, second.root)
    return ratio(square, (first.energy + second.energy) / 2)


def sorted_parts(gram: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the sorted diagonal (C,) and the sorted entries with i < j, unless there are none."""
    rows, columns = np.triu_indices(len(gram), 1)
    parts = (np.sort(gram.diagonal()), np.sort(gram[rows, columns]))
    return parts if len(gram) > 1 else parts[:1]


def _sorted(layer: LayerStyle) -> tuple[np.ndarray, ...]:
    return sorted_parts(_wide(layer.gram).numpy())


def _wasserstein(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> float:
    """Return the mean of the diagonals' distance and that of the entries off them."""
    shares = [
        area_share(float(np.abs(x - y).mean()), float(np.abs(x).mean() + np.abs(y).mean()))
        for x, y in zip(first, second, strict=True)
    ]
    return sum(shares) / len(shares)


def area_share(area: Any, sizes: Any) -> Any:
    """Return 2 W / (|x| + |y| + W), a metric as W is one; 0 where all is 0.

    Of entries >= 0: the area between two curves as a share of that under the higher of the two.

    Args:
        area: W, a number or an array of them. sizes: |x| + |y|, the mean sizes of the entries.

    Source: Marczewski and Steinhaus 1958.
    """
    return ratio(2 * area, sizes + area)


def ratio(over: Any, under: Any) -> Any:
    """Return a / b, 0 where b is 0; numbers or arrays."""
    shape = np.broadcast_shapes(np.shape(over), np.shape(under))
    quotient = np.divide(over, under, out=np.zeros(shape), where=np.not_equal(under, 0))
    return quotient if shape else float(quotient)


def _wide(values: Tensor) -> Tensor:
    return values.detach().cpu().to(torch.float64)


def _root(values: Any) -> Any:
    return np.sqrt(values) if isinstance(values, np.ndarray) else math.sqrt(values)


def _itself(values: Any) -> Any:
    return values


DISTANCES = {
    "gram": Distance(_matrix, _relative_frobenius, _root),
    "cosine": Distance(_direction, _cosine, _root),
    "bures": Distance(_normal, _bures, _root),
    "wasserstein": Distance(_sorted, _wasserstein, _itself),
}
"""By name; see the package for what they are."""
