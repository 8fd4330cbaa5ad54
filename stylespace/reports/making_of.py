"""How a picture that stylespace wrote was made: its recipe, its trace, its target."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from stylespace.assets import split_weight
from stylespace.commands.recipes import check_inputs_of
from stylespace.commands.texture.textures import TextureProblem
from stylespace.errors import StylespaceError
from stylespace.images import resize
from stylespace.losses.representations import represented_style
from stylespace.networks.network import Network
from stylespace.networks.space import Space
from stylespace.reports.pictures import Picture
from stylespace.settings import Settings, TextureSettings, recipe_of, recorded_settings
from stylespace.styles.sources import blender, is_style_file, open_picture, open_styles
from stylespace.styles.style import Style


@dataclass(frozen=True, eq=False)
class MakingOf:
    """What a picture says of its making.

    recipe: rows of setting and value. trace: (evaluation, longer side in pixels, loss). styles:
    that which was aimed at, and the picture's at its own size; None where the recipe has no style,
    or its inputs are gone. pictures: {"content", "style" and "result", as there are: (1, 3, H, W)
    at the report's size}. remarks: sentences.
    """

    key: str
    recipe: Sequence[tuple[str, str]]
    trace: Sequence[tuple[int, int, float]] = ()
    styles: tuple[Style, Style] | None = None
    remarks: list[str] = field(default_factory=list)
    pictures: Mapping[str, Tensor] = field(default_factory=dict)


def making_of(picture: Picture, network: Network) -> MakingOf | None:
    """Return how a picture was made, or None of one that says nothing of it.

    network: that measures, where the recipe asks for the same style space.
    """
    made = picture.made
    if made is None:
        return None
    try:
        settings = recorded_settings(made)
    except (StylespaceError, TypeError) as error:
        return MakingOf(picture.key, [], remarks=[f"Its recipe is not understood: {error}"])
    styles, remarks = None, []
    if settings.style_sources():
        try:
            styles = _styles(settings, picture.source, made, network)
            remarks = [
                f"It was made to match {aim}; target and result show the Gram matrices of its "
                "whole styles all the same."
                for aim in settings.other_aims()
            ]
        except StylespaceError as error:
            remarks = [f"Its target is not shown: {error}"]
    rows = [(name, _shown(value)) for name, value in recipe_of(settings).items()]
    return MakingOf(picture.key, rows, _trace(made), styles, remarks, _pictures(settings, picture))


def _pictures(settings: Any, picture: Picture) -> dict[str, Tensor]:
    """Return the content, the first style that is a picture, and the result, if there are two."""
    if picture.image is None:
        return {}
    side = max(picture.image.shape[2:])
    styles = [one for one in settings.style_sources() if not is_style_file(split_weight(one)[0])]
    sources = {"content": settings.content_source(), "style": styles[0] if styles else None}
    found = {}
    for label, source in sources.items():
        with suppress(StylespaceError):  # a picture that is gone is not compared
            if source:
                found[label] = resize(open_picture(split_weight(source)[0]), side)
    return {**found, "result": picture.image} if found else {}


def _trace(made: Mapping[str, Any]) -> list[tuple[int, int, float]]:
    """Return the trace of a record, whatever else it may hold left out."""
    rows = made.get("trace")
    if not isinstance(rows, list):
        return []
    plain = [row for row in rows if isinstance(row, list) and len(row) == 3]
    return [tuple(row) for row in plain if all(map(_is_number, row))]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _styles(
    settings: Any, picture: str, made: Mapping[str, Any], network: Network
) -> tuple[Style, Style]:
    """Return the style that was aimed at, and the picture's own at its own size.

    settings: of a command that makes a picture out of styles.

    Raises:
        StylespaceError: another style space, or inputs that are gone or have changed.
    """
    check_inputs_of(settings, made.get("inputs"))
    _check_space(settings, network, made.get("weights"))
    layers, result = tuple(settings.style_layers()), open_picture(picture)
    if isinstance(
        settings, TextureSettings
    ):  # which sees its sources and the result in its own way
        problem = TextureProblem(settings, network)
        target = problem.style_at(network, problem.largest)
        return target, replace(problem.measured(network, [result])[0], space=target.space)
    sources, content = open_styles(settings.style_sources()), settings.content_source()
    if content:
        style = represented_style(settings, network, open_picture(content), sources)
        target = style.target(network, *result.shape[2:])
    else:
        side = settings.source_side(settings.size)
        target = blender(sources, layers, largest=side)(network, side)
    return target, Style.capture(network, result, layers)


def _check_space(settings: Settings, network: Network, weights: Any) -> None:
    """Refuse another style space than the picture was made in.

    weights: the SHA-256 that the picture names, or whatever stands in its place.
    """
    known = weights if isinstance(weights, str) and weights else settings.weights
    there = Space(
        settings.network, settings.pooling, settings.space_padding, known or network.sha256
    )
    if difference := network.space.difference(there):
        raise StylespaceError(
            f"it was made in another style space ({difference}): add "
            f"{network.space.options_for(there)} to the report."
        )


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
