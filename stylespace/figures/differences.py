"""What tells two groups apart, drawn: signed maps of differences, places, pictures in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from stylespace.figures import drawing
from stylespace.figures.drawing import DPI, FAINT, INK, MAIN, OTHER, SMALL
from stylespace.figures.formatting import legible
from stylespace.figures.heat_maps import BAR, GAP, SIDE, STRIP
from stylespace.figures.pairs import spotlit
from stylespace.images import resize

if TYPE_CHECKING:
    from matplotlib.colors import LinearSegmentedColormap

EVEN = 0.999
"""Quantile of the sizes of effects from which on colours are full."""
SPREAD = 6.4
"""Inches across a figure of pictures."""
THUMBNAIL = 1.5
"""Inches of the longest side of a thumbnail."""
LONGEST = 17
"""Characters of a name below a thumbnail."""
RING = 90
"""Area in square points of the ring around an entry."""


def two_colours() -> LinearSegmentedColormap:
    """Return the colours of signed differences: white at 0, MAIN above, OTHER below."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = ["#6d1426", OTHER, "#f6d5da", "#ffffff", "#d3e4f1", MAIN, "#0b3253"]
    return LinearSegmentedColormap.from_list("differences", stops)


@drawing.styled
def difference_map_figure(
    layer: str,
    effects: drawing.Values,
    order: Sequence[int],
    names: tuple[str, str],
    *,
    limit: float,
    marked: Sequence[tuple[int, int]] = (),
    threshold: float | None = None,
) -> drawing.Figure:
    """Return the signed map of a layer's effects below the strip of its diagonal.

    Args:
        layer: its name.
        effects: (C, C), symmetric; above 0 where the first group has more.
        order: the C channels in the order of rows, columns and strip.
        names: of the first and the second group.
        limit: |effect| of the fullest colours, above 0.
        marked: entries that are ringed and numbered from 1.
        threshold: marked on the bar of colours.
    """
    matrix = drawing.array(effects)[np.ix_(order, order)]
    left, bottom, count = 0.75, 0.55, len(matrix)
    figure = drawing.blank(left + SIDE + 1.5, bottom + STRIP + GAP + SIDE + 0.72)
    axes = drawing.place(figure, left, bottom, SIDE, SIDE, xticks=[], yticks=[])
    strip = drawing.place(figure, left, bottom + SIDE + GAP, SIDE, STRIP, xticks=[], yticks=[])
    options: dict[str, Any] = {
        "cmap": two_colours(),
        "vmin": -limit,
        "vmax": limit,
        "interpolation": "nearest",
    }
    strip.imshow(matrix.diagonal()[None], aspect="auto", **options)
    shown = axes.imshow(np.where(np.eye(count, dtype=bool), 0.0, matrix), **options)
    for frame in (axes, strip):
        frame.spines[:].set(visible=True, color=FAINT, linewidth=0.5)
    places = {channel: place for place, channel in enumerate(order)}
    for number, (i, j) in enumerate(marked, 1):
        _ring(axes, strip, places[i], places[j], str(number), count)
    axes.set_ylabel("channel i")
    axes.set_xlabel(f"channel j, {count} in order of similarity", labelpad=5)
    strip.set_ylabel("diagonal", rotation=0, ha="right", va="center", labelpad=4)
    box = drawing.place(figure, left + SIDE + 0.25, bottom, BAR, STRIP + GAP + SIDE)
    bar = figure.colorbar(shown, cax=box, extend="both", extendfrac=0.02)
    bar.outline.set(edgecolor=FAINT, linewidth=0.5)
    more = (f"more in {legible(name, 24)}" for name in reversed(names))
    bar.set_label("   ←   ".join(more).replace("←", "|"), color=INK)
    if threshold is not None and threshold < limit:
        bar.ax.hlines([-threshold, threshold], 0, 1, color=INK, linewidth=0.9)
    note = "Effect: difference of the groups' means in deviations; white: none"
    drawing.headline(figure, f"What differs in {legible(layer)}", note, left=left)
    return figure


def _ring(axes: drawing.Axes, strip: drawing.Axes, i: int, j: int, number: str, count: int) -> None:
    """Ring an entry on both sides of the diagonal, or a channel's place on the strip."""
    if i == j:
        strip.plot([i], [0.5], marker="^", color=INK, markersize=4, clip_on=False)
        strip.annotate(number, (i, -0.55), fontsize=SMALL, ha="center", va="bottom")
        return
    axes.scatter([i, j], [j, i], s=RING, facecolors="none", edgecolors=INK, linewidths=0.9)
    low, high = min(i, j), max(i, j)
    side = -1 if high > 0.95 * count else 1
    text: dict[str, Any] = {
        "xytext": (7 * side, 5),
        "textcoords": "offset points",
        "fontsize": SMALL,
    }
    axes.annotate(number, (high, low), ha="left" if side > 0 else "right", **text)


@drawing.styled
def places_figure(
    title: str, groups: Mapping[str, Sequence[tuple[str, Tensor, np.ndarray]]]
) -> drawing.Figure:
    """Return pictures of two groups, bright where two channels fire together, on one scale.

    Args:
        title: names the entry.
        groups: {name of the group: (label, picture (1, 3, H, W), product (h, w)) each}; products
            are brought to one scale by the caller and share their peak.
    """
    every = [one for group in groups.values() for one in group]
    peak = max((float(np.quantile(product, 0.99)) for *_, product in every), default=0.0)
    columns = max(len(group) for group in groups.values())
    width = (SPREAD - 0.12 * (columns + 1)) / columns
    rows = [max(_height(picture, width) for _, picture, _ in group) for group in groups.values()]
    figure = drawing.blank(SPREAD, 0.62 + sum(rows) + 0.5 * len(rows))
    top = figure.get_size_inches()[1] - 0.62
    for (name, group), height in zip(groups.items(), rows, strict=True):
        across, down = figure.get_size_inches()
        figure.text(0.12 / across, (top - 0.03) / down, legible(name, 40), va="top", weight="bold")
        for place, (label, picture, product) in enumerate(group):
            left = 0.12 + place * (width + 0.12)
            axes = _shown(figure, left, top - 0.38 - height, width, height)
            lit = spotlit(_small(picture, width), product, peak=peak)
            axes.imshow(drawing.coarse(lit), interpolation="nearest")
            axes.set_title(label, fontsize=SMALL)
        top -= height + 0.5
    note = "In full colour where both fire at once, on one scale for all"
    drawing.headline(figure, title, note)
    return figure


@drawing.styled
def pictures_figure(
    title: str,
    note: str,
    shown: Sequence[tuple[str, Tensor | None]],
    *,
    columns: int = 4,
    colour: str = INK,
) -> drawing.Figure:
    """Return pictures (1, 3, H, W) in rows, each under its name; None is a grey square."""
    columns = min(columns, max(len(shown), 1))
    width = (SPREAD - 0.12 * (columns + 1)) / columns
    pictures = [one for _, one in shown]
    parts = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    heights = [max(_height(one, width) for one in part) for part in parts]
    figure = drawing.blank(SPREAD, 0.62 + sum(heights) + 0.3 * len(heights))
    top = figure.get_size_inches()[1] - 0.62
    for row, height in enumerate(heights):
        for place, (name, picture) in enumerate(shown[row * columns : (row + 1) * columns]):
            left = 0.12 + place * (width + 0.12)
            axes = _shown(figure, left, top - 0.18 - height, width, height)
            if picture is None:
                axes.set(facecolor="0.85", aspect="equal", xlim=(0, 1), ylim=(0, 1))
            else:
                pixels = drawing.pixels(_small(picture, width))
                axes.imshow(drawing.coarse(pixels), interpolation="nearest")
            axes.set_title(legible(name, int(LONGEST * width / THUMBNAIL)), fontsize=SMALL)
        top -= height + 0.3
    drawing.headline(figure, title, note)
    figure.texts[0].set_color(colour)
    return figure


def _shown(
    figure: drawing.Figure, left: float, bottom: float, width: float, height: float
) -> drawing.Axes:
    """Add the frame of a picture, in inches, which stands at its upper left corner."""
    axes = drawing.place(figure, left, bottom, width, height, anchor="NW", xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=FAINT, linewidth=0.5)
    return axes


def _height(picture: Tensor | None, width: float) -> float:
    """Return the inches down a picture of that many inches across; portraits are narrower."""
    if picture is None:
        return width
    return min(width * picture.shape[2] / picture.shape[3], 1.25 * width)


def _small(picture: Tensor, width: float) -> Tensor:
    """Return a picture in as many pixels as it has on the figure, or as it is."""
    height = _height(picture, width)
    scale = DPI * min(width / picture.shape[3], height / picture.shape[2])
    return resize(picture, max(round(scale * max(picture.shape[2:])), 1))
