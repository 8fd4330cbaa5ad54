"""Textures: pictures with a painting's Gram matrices (G15a)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from stylespace.distances import geometric_mean, gram_distances
from stylespace.networks import Network
from stylespace.objectives import Objective, Terms, gram_term, mean_term, total_variation_term
from stylespace.outcomes import (
    Outcome,
    as_written,
    fitted,
    judge_for,
    network_for,
    noise_picture,
    outcome_of,
    run_ladder,
    settings_with,
    total_loss,
)
from stylespace.settings import Sourced, TextureSettings
from stylespace.sources import StyleSource, blender, open_styles
from stylespace.style import Style
from stylespace.synthesis import Watch


def texture(
    sources: str | Sequence[str] | None = None,
    *,
    settings: TextureSettings | None = None,
    network: Network | None = None,
    watch: Watch | None = None,
    **changes: Any,
) -> Outcome:
    """Make a texture with the Gram matrices of one or several paintings.

    Args:
        sources: pictures, sample:NAME or style files, one or several, with weights as PATH=0.3.
        settings: or its fields as keywords: texture("sample:gogh-auvers", size=256).
        network: loaded already, or None to load the one that the settings name.
        watch: see `synthesize`.

    Returns:
        The outcome; figures: the relative Gram distance of every layer (`gram.conv1_1`, ...) of
        the written picture, their geometric mean `style_distance`, and `loss`, the written
        picture's objective.

    Raises:
        PictureError, StyleError: a source that cannot be read or lives in another space.
        MemoryLimitError: it would not fit.

    Source: G15a. Departs: relative terms, coarse to fine, start from the mean colour with noise.
    """
    settings = settings_with(TextureSettings, settings, {"sources": sources, **changes})
    network = network or network_for(settings)
    opened = open_styles(settings.sources)
    layers = tuple(settings.style_layers())
    largest = settings.source_side(settings.size)
    style_at = blender(opened, layers, largest=largest)
    shape = fitted(*_aspect(opened[0]))

    def objective_at(height: int, width: int) -> Objective:
        style = style_at(network, settings.source_side(max(height, width)))
        terms = style_terms(style, settings, mean_weight=settings.mean_weight)
        return Objective(network, terms + smoothness_terms(settings))

    def start(height: int, width: int) -> Tensor:
        return noise_picture(height, width, colour=_colour(opened), seed=settings.seed)

    synthesis = run_ladder(network, settings, objective_at, start, layers, shape, watch=watch)
    image = as_written(synthesis, network)
    judge = judge_for(network, settings)
    target = style_at(judge, largest)
    figures = style_figures(Style.capture(judge, image, layers), target)
    figures["loss"] = total_loss(objective_at(*shape(settings.size)), image)
    return outcome_of(settings, image, figures, synthesis, network)


def style_terms(style: Style, settings: Sourced, *, mean_weight: float = 0.0) -> Terms:
    """Return the weighted Gram terms of a style, their weights adding up to 1."""
    layers = settings.style_layers()
    total = sum(layers.values())
    terms = Terms()
    for name, weight in layers.items():
        terms += gram_term(name, style.layers[name].gram, weight / total)
        if mean_weight:
            terms += mean_term(name, style.layers[name].mean, mean_weight * weight / total)
    return terms


def smoothness_terms(settings: Sourced) -> Terms:
    """Return the total variation term, or nothing where it weighs nothing."""
    return Terms((total_variation_term(settings.tv_weight),) if settings.tv_weight else ())


def style_figures(style: Style, target: Style) -> dict[str, float]:
    """Return the relative Gram distance of each layer, and their geometric mean."""
    distances = gram_distances(style, target)
    named = {f"gram.{name}": value for name, value in distances.items()}
    return {**named, "style_distance": geometric_mean(distances)}


def _aspect(source: StyleSource) -> tuple[int, int]:
    """Return (H, W) of the first source; of a style file, of the picture it was made from."""
    if source.image is not None:
        return tuple(source.image.shape[2:])
    pictures = source.style.provenance.get("pictures") or [{"height": 1, "width": 1}]
    return pictures[0]["height"], pictures[0]["width"]


def _colour(sources: tuple[StyleSource, ...]) -> Tensor | None:
    """Return the mean colour (3,) of the first picture among the sources, or None."""
    pictures = [source.image for source in sources if source.image is not None]
    return pictures[0].mean((0, 2, 3)) if pictures else None
