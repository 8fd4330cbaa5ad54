"""Distances between styles."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from stylespace.style import Style


def relative_distance(value: Tensor, target: Tensor) -> float:
    """Return ||X - T||^2 / ||T||^2 in float64: 0 at the target, 1 for nothing at all."""
    difference = (value.cpu().double() - target.cpu().double()).square().sum()
    norm = target.cpu().double().square().sum()
    return float(difference / norm) if norm > 0 else float(difference)


def gram_distances(style: Style, target: Style) -> dict[str, float]:
    """Return the relative Gram distance of every layer of `target`.

    Raises:
        StyleError: the two live in different style spaces.
        UsageError: a layer of `target` that `style` does not hold.
    """
    style.check_space(target.space)
    layers = style.pick(tuple(target.layers)).layers
    return {
        name: relative_distance(layers[name].gram, layer.gram)
        for name, layer in target.layers.items()
    }


def geometric_mean(values: Mapping[str, float]) -> float:
    """Return the geometric mean of positive numbers; 0 where one is 0."""
    numbers = list(values.values())
    if min(numbers) <= 0:
        return 0.0
    return math.exp(sum(map(math.log, numbers)) / len(numbers))
