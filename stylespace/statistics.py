"""Statistics of Gram matrices: sparsity, intensity, spectrum and cosines.

Diagonal and off-diagonal entries are apart everywhere: the energies of the channels, and how much
two of them fire together. Off-diagonal entries are those with i < j, each once. Everything is
computed in float64 on the CPU; statistics of values look at their sizes, so a matrix with negative
entries (no Gram matrix of ReLU features has one) is measured as well.

No entries (the off-diagonal of a single channel) and entries that are all zero (a black layer) have
no sparsity, no intensity and no spectrum: every such number is 0, never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.distances import layer_pairs, relative_distance, relative_error
from stylespace.style import Style

Part = Callable[[Tensor], Tensor]
"""Picks entries (n,) out of a matrix (C, C): `diagonal` or `off_diagonal`."""
NEAR_ZERO = 0.01
"""Share of the mean diagonal up to which an entry is near zero.

Off-diagonal fractions of the eight bundled paintings at 192 px on vgg16-hed: conv1_1 .06 to .17,
conv2_1 .67 to .74, conv3_1 .33 to .41, conv4_1 .14 to .25, conv5_1 .85 to .88; a tenth of it
leaves conv1_1 .01 to .06, ten times as much brings every layer above .3.
"""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Levels of the quantiles that describe a distribution of entries."""


@dataclass(frozen=True)
class EntryStatistics:
    """Sparsity and intensity of the diagonal or of the off-diagonal entries.

    count: number of entries. mean: in squared units of activation. quantiles: at QUANTILES, in the
    same units. hoyer, gini: sparsity in [0, 1]. near_zero: share of entries up to NEAR_ZERO times
    the mean diagonal. exactly_zero: share of entries that are 0.
    """

    count: int
    mean: float
    quantiles: tuple[float, ...]
    hoyer: float
    gini: float
    near_zero: float
    exactly_zero: float


@dataclass(frozen=True)
class LayerStatistics:
    """Statistics of one layer's Gram matrix (C, C).

    effective_rank: in [1, C]; 0 of a black layer. largest_share: the largest eigenvalue over
    the trace, in [1 / C, 1]. eigenvalue_ratio: smallest over largest eigenvalue, >= 0 up to
    rounding. mean_cosine: mean size of the off-diagonal cosines, in [0, 1].
    """

    diagonal: EntryStatistics
    off_diagonal: EntryStatistics
    effective_rank: float
    largest_share: float
    eigenvalue_ratio: float
    mean_cosine: float


@dataclass(frozen=True)
class EntryComparison:
    """How far entries are from a target's.

    wasserstein: see the function. hoyer, gini: relative errors, unsquared. near_zero and
    near_zero_target: the two shares, side by side.
    """

    wasserstein: float
    hoyer: float
    gini: float
    near_zero: float
    near_zero_target: float


@dataclass(frozen=True)
class LayerComparison:
    """One layer against a target's: its distributions, and how new the matrix itself is.

    distance: relative Gram distance ||G - A||^2 / ||A||^2 (novelty); 0 for the same matrix.
    """

    diagonal: EntryComparison
    off_diagonal: EntryComparison
    distance: float


def statistics(style: Style) -> dict[str, LayerStatistics]:
    """Return the statistics of every layer of a style."""
    return {name: layer_statistics(layer.gram) for name, layer in style.layers.items()}


def comparison(style: Style, target: Style) -> dict[str, LayerComparison]:
    """Return how every layer of `target` is met by `style`.

    Raises:
        StyleError: the two live in different style spaces.
        UsageError: a layer of `target` that `style` does not hold.
    """
    return {
        name: layer_comparison(layer.gram, goal.gram)
        for name, (layer, goal) in layer_pairs(style, target).items()
    }


def layer_statistics(gram: Tensor) -> LayerStatistics:
    """Return the statistics of a Gram matrix (C, C)."""
    return LayerStatistics(
        diagonal=entry_statistics(gram, diagonal),
        off_diagonal=entry_statistics(gram, off_diagonal),
        effective_rank=effective_rank(gram),
        largest_share=largest_share(gram),
        eigenvalue_ratio=eigenvalue_ratio(gram),
        mean_cosine=_mean(off_diagonal(cosines(gram)).abs()),
    )


def layer_comparison(gram: Tensor, target: Tensor) -> LayerComparison:
    """Compare a Gram matrix (C, C) with a target's."""
    return LayerComparison(
        diagonal=entry_comparison(gram, target, diagonal),
        off_diagonal=entry_comparison(gram, target, off_diagonal),
        distance=relative_distance(gram, target),
    )


def entry_statistics(gram: Tensor, part: Part) -> EntryStatistics:
    """Return the statistics of one part of a matrix (C, C): `diagonal` or `off_diagonal`."""
    values = part(gram)
    return EntryStatistics(
        count=len(values),
        mean=_mean(values),
        quantiles=quantiles(values),
        hoyer=hoyer(values),
        gini=gini(values),
        near_zero=near_zero(gram, part=part),
        exactly_zero=exactly_zero(gram, part=part),
    )


def entry_comparison(gram: Tensor, target: Tensor, part: Part) -> EntryComparison:
    """Compare one part of a matrix (C, C), `diagonal` or `off_diagonal`, with a target's."""
    values, goal = part(gram), part(target)
    return EntryComparison(
        wasserstein=wasserstein(values, goal),
        hoyer=relative_error(hoyer(values), hoyer(goal)),
        gini=relative_error(gini(values), gini(goal)),
        near_zero=near_zero(gram, part=part),
        near_zero_target=near_zero(target, part=part),
    )


def diagonal(gram: Tensor) -> Tensor:
    """Return the energies of the channels, ascending: (C, C) -> (C,) in float64."""
    return _wide(gram).diagonal().sort().values


def off_diagonal(gram: Tensor) -> Tensor:
    """Return the entries i < j, each once, ascending: (C, C) -> (C (C - 1) / 2,) in float64."""
    matrix = _wide(gram)
    rows, columns = torch.triu_indices(len(matrix), len(matrix), 1)
    return matrix[rows, columns].sort().values


def near_zero(gram: Tensor, tau: float = NEAR_ZERO, *, part: Part = off_diagonal) -> float:
    """Return the share of entries whose size is at most tau times the mean diagonal."""
    level = tau * _mean(diagonal(gram).abs())
    return _mean((part(gram).abs() <= level).double())


def exactly_zero(gram: Tensor, *, part: Part = off_diagonal) -> float:
    """Return the share of entries that are 0: of pairs that never fire together."""
    return near_zero(gram, 0.0, part=part)


def hoyer(values: Tensor) -> float:
    """Return Hoyer's sparsity of values (n,): (sqrt n - l1 / l2) / (sqrt n - 1), in [0, 1].

    0 where all are equal, 1 where one alone is not 0. A single value has none: 0.

    Source: Hoyer 2004, section 3.1.
    """
    values = values.detach().cpu().double().abs()
    norm, root = float(values.norm()), math.sqrt(len(values))
    if norm == 0 or root <= 1:
        return 0.0
    return min(max((root - float(values.sum()) / norm) / (root - 1), 0.0), 1.0)


def gini(values: Tensor) -> float:
    """Return the Gini index of values (n,), in [0, 1 - 1 / n]: 0 where all are equal.

    1 - 2 sum_k v_k / |v|_1 (n - k + 1/2) / n over the sizes in ascending order, k from 1.

    Source: Hurley & Rickard 2009, table I.
    """
    sizes = values.detach().cpu().double().abs().sort().values
    count, total = len(sizes), float(sizes.sum())
    if total == 0:
        return 0.0
    behind = count - torch.arange(count, dtype=torch.float64) - 0.5
    return max(1 - 2 * float((sizes * behind).sum()) / (total * count), 0.0)


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
    return area / (_mean(target.abs()) or 1.0)


def spectrum(gram: Tensor) -> Tensor:
    """Return the eigenvalues of a symmetric matrix (C, C), descending: (C,) in float64.

    Those that are 0 come out as small numbers of either sign, about 1e-16 of the largest.
    """
    return torch.linalg.eigvalsh(_wide(gram)).flip(0)


def effective_rank(gram: Tensor) -> float:
    """Return trace^2 / ||G||_F^2: the number of equal eigenvalues that would be as spread out.

    It depends on the sorted entries alone: whatever keeps those keeps it.
    """
    matrix = _wide(gram)
    square = float(matrix.square().sum())
    return float(matrix.trace()) ** 2 / square if square else 0.0


def largest_share(gram: Tensor) -> float:
    """Return the largest eigenvalue over the trace: near 1 where one pattern says nearly all."""
    values = spectrum(gram)
    total = float(values.sum())
    return float(values[0]) / total if total else 0.0


def eigenvalue_ratio(gram: Tensor) -> float:
    """Return the smallest over the largest eigenvalue; clearly below 0: no features have it."""
    values = spectrum(gram)
    return float(values[-1] / values[0]) if values[0] else 0.0


def cosines(gram: Tensor) -> Tensor:
    """Return G_ij / sqrt(G_ii G_jj), (C, C) in float64.

    0 where the entry is 0, as all entries of a dead channel are. Infinite where it is not although
    a channel has no energy: a matrix that no features have.
    """
    matrix = _wide(gram)
    lengths = matrix.diagonal().clamp(min=0).sqrt()
    quotients = matrix / lengths[:, None] / lengths
    return torch.where(matrix == 0, 0.0, quotients)


def _wide(gram: Tensor) -> Tensor:
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1]:
        raise ValueError(f"a Gram matrix must be (C, C), got {tuple(gram.shape)}")
    return gram.detach().cpu().double()


def _mean(values: Tensor) -> float:
    """Return the mean of values (n,); 0 of none."""
    return float(values.mean()) if len(values) else 0.0
