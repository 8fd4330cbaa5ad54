"""A nearest-mean classifier of styles, tried on pictures that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stylespace.styles.statistics.differences import usual_deviations


@dataclass(frozen=True, eq=False)
class NearestMean:
    """The means of two groups, on entries standardised by their deviations.

    middle: (P,), between the two means. direction: (P,), from the second to the first mean, so
    scaled that the first has the decision value 1 and the second -1.
    """

    middle: np.ndarray
    direction: np.ndarray

    def decision(self, entries: np.ndarray) -> float:
        """Return where a picture (P,) lies: 1 at the first group's mean, -1 at the second's.

        Above 0 it is nearer to the first: its squared distances to the two means differ by four
        times this value's share of the squared distance between them.
        """
        return float((entries - self.middle) @ self.direction)


def nearest_mean(
    table: np.ndarray, first: np.ndarray, sizes: Sequence[int], *, without: int | None = None
) -> NearestMean:
    """Learn the means of two groups; every layer counts alike, however many entries it has.

    Args:
        table: (n, P), a row a picture. first: (n,), True for the first group. sizes: entries of
            each layer, in the order of the columns.
        without: a row that is left out of everything.
    """
    kept = np.arange(len(table)) != (-1 if without is None else without)
    one, two = (table[kept & group].mean(0, dtype=np.float64) for group in (first, ~first))
    seen = table[kept]
    deviations = seen.std(0, ddof=1, dtype=np.float64)
    scales = deviations + usual_deviations(seen.mean(0, dtype=np.float64), deviations, sizes)
    direction = (one - two) / (scales**2 * np.repeat(sizes, sizes))
    length = float((one - two) @ direction)
    return NearestMean((one + two) / 2, 2 * direction / (length or 1.0))


def held_out_decisions(table: np.ndarray, first: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return the decision value of each picture by a classifier that is learnt without it, (n,).

    Both groups have two pictures or more.
    """
    return np.array(
        [nearest_mean(table, first, sizes, without=k).decision(row) for k, row in enumerate(table)]
    )
