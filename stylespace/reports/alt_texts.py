"""What figures show, in words made from their data, for those who hear a page instead of seeing it.

`NAME_alt` describes what `NAME_figure` draws, from those of its arguments that words are made of.
It tells the kind of figure, where the largest and the smallest values are, and a
comparison.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from stylespace.figures.drawing import Values, array
from stylespace.figures.formatting import as_sentences, number, share, span, zero_share, zeros
from stylespace.figures.measures import MEASURES, MOST_LINES
from stylespace.figures.pairs import peak
from stylespace.figures.traces import Evaluation, bands
from stylespace.figures.trees import leaves, linkage
from stylespace.styles.statistics.fitting import FITS, Fits
from stylespace.styles.statistics.layers import LayerStatistics
from stylespace.styles.statistics.matrices import diagonal, off_diagonal
from stylespace.styles.statistics.pairs import ChannelPair, cosine_values, cosines

MOST = 5
"""Pictures of which each has a sentence of its own; of more, the first and the last in order."""


def heat_map_alt(layer: str, gram: Values) -> str:
    """Return what the heat map of a Gram matrix (C, C) shows, in whatever order of channels."""
    matrix = array(gram)
    count = len(matrix)
    size = "1 channel" if count == 1 else f"{count} by {count} channels"
    title = f"Heat map of the Gram matrix of {layer}, {size}, logarithmic colours"
    return as_sentences(title, *_extremes(matrix), _medians(matrix).capitalize())


def heat_maps_alt(pictures: Mapping[str, Values], layer: str) -> str:
    """Return what heat maps of several pictures show, of Gram matrices (C, C)."""
    pairs = {name: off_diagonal(torch.as_tensor(gram)).numpy() for name, gram in pictures.items()}
    peaks = {name: values.max(initial=0.0) for name, values in pairs.items()}
    empty = {name: zero_share(values) for name, values in pairs.items()}
    title = (
        f"Heat maps of the Gram matrices of {layer}, one each of {_listed(pictures)}, on one scale"
    )
    return as_sentences(
        title,
        f"Largest off-diagonal entry: {span(peaks)}",
        f"Share of pairs that are exactly 0: {span(empty, share)}",
    )


def intensity_alt(
    layers: Mapping[str, Values], fits: Mapping[str, tuple[Fits, Fits]] | None = None
) -> str:
    """Return what curves of sorted entries show, and which distributions fit to within FITS."""
    parts = [
        f"{layer}: {_medians(array(gram))}; {_fitted((fits or {}).get(layer))}".rstrip("; ")
        for layer, gram in layers.items()
    ]
    title = "Curves of the sorted Gram entries, the diagonal above, the pairs below, layer by layer"
    largest = span({name: array(gram).max() for name, gram in layers.items()})
    return as_sentences(title, f"Largest entry: {largest}", *parts)


def target_alt(layers: Mapping[str, tuple[Values, Values]]) -> str:
    """Return how the sorted entries of a result compare with those of its target."""
    title = "Curves of the sorted Gram entries of target and result, layer by layer"
    parts = []
    for layer, (target, result) in layers.items():
        goal, got = array(target), array(result)
        parts.append(
            f"{layer}: mean of the diagonal {number(np.diagonal(goal).mean())} in the target and "
            f"{number(np.diagonal(got).mean())} in the result, largest entry {number(goal.max())} "
            f"and {number(got.max())}"
        )
    return as_sentences(title, *parts)


def cosines_alt(layers: Mapping[str, Values]) -> str:
    """Return what the distributions of the cosines of two channels that fire show."""
    middles, parts = {}, []
    for layer, gram in layers.items():
        values = cosine_values(torch.as_tensor(gram)).numpy()
        if not len(values):
            parts.append(f"{layer}: fewer than two channels fire")
            continue
        middles[layer] = float(np.median(values))
        top = f", the largest is {number(values[-1])} at channels " if values[-1] else ""
        place = _place_of(cosines(torch.as_tensor(gram)).numpy(), values[-1]) if top else ""
        parts.append(f"{layer}: {zeros(zero_share(values))}{top}{place}")
    title = "Histograms of the cosines of two channels that fire, layer by layer"
    return as_sentences(title, f"Median cosine: {span(middles)}" if middles else "", *parts)


def sparsity_alt(pictures: Mapping[str, Mapping[str, LayerStatistics]]) -> str:
    """Return what the measures of sparsity show: where each is largest and smallest."""
    kind = "Dots by layer" if len(pictures) <= MOST_LINES else "Tables by layer"
    title = f"{kind} for {_listed(pictures)}: measures of sparsity, diagonal apart"
    parts = []
    for part, told in (("diagonal", "Diagonal"), ("off_diagonal", "Off-diagonal")):
        for measure, name in MEASURES.items():
            values = {
                _whose(picture, layer, pictures): getattr(getattr(one, part), measure)
                for picture, layers in pictures.items()
                for layer, one in layers.items()
            }
            parts.append(f"{told} entries, {name}: {span(values)}")
    return as_sentences(title, *parts)


def spectra_alt(pictures: Mapping[str, Mapping[str, Values]]) -> str:
    """Return what eigenvalues (C,), descending, show: the effective ranks and largest shares."""
    ranks, largest = {}, {}
    for picture, layers in pictures.items():
        for layer, eigenvalues in layers.items():
            values, name = array(eigenvalues), _whose(picture, layer, pictures)
            total, squares = float(values.sum()), float(np.square(values).sum())
            ranks[name] = total**2 / squares if squares else 0.0
            largest[name] = float(values[0]) / total if total else 0.0
    each = "" if len(pictures) <= MOST_LINES else ", over the median picture's"
    title = (
        f"Curves of the eigenvalues over their ranks for {_listed(pictures)}{each}, both axes "
        "logarithmic"
    )
    return as_sentences(
        title,
        f"Effective rank: {span(ranks)}",
        f"Share of the trace of the largest eigenvalue: {span(largest, share)}",
    )


def pairs_alt(layer: str, pairs: Sequence[ChannelPair], products: Values | None = None) -> str:
    """Return which pairs are the strongest, and in how much of the picture each is near its peak.

    products: (n, h, w), F_i F_j at every position, one map a pair.
    """
    if not pairs:
        return as_sentences(f"No two channels of {layer} fire together")
    maps = [None] * len(pairs) if products is None else list(array(products))
    parts = [
        f"{pair.i},{pair.j}: {number(pair.value)}, cosine {number(pair.cosine, 2)}{_lit(one)}"
        for pair, one in zip(pairs, maps, strict=True)
    ]
    first, last = pairs[0], pairs[-1]
    ratio = f"The first is {number(first.value / last.value, 2)} times the last"
    times = f"{len(pairs)} times" if len(pairs) > 1 else "once"
    title = (
        f"The picture {times}, faded but where two channels of {layer} fire together, inside a line"
    )
    return as_sentences(title, *parts, ratio if len(pairs) > 1 and last.value else "")


def distances_alt(names: Sequence[str], matrix: Values, title: str) -> str:
    """Return which of the pictures are nearest and farthest, and how the dendrogram orders them."""
    values = array(matrix)
    told = f"Matrix of distances beside its dendrogram: {title}, {len(names)} subjects"
    rows, columns = np.triu_indices(len(values), 1)
    if not len(rows):
        return as_sentences(told, "A single subject has no distances")
    upper = values[rows, columns]
    if len(upper) == 1:
        return as_sentences(told, f"{names[0]} and {names[1]} are {number(upper[0])} apart")
    ends = [
        f"{word}: {names[rows[k]]} and {names[columns[k]]}, {number(upper[k])}"
        for word, k in (("Nearest", upper.argmin()), ("Farthest", upper.argmax()))
    ]
    means = dict(zip(names, values.sum(1) / (len(names) - 1), strict=True))
    order = [names[place] for place in leaves(linkage(values), len(names))]
    return as_sentences(
        told,
        *ends,
        f"Mean distance to the others: {span(means)}",
        f"In the dendrogram's order: {', '.join(order)}" if len(names) <= 12 else "",
    )


def map_alt(coordinates: Values, names: Sequence[str], explained: float) -> str:
    """Return who is where on a map: its ends, and how much of the distances it shows."""
    points = array(coordinates)
    told = (
        f"Map of {len(names)} styles by classical scaling, showing {share(explained)} of the "
        "distances' variance"
    )
    ends = [
        f"Farthest {low}: {names[column.argmin()]}; farthest {high}: {names[column.argmax()]}"
        for low, high, column in zip(("left", "down"), ("right", "up"), points.T, strict=True)
        if np.ptp(column) > 0
    ]
    middle = names[int(np.hypot(*points.T).argmin())]
    spread = np.ptp(points, axis=0)
    ratio = (
        f"It is {number(spread[0] / spread[1], 2)} times as wide as high" if spread.all() else ""
    )
    return as_sentences(told, *ends, f"Nearest to the middle: {middle}", ratio)


def trace_alt(trace: Sequence[Evaluation]) -> str:
    """Return how a loss fell: its ends, its smallest value, and the sizes.

    trace: not every evaluation need be in it, but the last is; None is a loss that is not finite.
    """
    losses = np.array([loss for _, _, loss in trace], float)
    finite = np.flatnonzero(np.isfinite(losses))
    told = f"Curve of the loss over {trace[-1][0]:,} evaluations, logarithmic"
    sizes = ", ".join(f"{size} px from evaluation {start}" for size, start, _ in bands(trace))
    if not len(finite):
        return as_sentences(told, "No loss is finite", f"Sizes: {sizes}")
    least = finite[losses[finite].argmin()]
    return as_sentences(
        told,
        f"It goes from {number(losses[finite[0]])} to {number(losses[finite[-1]])}; its smallest "
        f"value is {number(losses[least])}, at evaluation {trace[least][0]}",
        "" if finite[-1] == len(losses) - 1 else "The last loss is not finite",
        f"Sizes: {sizes}",
    )


def distributions_alt(layers: Mapping[str, Values], quantity: str) -> str:
    """Return how a number is distributed over a collection, layer by layer."""
    found = {layer: array(values) for layer, values in layers.items()}
    found = {layer: values[np.isfinite(values)] for layer, values in found.items()}
    found = {layer: values for layer, values in found.items() if len(values)}
    most = max(map(len, found.values()), default=0)
    parts = [
        f"{layer}: median {number(float(np.median(values)))}, from {number(values.min())} to "
        f"{number(values.max())}"
        for layer, values in found.items()
    ]
    return as_sentences(f"Distributions over {most:,} styles, layer by layer: {quantity}", *parts)


def _listed(pictures: Mapping[str, object]) -> str:
    """Return the names of few pictures, the number of many."""
    return ", ".join(pictures) if len(pictures) <= MOST else f"{len(pictures)} subjects"


def _place_of(matrix: np.ndarray, value: float) -> str:
    """Return the first pair i,j above the diagonal that has a value."""
    row, column = np.argwhere(np.triu(matrix == value, 1))[0]
    return f"{row},{column}"


def _extremes(matrix: np.ndarray) -> Iterator[str]:
    """Yield the largest and smallest entries off the diagonal and on it, with their channels."""
    values, energies = off_diagonal(torch.as_tensor(matrix)).numpy(), np.diagonal(matrix)
    if len(values):
        place = f" at channels {_place_of(matrix, values.max())}" if values.max() else ""
        yield f"The largest off-diagonal entry is {number(values.max())}{place}"
        above = values[values > 0]
        if len(above):
            least = f"{number(above.min())} at {_place_of(matrix, above.min())}"
            yield f"The smallest above 0 is {least}; {zeros(zero_share(values))}"
    channels = {f"channel {place}": float(value) for place, value in enumerate(energies)}
    yield f"On the diagonal: {span(channels)}; {zeros(zero_share(energies))}"


def _medians(matrix: np.ndarray) -> str:
    """Return how the medians of the diagonal and of the other entries compare."""
    gram = torch.as_tensor(matrix)
    energies, others = (
        np.median(part(gram)) if len(part(gram)) else 0.0 for part in (diagonal, off_diagonal)
    )
    told = f"the median is {number(energies)} on the diagonal"
    if len(matrix) == 1:
        return told
    ratio = f", {number(energies / others, 2)} times as much" if others else ""
    return f"{told} and {number(others)} off it{ratio}"


def _whose(picture: str, layer: str, pictures: Mapping[str, object]) -> str:
    return layer if len(pictures) == 1 else f"{picture} at {layer}"


def _fitted(fits: tuple[Fits, Fits] | None) -> str:
    """Return which distribution fits the diagonal best, to within FITS, and the other entries."""
    if fits is None:
        return ""
    diagonal, pairs = (one.answer for one in fits)
    return f"best fit to within {share(FITS)}: {diagonal} on the diagonal, {pairs} off it"


def _lit(product: np.ndarray | None) -> str:
    """Return how much of a map (h, w) reaches half its peak."""
    if product is None or not product.max() > 0:
        return ""
    part = float((product >= peak(product) / 2).mean())
    return f", at half its peak or more in {share(part)} of the picture"
