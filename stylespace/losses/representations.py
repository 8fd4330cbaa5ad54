"""Representations of style beside the Gram matrix, as terms of an objective.

Each is relative to its target and 0 where the features are the target's. `representation_terms`
makes them from a style picture's features; those that are functions of mean and Gram matrix
come from a captured style as well, a blend or a file (`moment_terms`).

| kind | what is matched |
|---|---|
| gram | F F^T / N, which channels fire together |
| mean | F 1 / N, how much each channel fires, alone |
| covariance | the Gram matrix of F - mean, how channels vary together, whatever their level |
| shifted | the Gram matrix of F + shift, which also sees channels that are silent together |
| chained | up(F_deep) F_shallow^T / N, what in a layer goes with what in the next |
| sliced | the whole distribution of F over positions, along single directions |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from stylespace.errors import UsageError, unknown
from stylespace.losses.objective import (
    Features,
    Term,
    Terms,
    gram_term,
    mean_term,
    relative_square,
)
from stylespace.losses.patterns import histogram_term
from stylespace.styles.gram import chained_gram, covariance, gram, mean, shifted_gram
from stylespace.styles.style import Style

Moment = Callable[[Tensor, Tensor], Tensor]
"""(mean (C,), Gram matrix (C, C)) -> target."""
SHIFT = -1.0
"""What NN16b adds to every activation."""
UNVARIED = 1e-12
"""Squared norm up to which a covariance is the rounding of channels that do not vary."""
JUDGE_DIRECTIONS, JUDGE_SEED = 128, 7919
"""Of `sliced_distance`: none of the directions that `sliced_term` optimises with small seeds."""


def representation_terms(
    kind: str, features: Mapping[str, Tensor], weights: Mapping[str, float]
) -> Terms:
    """Return the terms of a style in one representation.

    Args:
        kind: one of KINDS.
        features: {layer: (1, C, h, w)}, the style picture's activations.
        weights: {layer: weight}, above 0, of the layers to match. Of "chained" a pair weighs
            what its deeper layer does, and all pairs together what all layers do.

    Raises:
        UsageError: another kind; "chained" with a single layer.

    Source: G15b (gram), NN16b (shifted, chained), H21 (sliced).
    """
    if kind == "chained":
        return _chained_terms(features, weights)
    if kind == "sliced":
        return Terms(tuple(sliced_term(name, features[name], weights[name]) for name in weights))
    if kind not in _MOMENTS:
        raise unknown("representation", kind, KINDS)
    term, statistic, _ = _MOMENTS[kind]
    return Terms(tuple(term(name, statistic(features[name])[0], weights[name]) for name in weights))


def moment_terms(kind: str, style: Style, weights: Mapping[str, float]) -> Terms:
    """Return the terms of a captured style, which may be a blend or come from a file.

    Args:
        kind: one of MOMENT_KINDS; the others need features.
        style: its layers must be those of `weights` at least. weights: {layer: weight}.

    Raises:
        UsageError: a kind that mean and Gram matrix do not determine, or an unknown one.
    """
    if kind not in KINDS:
        raise unknown("representation", kind, KINDS)
    if kind not in MOMENT_KINDS:
        raise UsageError(
            f"representation {kind!r} needs style pictures, a captured style holds means and Gram "
            f"matrices alone: name a picture, or choose {', '.join(MOMENT_KINDS)}."
        )
    term, _, moment = _MOMENTS[kind]
    layers = style.pick(tuple(weights)).layers
    return Terms(
        tuple(
            term(name, moment(layer.mean, layer.gram), weights[name])
            for name, layer in layers.items()
        )
    )


def covariance_term(layer: str, target: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of a layer's covariance to target (C, C): the centred Gram matrix.

    Zero for channels that never vary, whatever their value: of those `mean_term` takes care.
    """
    return _matrix_term(
        f"covariance.{layer}", covariance, target, (layer,), weight, nothing=UNVARIED
    )


def shifted_term(layer: str, target: Tensor, weight: float = 1.0, *, shift: float = SHIFT) -> Term:
    """Relative distance of the Gram matrix of F + shift to target (C, C), shifted alike.

    A negative shift tells a channel that is silent together with another from one that is not,
    where plain products are 0 for both. In units of activation: 1 is much in a network whose
    activations are of size 1, and little in vgg16-hed.

    Source: NN16b section 3 (activation shift). Departs: relative to the target.
    """
    return _matrix_term(
        f"shifted.{layer}", lambda x: shifted_gram(x, shift), target, (layer,), weight
    )


def chained_term(deep: str, shallow: str, target: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of the products of two layers to target (C, D), `chained_gram`'s.

    The squared distance of one cross-layer matrix to its target: never negative, and 0 at it.
    A difference of two layers' Gram losses, which goes by the same name elsewhere, is neither.

    Args:
        deep: name of the coarser layer, of C channels. shallow: of the finer one, of D.
        target: (C, D).

    Source: NN16b section 3 (chain). Departs: relative to the target.
    """
    return _matrix_term(f"chained.{deep}.{shallow}", chained_gram, target, (deep, shallow), weight)


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

    Args:
        a: (1, C, h, w), the result's. b: (1, C, H, W), the style's, of any size.

    Returns:
        0 for the same points in any order; 1 as far as features of 0 are from b.

    Source: H21.
    """
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
    wide = features if features.dtype == torch.float64 else features.float()
    return torch.einsum("kc,bchw->bkhw", directions.to(wide), wide)


def _matrix_term(
    name: str,
    measure: Callable[..., Tensor],
    target: Tensor,
    layers: tuple[str, ...],
    weight: float,
    *,
    nothing: float = 0.0,
) -> Term:
    """Return the relative distance of a matrix of some layers' features to target (C, D)."""
    return Term(
        name,
        lambda image, features: relative_square(
            measure(*(features[layer] for layer in layers)), target[None], nothing=nothing
        ),
        layers,
        weight,
    )


def _chained_terms(features: Mapping[str, Tensor], weights: Mapping[str, float]) -> Terms:
    if len(weights) < 2:
        raise UsageError(
            f"representation 'chained' of {', '.join(weights) or 'no layer'}: it matches pairs "
            "of neighbouring layers, so name at least two."
        )
    names = sorted(weights, key=lambda name: -features[name][0, 0].numel())  # fine to coarse
    pairs = list(zip(names[1:], names[:-1], strict=True))
    scale = sum(weights.values()) / sum(weights[deep] for deep, _ in pairs)
    targets = {pair: chained_gram(*(features[name] for name in pair))[0] for pair in pairs}
    return Terms(
        tuple(chained_term(*pair, targets[pair], scale * weights[pair[0]]) for pair in pairs)
    )


def _shifted_moment(mu: Tensor, matrix: Tensor, shift: float = SHIFT) -> Tensor:
    """G + s mu 1^T + s 1 mu^T + s^2: the Gram matrix of F + s from that of F."""
    return matrix + shift * (mu[:, None] + mu) + shift**2


def _covariance_moment(mu: Tensor, matrix: Tensor) -> Tensor:
    """G - mu mu^T in float64, as it cancels."""
    mu, wide = (x.cpu().double() for x in (mu, matrix))
    return (wide - mu[:, None] * mu).to(matrix)


_MOMENTS: dict[str, tuple[Callable[..., Term], Callable[[Tensor], Tensor], Moment]] = {
    "gram": (gram_term, gram, lambda mu, matrix: matrix),
    "covariance": (covariance_term, covariance, _covariance_moment),
    "mean": (mean_term, mean, lambda mu, matrix: mu),
    "shifted": (shifted_term, shifted_gram, _shifted_moment),
}
MOMENT_KINDS = tuple(_MOMENTS)
"""Representations that the means and Gram matrices of a style determine."""
KINDS = (*MOMENT_KINDS, "chained", "sliced")
"""All representations by name."""
