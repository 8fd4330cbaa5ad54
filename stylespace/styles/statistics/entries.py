"""Sparsity and intensity of the diagonal or of the off-diagonal entries."""

from torch import Tensor

from stylespace.styles.statistics import values
from stylespace.styles.statistics.explanations import HERE, SHANNON, explained, record
from stylespace.styles.statistics.matrices import Part, diagonal, off_diagonal

NEAR_ZERO = 0.01
"""Share of the mean diagonal up to which an entry is near zero.

Off-diagonal fractions of the eight bundled paintings at 192 px on vgg16-hed: conv1_1 .06 to .17,
conv2_1 .67 to .74, conv3_1 .33 to .41, conv4_1 .14 to .25, conv5_1 .85 to .88; a tenth of it
leaves conv1_1 .01 to .06, ten times as much brings every layer above .3.
"""


@record
class EntryStatistics:
    """Sparsity and intensity of the diagonal or of the off-diagonal entries.

    count: number of entries. mean, deviation: in squared units of activation. quantiles: at
    QUANTILES, in the same units. skewness, kurtosis: without a unit, the latter in excess of a
    normal distribution's. hoyer, gini: sparsity in [0, 1]. entropy: in [0, 1], 1 where all are
    equal. near_zero: share of entries up to NEAR_ZERO times the mean diagonal. exactly_zero: share
    of entries that are 0.
    """

    count: int
    mean: float = explained(
        "Moments",
        "Mean and deviation give the entries' level and spread, skewness how far the large ones "
        "reach out, excess kurtosis how heavy the tails are (0 for a normal distribution).",
        "m = (1/n) Σ v,  s² = (1/n) Σ (v − m)²,  (1/n) Σ ((v − m)/s)³,  (1/n) Σ ((v − m)/s)⁴ − 3",
        "any textbook of statistics",
    )
    deviation: float
    skewness: float
    kurtosis: float
    quantiles: tuple[float, ...] = explained(
        "Quantiles",
        "The entry below which a given share of all entries lies; half of them are below the "
        "median.",
        "Q(p) = v₍ₖ₎ at k = 1 + p (n − 1), linear between neighbours",
        "Hyndman & Fan 1996, The American Statistician 50, definition 7",
    )
    hoyer: float = explained(
        "Hoyer",
        "Sparsity from 0, where all entries are equal, to 1, where a single one is not 0.",
        "(√n − Σₖ|vₖ| / √(Σₖ vₖ²)) / (√n − 1)",
        "Hoyer 2004, Journal of Machine Learning Research 5, section 3.1",
    )
    gini: float = explained(
        "Gini",
        "Inequality of the entries from 0, where all are equal, towards 1, where one has it all.",
        "1 − 2 Σₖ (v₍ₖ₎ / Σ v) · (n − k + ½) / n",
        "Hurley & Rickard 2009, IEEE Transactions on Information Theory 55, table I",
    )
    entropy: float = explained(
        "Entropy",
        "How evenly the sum of the entries is shared out, from 0, where one has it all, to 1, "
        "where all are equal.",
        "−Σₖ pₖ log pₖ / log n,  pₖ = vₖ / Σ v",
        SHANNON,
    )
    near_zero: float = explained(
        "Near zero",
        f"The share of entries that are at most {NEAR_ZERO:g} times the mean energy of the layer.",
        f"#{{v ≤ τ · (1/C) Σᵢ Gᵢᵢ}} / n,  τ = {NEAR_ZERO:g}",
        f"{HERE}, for the sparsity that Nikulin & Novak 2016, arXiv:1602.07188 look at",
    )
    exactly_zero: float = explained(
        "Exactly zero",
        "The share of entries that are 0: of pairs of channels that never fire at the same place.",
        "#{v = 0} / n",
    )


def entry_statistics(gram: Tensor, part: Part) -> EntryStatistics:
    """Return the statistics of one part of a matrix (C, C): `diagonal` or `off_diagonal`."""
    entries = part(gram)
    return EntryStatistics(
        count=len(entries),
        mean=values.average(entries),
        deviation=values.deviation(entries),
        skewness=values.skewness(entries),
        kurtosis=values.kurtosis(entries),
        quantiles=values.quantiles(entries),
        hoyer=values.hoyer(entries),
        gini=values.gini(entries),
        entropy=values.entropy(entries),
        near_zero=_share_up_to(NEAR_ZERO * _level(gram), entries),
        exactly_zero=_share_up_to(0.0, entries),
    )


def near_zero(gram: Tensor, tau: float = NEAR_ZERO, *, part: Part = off_diagonal) -> float:
    """Return the share of entries whose size is at most tau times the mean diagonal."""
    return _share_up_to(tau * _level(gram), part(gram))


def _level(gram: Tensor) -> float:
    return values.average(diagonal(gram).abs())


def _share_up_to(level: float, entries: Tensor) -> float:
    return values.average((entries.abs() <= level).double())
