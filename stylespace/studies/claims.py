"""Claims of a study: that a way is better than another, tested over pairs of pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.05
"""Corrected p up to which a claim is decided; an interval covers 1 - LEVEL."""
HOLDS, FAILS, UNDECIDED, UNTESTED = "holds", "does not hold", "is undecided", "is not tested here"
FEWEST = 2
"""Gains of which there is a test."""


@dataclass(frozen=True)
class Claim:
    """Something said of two ways: that `way` is better than `than` by `measure`.

    along: a measure of the content by which their curves are laid over each other, see
    `stylespace.studies.curves`; nothing to compare means over weights and seeds. margin: where it
    is above 0 the claim is that `way` is not worse by more than that, which is what "as good as"
    means; in units of gains, see `gains`. untested: why it is not tested here.

    Raises:
        ValueError: a margin that is negative or not finite.
    """

    says: str
    way: str
    than: str
    measure: str
    along: str = ""
    margin: float = 0.0
    untested: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.margin < math.inf:
            raise ValueError(f"margin is {self.margin}; choose 0 or more, in units of the gains")


@dataclass(frozen=True)
class Tested:
    """Gains of one way over another, a pair of pictures each.

    count: of them. above: how many lie above minus the margin. mean, median: of the gains. low,
    high: bootstrap interval of the mean, not a number for fewer than FEWEST gains. effect: mean
    over standard deviation (Cohen's d of pairs). p: two-sided, not corrected. side: 1 where mean
    and median both lie above minus the margin, -1 where both lie below, else 0.
    """

    count: int
    above: int
    mean: float
    median: float
    low: float
    high: float
    effect: float
    p: float
    side: int


def paired(gains: Sequence[float] | np.ndarray, margin: float = 0.0) -> Tested:
    """Test whether gains, at least one and finite, lie above minus a margin >= 0, or below it.

    By the signs that they might as well have had: exact up to 13 gains, if they are as likely above
    minus the margin as below and symmetric where nothing is gained. One great loss against many
    tiny gains has mean and median on two sides and decides nothing; gains on the margin speak for
    neither side.

    Source: Fisher's randomisation test for pairs (1935); bias-corrected and accelerated bootstrap
    (Efron 1987).
    """
    from scipy.stats import bootstrap, permutation_test

    values = np.asarray(gains, dtype=float)
    moved, count = values + margin, len(values)
    p, low, high, deviation = 1.0, math.nan, math.nan, math.nan
    if count >= FEWEST:
        rng = np.random.default_rng(0)
        signs = {"permutation_type": "samples", "rng": rng, "n_resamples": 9999}
        p = float(permutation_test((moved,), np.mean, vectorized=True, **signs).pvalue)
        low, high, deviation = values.min(), values.max(), values.std(ddof=1)
        if deviation > 1e-12 * np.abs(values).max():
            found = bootstrap((values,), np.mean, confidence_level=1 - LEVEL, rng=rng)
            low, high = found.confidence_interval
    effect = float(values.mean() / deviation) if deviation > 0 else math.nan
    sides = {int(np.sign(moved.mean())), int(np.sign(np.median(moved)))}
    return Tested(
        count,
        int((moved > 0).sum()),
        float(values.mean()),
        float(np.median(values)),
        float(low),
        float(high),
        effect,
        p,
        sides.pop() if len(sides) == 1 else 0,
    )


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


def verdict(test: Tested | None, p: float) -> str:
    """Return what became of a claim with a corrected p; `test` is None where there was none."""
    if test is None:
        return UNTESTED
    return {1: HOLDS, -1: FAILS}.get(test.side if p <= LEVEL else 0, UNDECIDED)


def corrected(tests: Mapping[Claim, Tested | None]) -> dict[Claim, float]:
    """Return the corrected p of each claim that is to be tested, over all of them (Holm).

    One without results yet counts with p = 1, so that verdicts can only become clearer.
    """
    found = {claim: test.p if test else 1.0 for claim, test in tests.items() if not claim.untested}
    return dict(zip(found, holm(list(found.values())), strict=True))
