"""Reports on a collection: more pictures than are shown one by one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stylespace import figures
from stylespace.errors import UsageError
from stylespace.figures.formatting import number
from stylespace.images import read_image, resize
from stylespace.networks.network import Network
from stylespace.reports import alt_texts
from stylespace.reports.collections import Collection, Seen, captured, collection_statistics
from stylespace.reports.content import Draughts
from stylespace.reports.content.parts import metric_name, section_of, table_of
from stylespace.reports.findings import COMPARED, collection_sentences
from stylespace.reports.pictures import Watch, printable
from stylespace.reports.records import Records, rounded
from stylespace.settings import ReportSettings
from stylespace.styles.distances import BURES_MOST, StreamedDistances, as_metric, streamed_distances

SHOWN = ("off_diagonal.near_zero", "effective_rank", "mean_cosine", "off_diagonal.gini")
"""Numbers whose distribution over the collection is drawn."""
MOST_THUMBNAILS = 300
THUMBNAIL = 64
NEIGHBOURS = 3
LISTED = 40
"""Pictures in the tables of the page; the files hold all."""


@dataclass(frozen=True, eq=False)
class Overview:
    """A collection, measured and drawn."""

    count: int
    lead: list[str]
    group: dict[str, Any]
    tables: Records
    skipped: tuple[tuple[str, str], ...]


def overview(
    settings: ReportSettings,
    network: Network,
    pictures: Sequence[Path],
    draughts: Draughts,
    watch: Watch | None,
) -> Overview:
    """Measure a collection and draw what it has in common.

    Styles are kept as files, and read one at a time or in blocks: no style stays in memory.

    Args:
        settings: of the report. network: that measures.
        pictures: files.
        draughts: that draw.
        watch: told of the progress.
    """
    if settings.distance == "bures" and len(pictures) > BURES_MOST:
        raise UsageError(
            f"--distance bures compares at most {BURES_MOST} pictures, not {len(pictures)}: choose "
            "gram, cosine or wasserstein."
        )
    found = captured(
        pictures,
        settings,
        network,
        size=settings.size,
        workers=settings.workers,
        watch=watch and (lambda seen: watch("measuring", *_counted(seen))),
    )
    layers = tuple(settings.style_layers())
    numbers = collection_statistics(
        found.styles,
        executor="processes",
        workers=settings.workers,
        watch=watch and (lambda done, total: watch("statistics", done, total)),
    )
    distances = streamed_distances(list(found.styles.values()), settings.distance, layers)
    names = _names(list(found.styles))
    scaled = figures.classical_scaling(as_metric(distances.matrices["together"], settings.distance))
    tables = _tables(names, numbers, distances, scaled[0])
    return Overview(
        len(names),
        collection_sentences(tables, len(names), settings.distance),
        _group(settings, found, names, numbers, distances, scaled, draughts),
        tables,
        tuple((printable(str(one.picture)), printable(one.reason)) for one in found.skipped),
    )


def _counted(seen: Seen) -> tuple[int, int]:
    return seen.number, seen.total


def _names(pictures: Sequence[Path]) -> dict[Path, str]:
    """Return a name a picture: its path below the folder that all of them share."""
    whole = {picture: os.path.abspath(picture) for picture in pictures}
    shared = os.path.commonpath([os.path.dirname(path) for path in whole.values()])
    return {
        picture: printable(Path(path).relative_to(shared).as_posix())
        for picture, path in whole.items()
    }


def _tables(
    names: Mapping[Path, str],
    numbers: Mapping[Path, Mapping[str, Mapping[str, float]]],
    distances: StreamedDistances,
    coordinates: np.ndarray,
) -> Records:
    statistics = [
        {"picture": names[picture], "layer": layer, **values}
        for picture, layers in numbers.items()
        for layer, values in layers.items()
    ]
    listed = list(names.values())
    together = distances.matrices["together"]
    nearest = [
        {"picture": listed[i], "rank": rank, "other": listed[j], "distance": float(together[i, j])}
        for i in range(len(listed))
        for rank, j in enumerate(_nearest(together[i], i), 1)
    ]
    places = [
        {"picture": name, "x": float(x), "y": float(y)}
        for name, (x, y) in zip(listed, coordinates, strict=True)
    ]
    tables = {"statistics": statistics, "neighbours": nearest, "map": places}
    return {name: [rounded(row) for row in rows] for name, rows in tables.items() if rows}


def _nearest(row: np.ndarray, own: int) -> list[int]:
    order = [int(place) for place in np.argsort(row, kind="stable") if place != own]
    return order[:NEIGHBOURS]


def _group(
    settings: ReportSettings,
    found: Collection,
    names: Mapping[Path, str],
    numbers: Mapping[Path, Mapping[str, Mapping[str, float]]],
    distances: StreamedDistances,
    scaled: tuple[np.ndarray, float],
    draughts: Draughts,
) -> dict[str, Any]:
    sections = [
        section_of("numbers", "Numbers by layer", figures=_spreads(numbers, draughts)),
        section_of("map", "Map of styles", **_map(settings, found, distances, scaled, draughts)),
        section_of("neighbours", "Nearest neighbours", tables=[_neighbours(names, distances)]),
    ]
    facts = [["Pictures", f"{len(names):,}"], ["Left out", f"{len(found.skipped):,}"]]
    return {
        "id": "collection",
        "title": "The collection",
        "picture": None,
        "facts": facts,
        "sections": sections,
    }


def _spreads(
    numbers: Mapping[Path, Mapping[str, Mapping[str, float]]], draughts: Draughts
) -> list[dict[str, Any]]:
    """Return how the numbers of SHOWN are distributed over the pictures."""
    layers = list(next(iter(numbers.values())))
    shown = []
    for name in SHOWN:
        values = {layer: [one[layer][name] for one in numbers.values()] for layer in layers}
        shown.append(
            draughts.of(
                f"collection-{name.replace('.', '-')}",
                figures.distributions(values, COMPARED[name][0]),
                alt=alt_texts.distributions(values, COMPARED[name][0]),
                caption=f"The {COMPARED[name][0]}, layer by layer",
                wide=False,
            )
        )
    return shown


def _map(
    settings: ReportSettings,
    found: Collection,
    distances: StreamedDistances,
    scaled: tuple[np.ndarray, float],
    draughts: Draughts,
) -> dict[str, Any]:
    """Return the map of the pictures: of very many, every n-th is shown."""
    pictures = list(found.styles)
    coordinates, explained = scaled
    chosen = range(0, len(pictures), -(-len(pictures) // MOST_THUMBNAILS))
    names = [printable(pictures[k].stem) for k in chosen]
    thumbnails = [resize(read_image(pictures[k]), THUMBNAIL) for k in chosen]
    figure = draughts.of(
        "collection-map",
        figures.style_map(coordinates[list(chosen)], thumbnails, names, explained=explained),
        alt=alt_texts.style_map(coordinates[list(chosen)], names, explained),
        caption=f"Map of the styles: classical scaling of the {metric_name(settings.distance)}, "
        f"{len(names)} of {len(pictures)} pictures shown",
    )
    return {"text": [exactness(distances)], "figures": [figure]}


def exactness(distances: StreamedDistances) -> str:
    """Return in a sentence how exact the distances are."""
    error = max(distances.errors.values(), default=0.0)
    if error == 0:
        return "The distances are exact up to rounding: matrices are read in blocks."
    return f"The distances come from sketches of the sorted entries, off by at most {error:.2g}."


def _neighbours(names: Mapping[Path, str], distances: StreamedDistances) -> dict[str, Any]:
    listed, together = list(names.values()), distances.matrices["together"]
    rows = [
        (name, *(f"{listed[j]} ({number(together[i, j])})" for j in _nearest(together[i], i)))
        for i, name in enumerate(listed[:LISTED])
    ]
    columns = ("picture", *("nearest", "second", "third")[: len(rows[0]) - 1])
    more = len(listed) - len(rows)
    notes = [f"{more} more pictures are in tables/neighbours.csv."] if more else []
    return table_of("Nearest by style, with the distance", columns, rows, notes)
