"""Distances between styles in memory: two of them, or all pairs of a few."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeVar

import numpy as np

from stylespace.errors import StyleError
from stylespace.styles.distances.kinds import distance_named
from stylespace.styles.distances.relative import gram_distances, layer_pairs
from stylespace.styles.style import Style

TOGETHER = "together"
"""Key of what all layers give together, beside the layers' own names."""

Value = TypeVar("Value", float, np.ndarray)


def style_distances(style: Style, other: Style, kind: str = "gram") -> dict[str, float]:
    """Return the distance of a style to another, for every layer of `other`.

    `gram` is the matching loss, relative to `other` as a target: ||G - A||^2 / ||A||^2. It is not
    symmetric: nothing at all is 1 from any target, while any style is as far from an all-zero
    target as its squared norm says. All other kinds are symmetric, as `symmetric_distances` is for
    every kind.

    Args:
        kind: one of DISTANCES.

    Raises:
        StyleError: the two live in different style spaces.
        UsageError: an unknown kind, or a layer of `other` that `style` does not hold.
    """
    if kind == "gram":
        return gram_distances(style, other)
    return symmetric_distances(style, other, kind)


def symmetric_distances(style: Style, other: Style, kind: str = "gram") -> dict[str, float]:
    """Return the symmetric distance of two styles, for every layer of `other`; see DISTANCES.

    Raises:
        StyleError: the two live in different style spaces.
        UsageError: an unknown kind, or a layer of `other` that `style` does not hold.
    """
    chosen = distance_named(kind)
    return {
        name: chosen.between(chosen.prepared(layer), chosen.prepared(other_layer))
        for name, (layer, other_layer) in layer_pairs(style, other).items()
    }


def together(values: Mapping[str, Value]) -> Value:
    """Return the mean over the layers: what they say together.

    Of the symmetric kinds, which have no units, it is a distance of the same kind: where the root
    of each is a metric, the root of the mean is one too. A geometric mean would be 0 as soon as
    two styles agree in one layer.

    Args:
        values: {layer: a number, or an array (n, n)}.
    """
    total: Any = sum(values.values())  # numbers and arrays alike
    return total / len(values)


def as_metric(values: Value, kind: str) -> Value:
    """Return distances of a symmetric kind as those of a metric, for maps and dendrograms.

    The order stays: the square roots for `gram`, `cosine` and `bures`, itself for `wasserstein`.

    Args:
        values: >= 0, of one layer or together; a number or an array.
        kind: one of DISTANCES.

    Raises:
        UsageError: an unknown kind.
    """
    return distance_named(kind).metric(values)


def distance_matrix(
    styles: Sequence[Style], kind: str = "gram", layers: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Return the symmetric distances between all pairs of up to a few dozen styles.

    Args:
        styles: of one style space.
        kind: one of DISTANCES. `bures` takes .14 s a pair and layer of 512 channels on one core.
        layers: which; None for those of the first style.

    Returns:
        {layer: (n, n) float64, ..., "together": (n, n)}, symmetric, exactly 0 on the diagonal.

    Raises:
        StyleError: no styles, or of different spaces.
        UsageError: an unknown kind, or a layer that a style does not hold.
    """
    chosen = distance_named(kind)
    if not styles:
        raise StyleError("no styles, no distances: name at least one.")
    for style in styles:
        styles[0].check_space(style.space)
    picked = [style.pick(layers or tuple(styles[0].layers)).layers for style in styles]
    matrices = {
        name: pairwise([chosen.prepared(held[name]) for held in picked], chosen.between)
        for name in picked[0]
    }
    return {**matrices, TOGETHER: together(matrices)}


def pairwise(items: Sequence[Any], between: Callable[[Any, Any], float]) -> np.ndarray:
    """Return between(i, j) for all pairs, computed once for both orders: (n, n), 0 for i = j."""
    matrix = np.zeros((len(items), len(items)))
    for i, j in combinations(range(len(items)), 2):
        matrix[i, j] = matrix[j, i] = between(items[i], items[j])
    return matrix
