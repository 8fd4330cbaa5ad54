"""Sparsity of one or several pictures, layer by layer: lines of few, tables of many."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stylespace.figures import drawing
from stylespace.figures.dark import ON_PICTURE, luminance
from stylespace.figures.drawing import FAINT, INK, MEDIUM, SMALL, Series
from stylespace.figures.formatting import legible
from stylespace.styles.statistics.layers import LayerStatistics

MEASURES = {
    "exactly_zero": "exactly 0, share",
    "near_zero": "near 0, share",
    "hoyer": "Hoyer sparsity",
    "gini": "Gini index",
}
PARTS = {"diagonal": "diagonal", "off_diagonal": "off-diagonal"}
MOST_LINES = 4
"""Pictures that are lines in one panel; more would hide each other."""
MARGIN = 1.15
"""Inches that the names of rows need."""
CELL = 0.36
"""Inches of a cell of a table that has room for its number."""
ROW = 0.21
"""Inches of a row of a table."""
Statistics = Mapping[str, Mapping[str, LayerStatistics]]
"""{picture: {layer: its statistics}}."""


@drawing.styled
def sparsity_figure(pictures: Statistics) -> drawing.Figure:
    """Return four measures of sparsity by layer: of the diagonals above, of the pairs below.

    Up to four pictures are lines, more are tables: a row a picture, a column a layer.

    Args:
        pictures: {name: {layer: its statistics}}.
    """
    layers, lines = layers_of(pictures), len(pictures) <= MOST_LINES
    rows, heads = (layers, ()) if lines else (tuple(pictures), layers)
    panels = drawing.Panels.of(
        4, parts=2, across=0.3 if lines else 0.12,
        height=max(1.2, 0.24 * len(rows) + 0.2) if lines else ROW * len(rows),
        left=max(0.35 + drawing.widest([legible(row, 24) for row in rows]), MARGIN),
        bottom=(0.4 if lines else 0.45 + drawing.widest([legible(head) for head in heads]))
        + drawing.legend_height(len(pictures) if lines else 1),
    )  # fmt: skip
    figure = panels.figure()
    for column, measure in enumerate(MEASURES):
        for row, (part, told) in enumerate(PARTS.items()):
            axes = panels.axes(figure, column, row)
            draw_sparsity(axes, pictures, measure, part)
            axes.tick_params(labelleft=column == 0, labelbottom=lines or row == 1)
            if column == 0:
                _name_row(axes, told, panels.left)
    if lines:
        drawing.name_pictures(figure, pictures)
    note = "Shares of entries, and two measures of sparsity; each from 0 to 1, the sparsest"
    drawing.headline(figure, "How sparse the entries are", note)
    return figure


def draw_sparsity(axes: drawing.Axes, pictures: Statistics, measure: str, part: str) -> None:
    """Draw one of MEASURES of one of PARTS into axes, under its title."""
    layers = layers_of(pictures)
    values = np.full((len(pictures), len(layers)), np.nan)
    for row, found in enumerate(pictures.values()):
        for column, layer in enumerate(layers):
            if layer in found:
                values[row, column] = getattr(getattr(found[layer], part), measure)
    axes.set_title(MEASURES[measure])
    if len(pictures) > MOST_LINES:
        _draw_table(axes, list(pictures), layers, values)
        return
    for own, look in zip(values, drawing.series(len(pictures)), strict=True):
        shown = np.flatnonzero(np.isfinite(own))
        _draw_profile(axes, own[shown].tolist(), shown.tolist(), look)
    _layer_axis(axes, layers)


def layers_of(pictures: Mapping[str, Mapping[str, object]]) -> tuple[str, ...]:
    """Return the layers of all pictures, in the order in which they first come."""
    return tuple(dict.fromkeys(layer for layers in pictures.values() for layer in layers))


def _draw_profile(axes: drawing.Axes, values: list[float], places: list[int], look: Series) -> None:
    axes.plot(
        values, places, look.dashes, color=look.colour, marker=look.marker, markersize=4,
        markeredgecolor="white", markeredgewidth=0.4, linewidth=0.9, clip_on=False, zorder=3,
    )  # fmt: skip


def _layer_axis(axes: drawing.Axes, layers: tuple[str, ...]) -> None:
    """Let layers go down the page."""
    axes.set_yticks(range(len(layers)), [legible(layer) for layer in layers])
    axes.set_ylim(len(layers) - 0.6, -0.4)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.grid(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, color=FAINT)


def _draw_table(
    axes: drawing.Axes, names: list[str], layers: tuple[str, ...], values: np.ndarray
) -> None:
    """Draw values in [0, 1], (names, layers), as cells with their numbers where they have room."""
    shade = drawing.shades()
    axes.imshow(values, cmap=shade, vmin=0, vmax=1, aspect="auto")
    axes.set_yticks(range(len(names)), [legible(name, 24) for name in names])
    axes.set_xticks(range(len(layers)), [legible(layer) for layer in layers], rotation=90)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    width = axes.bbox.width / axes.figure.dpi / len(layers)
    if width < CELL:
        return
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if luminance(shade(value)) < 0.2 else INK
            axes.text(
                column, row, f"{value:.2f}" if value else "0", ha="center", va="center",
                color=colour, fontsize=SMALL, label=ON_PICTURE,
            )  # fmt: skip


def _name_row(axes: drawing.Axes, text: str, left: float) -> None:
    """Write the name of a row of panels at the left edge of the figure."""
    edge = (72 * (0.12 - left), 4)
    axes.annotate(
        text, (0, 1), xytext=edge, xycoords="axes fraction", textcoords="offset points",
        fontsize=MEDIUM, weight="bold",
    )  # fmt: skip
