"""Objectives: named terms that add up. Each is a small function of one picture's features.

An `Objective` evaluates its network once per call, up to the deepest layer that a term needs,
and returns {name: (B,) tensor}: one value per picture of the batch. Matching terms are relative
to their target, ||X - T||^2 / ||T||^2, so that 1 means "as far as nothing is from the target",
whatever the layer, and an optimiser's first step has a useful size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.losses.terms import Features, Parts, Term, Terms
from stylespace.losses.tiled import tiled_values
from stylespace.networks.network import Network
from stylespace.networks.tiles import PICTURE, Tile
from stylespace.styles.statistics.values import power_of_two

EXPONENT = 126
"""Largest power of two, up or down, that float32 holds with all its digits."""
ORDINARY = 20
"""Powers of two, up and down, between which the fourth powers of values are as they should be."""
SQUARE = 70
"""The same of squared norms: squares of their parts and of differences from them are."""


@dataclass(frozen=True)
class Objective:
    """Terms on a network: picture (B, 3, H, W) in [0, 1] -> {name: weighted value (B,)}.

    network: or any function from a picture and names of layers to their features.

    Example:
        >>> import stylespace as ss, torch
        >>> energy = lambda image, features: features["conv1_1"].square().mean((1, 2, 3))
        >>> terms = ss.Terms((ss.Term("energy", energy, layers=("conv1_1",)),))
        >>> values = ss.Objective(ss.load_network(), terms)(torch.rand(2, 3, 32, 48))
        >>> values["energy"].shape
        torch.Size([2])
    """

    network: Network
    terms: Terms

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Evaluate every term on one pass of the network, or on two of each tile."""
        if isinstance(self.network, Network) and self.network.tiled(*image.shape[2:]):
            return tiled_values(self.network, self.terms.parts, image)
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
) -> Callable[..., Tensor]:
    """Return X -> `relative_square(X, target)`, with all that the target decides prepared.

    Of a part of X and the same part of T, as a second argument, it returns that part's share.
    """
    goal = target.flatten(1)
    norm = goal.square().sum(1)
    if bool(((norm > max(2.0**-SQUARE, nothing**2)) & (norm < 2.0**SQUARE)).all()):
        return lambda value, target=target: (value - target).square().flatten(1).sum(1) / norm
    size = torch.linalg.vector_norm(goal, torch.inf, 1)
    size = torch.where(size > nothing, size, torch.full_like(size, instead))
    unit = torch.exp2(-size.log2().round().clamp(-EXPONENT, EXPONENT))
    norm = (goal * unit[:, None]).square().sum(1)
    norm = torch.where(norm > (nothing * unit).square(), norm, (instead * unit).square())

    def relative(value: Tensor, goal: Tensor = target) -> Tensor:
        return ((value - goal).flatten(1) * unit[:, None]).square().sum(1) / norm

    return relative


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


def averaged_term(
    name: str,
    layer: str,
    statistic: Callable[[Tensor], Tensor],
    value: Callable[[Tensor], Tensor],
    weight: float = 1.0,
) -> Term:
    """Return the term that is a function of a mean over the positions of a layer.

    statistic: features (B, C, h, w) -> (B, ...), the mean. value: of the mean, (B,).
    """

    def measure(image: Tensor, features: Features) -> Tensor:
        return value(statistic(features[layer]))

    return Term(name, measure, (layer,), weight, averaged(statistic, layer, value))


def averaged(
    statistic: Callable[[Tensor], Tensor], layer: str, value: Callable[[Tensor], Tensor]
) -> Parts:
    """Return such a term's parts; see `averaged_term`."""
    return Parts(lambda tile: statistic(tile.own(layer)) * tile.share(layer), value)


def content_term(layer: str, target: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of a layer's activations to target (1 or B, C, h, w).

    Source: G15b eq. 1. Departs: relative to the target instead of 1/2.
    """
    relative = relative_to(target.detach())

    def measure(image: Tensor, features: Features) -> Tensor:
        return relative(features[layer])

    def part(tile: Tile) -> Tensor:
        return relative(tile.own(layer), tile.cut(layer, target))

    return Term(f"content.{layer}", measure, (layer,), weight, Parts(part, plain=True))


def total_variation_term(
    weight: float = 1.0, *, wrap: bool = False, places: Tensor | None = None
) -> Term:
    """Total variation: takes the grain off even surfaces and leaves edges.

    wrap: of a seamless picture, across its borders as well. places: (1 or B, H, W), what each pixel
    counts, see `evenness`; None for 1 everywhere.
    """
    measured = wrapped_total_variation if wrap else total_variation
    squares = _wrapped_squares if wrap else _squares

    def part(tile: Tile) -> Tensor:
        """Return a tile's share of the mean, (B,)."""
        own = tile.own_of(PICTURE, squares(tile.image))
        here = None if places is None else tile.cut(PICTURE, places)
        return _mean_length(own, here) * tile.share(PICTURE)

    def measure(image: Tensor, features: Features) -> Tensor:
        return measured(image, places)

    parts = Parts(part, plain=True, margin=1, borders=not wrap)
    return Term("total_variation", measure, (), weight, parts)


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
    return _mean_length(_wrapped_squares(image), places)


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


def _wrapped_squares(image: Tensor) -> Tensor:
    """Return the same, the borders joined."""
    down, right = ((image.roll(-1, axis) - image).square() for axis in (2, 3))
    return (down + right).sum(1)


def _mean_length(squares: Tensor, places: Tensor | None) -> Tensor:
    """Return the mean of sqrt(x + FLAT^2) - FLAT, (B, H, W) -> (B,), without cancellation near 0.

    places: (1 or B, H, W), what each pixel counts.
    """
    lengths = squares / ((squares + FLAT**2).sqrt() + FLAT)
    return (lengths if places is None else places * lengths).flatten(1).mean(1)
