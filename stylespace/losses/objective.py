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

from stylespace.networks.network import Network
from stylespace.styles.statistics.values import power_of_two

Features = Mapping[str, Tensor]
EXPONENT = 126
"""Largest power of two, up or down, that float32 holds with all its digits."""
ORDINARY = 20
"""Powers of two, up and down, between which the fourth powers of values are as they should be."""
SQUARE = 70
"""The same of squared norms: squares of their parts and of differences from them are."""


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


def relative_square(
    value: Tensor, target: Tensor, *, nothing: float = 0.0, instead: float = 1.0
) -> Tensor:
    """||X - T||^2 / ||T||^2 per picture: (B, ...), (B or 1, ...) -> (B,).

    A target of norm up to `nothing` is nothing to be relative to: the square is divided by that of
    `instead`.

    Targets of extreme size, such as 1e-24 or 1e24, whose squares float32 does not hold, are scaled
    by a power of two first, and differences with them: not a digit changes.
    """
    return relative_to(target, nothing=nothing, instead=instead)(value)


def relative_to(
    target: Tensor, *, nothing: float = 0.0, instead: float = 1.0
) -> Callable[[Tensor], Tensor]:
    """Return X -> `relative_square(X, target)`, with all that the target decides prepared."""
    goal = target.flatten(1)
    norm = goal.square().sum(1)
    if bool(((norm > max(2.0**-SQUARE, nothing**2)) & (norm < 2.0**SQUARE)).all()):
        return lambda value: (value - target).square().flatten(1).sum(1) / norm
    size = torch.linalg.vector_norm(goal, torch.inf, 1)
    size = torch.where(size > nothing, size, torch.full_like(size, instead))
    unit = torch.exp2(-size.log2().round().clamp(-EXPONENT, EXPONENT))
    norm = (goal * unit[:, None]).square().sum(1)
    norm = torch.where(norm > (nothing * unit).square(), norm, (instead * unit).square())
    return lambda value: ((value - target).flatten(1) * unit[:, None]).square().sum(1) / norm


def extreme_unit(values: Tensor) -> float:
    """Return the power of two that values of extreme size are to be divided by; 1 for all others.

    Of values divided by it, sums of fourth powers stay in the range of float32.
    """
    unit = power_of_two(values)
    return (
        1.0 if abs(math.log2(unit)) <= ORDINARY else min(max(unit, 2.0**-EXPONENT), 2.0**EXPONENT)
    )


def matching_term(
    name: str,
    statistic: Callable[..., Tensor],
    target: Tensor,
    layers: tuple[str, ...],
    weight: float = 1.0,
    *,
    nothing: float = 0.0,
    instead: float = 1.0,
) -> Term:
    """Return the relative distance of a statistic of some layers' features to a target.

    statistic: features (B, C, h, w) of each layer -> (B, ...). target: (B or 1, ...). nothing,
    instead: see `relative_square`.
    """
    relative = relative_to(target.detach(), nothing=nothing, instead=instead)

    def measure(image: Tensor, features: Features) -> Tensor:
        return relative(statistic(*(features[layer] for layer in layers)))

    return Term(name, measure, layers, weight)


def content_term(layer: str, target: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of a layer's activations to target (1 or B, C, h, w).

    Source: G15b eq. 1. Departs: relative to the target instead of 1/2.
    """
    return matching_term(f"content.{layer}", lambda x: x, target, (layer,), weight)


def total_variation_term(
    weight: float = 1.0, *, wrap: bool = False, places: Tensor | None = None
) -> Term:
    """Total variation: takes the grain off even surfaces and leaves edges.

    wrap: of a seamless picture, across its borders as well. places: (1 or B, H, W), what each pixel
    counts, see `evenness`; None for 1 everywhere.
    """
    measured = wrapped_total_variation if wrap else total_variation
    return Term("total_variation", lambda image, features: measured(image, places), (), weight)


FLAT = 0.02
"""Length of a colour gradient up to which total variation is quadratic, not linear."""
EDGE = 0.03
"""Mean length of the colour gradients around a pixel at which it is half even, half not."""
AROUND = 9
"""Side in pixels of what lies around a pixel."""


def total_variation(image: Tensor, places: Tensor | None = None) -> Tensor:
    """Mean length of the colour gradient over pixels: (B, 3, H, W) -> (B,).

    sqrt(dx^2 + dy^2 + FLAT^2) - FLAT over all channels together, so that its gradient is finite on
    a flat picture. A side of one pixel has no gradient along it. places: (1 or B, H, W), what each
    pixel counts.

    Source: Rudin, Osher & Fatemi 1992. Departs: rounded near 0 (Charbonnier).
    """
    return _mean_length(_squares(image), places)


def wrapped_total_variation(image: Tensor, places: Tensor | None = None) -> Tensor:
    """Mean length of the colour gradient, the borders joined: (B, 3, H, W) -> (B,)."""
    down, right = ((image.roll(-1, axis) - image).square() for axis in (2, 3))
    return _mean_length((down + right).sum(1), places)


def evenness(image: Tensor) -> Tensor:
    """Return how even a picture is around each pixel: (B, 3, H, W) -> (B, H, W) in (0, 1].

    1 / (1 + (g / EDGE)^2), g being the mean length of the colour gradient in the AROUND pixels
    around. A transfer is smoothed where its content is even: skies and walls without grain, and
    strokes as strong as the style's where the content has a texture of its own.

    Source: Perona & Malik 1990, section IV (the second of their conductivities).
    """
    lengths = _squares(image).sqrt()[:, None]
    margins = (AROUND // 2,) * 4
    around = torch.nn.functional.avg_pool2d(
        torch.nn.functional.pad(lengths, margins, mode="replicate"), AROUND, 1
    )
    return 1 / (1 + (around[:, 0] / EDGE).square())


def _squares(image: Tensor) -> Tensor:
    """Return the squared length of the colour gradient at each pixel: (B, 3, H, W) -> (B, H, W)."""
    right = torch.nn.functional.pad(image[..., 1:] - image[..., :-1], (0, 1))
    down = torch.nn.functional.pad(image[..., 1:, :] - image[..., :-1, :], (0, 0, 0, 1))
    return (right.square() + down.square()).sum(1)


def _mean_length(squares: Tensor, places: Tensor | None) -> Tensor:
    """Return the mean of sqrt(x + FLAT^2) - FLAT, (B, H, W) -> (B,), without cancellation near 0.

    places: (1 or B, H, W), what each pixel counts.
    """
    lengths = squares / ((squares + FLAT**2).sqrt() + FLAT)
    return (lengths if places is None else places * lengths).flatten(1).mean(1)
