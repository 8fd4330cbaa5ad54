"""Heat maps of Gram matrices on a logarithmic scale, the diagonal apart, zeros in their colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from stylespace.figures import drawing
from stylespace.figures.drawing import FAINT, INK, SMALL, WIDTH, ZERO
from stylespace.figures.formatting import legible, share, zero_share
from stylespace.styles.statistics.matrices import off_diagonal

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable


SIDE = 6.4
"""Inches of a single map: 1,024 pixels, a whole number of them for 64 to 512 channels."""
STRIP, GAP, BAR = 0.2, 0.1, 0.2
NUMBERED = 32
"""Channels up to which each carries its number."""
LOWEST = 0.01
"""Quantile of the entries above 0 up to which all have the palest colour."""
MATRIX = "matrix"
"""Label of the axes that show a map of several."""
UNITS = "G(i, j): mean over positions of the product of two activations (squared units)"
SHORT_UNITS = "G(i, j), squared units"


@drawing.styled
def heat_map_figure(layer: str, gram: drawing.Values, order: Sequence[int]) -> drawing.Figure:
    """Return the heat map of a Gram matrix below the strip of its diagonal.

    Colours show the sizes of entries, on the scale that `ends` bounds.

    Args:
        layer: its name.
        gram: (C, C).
        order: the C channels in the order of rows, columns and strip.
    """
    matrix = sizes(gram, order)
    scale, count = scale_of([matrix]), len(matrix)
    left, bottom = 0.75, 0.55
    figure = drawing.blank(left + SIDE + 1.4, bottom + STRIP + GAP + SIDE + 0.7)
    axes = drawing.place(figure, left, bottom, SIDE, SIDE)
    strip = drawing.place(figure, left, bottom + SIDE + GAP, SIDE, STRIP)
    paint(axes, strip, matrix, scale)
    _number(axes, order)
    axes.set_ylabel("channel i")
    axes.set_xlabel(f"channel j, {count} in order of similarity", labelpad=5)
    strip.set_ylabel("diagonal\nG(i, i)", rotation=0, ha="right", va="center", labelpad=4)
    _bar(figure, scale, left + SIDE + 0.25, bottom, STRIP + GAP + SIDE)
    drawing.headline(figure, f"Gram matrix of {legible(layer)}", _zeros_told(matrix), left=left)
    return figure


@drawing.styled
def heat_maps_figure(
    pictures: Mapping[str, drawing.Values], layer: str, order: Sequence[int], *, columns: int = 4
) -> drawing.Figure:
    """Return the heat maps of several pictures side by side, on one scale and in one order.

    Args:
        pictures: {name: Gram matrix (C, C)} of the layer.
        layer: its name.
        order: channels, as in `heat_map`.
        columns: maps a row at most.
    """
    matrices = [sizes(gram, order) for gram in pictures.values()]
    scale = scale_of(matrices)
    columns = min(columns, len(matrices))
    rows = -(-len(matrices) // columns)
    side = min(3.2, (WIDTH - 1.6 - (columns - 1) * 0.2) / columns)
    pitch = side + STRIP / 2 + GAP + 0.4
    figure = drawing.blank(0.2 + columns * (side + 0.2) + 1.2, rows * pitch + 0.6)
    for place_, (name, matrix) in enumerate(zip(pictures, matrices, strict=True)):
        row, column = divmod(place_, columns)
        left, bottom = 0.2 + column * (side + 0.2), (rows - 1 - row) * pitch + 0.15
        axes = drawing.place(figure, left, bottom, side, side, label=MATRIX)
        strip = drawing.place(figure, left, bottom + side + GAP / 2, side, STRIP / 2)
        paint(axes, strip, matrix, scale)
        strip.set_title(legible(name, round(side * 14)))
    height = min(rows * pitch - 0.4, SIDE)
    _bar(figure, scale, 0.2 + columns * (side + 0.2) + 0.05, rows * pitch - 0.25 - height, height)
    note = f"{len(matrices[0])} channels in one order, one scale; diagonals above"
    drawing.headline(figure, f"Gram matrices of {legible(layer)}", note, left=0.2)
    return figure


def boxes(figure: drawing.Figure) -> list[tuple[float, float, float, float]]:
    """Return where the maps of a figure are: left, top, width and height in % of its sides."""
    places = [axes.get_position() for axes in figure.axes if axes.get_label() == MATRIX]
    return [(100 * box.x0, 100 * (1 - box.y1), 100 * box.width, 100 * box.height) for box in places]


def sizes(gram: drawing.Values, order: Sequence[int]) -> np.ndarray:
    """Return the sizes of the entries of a Gram matrix (C, C), its channels in an order."""
    return np.abs(drawing.array(gram))[np.ix_(order, order)]


def ends(matrices: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the sizes of entries with the palest and with the darkest colour; zeros of none.

    The 1st percentile of the entries above 0, diagonals among them, and the largest of all; apart
    from these where they would be the same.

    Args:
        matrices: (C, C) each, entries >= 0; all are on one scale.
    """
    sizes = np.concatenate([matrix[matrix > 0] for matrix in matrices])
    if not len(sizes):
        return 0.0, 0.0
    low, high = float(np.quantile(sizes, LOWEST)), float(sizes.max())
    return (low / 2, high * 2) if high < 1.01 * low else (low, high)


def scale_of(matrices: Sequence[np.ndarray]) -> ScalarMappable:
    """Return the colours of sizes; their bar is pointed where entries lie below its lower end."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm

    low, high = ends(matrices)
    norm, colours = LogNorm(low, high, clip=True) if high else LogNorm(0.1, 1.0), drawing.shades()
    cut = any(((matrix > 0) & (matrix < low)).any() for matrix in matrices)
    colours.colorbar_extend = "min" if cut else "neither"  # type: ignore[assignment]
    return ScalarMappable(norm, colours)


def paint(
    axes: drawing.Axes, strip: drawing.Axes, matrix: np.ndarray, scale: ScalarMappable
) -> None:
    """Draw the entries off the diagonal, and the diagonal as a strip."""
    colours, diagonal = _coloured(matrix, scale), np.diag_indices(len(matrix))
    strip.imshow(colours[diagonal][np.newaxis])
    colours[diagonal] = 1.0
    axes.imshow(colours)
    strip.set_aspect("auto")
    for frame in (axes, strip):
        frame.set(xticks=[], yticks=[])
        frame.spines[:].set(visible=True, color=FAINT, linewidth=0.5)


def _coloured(matrix: np.ndarray, scale: ScalarMappable) -> np.ndarray:
    """Return the colours (C, C, 4) of sizes (C, C); ZERO where they are 0."""
    from matplotlib.colors import to_rgba

    shown = scale.to_rgba(np.where(matrix > 0, matrix, scale.get_clim()[0]))
    return np.where((matrix > 0)[..., np.newaxis], shown, to_rgba(ZERO))


def _number(axes: drawing.Axes, order: Sequence[int]) -> None:
    """Write the channels' numbers where they have room."""
    if len(order) > NUMBERED:
        return
    axes.set_yticks(range(len(order)), [str(channel) for channel in order])
    axes.set_xticks(range(len(order)), [str(channel) for channel in order])
    axes.tick_params(length=0)


def _bar(
    figure: drawing.Figure, scale: ScalarMappable, left: float, bottom: float, height: float
) -> None:
    """Draw the bar of colours, and below it the colour of zeros under its own name."""
    swatch = drawing.place(figure, left, bottom, BAR, BAR)
    box = drawing.place(figure, left, bottom + BAR + GAP, BAR, height - BAR - GAP)
    add_bar(swatch, box, scale, UNITS if height > 5 else SHORT_UNITS)


def add_bar(swatch: drawing.Axes, box: drawing.Axes, scale: ScalarMappable, units: str) -> None:
    """Make of two axes the colour of zeros with its name, and the bar of all other colours."""
    swatch.set(facecolor=ZERO, xticks=[], yticks=[])
    swatch.spines[:].set(visible=True, color=FAINT, linewidth=0.5)
    swatch.text(1.35, 0.5, "exactly 0", transform=swatch.transAxes, va="center", fontsize=SMALL)
    bar = box.figure.colorbar(scale, cax=box, extendfrac=0.02)
    bar.outline.set(edgecolor=FAINT, linewidth=0.5)
    bar.set_label(units, color=INK)


def _zeros_told(matrix: np.ndarray) -> str:
    """Return in words how many pairs and channels are 0."""
    pairs = off_diagonal(torch.as_tensor(matrix)).numpy()
    silent = int((np.diagonal(matrix) == 0).sum())
    channels = {0: "every channel fires", 1: "1 channel never fires"}
    told = channels.get(silent, f"{silent} channels never fire")
    if not len(pairs):
        return f"A single channel, no pairs; {told}"
    part = zero_share(pairs)
    pairs_told = {0.0: "No pair is", 1.0: "All pairs are"}.get(
        part, f"{share(part)} of the pairs are"
    )
    return f"{pairs_told} exactly 0; {told}"
