"""Two groups of styles compared: the table of shares, the entries that differ, how sure it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from stylespace.styles.statistics.differences import (
    Differences,
    differences,
    effects_kept,
    floors,
    root_shares,
)
from stylespace.styles.statistics.nearest_mean import held_out_decisions
from stylespace.styles.statistics.pairs import disjoint_pairs, similarity_order
from stylespace.styles.style import Style

LISTED = 8
"""Disjoint entries of each layer that are listed."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A picture or a style file of one of the two groups.

    first: it is of the first group. image: returns the picture (1, 3, H, W) as measured, or None.
    """

    name: str
    source: str
    first: bool
    image: Callable[[], Tensor | None]


@dataclass(frozen=True)
class Entry:
    """An entry that differs, i <= j.

    column: of the table. effect: above 0 where the first group has more. p: by the permutations.
    kept: least share of the effect without any one picture, NaN of single pictures. shares: mean
    share of the layer's Gram matrix in the first and in the second group. values: of every picture.
    """

    layer: str
    i: int
    j: int
    column: int
    effect: float
    p: float
    significant: bool
    kept: float
    shares: tuple[float, float]
    values: tuple[float, ...]

    @property
    def address(self) -> str:
        """The entry as commands take it: conv3_1:12,40."""
        return f"{self.layer}:{self.i},{self.j}"


@dataclass(frozen=True, eq=False)
class Contrast:
    """Two groups compared.

    names: of the groups. channels: {layer: C}. table: (n, P), a row a subject, the root shares of
    all layers' entries one after the other. found: the differences.
    """

    names: tuple[str, str]
    subjects: tuple[Subject, ...]
    channels: Mapping[str, int]
    table: np.ndarray
    found: Differences

    @property
    def first(self) -> np.ndarray:
        """Which subjects are of the first group, (n,)."""
        return np.array([one.first for one in self.subjects])

    @property
    def sizes(self) -> list[int]:
        """Entries of each layer."""
        return [count * (count + 1) // 2 for count in self.channels.values()]

    @property
    def counts(self) -> tuple[int, int]:
        """Subjects of each group."""
        members = int(self.first.sum())
        return members, len(self.subjects) - members

    @property
    def single(self) -> bool:
        """Whether it is two single pictures, of which nothing but their difference is known."""
        return len(self.subjects) == 2

    @property
    def untestable(self) -> bool:
        """Whether there are too few pictures for any claim."""
        return self.found.threshold is None

    def columns(self) -> Iterator[tuple[str, slice, np.ndarray]]:
        """Yield each layer, its columns of the table, and the channels (p, 2) of its entries."""
        start = 0
        for (layer, count), size in zip(self.channels.items(), self.sizes, strict=True):
            pairs = np.stack(np.triu_indices(count), axis=1)
            yield layer, slice(start, start + size), pairs
            start += size

    def matrix(self, values: np.ndarray, layer: str) -> np.ndarray:
        """Return values of all entries (P,) as the symmetric matrix of a layer, (C, C)."""
        columns = next(part for name, part, _ in self.columns() if name == layer)
        matrix = np.zeros((self.channels[layer],) * 2)
        matrix[np.triu_indices(len(matrix))] = values[columns]
        return matrix + np.triu(matrix, 1).T

    @cached_property
    def orders(self) -> dict[str, tuple[int, ...]]:
        """Each layer's channels in the order of maps: those that fire alike stand together."""
        means = np.square(self.table).mean(0)
        return {
            layer: similarity_order(torch.from_numpy(self.matrix(means, layer)))
            for layer in self.channels
        }

    @cached_property
    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean share of every entry in the first and in the second group, (P,) each."""
        groups = (self.table[self.first], self.table[~self.first])
        one, two = (np.einsum("np,np->p", part, part, dtype=np.float64) for part in groups)
        return one / self.counts[0], two / self.counts[1]

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The LISTED strongest entries of each layer that share no channel, strongest first."""
        strengths, floor = np.abs(self.found.effects), floors(self.table, self.sizes)
        made = []
        for layer, columns, pairs in self.columns():
            chosen = np.array(disjoint_pairs(strengths[columns], pairs, LISTED), dtype=int)
            places = chosen + columns.start
            values = self.table[:, places].astype(np.float64)
            kept = effects_kept(values, self.first, floor[places])
            told = zip(pairs[chosen], places, kept, values.T, strict=True)
            made += [self._entry(layer, *one) for one in told]
        return tuple(sorted(made, key=lambda one: -abs(one.effect)))

    def _entry(
        self, layer: str, pair: np.ndarray, column: int, kept: float, values: np.ndarray
    ) -> Entry:
        shares = np.square(values)
        means = shares[self.first].mean(), shares[~self.first].mean()
        i, j = (int(channel) for channel in pair)
        return Entry(
            layer,
            i,
            j,
            int(column),
            float(self.found.effects[column]),
            float(self.found.p_values(np.array([column]))[0]),
            bool(self.found.significant[column]),
            float(kept),
            (float(means[0]), float(means[1])),
            tuple(shares.tolist()),
        )

    @cached_property
    def decisions(self) -> np.ndarray | None:
        """Each subject's decision value by a classifier learnt without it; None of too few."""
        if min(self.counts) < 2:
            return None
        return held_out_decisions(self.table, self.first, self.sizes)


def contrast(
    names: tuple[str, str],
    subjects: Sequence[Subject],
    rows: Sequence[np.ndarray],
    channels: Mapping[str, int],
    *,
    permutations: int = 999,
    seed: int = 0,
) -> Contrast:
    """Compare two groups; rows: (P,) each, of `style_row`. See `differences` for the rest."""
    table = np.stack(rows)
    first = np.array([one.first for one in subjects])
    sizes = [count * (count + 1) // 2 for count in channels.values()]
    found = differences(table, first, sizes, permutations=permutations, seed=seed)
    return Contrast(names, tuple(subjects), channels, table, found)


def style_row(style: Style, layers: Sequence[str]) -> np.ndarray:
    """Return the root shares of all entries of layers, one layer after the other: (P,) float32."""
    grams = (style.grams[layer].detach().double().cpu().numpy() for layer in layers)
    return np.concatenate([root_shares(gram) for gram in grams]).astype(np.float32)
