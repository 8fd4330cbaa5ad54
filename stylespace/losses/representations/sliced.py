"""Sliced distributions: a layer's features as a cloud of points, along single directions (H21)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from stylespace.errors import UsageError
from stylespace.losses.patterns import histogram_term
from stylespace.losses.representations.base import FromFeatures
from stylespace.losses.terms import Features, Term, Terms
from stylespace.styles.gram import widened

JUDGE_DIRECTIONS, JUDGE_SEED = 128, 7919
"""Of `sliced_distance`: none of the directions that `sliced_term` optimises with small seeds."""
LEAST_POSITIONS = 100
"""Of either feature map that `sliced_distance` compares."""
PROJECTED = 3
"""Copies of the style picture's features that it takes to sort their projections once."""


def sliced_term(
    layer: str,
    target_features: Tensor,
    weight: float = 1.0,
    *,
    directions: int | None = None,
    seed: int = 0,
) -> Term:
    """Relative distance of a layer's features to a target's as clouds of points, direction by one.

    The squared sliced Wasserstein-2 distance: positions are points in C dimensions; projected on
    a direction and sorted, they are compared one to one (of a target with more or fewer
    positions, its quantiles are). With enough directions 0 only where the clouds are the same,
    which Gram matrices do not see.

    Args:
        layer: name, of C channels. target_features: (1 or B, C, h, w).
        directions: how many, None for C. seed: of the directions, the same in every evaluation,
            so that the objective is one function, as L-BFGS needs it.

    Source: H21 eq. 4. Departs: directions are drawn once; relative to the target.
    """
    axes = unit_vectors(target_features.shape[1], directions, seed)
    distance = histogram_term(layer, projected(target_features, axes))

    def measure(image: Tensor, features: Features) -> Tensor:
        return distance.measure(image, {layer: projected(features[layer], axes)})

    return Term(f"sliced.{layer}", measure, (layer,), weight)


def sliced_distance(
    a: Tensor, b: Tensor, *, directions: int = JUDGE_DIRECTIONS, seed: int = JUDGE_SEED
) -> float:
    """Return the squared sliced Wasserstein-2 distance of two feature maps, relative to b.

    To judge results by; in float64, along other directions than `sliced_term` takes.

    Few points are apart even where they are drawn from the same: of a painting's features, conv1_1
    to conv5_1 of vgg16-hed, 4 and 100 positions by .3 to .9, 100 and 100 by .04 to .07, half as
    much for twice as many. Two paintings are .1 to .5 apart.

    Args:
        a: (1, C, h, w), the result's. b: (1, C, H, W), the style's, of any size; both of
            LEAST_POSITIONS at least.

    Returns:
        0 for the same points in any order; 1 as far as features of 0 are from b.

    Raises:
        UsageError: fewer positions.

    Source: H21.
    """
    fewest = min(x[0, 0].numel() for x in (a, b))
    if fewest < LEAST_POSITIONS:
        raise UsageError(
            f"a sliced distance of {fewest} positions tells their number more than the style: take "
            f"{LEAST_POSITIONS} at least, of a larger picture or a shallower layer."
        )
    a, b = (x.detach().cpu().double() for x in (a, b))
    term = sliced_term("", b, directions=directions, seed=seed)
    return float(term.measure(a, {"": a}))


def unit_vectors(channels: int, count: int | None = None, seed: int = 0) -> Tensor:
    """Return seeded unit vectors, even over all directions: (count, C), count = C for None."""
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(count or channels, channels, generator=generator, dtype=torch.float64)
    return vectors / vectors.norm(dim=1, keepdim=True)


def projected(features: Tensor, directions: Tensor) -> Tensor:
    """Return features along directions: (B, C, h, w), (K, C) -> (B, K, h, w), at least float32."""
    wide = widened(features)
    return torch.einsum("kc,bchw->bkhw", directions.to(wide), wide)


class SlicedDistributions(FromFeatures):
    """A style as the distributions of its features. One evaluation takes 3.6 copies, at 256 px."""

    copies = 4

    @classmethod
    def of_features(cls, features: Mapping[str, Tensor], weights: Mapping[str, float]) -> Terms:
        """See `FromFeatures.of_features`."""
        return Terms(tuple(sliced_term(name, features[name], weights[name]) for name in weights))

    def memory(self, height: int, width: int) -> int:
        """See `Representation.memory`."""
        sorting = PROJECTED * self.pictures.feature_bytes(*self.pictures.style_shape)
        return super().memory(height, width) + sorting


REPRESENTATION = SlicedDistributions
