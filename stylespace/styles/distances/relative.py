"""Relative distances of a result to its target: what matching losses are, layer by layer."""

import math
from collections.abc import Mapping

from torch import Tensor

from stylespace.errors import public
from stylespace.styles.moments import LayerStyle
from stylespace.styles.style import Style


def relative_distance(value: Tensor, target: Tensor) -> float:
    """Return ||X - T||^2 / ||T||^2 in float64: 0 at the target, 1 for nothing at all."""
    value, target = (x.detach().cpu().double() for x in (value, target))
    difference, norm = float((value - target).square().sum()), float(target.square().sum())
    return difference / norm if norm > 0 else difference


@public
def gram_distances(style: Style, target: Style) -> dict[str, float]:
    """Return the relative Gram distance of every layer of `target`: ||G - A||^2 / ||A||^2.

    It is not symmetric: nothing at all is 1 from any target, while any style is as far from an
    all-zero target as its squared norm says.

    Raises:
        StyleError: the two live in different style spaces.
        UsageError: a layer of `target` that `style` does not hold.

    Example:
        >>> import stylespace as ss
        >>> network, image = ss.load_network(), ss.read_image("sample:gogh-auvers")
        >>> style, mirrored = (
        ...     ss.Style.capture(network, one, ["conv2_1"]) for one in (image, image.flip(3))
        ... )
        >>> ss.gram_distances(mirrored, style)["conv2_1"] < 0.01
        True
    """
    return {
        name: relative_distance(layer.gram, goal.gram)
        for name, (layer, goal) in layer_pairs(style, target).items()
    }


def layer_pairs(style: Style, target: Style) -> dict[str, tuple[LayerStyle, LayerStyle]]:
    """Return every layer of `target` beside that of `style`: {layer: (of style, of target)}.

    Raises:
        StyleError: the two live in different style spaces.
        UsageError: a layer of `target` that `style` does not hold.
    """
    style.check_space(target.space)
    layers = style.pick(tuple(target.layers)).layers
    return {name: (layers[name], goal) for name, goal in target.layers.items()}


def geometric_mean(values: Mapping[str, float]) -> float:
    """Return the geometric mean of positive numbers; 0 where one is 0."""
    numbers = list(values.values())
    if min(numbers) <= 0:
        return 0.0
    return math.exp(sum(map(math.log, numbers)) / len(numbers))
