"""Gram matrices sampled as nulls of a painting's: what do its marginals alone say?

Each sampler keeps something of one layer's Gram matrix G = F F^T / N and gives up the rest.
Features after a ReLU are >= 0, so a matrix is a possible style only if some F >= 0 gives it: such a
*certificate* comes with the sample where there is one, and a reason where there is not. (It says
that features exist, not that a picture has them.)

    sampler        keeps                                         certificate
    true           everything                                    the features themselves
    permutation    entries, spectrum, energies with their rows   rows of F permuted
    shuffle        sorted entries                                none: mostly no Gram matrix
    shuffle-psd    little: the nearest matrix of no negative     none: has negative entries
                   eigenvalue to a shuffled one
    bootstrap      everything, but for sampling noise            positions drawn with replacement
    independence   diagonal and means; G_ij near mu_i mu_j       positions permuted in each channel
    sorted         sorted diagonal and off-diagonal entries      an optimised F
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stylespace.losses.distribution import entries_of
from stylespace.losses.objective import relative_square
from stylespace.styles.gram import gram
from stylespace.styles.statistics.matrices import diagonal, off_diagonal
from stylespace.synthesis.loop import synthesize
from stylespace.synthesis.parameters import Pixels

COLUMNS = 512
"""Most positions of an optimised certificate: as many as channels of the widest VGG layers."""
STEPS = 150
"""Most evaluations of `sorted`."""
GOAL = 1e-8
"""Objective of `sorted` at which it stops: Wasserstein distances of about 1e-4."""


@dataclass(frozen=True, eq=False)
class SampledGram:
    """A sampled Gram matrix, and whether features can have it.

    gram: (C, C) in float64. certificate: F (C, N') >= 0 with gram = F F^T / N', or None. reason:
    why there is no certificate, or why there was nothing to sample; else empty.
    """

    gram: Tensor
    certificate: Tensor | None = None
    reason: str = ""


def sampled_gram(name: str, features: Tensor, *, seed: int = 0) -> SampledGram:
    """Sample a Gram matrix from the features of one layer of one picture.

    A black layer or a single channel leaves nothing to sample: the matrix itself comes back, and
    `reason` says so.

    Memory: a few copies of the features in float64 (conv1_1 at 1024 px: .5 GB each) and of (C, C);
    `sorted` holds 30 times (C, 512) in float32 for its optimiser. Time on one core at 192 px: below
    1 s, but for `sorted`: .5 s at conv1_1 (C = 64), 5 s at conv4_1 (C = 512).

    Args:
        name: one of SAMPLERS.
        features: (C, h, w) or (1, C, h, w), finite, >= 0.
        seed: of everything random; the same seed gives the same matrix.

    Raises:
        ValueError: features of another shape, negative or not finite.
    """
    x = _positions(features)
    if nothing := _nothing_to_sample(x):
        return replace(_certified(x), reason=nothing)
    return SAMPLERS[name](x, torch.Generator().manual_seed(seed))


def _permutation(x: Tensor, generator: torch.Generator) -> SampledGram:
    """P G P^T: the same matrix, its channels under other names."""
    order = torch.randperm(len(x), generator=generator)
    return SampledGram(_gram(x)[order][:, order], x[order])


def _shuffle(x: Tensor, generator: torch.Generator) -> SampledGram:
    """Entries at random places, the diagonal apart; symmetric."""
    g = _gram(x)
    rows, columns = torch.triu_indices(len(g), len(g), 1)
    between = g[rows, columns]
    between = between[torch.randperm(len(between), generator=generator)]
    shuffled = g.diagonal()[torch.randperm(len(g), generator=generator)].diag()
    shuffled[rows, columns] = shuffled[columns, rows] = between
    reason = "none is known: each entry moved without regard to the others."
    return SampledGram(shuffled, reason=reason)


def _shuffle_psd(x: Tensor, generator: torch.Generator) -> SampledGram:
    """Shuffled, then the negative eigenvalues set to 0 (nearest in Frobenius norm).

    Source: Higham 1988, theorem 2.1.
    """
    values, vectors = torch.linalg.eigh(_shuffle(x, generator).gram)
    nearest = (vectors * values.clamp(min=0)) @ vectors.mT
    reason = (
        "none is known: the projection onto positive semi-definite matrices leaves entries free "
        "to be negative."
    )
    return SampledGram((nearest + nearest.mT) / 2, reason=reason)


def _bootstrap(x: Tensor, generator: torch.Generator) -> SampledGram:
    count = x.shape[1]
    return _certified(x[:, torch.randint(count, (count,), generator=generator)])


def _independence(x: Tensor, generator: torch.Generator) -> SampledGram:
    """Every channel keeps its values and forgets where it had them."""
    rows = [row[torch.randperm(len(row), generator=generator)] for row in x]
    return _certified(torch.stack(rows))


def _sorted(x: Tensor, generator: torch.Generator) -> SampledGram:
    """Features F >= 0 (C, N') whose sorted entries are the painting's; from random ones.

    The gradient passes through the sort: each entry is drawn to the value of its rank. Lengths are
    in units of the painting's root mean energy, so that the first step has a useful size. On two
    paintings at 192 px, vgg16-hed, the relative Wasserstein distances are at most 3e-4 at conv1_1
    to conv5_1, and the shares near zero within .001. Exact zeros are not all kept: 33 % of the
    off-diagonal entries for 43 % at conv2_1, the others being very small.
    """
    target = _gram(x)
    unit = float(diagonal(target).mean())
    goals = [(part(target) / unit).float()[None] for part in (diagonal, off_diagonal)]

    def objective(features: Tensor) -> dict[str, Tensor]:
        """Return the relative distance of the sorted entries, part by part."""
        parts = zip(("diagonal", "off_diagonal"), entries_of(gram(features)), goals, strict=True)
        return {
            name: relative_square(part.sort(stable=True).values, goal) for name, part, goal in parts
        }

    # The "picture" of the loop is F itself, (1, C, 1, N'), held at or above 0 by real bounds.
    result = synthesize(
        objective,
        _random_features(x, generator)[None, :, None] / math.sqrt(unit),
        steps=STEPS,
        parameters=Pixels(bounds=(0.0, math.inf)),
        watch=lambda step: step.best < GOAL,
    )
    return _certified(result.image[0, :, 0] * math.sqrt(unit))


def _random_features(x: Tensor, generator: torch.Generator) -> Tensor:
    """Return independent exponential values, as often 0 as in `x`: (C, N') in float32.

    The channels have the energies of those of `x`, in random order.
    """
    shape = len(x), min(x.shape[1], COLUMNS)
    fires = torch.rand(shape, generator=generator) < x.count_nonzero() / x.numel()
    values = torch.empty(shape).exponential_(generator=generator).double() * fires
    values[~fires.any(1), 0] = 1.0  # a channel that never fires could not be given an energy
    energies = _gram(x).diagonal()[torch.randperm(len(x), generator=generator)]
    scale = (energies / values.square().mean(1)).sqrt()
    return (values * scale[:, None]).float()


SAMPLERS: Mapping[str, Callable[[Tensor, torch.Generator], SampledGram]] = {
    "true": lambda x, generator: _certified(x),
    "permutation": _permutation,
    "bootstrap": _bootstrap,
    "independence": _independence,
    "sorted": _sorted,
    "shuffle": _shuffle,
    "shuffle-psd": _shuffle_psd,
}
"""By name: (features (C, N), generator) -> the sample.

All but "true" are the samplers of `stylespace.settings.texture`.
"""


def _certified(certificate: Tensor) -> SampledGram:
    return SampledGram(_gram(certificate), certificate)


def _gram(x: Tensor) -> Tensor:
    """(C, N) -> (C, C) in float64, G_ij and G_ji the same to the last bit."""
    product = gram(x.double()[None, :, None])[0]
    return (product + product.mT) / 2


def _positions(features: Tensor) -> Tensor:
    """(C, h, w) or (1, C, h, w) -> (C, N), on the CPU."""
    x = features[0] if features.ndim == 4 and len(features) == 1 else features
    if x.ndim != 3 or not x.numel():
        raise ValueError(f"features must be (C, h, w) or (1, C, h, w), got {tuple(features.shape)}")
    x = x.detach().cpu().flatten(1)
    if not (torch.isfinite(x).all() and (x >= 0).all()):
        raise ValueError("features must be finite and >= 0, as they are after a ReLU.")
    return x


def _nothing_to_sample(x: Tensor) -> str:
    if not x.any():
        return "the layer is black: zeros are the only matrix that it allows."
    return "a single channel has no other order of its entries." if len(x) == 1 else ""
