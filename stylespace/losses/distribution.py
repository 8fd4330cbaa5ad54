"""Terms that match how Gram entries are distributed, whichever channels they belong to (NN16a).

The diagonal (energies of channels) and the off-diagonal entries (i < j, each once) are matched
apart. A picture that matches them has a painting's sparsity and intensity, but not its style: the
entries may be those of other channels.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from stylespace.losses.objective import averaged_term, relative_square
from stylespace.losses.terms import Term
from stylespace.styles.gram import gram
from stylespace.styles.statistics.entries import NEAR_ZERO

LEVELS = 20
"""Parts that the quantiles of `intensity_term` divide the entries into."""
FLOOR = 1e-4
"""Added to entries before the square root, in units of their mean: it has no slope at 0."""
SHARPNESS = 0.25
"""Width of the soft count of near-zero entries, in natural logarithms of their size."""


def distribution_term(layer: str, target: Tensor, weight: float = 1.0) -> Term:
    """Match all sorted entries of a layer's Gram matrix to those of target (C, C).

    The sum over diagonal and off-diagonal of sum (sqrt g_k - sqrt a_k)^2 / sum a_k, g and a
    sorted, FLOOR times their mean added to all: half way between Wasserstein-1, which the many
    small entries rule, and squared differences, which the few large ones do. The gradient goes
    through a stable sort.

    Source: NN16a section 4 (Gram matrices with a painting's sparsity and intensity
    distribution). Departs: the picture is optimised, not the matrix, so that every entry of every
    layer is reached by one picture; the square roots.
    """
    return _term(f"distribution.{layer}", layer, target, _sorted_roots, weight, 1e-15)


def intensity_term(layer: str, target: Tensor, weight: float = 1.0) -> Term:
    """Match quantiles of the entries alone: a coarse `distribution_term`."""
    return _term(f"intensity.{layer}", layer, target, _quantile_roots, weight, 1e-15)


def sparsity_term(layer: str, target: Tensor, weight: float = 1.0) -> Term:
    """Match how sparse the entries are, whatever their size: Hoyer, Gini, near-zero fraction.

    An entry is near zero up to NEAR_ZERO times the mean diagonal, counted softly.
    """
    return _term(f"sparsity.{layer}", layer, target, _sparsity, weight, 0.1)


Description = Callable[[Tensor, Tensor], Tensor]
"""(entries (B, n), mean diagonal (B, 1)) -> numbers that describe them (B, m)."""


def _term(
    name: str, layer: str, target: Tensor, description: Description, weight: float, nothing: float
) -> Term:
    """Return the relative squared distance of descriptions, summed over the two parts.

    nothing: norm up to which a target is nothing to be relative to.
    """
    goals = [numbers.detach() for numbers in _described(target[None], description)]

    def distance(grams: Tensor) -> Tensor:
        """Return the distance of the described entries of (B, C, C), (B,)."""
        described = _described(grams, description)
        first, *others = (
            relative_square(numbers, goal, nothing=nothing)
            for numbers, goal in zip(described, goals, strict=True)
        )
        return sum(others, first)

    return averaged_term(name, layer, gram, distance, weight)


def _described(grams: Tensor, description: Description) -> list[Tensor]:
    """Describe the diagonal and the off-diagonal entries of (B, C, C), if there are any."""
    parts = entries_of(grams)
    scale = parts[0].mean(1, keepdim=True)
    return [description(part, scale) for part in parts if part.shape[1]]


def entries_of(grams: Tensor) -> tuple[Tensor, Tensor]:
    """Return the diagonal (B, C) and the entries i < j (B, C (C - 1) / 2) of (B, C, C)."""
    count = grams.shape[1]
    i, j = torch.triu_indices(count, count, 1, device=grams.device)
    return grams.diagonal(dim1=1, dim2=2), grams.flatten(1)[:, i * count + j]


def _ascending(entries: Tensor) -> Tensor:
    return entries.sort(dim=1, stable=True).values


def _roots(entries: Tensor) -> Tensor:
    """Return sqrt(entries + floor), whose slope is finite at zero."""
    mean = entries.detach().mean(1, keepdim=True)
    floor = FLOOR * mean.clamp(min=torch.finfo(entries.dtype).tiny / FLOOR)
    return (entries.clamp(min=0) + floor).sqrt()


def _sorted_roots(entries: Tensor, scale: Tensor) -> Tensor:
    return _roots(_ascending(entries))


def _quantile_roots(entries: Tensor, scale: Tensor) -> Tensor:
    """Return the roots of the quantiles, the smallest and the largest entry among them."""
    levels = torch.linspace(0, entries.shape[1] - 1, LEVELS + 1, device=entries.device)
    return _roots(_ascending(entries)[:, levels.round().long()])


def _sparsity(entries: Tensor, scale: Tensor) -> Tensor:
    """Return Hoyer, Gini and the soft fraction of near-zero entries, (B, 3)."""
    n, unit = entries.shape[1], _or_one(scale.detach())
    entries, scale = entries / unit, _or_one(scale / unit)  # of size 1: squares stay in range
    total, black = _or_one(entries.sum(1)), entries.sum(1) == 0
    norm = _or_one(entries.square().sum(1)).sqrt()
    hoyer = ((n**0.5 - total / norm) / max(n**0.5 - 1, 1)).masked_fill(black, 0)
    rank = torch.arange(1, n + 1, device=entries.device, dtype=entries.dtype)
    gini = ((2 * rank - n - 1) * _ascending(entries)).sum(1) / (n * total)
    level = NEAR_ZERO * scale
    size = (entries.clamp(min=0) + 1e-3 * level).log() - level.log()
    near = torch.sigmoid(-size / SHARPNESS).mean(1)
    return torch.stack([hoyer, gini, near], 1)


def _or_one(values: Tensor) -> Tensor:
    """Return values with 1 in place of 0, to divide by."""
    return torch.where(values == 0, torch.ones_like(values), values)
