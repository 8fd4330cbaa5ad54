"""Paired comparisons: what independent gains can tell, and with how much certainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.stats import binom

LEVEL = 0.05
"""Corrected p up to which a comparison is decided; 1 - LEVEL is what an interval is to cover."""


@dataclass(frozen=True)
class SignTest:
    """Gains of one way over another, tested by signs.

    count: of independent gains. above, below: how many lie above, and below, minus the margin; the
    others lie on it. median: of the gains. low, high: an interval of the median, each one of the
    gains. covered: its probability of holding the median, 1 - LEVEL or more from six gains on. p:
    two-sided. side: 1 where most gains and their mean lie above minus the margin, -1 where they
    lie below, 0 where the two differ or most is neither.

    A gain on the margin speaks for neither side: it counts towards `count` alone.

    Source: exact sign test and its interval of the median (Arbuthnot 1710, Thompson 1936). It
    asks neither for normal nor for symmetric gains.
    """

    count: int
    above: int
    below: int
    median: float
    low: float
    high: float
    covered: float
    p: float
    side: int

    @property
    def interval(self) -> str:
        """The interval of the median in words, with what it covers; one gain has none."""
        if self.count < 2:
            return "one has no interval"
        return f"{100 * self.covered:.3g} % interval {self.low:.3g} to {self.high:.3g}"


def sign_test(gains: Sequence[float] | np.ndarray, margin: float = 0.0) -> SignTest:
    """Test whether gains, at least one and finite, lie above minus a margin >= 0, or below it."""
    ordered, count = np.sort(gains), len(gains)
    above, below = int((ordered > -margin).sum()), int((ordered < -margin).sum())
    p = min(1.0, 2 * float(binom.sf(max(above, below) - 1, count, 0.5)))
    tails = binom.cdf(np.arange(count // 2), count, 0.5)  # of the median beyond the k-th gain
    cut = max(int((tails <= LEVEL / 2).sum()) - 1, 0)
    covered = 1 - 2 * float(tails[cut]) if count > 1 else 0.0
    most, mean = np.sign(above - below), np.sign(ordered.mean() + margin)
    low, high = float(ordered[cut]), float(ordered[count - 1 - cut])
    side = int(most) if most == mean else 0
    return SignTest(count, above, below, float(np.median(ordered)), low, high, covered, p, side)


def holm(ps: Sequence[float]) -> list[float]:
    """Return p values (n,) corrected for their number, in their order.

    Source: Holm 1979: at most a share LEVEL of such families has anything decided wrongly,
    however much its members depend on one another.
    """
    order = np.argsort(ps, kind="stable")
    steps = np.asarray(ps)[order] * np.arange(len(ps), 0, -1)
    corrected = np.empty(len(ps))
    corrected[order] = np.maximum.accumulate(steps).clip(max=1)
    return corrected.tolist()


def verdict(test: SignTest, p: float) -> str:
    """Return "holds", "fails" or "is undecided" for a test and its corrected p."""
    return {1: "holds", -1: "fails"}.get(test.side if p <= LEVEL else 0, "is undecided")


def fewest(tests: int) -> int:
    """Return how many gains, all of one sign, decide one of so many tests."""
    return next(n for n in range(1, 1000) if 2 * tests * 0.5**n <= LEVEL)


def independent_groups(pairs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the number of the group of every pair: pairs that share a picture are in one group.

    So are pairs that are joined by others. pairs: {name: its pictures}.
    """
    shared = [[bool({*one} & {*other}) for other in pairs.values()] for one in pairs.values()]
    labels = connected_components(np.array(shared, dtype=int), directed=False)[1]
    return dict(zip(pairs, labels.tolist(), strict=True))
