"""How far the small cells tell what full probes would: a rank correlation over some entries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stylespace.settings.atlas import Pair


@dataclass(frozen=True)
class Agreement:
    """Entries with the value of their cell and that of their full probe.

    rows: (pair, cell, full). size: side of the full probes in pixels.
    """

    rows: tuple[tuple[Pair, float, float], ...]
    size: int

    @property
    def correlation(self) -> float:
        """Spearman's rank correlation; NaN for fewer than two entries or equal values."""
        from scipy.stats import spearmanr

        cells, full = ([row[place] for row in self.rows] for place in (1, 2))
        if min(len(set(cells)), len(set(full))) < 2:
            return float("nan")
        return float(spearmanr(cells, full).statistic)


def agreement_of(
    cells: Mapping[Pair, float], full: Mapping[Pair, float], chosen: Sequence[Pair], size: int
) -> Agreement:
    """Return the agreement over those of the chosen entries whose full probe is done."""
    rows = ((pair, cells[pair], full[pair]) for pair in chosen if pair in full)
    return Agreement(tuple(rows), size)


def spread(pairs: Sequence[Pair], count: int, seed: int) -> tuple[Pair, ...]:
    """Choose entries at random, one from each of `count` equal parts of the list."""
    generator = np.random.default_rng(seed)
    groups = np.array_split(np.arange(len(pairs)), count) if count else []
    return tuple(pairs[generator.choice(group)] for group in groups if len(group))
