"""Centred Gram matrices: how channels of a layer vary together, whatever their level."""

import torch
from torch import Tensor

from stylespace.losses.objective import averaged, relative_to
from stylespace.losses.representations.base import FromMoments
from stylespace.losses.terms import Features, Term
from stylespace.styles.gram import covariance, gram, mean
from stylespace.styles.moments import LayerStyle

UNVARIED = 1e-6
"""Share of ||G||_F up to which a covariance is the rounding of channels that do not vary."""


def centred_term(
    layer: str, target: Tensor, weight: float = 1.0, *, norm: float | None = None
) -> Term:
    """Relative distance of a layer's covariance to target (C, C): the centred Gram matrix.

    Zero for channels that never vary, whatever their value: of those `mean_term` takes care.

    norm: ||G||_F of the style, which the distance is relative to where the target is up to
    UNVARIED of it. None: of a target that is exact.
    """
    rounding = {} if norm is None else {"nothing": UNVARIED * norm, "instead": norm or 1}
    name = f"covariance.{layer}"
    relative = relative_to(target[None].detach(), **rounding)

    def measure(image: Tensor, features: Features) -> Tensor:
        return relative(covariance(features[layer]))

    parts = averaged(_moments, layer, lambda moments: relative(_covariance(moments)))
    return Term(name, measure, (layer,), weight, parts)


def _moments(features: Tensor) -> Tensor:
    """Return the Gram matrix and, as one more row, the means: (B, C, h, w) -> (B, C + 1, C).

    In float64, where there is one, as what is made of them cancels.
    """
    both = torch.cat([gram(features), mean(features)[:, None]], 1)
    return both if both.device.type == "mps" else both.double()


def _covariance(moments: Tensor) -> Tensor:
    """Return G - mu mu^T of both: (B, C + 1, C) -> (B, C, C)."""
    matrix, mu = moments[:, :-1], moments[:, -1]
    return matrix - mu[:, :, None] * mu[:, None]


class CentredGram(FromMoments):
    """A style as the covariances of its channels. One evaluation takes .8 copies, at 256 px."""

    copies = 1

    @staticmethod
    def term(layer: str, style: LayerStyle, weight: float) -> Term:
        """See `FromMoments.term`; the target is G - mu mu^T in float64, as it cancels."""
        mu, matrix = (x.cpu().double() for x in (style.mean, style.gram))
        target = (matrix - mu[:, None] * mu).to(style.gram)
        return centred_term(layer, target, weight, norm=float(matrix.norm()))


REPRESENTATION = CentredGram
