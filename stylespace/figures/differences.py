"""What tells two groups apart, drawn: signed maps of differences, places, pictures in a row."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from stylespace.figures import drawing
from stylespace.figures.drawing import DPI, FAINT, INK, MAIN, MEDIUM, OTHER
from stylespace.figures.formatting import legible
from stylespace.figures.heat_maps import BAR, GAP, MATRIX, STRIP
from stylespace.figures.pairs import GREY
from stylespace.images import resize, resize_to

if TYPE_CHECKING:
    from matplotlib.colors import LinearSegmentedColormap

SIDE = 3.4
"""Inches of a map, of which two stand side by side on a page."""
SPREAD = 4.9
"""Inches across a figure of pictures."""
LETTERS = 11.5
"""Letters of a name below a picture an inch."""
RING = 80
"""Area in square points of the ring around an entry."""
BRIGHTEST, GAMMA = 0.98, 0.6
"""Quantile of all products from which on a place is in full colour, and their exponent below."""
PALE = 0.7
"""Share of white where two channels do not fire together."""
OUTLINE = 0.5
"""Share of the full product at which a line surrounds a place."""


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
    marked: Mapping[int, tuple[int, int]] | None = None,
    threshold: float | None = None,
) -> drawing.Figure:
    """Return the signed map of a layer's effects below the strip of its diagonal.

    Args:
        layer: its name.
        effects: (C, C), symmetric; above 0 where the first group has more.
        order: the C channels in the order of rows, columns and strip.
        names: of the first and the second group.
        limit: |effect| of the fullest colours, above 0.
        marked: {number: (i, j)} of entries that are ringed and numbered.
        threshold: marked on the bar of colours.
    """
    matrix = drawing.array(effects)[np.ix_(order, order)]
    left, bottom, count = 0.42, 0.4, len(matrix)
    figure = drawing.blank(left + SIDE + 1.08, bottom + STRIP + GAP + SIDE + 0.72)
    axes = drawing.place(figure, left, bottom, SIDE, SIDE, xticks=[], yticks=[], label=MATRIX)
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
    for number, (i, j) in (marked or {}).items():
        _ring(axes, strip, places[i], places[j], str(number), count)
    axes.set_ylabel("channel i", size=MEDIUM)
    axes.set_xlabel(f"channel j, {count} in order of similarity", labelpad=5, size=MEDIUM)
    strip.set_ylabel("i = j", rotation=0, ha="right", va="center", labelpad=4, size=MEDIUM)
    box = drawing.place(figure, left + SIDE + 0.15, bottom, BAR, STRIP + GAP + SIDE)
    bar = figure.colorbar(shown, cax=box, extend="both", extendfrac=0.02)
    bar.outline.set(edgecolor=FAINT, linewidth=0.5)
    bar.ax.tick_params(labelsize=MEDIUM)
    more = (f"more in {legible(name, 18)}" for name in reversed(names))
    bar.set_label("   |   ".join(more), color=INK, size=MEDIUM)
    if threshold is not None and threshold < limit:
        bar.ax.hlines([-threshold, threshold], 0, 1, color=INK, linewidth=0.9)
    note = "Effects: differences of means in deviations"
    drawing.headline(figure, f"What differs in {legible(layer)}", note, left=left)
    return figure


def _ring(axes: drawing.Axes, strip: drawing.Axes, i: int, j: int, number: str, count: int) -> None:
    """Ring an entry on both sides of the diagonal, or a channel's place on the strip."""
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=2.4, foreground="white")]
    text: dict[str, Any] = {"fontsize": MEDIUM, "annotation_clip": False, "path_effects": halo}
    if i == j:
        strip.plot([i], [0.5], marker="^", color=INK, markersize=4, clip_on=False)
        strip.annotate(number, (i, -0.55), ha="center", va="bottom", **text)
        return
    ring: dict[str, Any] = {"facecolors": "none", "edgecolors": INK, "path_effects": halo}
    axes.scatter([i, j], [j, i], s=RING, linewidths=0.9, clip_on=False, **ring)
    low, high = min(i, j), max(i, j)
    side = -1 if high > 0.95 * count else 1
    text |= {"xytext": (7 * side, 5), "textcoords": "offset points"}
    axes.annotate(number, (high, low), ha="left" if side > 0 else "right", **text)


@drawing.styled
def places_figure(
    title: str, groups: Mapping[str, Sequence[tuple[str, Tensor, np.ndarray]]]
) -> drawing.Figure:
    """Return pictures of two groups, bright where two channels fire together, on one scale.

    Args:
        title: names the entry.
        groups: {name of the group: (label, picture (1, 3, H, W), product (h, w) >= 0) each}; of
            products that are comparable between pictures.
    """
    every = [product.ravel() for group in groups.values() for *_, product in group]
    values = np.concatenate(every) if every else np.zeros(1)
    peak = float(np.quantile(values, BRIGHTEST) or values.max() or 1.0)
    rows = list(groups.items())
    if all(len(group) == 1 for group in groups.values()):  # side by side
        rows = [("", [(f"{legible(name, 20)}  {one[0]}", *one[1:]) for name, (one,) in rows])]
    columns = max(len(group) for _, group in rows)
    width = (SPREAD - 0.12 * (columns + 1)) / columns
    heights = [max(_height(picture, width) for _, picture, _ in group) for _, group in rows]
    head = [0.2 * bool(name) for name, _ in rows]
    figure = drawing.blank(SPREAD, 0.62 + sum(heights) + sum(head) + 0.3 * len(rows))
    across, top = figure.get_size_inches()
    down, top = top, top - 0.62
    for (name, group), height, above in zip(rows, heights, head, strict=True):
        figure.text(0.12 / across, (top - 0.03) / down, legible(name, 40), va="top", weight="bold")
        for place, (label, picture, product) in enumerate(group):
            left = 0.12 + place * (width + 0.12)
            axes = _shown(figure, left, top - 0.18 - above - height, width, height)
            _light(axes, _small(picture, width), product / peak)
            axes.set_title(label, fontsize=MEDIUM)
        top -= height + above + 0.3
    note = "In full colour and outlined where they fire, on one scale for all"
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
    line = 0.14 * max(_broken(name, int(LETTERS * width)).count("\n") for name, _ in shown)
    figure = drawing.blank(SPREAD, 0.62 + sum(heights) + (0.3 + line) * len(heights))
    top = figure.get_size_inches()[1] - 0.62
    for row, height in enumerate(heights):
        for place, (name, picture) in enumerate(shown[row * columns : (row + 1) * columns]):
            left = 0.12 + place * (width + 0.12)
            axes = _shown(figure, left, top - 0.18 - line - height, width, height)
            if picture is None:
                axes.set(facecolor="0.85", aspect="equal", xlim=(0, 1), ylim=(0, 1))
            else:
                pixels = drawing.pixels(_small(picture, width))
                axes.imshow(drawing.coarse(pixels), interpolation="nearest")
            axes.set_title(_broken(name, int(LETTERS * width)), fontsize=MEDIUM, linespacing=1.0)
        top -= height + 0.3 + line
    drawing.headline(figure, title, note)
    figure.texts[0].set_color(colour)
    return figure


def _light(axes: drawing.Axes, picture: Tensor, product: np.ndarray) -> None:
    """Show a picture (1, 3, H, W), pale and grey where a product (h, w) is below 1."""
    spread = resize_to(torch.as_tensor(product)[None, None].float(), *picture.shape[2:])[0, 0]
    wide = spread.clamp(0, 1).numpy()
    light = wide[..., np.newaxis] ** GAMMA
    colours = drawing.pixels(picture)
    pale = PALE + (1 - PALE) * (colours @ np.array(GREY))[..., np.newaxis]
    axes.imshow(drawing.coarse(light * colours + (1 - light) * pale), interpolation="nearest")
    if wide.max() > OUTLINE > wide.min():
        axes.contour(wide, levels=[OUTLINE], colors=[INK], linewidths=0.8)


def _broken(name: str, longest: int) -> str:
    """Return a name in at most two lines of about so many letters."""
    lines = textwrap.wrap(" ".join(name.split()), longest) or [""]
    if len(lines) > 1:
        lines = [lines[0], " ".join(lines[1:]).replace("- ", "-")]
    return "\n".join(legible(line, longest) for line in lines)


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
