"""How a picture that stylespace wrote was made: its recipe, its trace, its target."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stylespace.commands.recipes import check_inputs_of
from stylespace.errors import StylespaceError
from stylespace.losses.representations import represented_style
from stylespace.networks.network import Network
from stylespace.reports.pictures import Subject
from stylespace.settings import Settings, Sourced, TransferSettings, recipe_of, settings_from
from stylespace.styles.sources import blender, open_picture, open_styles
from stylespace.styles.style import Style


@dataclass(frozen=True, eq=False)
class MakingOf:
    """What a picture says of its making.

    recipe: rows of setting and value. trace: (evaluation, longer side in pixels, loss). target:
    the style that was aimed at, result: that of the picture at its own size; None where the recipe
    has no style, or its inputs are gone. remarks: sentences.
    """

    key: str
    recipe: Sequence[tuple[str, str]]
    trace: Sequence[tuple[int, int, float]] = ()
    target: Style | None = None
    result: Style | None = None
    remarks: list[str] = field(default_factory=list)


def making_of(subject: Subject, network: Network) -> MakingOf | None:
    """Return how a subject was made, or None of a picture that says nothing of it.

    network: that measures, where the recipe asks for the same style space.
    """
    if subject.made is None:
        return None
    try:
        settings = settings_from(subject.made["recipe"])
    except (StylespaceError, TypeError) as error:
        return MakingOf(subject.key, [], remarks=[f"Its recipe is not understood: {error}"])
    trace, remarks = _trace(subject.made), []
    target = result = None
    if isinstance(settings, Sourced):
        try:
            target, result = _styles(settings, subject, network)
            remarks += _aims(settings)
        except StylespaceError as error:
            remarks.append(f"Its target is not shown: {error}")
    rows = [(name, _shown(value)) for name, value in recipe_of(settings).items()]
    return MakingOf(subject.key, rows, trace, target, result, remarks)


def _trace(made: Mapping[str, Any]) -> list[tuple[int, int, float]]:
    """Return the trace of a record, whatever else it may hold left out."""
    rows = made.get("trace")
    if not isinstance(rows, list):
        return []
    plain = [row for row in rows if isinstance(row, list) and len(row) == 3]
    return [tuple(row) for row in plain if all(map(_is_number, row))]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _styles(settings: Sourced, subject: Subject, network: Network) -> tuple[Style, Style]:
    """Return the style that was aimed at, and the picture's own at its own size.

    Raises:
        StylespaceError: another style space, or inputs that are gone or have changed.
    """
    check_inputs_of(settings, subject.made.get("inputs"))
    _check_space(settings, network, subject.made.get("weights"))
    layers, result = tuple(settings.style_layers()), open_picture(subject.source)
    if isinstance(settings, TransferSettings):
        content, styles = open_picture(settings.content), open_styles(settings.styles)
        style = represented_style(settings, network, content, styles)
        target = style.target(network, *result.shape[2:])
    else:
        side = settings.source_side(settings.size)
        target = blender(open_styles(settings.sources), layers, largest=side)(network, side)
    return target, Style.capture(network, result, layers)


def _check_space(settings: Settings, network: Network, weights: Any) -> None:
    """Refuse another style space than the picture was made in.

    weights: the SHA-256 that the picture names, or whatever stands in its place.
    """
    asked = (settings.network, settings.pooling, settings.padding)
    here = (network.name, network.pooling, network.padding)
    known = weights if isinstance(weights, str) and weights else None
    same = settings.weights is None if known is None else known == network.sha256
    if asked != here or not same:
        own = [f"weights {known[:12]}..."] if known else []
        raise StylespaceError(
            f"it was made with {', '.join([*asked, *own])}, and this report measures with "
            f"{', '.join([*here, f'weights {network.sha256[:12]}...'])}: give the report the same "
            "options."
        )


def _aims(settings: Sourced) -> list[str]:
    """Return what else than the Gram matrices of its styles a picture was made to match."""
    if isinstance(settings, TransferSettings):
        guided = ["the Gram matrices of regions"] if settings.guided() else []
        kind = settings.representation
        aims = guided or ([] if kind == "gram" else [f"the {kind} representation"])
    else:
        sampled = ["Gram matrices drawn by a sampler"] if settings.sampler else []
        kind = settings.match
        aims = sampled or ([] if kind == "gram" else [f"the {kind} of the sorted entries"])
    return [
        f"It was made to match {aim}; target and result show the Gram matrices of its whole "
        "styles all the same."
        for aim in aims
    ]


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
