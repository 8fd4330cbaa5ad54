"""Statistics of plain values (n,), in any order and type: sparsity, moments, quantiles."""

import math

import torch
from torch import Tensor

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Levels of the quantiles that describe a distribution of entries."""
SAME = 1e-6
"""Spread, relative to the largest size, up to which values are all the same.

A Gram matrix in float32 is rounded to about 1e-7 of each entry; the shape of a distribution that
is no wider than that is the rounding's.
"""


def hoyer(values: Tensor) -> float:
    """Return Hoyer's sparsity of values (n,): (sqrt n - l1 / l2) / (sqrt n - 1), in [0, 1].

    0 where all are equal, 1 where one alone is not 0. A single value has none: 0.

    Source: Hoyer 2004, section 3.1.
    """
    sizes = _scaled(values).abs()
    norm, root = float(sizes.norm()), math.sqrt(len(sizes))
    if norm == 0 or root <= 1:
        return 0.0
    return min(max((root - float(sizes.sum()) / norm) / (root - 1), 0.0), 1.0)


def gini(values: Tensor) -> float:
    """Return the Gini index of values (n,), in [0, 1 - 1 / n]: 0 where all are equal.

    1 - 2 sum_k v_k / |v|_1 (n - k + 1/2) / n over the sizes in ascending order, k from 1.

    Source: Hurley & Rickard 2009, table I.
    """
    sizes = _scaled(values).abs().sort().values
    count, total = len(sizes), float(sizes.sum())
    if total == 0:
        return 0.0
    behind = count - torch.arange(count, dtype=torch.float64) - 0.5
    return max(1 - 2 * float((sizes * behind).sum()) / (total * count), 0.0)


def entropy(values: Tensor) -> float:
    """Return the entropy of the shares |v| / |v|_1 of values (n,) over log n, in [0, 1].

    1 where all are equal, 0 where one alone is not 0: n to this power values, all equal, would be
    as spread out. A single value has none: 0.

    Source: Shannon 1948, section 6. Departs: divided by log n, so that layers compare.
    """
    sizes = _scaled(values).abs()
    count, total = len(sizes), float(sizes.sum())
    if count < 2 or total == 0:
        return 0.0
    return min(max(float(torch.special.entr(sizes / total).sum()) / math.log(count), 0.0), 1.0)


def deviation(values: Tensor) -> float:
    """Return the standard deviation of values (n,), divided by n, in their units."""
    unit = power_of_two(values)
    return unit * float(_scaled(values).std(correction=0)) if len(values) else 0.0


def skewness(values: Tensor) -> float:
    """Return the mean of z^3, z being values (n,) less their mean, over their deviation.

    0 where they are symmetric, 2 of an exponential distribution. Values that are all the SAME have
    none: 0.
    """
    return average(_standard(values).pow(3))


def kurtosis(values: Tensor) -> float:
    """Return the excess kurtosis of values (n,): the mean of z^4, less 3, at least -2.

    0 of a normal distribution, 6 of an exponential one. Values that are all the SAME have none: 0.
    """
    return average(_standard(values).pow(4) - 3)


def quantiles(values: Tensor, levels: tuple[float, ...] = QUANTILES) -> tuple[float, ...]:
    """Return the quantiles of values (n,), interpolated linearly between neighbours."""
    if not len(values):
        return (0.0,) * len(levels)
    values = values.detach().cpu().double()
    return tuple(torch.quantile(values, torch.tensor(levels, dtype=torch.float64)).tolist())


def wasserstein(values: Tensor, target: Tensor) -> float:
    """Return the Wasserstein-1 distance of two samples, divided by the target's mean size.

    For samples of equal size: the mean distance of the sorted values. In general: the area between
    the two distribution functions. Not divided where the target is all zero.

    Args:
        values: (n,). target: (m,), of any other size.

    Raises:
        ValueError: one of the two is empty and the other is not.
    """
    values, target = (x.detach().cpu().double().sort().values for x in (values, target))
    if not len(values) and not len(target):
        return 0.0
    if not len(values) or not len(target):
        raise ValueError(f"no distance between {len(values)} and {len(target)} values")
    places = torch.cat([values, target]).sort().values
    below, goal = (
        torch.searchsorted(x, places[:-1], right=True).double() / len(x) for x in (values, target)
    )
    area = float(((below - goal).abs() * places.diff()).sum())
    return area / (average(target.abs()) or 1.0)


def average(values: Tensor) -> float:
    """Return the mean of values (n,); 0 of none."""
    return float(values.mean()) if len(values) else 0.0


def power_of_two(values: Tensor) -> float:
    """Return the power of two just above the largest size; 1 where there is none above 0.

    Values over it have squares and sums that do not overflow, and not a digit of them changes.
    """
    largest = float(values.detach().abs().max()) if values.numel() else 0.0
    return 2.0 ** max(min(math.frexp(largest)[1], 1000), -1000)


def _scaled(values: Tensor) -> Tensor:
    return values.detach().cpu().double() / power_of_two(values)


def _standard(values: Tensor) -> Tensor:
    """Return values (n,) less their mean, over their deviation; none (0,) if all are the SAME."""
    values = _scaled(values)
    if not len(values) or float(values.max() - values.min()) <= SAME * float(values.abs().max()):
        return values[:0]
    centred = values - values.mean()
    return centred / centred.square().mean().sqrt()
