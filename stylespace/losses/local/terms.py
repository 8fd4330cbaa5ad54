"""A localised style as a term of an objective."""

import torch
from torch import Tensor

from stylespace.errors import UsageError
from stylespace.losses.local.distance import local_gram_distance
from stylespace.losses.local.windows import windows_over
from stylespace.losses.objective import extreme_unit
from stylespace.losses.terms import Features, Parts, Term
from stylespace.networks.tiles import Tile


def local_term(
    layer: str,
    target_features: Tensor,
    *,
    half_width: int = 3,
    kernel: str = "uniform",
    stride: int = 1,
    mask: Tensor | None = None,
    weight: float = 1.0,
) -> Term:
    """Return the relative localised distance of a layer to a style picture's features.

    Divided by the target's own value, sum_x lambda(x) ||A(x)||^2, the distance of nothing at all:
    1 means as far as that. A target without any activation is answered with the plain distance.

    Args:
        layer: its name.
        target_features: P, (1 or B, C, h, w), of a style picture of the result's own size.
        half_width, kernel, stride, mask: as in `local_gram_distance`.
        weight: of the term.

    Raises:
        UsageError: a setting that cannot be, or a mask that weighs no window.
    """
    size = extreme_unit(target_features)
    target = target_features.detach() / size

    def distance(features: Tensor) -> Tensor:
        return local_gram_distance(features, target, half_width, kernel, stride=stride, mask=mask)

    with torch.no_grad():
        own = distance(torch.zeros_like(target))
    windows = windows_over(target, half_width, kernel, stride=stride, mask=mask)
    if not bool((windows.weights.flatten(1).sum(1) > 0).all()):
        raise UsageError(
            f"the mask for {layer} weighs no window: give it an area, or a smaller stride."
        )
    unit = torch.where(own > 0, own, torch.ones_like(own))

    def measure(image: Tensor, features: Features) -> Tensor:
        own = features[layer]
        return distance(own if size == 1 else own / size) / unit

    weights = windows.weight_map()

    def part(tile: Tile) -> Tensor:
        """Return a tile's share of the distance, that of the windows that stand in it, (B,)."""
        own, goal = tile.own(layer, half_width), tile.cut(layer, target, half_width)
        standing = tile.cut(layer, weights, half_width) * tile.inside(layer, half_width)
        return local_gram_distance(own / size, goal, half_width, kernel, mask=standing) / unit

    parts = Parts(part, plain=True, margin=half_width, borders=half_width > 0)
    return Term(f"local.{layer}", measure, (layer,), weight, parts)
