"""Reports on a collection: more pictures than are shown one by one."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from stylespace.errors import UsageError
from stylespace.figures.formatting import number, share
from stylespace.figures.maps import map_figure
from stylespace.figures.scaling import classical_scaling
from stylespace.figures.spreads import distributions_figure
from stylespace.networks.network import Network
from stylespace.reports import alt_texts, picture_map
from stylespace.reports.collections import collection_statistics
from stylespace.reports.content.drawings import Drawings
from stylespace.reports.content.opening import findings_section
from stylespace.reports.content.parts import PagePart, group_of, metric_name, section_of, table_of
from stylespace.reports.findings import COMPARED, collection_sentences
from stylespace.reports.picture_map import (
    Thumbnail,
    nearest_places,
    picture_map_data,
    thumbnails_of,
)
from stylespace.reports.pictures import StepWatch, encodable, measured_collection
from stylespace.reports.records import Records, map_rows, rounded
from stylespace.reports.writing import FIGURES, Made
from stylespace.settings import ReportSettings
from stylespace.styles.distances import BURES_MOST, StreamedDistances, as_metric, streamed_distances

SHOWN = ("off_diagonal.near_zero", "effective_rank", "mean_cosine", "off_diagonal.gini")
"""Numbers whose distribution over the collection is drawn."""
MOST_THUMBNAILS = 300
"""Pictures on the figure of the map."""
NEIGHBOURS = 3
LISTED = 40
"""Pictures in the tables of the page; the files hold all."""


Numbers = Mapping[Path, Mapping[str, Mapping[str, float]]]
"""{picture: {layer: {name: number}}}."""


def overview(
    settings: ReportSettings, network: Network, pictures: Sequence[Path], watch: StepWatch | None
) -> Made:
    """Measure a collection and draw what it has in common: a report without the facts of its page.

    Styles are kept as files, and read one at a time or in blocks: no style stays in memory.

    Args:
        settings: of the report. network: that measures.
        pictures: files.
        watch: told of the progress.
    """
    kind = settings.distance
    drawings = Drawings(network.name, folder=None if settings.compact else FIGURES)
    if kind == "bures" and len(pictures) > BURES_MOST:
        raise UsageError(
            f"--distance bures compares at most {BURES_MOST} pictures, not {len(pictures)}: choose "
            "gram, cosine or wasserstein."
        )
    collection = measured_collection(pictures, settings, network, watch)
    numbers = collection_statistics(
        collection.styles,
        executor="processes",
        workers=settings.workers,
        watch=watch and (lambda done, total: watch("statistics", done, total)),
    )
    styles = list(collection.styles.values())
    distances = streamed_distances(styles, kind, tuple(settings.style_layers()))
    coordinates, explained = classical_scaling(as_metric(distances.matrices["together"], kind))
    names, skipped = _names(list(collection.styles)), collection.skipped
    tables = _tables(names, numbers, distances, coordinates)
    findings = collection_sentences(tables, len(names), kind)
    sections = [
        _map_section(
            settings, list(numbers), names, distances, coordinates, explained, drawings, watch
        ),
        section_of("neighbours", "Nearest neighbours", tables=[_neighbours(names, distances)]),
        section_of("numbers", "Numbers by layer", figures=_spreads(numbers, drawings)),
        findings_section(findings),
    ]
    counts = [["Pictures", f"{len(names):,}"], ["Left out", f"{len(skipped):,}"]]
    return Made(
        title=f"The styles of {len(names):,} pictures",
        plain=f"{len(names):,} pictures, laid out so that like styles are near each other.",
        opening=[],
        findings=findings,
        groups=[group_of("collection", "The collection", counts, sections)],
        tables=tables,
        figures={"pictures": len(names), "left_out": len(skipped)},
        facts=[],
        files=drawings.files,
        skipped=tuple((encodable(str(one.picture)), encodable(one.reason)) for one in skipped),
    )


def _names(pictures: Sequence[Path]) -> list[str]:
    """Return a name a picture: its path below the folder that all of them share."""
    whole = [os.path.abspath(picture) for picture in pictures]
    shared = os.path.commonpath([os.path.dirname(path) for path in whole])
    return [encodable(Path(path).relative_to(shared).as_posix()) for path in whole]


def _tables(
    names: Sequence[str], numbers: Numbers, distances: StreamedDistances, coordinates: np.ndarray
) -> Records:
    statistics = [
        {"picture": name, "layer": layer, **values}
        for name, layers in zip(names, numbers.values(), strict=True)
        for layer, values in layers.items()
    ]
    nearest = [
        {"picture": name, "rank": rank, "other": names[j], "distance": float(row[j])}
        for i, (name, row) in enumerate(zip(names, distances.matrices["together"], strict=True))
        for rank, j in enumerate(nearest_places(row, i, NEIGHBOURS), 1)
    ]
    places = map_rows("picture", names, coordinates)
    return rounded({"statistics": statistics, "neighbours": nearest, "map": places})


def _spreads(numbers: Numbers, drawings: Drawings) -> list[PagePart]:
    """Return how the numbers of SHOWN are distributed over the pictures."""
    shown = []
    for name in SHOWN:
        words = COMPARED[name][0]
        values = {
            layer: [layers[layer][name] for layers in numbers.values()]
            for layer in next(iter(numbers.values()))
        }
        shown.append(
            drawings.add(
                f"collection-{name.replace('.', '-')}",
                distributions_figure(values, words),
                alt=alt_texts.distributions_alt(values, words),
                caption=f"The {words}, layer by layer",
                wide=False,
            )
        )
    return shown


def _map_section(
    settings: ReportSettings,
    pictures: Sequence[Path],
    names: Sequence[str],
    distances: StreamedDistances,
    coordinates: np.ndarray,
    explained: float,
    drawings: Drawings,
    watch: StepWatch | None,
) -> PagePart:
    """Return the map of the pictures, to zoom into and as a figure: of very many, every n-th."""
    kind = settings.distance
    shown = range(0, len(pictures), -(-len(pictures) // picture_map.MOST))
    thumbnails = thumbnails_of(
        [pictures[k] for k in shown],
        larger=not settings.compact,
        workers=settings.workers,
        watch=watch and (lambda done, total: watch("thumbnails", done, total)),
    )
    part = "" if len(shown) == len(pictures) else f", {len(shown):,} of {len(pictures):,} pictures"
    data = picture_map_data(
        names,
        coordinates,
        distances.matrices["together"],
        shown,
        thumbnails,
        caption=f"Classical scaling of the {metric_name(kind)}, showing {share(explained)} of the "
        f"distances' variance{part}: the nearer two pictures, the more alike are their styles.",
        table="collection--neighbours",
    )
    figure = _map_figure(pictures, shown, thumbnails, kind, coordinates, explained, drawings)
    return section_of(
        "map", "Map of styles", text=[exactness(distances)], figures=[figure], picture_map=data
    )


def _map_figure(
    pictures: Sequence[Path],
    shown: Sequence[int],
    thumbnails: Sequence[Thumbnail],
    kind: str,
    coordinates: np.ndarray,
    explained: float,
    drawings: Drawings,
) -> PagePart:
    """Return the map as a figure: what is printed, and all there is without JavaScript."""
    step = -(-len(shown) // MOST_THUMBNAILS)
    chosen, places = shown[::step], coordinates[list(shown[::step])]
    names = [encodable(pictures[k].stem) for k in chosen]
    small = [one.image for one in thumbnails[::step]]
    return drawings.add(
        "collection-map",
        map_figure(places, small, names, explained),
        alt=alt_texts.map_alt(places, names, explained),
        caption=f"Map of the styles: classical scaling of the {metric_name(kind)}, "
        f"{len(names)} of {len(pictures)} pictures shown",
    )


def exactness(distances: StreamedDistances) -> str:
    """Return in a sentence how exact the distances are."""
    error = max(distances.errors.values(), default=0.0)
    if error == 0:
        return "The distances are exact up to rounding: matrices are read in blocks."
    return f"The distances come from sketches of the sorted entries, off by at most {error:.2g}."


def _neighbours(names: Sequence[str], distances: StreamedDistances) -> PagePart:
    together = distances.matrices["together"]
    near = [nearest_places(row, i, NEIGHBOURS) for i, row in enumerate(together[:LISTED])]
    rows = [
        (name, *(f"{names[j]} ({number(together[i, j])})" for j in near[i]))
        for i, name in enumerate(names[:LISTED])
    ]
    columns = ("picture", *("nearest", "second", "third")[: len(rows[0]) - 1])
    more = len(names) - len(rows)
    notes = [f"{more} more pictures are in tables/neighbours.csv."] if more else []
    return table_of("Nearest by style, with the distance", columns, rows, notes)
