"""Gram matrices of softened activations, whose few peaks do not outshine all else (SWAG)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from stylespace.losses.objective import relative_to
from stylespace.losses.representations.base import FromFeatures
from stylespace.losses.terms import Features, Term, Terms
from stylespace.styles.gram import gram, widened


def unit_of(features: Tensor) -> Tensor:
    """Return the largest activation of a style's features (1, C, h, w), 1 where all are 0: ()."""
    largest = widened(features).amax()
    return torch.where(largest > 0, largest, torch.ones_like(largest))


def softened(features: Tensor, unit: Tensor) -> Tensor:
    """Return exp(F / unit) / mean exp(F / unit), the softmax of a layer times its entries.

    features: (B, C, h, w). unit: (), above 0; larger ones soften more.

    Source: W21 eq. 6. Departs: times the number of entries, so that pictures of any size compare;
    in units of `unit_of`, the style's peak: networks differ in scale, and in units of a mean,
    which peaks exceed 30 to 200 times, a softmax sharpens.
    """
    peaks = widened(features) / unit
    risen = torch.exp(peaks - peaks.detach().amax((1, 2, 3), keepdim=True))
    return risen / risen.mean((1, 2, 3), keepdim=True)


def softened_term(layer: str, target_features: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of the Gram matrix of softened activations to a style picture's.

    Args:
        layer: name, of C channels. target_features: (1, C, h, w), of a picture of any size.
    """
    unit = unit_of(target_features)
    relative = relative_to(gram(softened(target_features, unit)).detach())

    def measure(image: Tensor, features: Features) -> Tensor:
        return relative(gram(softened(features[layer], unit)))

    return Term(f"softened.{layer}", measure, (layer,), weight)


class SoftenedGram(FromFeatures):
    """A style as the Gram matrices of softened activations."""

    copies = 3

    @classmethod
    def of_features(cls, features: Mapping[str, Tensor], weights: Mapping[str, float]) -> Terms:
        """See `FromFeatures.of_features`."""
        return Terms(tuple(softened_term(name, features[name], weights[name]) for name in weights))


REPRESENTATION = SoftenedGram
