"""Which entries differ most between two groups of styles, and how far chance alone would go.

Plain numpy on tables: a row a picture, a column an entry of some layer. The labels of the pictures
are permuted, and the largest difference among all entries of all layers is kept each time: what
only one permutation in twenty exceeds is a threshold that holds for all entries at once, however
they depend on each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

LEVEL = 0.05
"""Share of permutations whose largest difference may exceed the threshold."""
EXACT = 1000
"""Ways to label the pictures up to which all of them are taken."""
BLOCK = 4096
"""Entries that are compared at a time, under all permutations."""
EQUAL = 1 + 1e-9
"""Effects nearer to each other than this factor are the same up to rounding."""


def root_shares(gram: np.ndarray) -> np.ndarray:
    """Return the square root of every entry's share of its layer's Gram matrix, (C (C + 1) / 2,).

    The share is the entry by the sum of all C x C entries, in [0, 1]: a picture of more contrast,
    whose activations are all larger, has the same shares (so it would divided by the trace, but
    then shares would not add up to 1). Deviations between pictures grow with about the three-
    quarter power of an entry; the root takes most of that away and leaves zeros as they are, where
    a logarithm needs an offset. Zeros where the whole layer is silent.

    gram: (C, C), symmetric, entries >= 0; taken row by row from the diagonal on.

    Source: Rao 1995 (Hellinger distance: Euclidean between roots of shares).
    """
    matrix = np.asarray(gram, dtype=np.float64).clip(min=0)
    return np.sqrt(matrix[np.triu_indices(len(matrix))] / (matrix.sum() or 1.0))


@dataclass(frozen=True, eq=False)
class Differences:
    """Entries compared between a first and a second group of pictures.

    effects: (P,), above 0 where the first group has more. maxima: (B,), descending: the largest
    |effect| of all entries under other labels of the same pictures; empty of two single pictures.
    exact: all labels were taken, not a random part of them.
    """

    effects: np.ndarray
    maxima: np.ndarray
    exact: bool

    @property
    def finest(self) -> float:
        """The smallest p value that so many labels can give."""
        return 1 / (1 + len(self.maxima))

    @property
    def threshold(self) -> float | None:
        """The |effect| above which an entry differs, at most LEVEL of chance; None if never."""
        allowed = math.floor(LEVEL * (1 + len(self.maxima)) + 1e-9) - 1
        return None if allowed < 0 else float(self.maxima[allowed]) * EQUAL

    @property
    def significant(self) -> np.ndarray:
        """Whether each entry lies above the threshold, (P,)."""
        limit = math.inf if self.threshold is None else self.threshold
        return np.abs(self.effects) > limit

    def p_values(self, entries: np.ndarray) -> np.ndarray:
        """Return (1 + k) / (1 + B) of entries (m,), k being how many maxima reach their |effect|.

        Source: Westfall & Young 1993 (single-step max T); Phipson & Smyth 2010 (the added 1).
        """
        sizes = np.abs(self.effects[entries]) / EQUAL
        reached = len(self.maxima) - np.searchsorted(self.maxima[::-1], sizes, side="left")
        return (1 + reached) / (1 + len(self.maxima))


def differences(
    table: np.ndarray,
    first: np.ndarray,
    sizes: Sequence[int],
    *,
    permutations: int = 999,
    seed: int = 0,
) -> Differences:
    """Compare two groups entry by entry; see `effects_under` for the effect.

    Args:
        table: (n, P), a row a picture, such as of `root_shares`.
        first: (n,), True for the pictures of the first group; both groups have some.
        sizes: entries of each layer, in the order of the columns; their sum is P.
        permutations: of the labels, where there are more than EXACT ways; seed: of their choice.

    Memory: (permutations, BLOCK) a few times, whatever P is.
    """
    floor = floors(table, sizes)
    other, exact = labelings(first, permutations, seed)
    effects, maxima = np.empty(table.shape[1]), np.zeros(len(other))
    for columns in _blocks(table.shape[1]):
        part = table[:, columns].astype(np.float64)
        effects[columns] = effects_under(first[None], part, floor[columns])[0]
        if len(other):
            under = np.abs(effects_under(other, part, floor[columns]))
            np.maximum(maxima, under.max(1), out=maxima)
    return Differences(effects, np.sort(maxima)[::-1], exact)


def effects_under(labels: np.ndarray, table: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Return the effect of every entry under every way to label the pictures, (B, p).

    Difference of the groups' means, by the sum of their pooled standard deviation and a floor,
    so that an entry that happens to vary little is not the most different for that. Of two single
    pictures, which have no deviation, by the floor alone.

    Args:
        labels: (B, n), True for the first group. table: (n, p) in float64. floor: (p,), above 0.

    Source: Tusher et al. 2001 (SAM: a floor on the deviation). Departs: the floor is the deviation
    that is usual for entries of that size (`floors`), so that small ones can be found as well; it
    does not know the labels, and so is the same in all permutations.
    """
    count, members = labels.shape[1], labels.sum(1, keepdims=True)
    weights = np.where(labels, 1 / members, -1 / (count - members))
    centred = table - table.mean(0)
    gaps = weights @ centred
    within = np.square(gaps)
    within *= -members * (count - members) / count
    within += np.square(centred).sum(0)
    freedom = count - 2
    within = np.sqrt(np.maximum(within, 0) / freedom) if freedom else np.zeros_like(gaps)
    within += floor
    return np.divide(gaps, within, out=gaps)


def floors(table: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return the deviation that is usual for entries of each one's size in its layer, (P,) > 0.

    Of all pictures together, labels unseen; see `usual_deviations`.
    """
    parts = (table[:, columns].astype(np.float64) for columns in _blocks(table.shape[1]))
    means, deviations = zip(*((part.mean(0), part.std(0, ddof=1)) for part in parts), strict=True)
    return usual_deviations(np.concatenate(means), np.concatenate(deviations), sizes)


def usual_deviations(means: np.ndarray, deviations: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return c mean^p for each entry, (P,), c and p in [0, 1] being its layer's.

    The line through the logarithms of means and deviations (P,) of the entries that vary; 1 for
    those of a layer where none does, and for entries without a mean.
    """
    usual, ends = np.ones(len(means)), np.cumsum(sizes)
    for layer in (slice(end - size, end) for end, size in zip(ends, sizes, strict=True)):
        mean, deviation = means[layer], deviations[layer]
        varying = (mean > 0) & (deviation > 0)
        if varying.any():
            x, y = np.log(mean[varying]), np.log(deviation[varying])
            away = x - x.mean()
            power = np.clip(away @ y / (away @ away or 1.0), 0, 1)
            whole = np.exp(y.mean() + power * (np.log(np.where(mean > 0, mean, 1)) - x.mean()))
            usual[layer] = np.where(mean > 0, whole, 1.0)
    return usual


def labelings(first: np.ndarray, permutations: int, seed: int) -> tuple[np.ndarray, bool]:
    """Return other ways to label the pictures, (B, n), and whether these are all.

    All are taken up to EXACT of them; of groups of one size each way and its mirror image, which
    gives the same sizes of effects, are one. Otherwise so many random ones.
    """
    count, members = len(first), int(first.sum())
    halved = 2 * members == count
    ways = math.comb(count, members) // (1 + halved)
    if ways > EXACT:
        generator = np.random.default_rng(seed)
        return np.stack([generator.permutation(first) for _ in range(permutations)]), False
    labels = np.zeros((ways, count), dtype=bool)
    # Of each way and its mirror image the one that has the first picture comes first.
    for row, chosen in zip(labels, combinations(range(count), members), strict=False):
        row[list(chosen)] = True
    same = (labels == first).all(1) | (halved & (labels != first).all(1))
    return labels[~same], True


def effects_kept(table: np.ndarray, first: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Return the least share of its effect that each entry keeps without any one picture, (p,).

    Below 0 where it turns its sign; NaN where a group would be empty, or there is no effect.

    Args:
        table: (n, p), columns of a few entries. first: (n,). floor: (p,), see `floors`.
    """
    whole = effects_under(first[None], table, floor)[0]
    if min(first.sum(), (~first).sum()) < 2:
        return np.full(len(whole), np.nan)
    places = np.arange(len(table))
    rows = [effects_under(first[None, places != k], table[places != k], floor)[0] for k in places]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole == 0, np.nan, np.min(np.sign(whole) * rows, axis=0) / np.abs(whole))


def _blocks(count: int) -> Iterator[slice]:
    yield from (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
