"""Matching a style: its terms in an objective, and the figures of how far a result got."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from torch import Tensor

from stylespace.losses.distribution import distribution_term, intensity_term, sparsity_term
from stylespace.losses.objective import total_variation_term
from stylespace.losses.representations.gram import gram_term
from stylespace.losses.representations.mean import mean_term
from stylespace.losses.terms import Term, Terms
from stylespace.settings import Sourced, TextureSettings
from stylespace.styles.distances import geometric_mean, gram_distances, relative_distance
from stylespace.styles.statistics.entries import entry_statistics
from stylespace.styles.statistics.matrices import diagonal, off_diagonal
from stylespace.styles.statistics.values import wasserstein
from stylespace.styles.style import Style

MATCHES: dict[str, Callable[[str, Tensor, float], Term]] = {
    "gram": gram_term,
    "distribution": distribution_term,
    "sparsity": sparsity_term,
    "intensity": intensity_term,
}
"""What can be matched by name: (layer, Gram matrix (C, C), weight) -> term."""


def style_terms(
    grams: Mapping[str, Tensor],
    settings: TextureSettings,
    *,
    match: str = "gram",
    means: Style | None = None,
) -> Terms:
    """Return the weighted terms of a style, their weights adding up to 1.

    grams: {layer: (C, C)}. match: one of MATCHES. means: match the channel means of this style too.
    """
    weights = settings.style_layers()
    total = sum(weights.values())
    terms = Terms()
    for name, weight in weights.items():
        terms += MATCHES[match](name, grams[name], weight / total)
        if means is not None:
            share = settings.mean_weight * weight / total
            terms += mean_term(name, means.layers[name].mean, share)
    return terms


def match_figures(style: Style, target: Style) -> dict[str, float]:
    """Return the figures of a result beside its target's, for every layer of the target.

    `gram`: relative Gram distance; whether it is large, other paintings tell (`novelty_figures`).
    Of the off-diagonal entries, and with `_diagonal` of the others: `w1`, Wasserstein-1 by the
    target's mean; `hoyer`, `gini` and `near_zero`, and `_target` the painting's own.
    """
    figures: dict[str, float] = {}
    for name, gram in target.grams.items():
        numbers = layer_numbers(style.grams[name], gram)
        figures |= {f"{key}.{name}": value for key, value in numbers.items()}
    distances = {name: figures[f"gram.{name}"] for name in target.layers}
    return {**figures, "style_distance": geometric_mean(distances)}


def layer_numbers(gram: Tensor, target: Tensor) -> dict[str, float]:
    """Return the numbers of `match_figures` for one layer, (C, C) both."""
    numbers = {"gram": relative_distance(gram, target)}
    for part, suffix in ((off_diagonal, ""), (diagonal, "_diagonal")):
        numbers[f"w1{suffix}"] = wasserstein(part(gram), part(target))
        result, wanted = entry_statistics(gram, part), entry_statistics(target, part)
        for name in ("hoyer", "gini", "near_zero"):
            numbers[f"{name}{suffix}"] = getattr(result, name)
            numbers[f"{name}{suffix}_target"] = getattr(wanted, name)
    return numbers


def seed_distance(styles: Sequence[Style], target: Style) -> float:
    """Return the mean of ||G - G'||^2 / ||target||^2 over pairs of styles and layers."""
    distances = [
        float((a.grams[name] - b.grams[name]).double().square().sum()) / norm
        for name, gram in target.grams.items()
        for norm in [float(gram.double().square().sum()) or 1.0]
        for a, b in combinations(styles, 2)
    ]
    return sum(distances) / len(distances)


def smoothness_terms(
    settings: Sourced, *, wrap: bool = False, places: Tensor | None = None
) -> Terms:
    """Return the total variation term, or nothing where it weighs nothing.

    wrap, places: see `total_variation_term`.
    """
    weight = settings.smoothness()
    return Terms((total_variation_term(weight, wrap=wrap, places=places),) if weight else ())


def style_figures(style: Style, target: Style) -> dict[str, float]:
    """Return the relative Gram distance of each layer, and their geometric mean."""
    distances = gram_distances(style, target)
    named = {f"gram.{name}": value for name, value in distances.items()}
    return {**named, "style_distance": geometric_mean(distances)}
