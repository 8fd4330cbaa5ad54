"""Statistics of one style beside those of a target."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stylespace.styles.distances import layer_pairs, relative_distance, relative_error
from stylespace.styles.statistics.entries import near_zero
from stylespace.styles.statistics.matrices import Part, diagonal, off_diagonal
from stylespace.styles.statistics.values import gini, hoyer, wasserstein
from stylespace.styles.style import Style


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


def layer_comparison(gram: Tensor, target: Tensor) -> LayerComparison:
    """Compare a Gram matrix (C, C) with a target's."""
    return LayerComparison(
        diagonal=entry_comparison(gram, target, diagonal),
        off_diagonal=entry_comparison(gram, target, off_diagonal),
        distance=relative_distance(gram, target),
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
