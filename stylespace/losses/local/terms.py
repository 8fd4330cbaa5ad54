"""A localised style as a term of an objective."""

from collections.abc import Mapping

import torch
from torch import Tensor

from stylespace.errors import UsageError
from stylespace.losses.local.distance import local_gram_distance
from stylespace.losses.local.windows import windows_over
from stylespace.losses.objective import Term, extreme_unit


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

    def measure(image: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        own = features[layer]
        return distance(own if size == 1 else own / size) / unit

    return Term(f"local.{layer}", measure, (layer,), weight)
