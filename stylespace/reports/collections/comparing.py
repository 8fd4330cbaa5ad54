"""Statistics and neighbours of a collection, of which one style at a time is in memory."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stylespace.errors import UsageError
from stylespace.executors import completed, executor_for
from stylespace.reports.collections.cache import one_thread
from stylespace.styles.distances import distance_named, together
from stylespace.styles.statistics.layers import flattened, layer_statistics
from stylespace.styles.style import Style


@dataclass(frozen=True)
class Neighbour:
    """A picture near another by style. distance: over all layers together, of those in layers."""

    picture: Path
    distance: float
    layers: Mapping[str, float]


def collection_statistics(
    styles: Mapping[Path, Path],
    *,
    executor: str = "serial",
    workers: int | None = None,
    watch: Callable[[int, int], object] | None = None,
) -> dict[Path, dict[str, dict[str, float]]]:
    """Return the statistics of every style: {picture: {layer: {name: number}}}.

    Args:
        styles: {picture: style file}, of a `Collection`.
        executor: see `stylespace.executors`. workers: processes; None for one a core.
        watch: called with how many are done, of how many.

    Raises:
        StyleError: a style file that cannot be read.
    """
    pictures = list(styles)
    found: dict[int, dict[str, dict[str, float]]] = {}
    with executor_for(executor, workers) as pool:
        for number, rows in completed(pool, _numbers, [(file,) for file in styles.values()]):
            found[number] = rows
            if watch:
                watch(len(found), len(pictures))
    return {picture: found[number] for number, picture in enumerate(pictures)}


def _numbers(file: Path) -> dict[str, dict[str, float]]:
    """Return the statistics of a style file, in whatever process: {layer: {name: number}}."""
    with one_thread():
        return {
            name: flattened(layer_statistics(layer.gram, layer.mean))
            for name, layer in Style.load(file).layers.items()
        }


def neighbours(
    style: Style, styles: Mapping[Path, Path], *, kind: str = "gram", count: int = 10
) -> tuple[Neighbour, ...]:
    """Return the pictures of a collection whose styles are nearest to a style, nearest first.

    By the symmetric distances, so that a pale picture is not near to everything; equally near ones
    in the order of the collection. The picture itself is found too where it is in the collection.

    Args:
        style: whose layers are compared.
        styles: {picture: style file}, of a `Collection`.
        kind: one of DISTANCES; `bures` takes .2 s a picture and layer of 512 channels.
        count: how many, at least 1; fewer where there are fewer.

    Raises:
        StyleError: a style of another space, or a file that cannot be read.
        UsageError: an unknown kind, a layer that a file does not hold, or a count below 1.
    """
    if count < 1:
        raise UsageError(f"{count} neighbours: at least 1 is needed.")
    found = sorted(_compared(style, styles, kind), key=lambda one: one.distance)
    return tuple(found[:count])


def _compared(style: Style, styles: Mapping[Path, Path], kind: str) -> Iterator[Neighbour]:
    chosen = distance_named(kind)
    prepared = {name: chosen.prepared(layer) for name, layer in style.layers.items()}
    for picture, file in styles.items():
        other = Style.load(file)
        other.check_space(style.space)
        layers = other.pick(tuple(prepared)).layers
        distances = {
            name: chosen.between(one, chosen.prepared(layers[name]))
            for name, one in prepared.items()
        }
        yield Neighbour(picture, together(distances), distances)
