"""The sections that compare several subjects, and that on how a picture was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stylespace import figures
from stylespace.figures.formatting import number
from stylespace.images import resize
from stylespace.reports import alt_texts
from stylespace.reports.content.drawings import Draughts
from stylespace.reports.content.parts import metric_name, section_of, table_of
from stylespace.reports.making_of import MakingOf
from stylespace.reports.measuring import Measured
from stylespace.reports.records import Distances
from stylespace.styles.distances import as_metric, gram_distances

THUMBNAIL = 160


def side_by_side(found: Sequence[Measured], draughts: Draughts) -> list[dict[str, Any]]:
    """Return the Gram matrices of all subjects, a figure a layer."""
    shown = []
    for layer in found[0].orders:
        grams = {one.subject.name: one.subject.style.grams[layer] for one in found}
        shown.append(
            draughts.of(
                f"together-gram-{layer}",
                figures.small_multiples(grams, layer, found[0].orders[layer]),
                alt=alt_texts.small_multiples(grams, layer),
                caption=f"Gram matrices of {layer} on one scale, channels in the order of "
                f"{found[0].subject.name}",
            )
        )
    return shown


def distance_figures(
    found: Sequence[Measured],
    distances: Distances,
    kind: str,
    coordinates: np.ndarray,
    explained: float,
    draughts: Draughts,
) -> dict[str, Any]:
    """Return the distances as a matrix, a map and a table."""
    names = [one.subject.name for one in found]
    matrix = as_metric(distances[kind]["together"], kind)
    title = f"{metric_name(kind)}, all layers together"
    shown = [
        draughts.of(
            "together-distances",
            figures.distances(names, matrix, title),
            alt=alt_texts.distances(names, matrix, title),
            caption=f"Distances ({title}) beside their dendrogram",
        )
    ]
    images = [one.subject.image for one in found]
    if len(found) > 2:
        thumbnails = [None if image is None else resize(image, THUMBNAIL) for image in images]
        shown.append(
            draughts.of(
                "together-map",
                figures.style_map(coordinates, thumbnails, names, explained=explained),
                alt=alt_texts.style_map(coordinates, names, explained),
                caption=f"Map of the styles: classical scaling of the {title}",
            )
        )
    rows = [
        (a, b, *(number(every["together"][i, j]) for every in distances.values()))
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if i < j
    ]
    columns = ("subject", "other", *(f"{name.capitalize()} distance" for name in distances))
    table = table_of("Distances, all layers together", columns, rows)
    return {"figures": shown, "tables": [table]}


def making(made: MakingOf | None, draughts: Draughts) -> list[dict[str, Any]]:
    """Return how a picture of stylespace's own was made, as a section."""
    if made is None:
        return []
    shown = []
    if made.trace:
        shown.append(
            draughts.of(
                f"{made.key}-trace",
                figures.loss_trace(made.trace),
                alt=alt_texts.loss_trace(made.trace),
                caption="Loss of every evaluation that the picture carries",
            )
        )
    rows = made.recipe
    tables = [table_of("Recipe", ("setting", "value"), rows)] if rows else []
    if made.target is not None:
        target, result = made.target, made.result
        grams = {name: (target.grams[name], result.grams[name]) for name in target.layers}
        shown.append(
            draughts.of(
                f"{made.key}-target",
                figures.target_against_result(grams),
                alt=alt_texts.target_against_result(grams),
                caption="Sorted entries of the target and of the picture",
            )
        )
        rows = [(layer, number(d)) for layer, d in gram_distances(result, target).items()]
        tables.append(table_of("Relative Gram distance to the target", ("layer", "distance"), rows))
    return [section_of("made", "How it was made", text=made.remarks, figures=shown, tables=tables)]
