"""Objectives: named terms that add up. Each is a small function of one picture's features.

An `Objective` evaluates its network once per call, up to the deepest layer that a term needs,
and returns {name: (B,) tensor}: one value per picture of the batch. Matching terms are relative
to their target, ||X - T||^2 / ||T||^2, so that 1 means "as far as nothing is from the target",
whatever the layer, and an optimiser's first step has a useful size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from stylespace.gram import gram, mean
from stylespace.networks import Network

Features = Mapping[str, Tensor]


@dataclass(frozen=True)
class Term:
    """One named measurement of a picture.

    measure: (image (B, 3, H, W), features {layer: (B, C, h, w)}) -> (B,).
    layers: whose activations it reads; "pre:conv3_1" for those before the ReLU.
    """

    name: str
    measure: Callable[[Tensor, Features], Tensor]
    layers: tuple[str, ...] = ()
    weight: float = 1.0

    def __mul__(self, factor: float) -> Term:
        return replace(self, weight=self.weight * factor)

    __rmul__ = __mul__

    def __add__(self, other: Term | Terms) -> Terms:
        return Terms((self,)) + other


@dataclass(frozen=True)
class Terms:
    """A sum of terms; adds and scales like a number. Names must differ."""

    parts: tuple[Term, ...] = field(default=())

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"terms named twice: {', '.join(sorted(twice))}")

    def __add__(self, other: Term | Terms) -> Terms:
        return Terms(self.parts + (other.parts if isinstance(other, Terms) else (other,)))

    def __mul__(self, factor: float) -> Terms:
        return Terms(tuple(part * factor for part in self.parts))

    __rmul__ = __mul__


@dataclass(frozen=True)
class Objective:
    """Terms on a network: picture (B, 3, H, W) in [0, 1] -> {name: weighted value (B,)}."""

    network: Network
    terms: Terms

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Evaluate every term on one pass of the network."""
        layers = {layer for term in self.terms.parts for layer in term.layers}
        features = self.network(image, sorted(layers)) if layers else {}
        return {term.name: term.weight * term.measure(image, features) for term in self.terms.parts}


def relative_square(value: Tensor, target: Tensor) -> Tensor:
    """||X - T||^2 / ||T||^2 per picture: (B, ...), (B or 1, ...) -> (B,).

    A target of zero norm is answered with the plain square: there is nothing to be relative to.
    """
    difference = (value - target).square().flatten(1).sum(1)
    norm = target.square().flatten(1).sum(1)
    return difference / torch.where(norm > 0, norm, torch.ones_like(norm))


def gram_term(layer: str, target: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of a layer's Gram matrix to target (C, C) or (B, C, C).

    Source: G15a eq. 3. Departs: relative to the target instead of 1 / (4 N^2 C^2).
    """
    goal = target if target.ndim == 3 else target[None]
    return Term(
        f"gram.{layer}",
        lambda image, features: relative_square(gram(features[layer]), goal),
        (layer,),
        weight,
    )


def mean_term(layer: str, target: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of a layer's channel means to target (C,)."""
    return Term(
        f"mean.{layer}",
        lambda image, features: relative_square(mean(features[layer]), target[None]),
        (layer,),
        weight,
    )


def content_term(layer: str, target: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of a layer's activations to target (1 or B, C, h, w).

    Source: G15b eq. 1. Departs: relative to the target instead of 1/2.
    """
    return Term(
        f"content.{layer}",
        lambda image, features: relative_square(features[layer], target),
        (layer,),
        weight,
    )


def total_variation_term(weight: float = 1.0) -> Term:
    """Total variation: takes the grain off even surfaces and leaves edges."""
    return Term("total_variation", lambda image, features: total_variation(image), (), weight)


FLAT = 0.02
"""Length of a colour gradient up to which total variation is quadratic, not linear."""


def total_variation(image: Tensor) -> Tensor:
    """Mean length of the colour gradient over pixels: (B, 3, H, W) -> (B,).

    sqrt(dx^2 + dy^2 + FLAT^2) - FLAT over all channels together, so that its gradient is finite on
    a flat picture. A side of one pixel has no gradient along it.

    Source: Rudin, Osher & Fatemi 1992. Departs: rounded near 0 (Charbonnier).
    """
    right = torch.nn.functional.pad(image[..., 1:] - image[..., :-1], (0, 1))
    down = torch.nn.functional.pad(image[..., 1:, :] - image[..., :-1, :], (0, 0, 0, 1))
    squares = (right.square() + down.square()).sum(1)
    lengths = squares / ((squares + FLAT**2).sqrt() + FLAT)  # without the cancellation near 0
    return lengths.flatten(1).mean(1)


def range_term(weight: float = 1.0) -> Term:
    """Mean squared excess of the pixels over [0, 1]: a soft bound for unbounded pixels."""
    return Term("range", lambda image, features: excess(image), (), weight)


def excess(image: Tensor) -> Tensor:
    """Mean over pixels of the squared distance to [0, 1]: (B, ...) -> (B,)."""
    return (image - image.detach().clamp(0, 1)).square().flatten(1).mean(1)


def entry_term(layer: str, entries: Tensor, selectivity: float = 0.0) -> Term:
    """Minus the logarithm of a Gram entry, for pictures that maximise it; one entry a picture.

    -log G_ij + selectivity * log ||G||_F: 0 is energy inside the pixel box, 1 is pure selectivity.
    The logarithm makes steps independent of the entry's size.

    Where the two channels do not fire together yet (G_ij below ALIVE of the layer's mean energy)
    the gradient of G_ij is zero or useless. There the smooth minimum of the two pre-activations
    is raised, where it is largest, until both fire at one place; the value is put above that of
    any live picture. (A product of softplus pre-activations lets one channel rise alone: it left
    conv2_1 12,40 and 0,114 of the embedded network unreached, which this reaches.)

    Args:
        layer: name. entries: (B, 2) or (1, 2), whole numbers. selectivity: in [0, 1].

    Source: NN16a section 3 (maximising an entry). Departs: the logarithm; the way out of dead
    starts.
    """
    pre = f"pre:{layer}"
    return Term(
        f"entry.{layer}",
        lambda image, features: _entry_loss(features[pre], entries, selectivity),
        (pre,),
    )


ALIVE = 1e-3
"""Share of the layer's mean energy from which on an entry's own gradient is followed."""
DEAD_LEVEL = 100.0
"""Loss of a dead entry, above -log of any live one: float32's smallest normal is e^-87."""
SOFTNESS = 0.1
"""Width of the smooth minimum, in standard deviations of the layer's pre-activations."""


def _entry_loss(pre: Tensor, entries: Tensor, selectivity: float) -> Tensor:
    features = pre.relu()
    value = entry_value(features, entries)
    alive = value > ALIVE * features.square().mean((1, 2, 3))
    score = value.clamp(min=torch.finfo(value.dtype).tiny).log()
    if selectivity:
        squares = gram(features).square().sum((1, 2)).clamp(min=torch.finfo(value.dtype).tiny)
        score = score - selectivity * 0.5 * squares.log()
    return torch.where(alive, -score, DEAD_LEVEL - _approach(pre, entries))


def _approach(pre: Tensor, entries: Tensor) -> Tensor:
    """How near two channels are to firing together: log mean softplus(soft minimum), (B,)."""
    scale = pre.detach().std((1, 2, 3)).clamp(min=1e-6)[:, None]
    a, b = (one.flatten(1) / scale for one in entry_channels(pre, entries))
    lower = -torch.logaddexp(-a / SOFTNESS, -b / SOFTNESS)
    return _log_softplus(lower).logsumexp(1) - math.log(lower.shape[1])


def _log_softplus(x: Tensor) -> Tensor:
    """Return log softplus(x), which is x itself far below zero, where float32 has lost e^x."""
    near = torch.nn.functional.softplus(x.clamp(min=-20)).log()
    return torch.where(x > -20, near, x)


def entry_channels(features: Tensor, entries: Tensor) -> tuple[Tensor, Tensor]:
    """Return channels i and j of each picture: (B, C, h, w), (B or 1, 2) -> two (B, h, w)."""
    rows = torch.arange(len(features), device=features.device)
    i, j = entries.to(features.device).expand(len(features), 2).unbind(1)
    return features[rows, i], features[rows, j]


def entry_value(features: Tensor, entries: Tensor) -> Tensor:
    """G_ij of each picture without its whole Gram matrix: (B, C, h, w), (B or 1, 2) -> (B,)."""
    a, b = entry_channels(features, entries)
    return (a * b).mean((1, 2))
