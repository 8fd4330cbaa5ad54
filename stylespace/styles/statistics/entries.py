"""Sparsity and intensity of the diagonal or of the off-diagonal entries."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stylespace.styles.statistics.matrices import Part, diagonal, off_diagonal
from stylespace.styles.statistics.values import (
    average,
    deviation,
    entropy,
    gini,
    hoyer,
    kurtosis,
    quantiles,
    skewness,
)

NEAR_ZERO = 0.01
"""Share of the mean diagonal up to which an entry is near zero.

Off-diagonal fractions of the eight bundled paintings at 192 px on vgg16-hed: conv1_1 .06 to .17,
conv2_1 .67 to .74, conv3_1 .33 to .41, conv4_1 .14 to .25, conv5_1 .85 to .88; a tenth of it
leaves conv1_1 .01 to .06, ten times as much brings every layer above .3.
"""


@dataclass(frozen=True)
class EntryStatistics:
    """Sparsity and intensity of the diagonal or of the off-diagonal entries.

    count: number of entries. mean, deviation: in squared units of activation. quantiles: at
    QUANTILES, in the same units. skewness, kurtosis: without a unit, the latter in excess of a
    normal distribution's. hoyer, gini: sparsity in [0, 1]. entropy: in [0, 1], 1 where all are
    equal. near_zero: share of entries up to NEAR_ZERO times the mean diagonal. exactly_zero: share
    of entries that are 0.
    """

    count: int
    mean: float
    deviation: float
    skewness: float
    kurtosis: float
    quantiles: tuple[float, ...]
    hoyer: float
    gini: float
    entropy: float
    near_zero: float
    exactly_zero: float


def entry_statistics(gram: Tensor, part: Part) -> EntryStatistics:
    """Return the statistics of one part of a matrix (C, C): `diagonal` or `off_diagonal`."""
    values = part(gram)
    return EntryStatistics(
        count=len(values),
        mean=average(values),
        deviation=deviation(values),
        skewness=skewness(values),
        kurtosis=kurtosis(values),
        quantiles=quantiles(values),
        hoyer=hoyer(values),
        gini=gini(values),
        entropy=entropy(values),
        near_zero=_share_up_to(NEAR_ZERO * _level(gram), values),
        exactly_zero=_share_up_to(0.0, values),
    )


def near_zero(gram: Tensor, tau: float = NEAR_ZERO, *, part: Part = off_diagonal) -> float:
    """Return the share of entries whose size is at most tau times the mean diagonal."""
    return _share_up_to(tau * _level(gram), part(gram))


def exactly_zero(gram: Tensor, *, part: Part = off_diagonal) -> float:
    """Return the share of entries that are 0: of pairs that never fire together."""
    return near_zero(gram, 0.0, part=part)


def _level(gram: Tensor) -> float:
    return average(diagonal(gram).abs())


def _share_up_to(level: float, values: Tensor) -> float:
    return average((values.abs() <= level).double())
