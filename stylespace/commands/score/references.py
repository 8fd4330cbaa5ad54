"""Scores against some or all of the references, and the curve over their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stylespace.commands.score.measures import Measure
from stylespace.settings.protocols import Protocol
from stylespace.styles.style import Style

DRAWS = 24
"""Orders of the references that a curve is drawn from, at least."""
POINTS = 20
"""Numbers of references that a curve has, at most."""
ROUNDING = 1e-12
"""Share of the squared norms below which a distance that follows from products is rounding."""

Against = Callable[[Sequence[int]], float]
"""Places of references -> the score against these."""


@dataclass(frozen=True)
class Point:
    """The score with so many references: mean and standard deviation over the draws."""

    references: int
    score: float
    deviation: float


class References:
    """What results are compared with.

    Args:
        kept: of each reference, what the measure compares.
    """

    def __init__(self, protocol: Protocol, measure: Measure, kept: Sequence[Any]) -> None:
        self._pooled = protocol.aggregation == "pooled"
        self._measure, self._kept = measure, kept
        self._products = _products(kept, kept) if self._pooled else np.empty(0)

    def __len__(self) -> int:
        return len(self._kept)

    def against(self, result: Any) -> Against:
        """Return a function from places of references to a result's score against these."""
        if self._pooled:
            return self._against_pool(result)
        values = np.array([self._measure.compare(result, one) for one in self._kept])
        return lambda places: float(values[list(places)].mean())

    def _against_pool(self, result: Style) -> Against:
        """Return the same for the mean Gram matrix of references.

        ||G - A||^2 of a mean A of matrices follows from inner products, so that another choice of
        them costs nothing: (L,) for the result itself, (L, n) with each, (L, n, n) between them.
        """
        own, between = _products([result], [result])[:, 0, 0], _products([result], self._kept)[:, 0]

        def score(places: Sequence[int]) -> float:
            """Return the geometric mean over layers of the relative distance."""
            chosen = list(places)
            norm = self._products[:, chosen][:, :, chosen].mean((1, 2))
            apart = own - 2 * between[:, chosen].mean(1) + norm
            apart[apart < ROUNDING * (own + norm)] = 0
            shares = np.divide(apart, norm, out=apart.copy(), where=norm > 0)
            return float(np.exp(np.log(shares).mean())) if shares.min() > 0 else 0.0

        return score


def _products(one: Sequence[Style], other: Sequence[Style]) -> np.ndarray:
    """Return the inner products of the Gram matrices of two lots of styles: (L, n, m)."""
    names = tuple(other[0].layers)
    stacks = (
        [np.stack([style.layers[name].gram.cpu().double().numpy().ravel() for style in lot])
         for lot in (one, other)]
        for name in names
    )  # fmt: skip
    return np.stack([a @ b.T for a, b in stacks])


def curve(against: Against, count: int, seed: int) -> tuple[Point, ...]:
    """Return the score with 1, 2, ... of `count` references, at most POINTS numbers of them."""
    drawn = orders(count, seed)
    numbers = np.unique(np.linspace(1, count, min(count, POINTS)).round().astype(int))
    points = []
    for number in map(int, numbers):
        lots = {tuple(sorted(order[:number])) for order in drawn}
        values = [against(lot) for lot in sorted(lots)]
        points.append(Point(number, float(np.mean(values)), float(np.std(values))))
    return tuple(points)


def orders(count: int, seed: int) -> list[list[int]]:
    """Return seeded orders of references: each of up to DRAWS comes first equally often."""
    random = np.random.default_rng(seed)
    rounds, step = -(-DRAWS // count), max(1, count // DRAWS)
    return [
        np.roll(order, -shift).tolist()
        for order in (random.permutation(count) for _ in range(rounds))
        for shift in range(0, count, step)
    ]
