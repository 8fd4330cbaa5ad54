"""Sheets of cells under the indices of their channels, and the map of their values."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stylespace.figures.canvas import encoded, plain_figure
from stylespace.settings.atlas import Pair, ordered

MOST = 64
"""Cells along a side of a sheet."""
GAP = 2  # pixels between cells
BOARD, EMPTY, DIM, INK = "#111215", "#1e1f24", "#5c5f68", "#d6d8de"


def parts(rows: range, columns: range) -> Iterator[tuple[range, range]]:
    """Yield the rows and columns of each sheet, at most 64 of either."""
    for top in range(0, len(rows), MOST):
        for left in range(0, len(columns), MOST):
            yield rows[top : top + MOST], columns[left : left + MOST]


def name_of(rows: range, columns: range) -> str:
    """Return the file name of a sheet."""
    return f"atlas-{rows[0]}-{rows[-1]}-{columns[0]}-{columns[-1]}.png"


def sheet(
    cells: Mapping[Pair, np.ndarray | None], rows: range, columns: range, side: int, title: str
) -> np.ndarray:
    """Return a sheet as uint8 (H, W, 3): rows and columns of cells under their channels.

    Args:
        cells: {(i, j), i <= j: uint8 (side, side, 3)}; None: not reached, shown as a crossed
            frame; missing: not done yet, an empty place.
        rows, columns: channels shown.
        side: of a cell in pixels.
        title: a line above.
    """
    board = _Board(rows, columns, side, title)
    picture = Image.new("RGB", board.size, BOARD)
    draw = ImageDraw.Draw(picture)
    place = (board.margin, round(0.9 * board.letter))
    draw.text(place, title, fill=INK, font=board.font, anchor="lt")
    _draw_indices(draw, board)
    for i in rows:
        for j in columns:
            x, y = corner = board.corner(i, j)
            cell = cells.get(ordered(i, j), BOARD)
            if isinstance(cell, np.ndarray):
                picture.paste(Image.fromarray(cell), corner)
            elif cell is None:
                _cross_out(draw, x, y, side - 1)
            if i == j:  # a frame in the gap around it
                draw.rectangle((x - 1, y - 1, x + side, y + side), outline=INK)
    return np.asarray(picture)


def first_corner(rows: range, columns: range, side: int) -> tuple[int, int]:
    """Return x, y of the upper left pixel of the first cell of a sheet."""
    return _Board(rows, columns, side, "").corner(rows[0], columns[0])


class _Board:
    """Where things are on a sheet, in pixels.

    letter: size of the font. margin: room for indices on every side. top: first row of the cells,
    below title and indices. pitch: from one cell to the next. size: width and height of the sheet,
    which is at least as wide as its title.
    every: how many cells lie between two indices that do not touch.
    """

    def __init__(self, rows: range, columns: range, side: int, title: str) -> None:
        self.rows, self.columns, self.side, self.pitch = rows, columns, side, side + GAP
        self.letter = max(11, min(18, side // 3))
        self.margin = round(2.6 * self.letter)
        self.top = self.margin + round(1.8 * self.letter)
        self.font = ImageFont.load_default(self.letter + 2)
        width = max(len(columns) * self.pitch - GAP, math.ceil(self.font.getlength(title)))
        width += 2 * self.margin
        self.size = width, self.top + len(rows) * self.pitch - GAP + self.margin
        self.every = -(-3 * self.letter // self.pitch)

    def corner(self, i: int, j: int) -> tuple[int, int]:
        """Return x, y of the upper left pixel of a cell."""
        x = self.margin + (j - self.columns[0]) * self.pitch
        return x, self.top + (i - self.rows[0]) * self.pitch


def _draw_indices(draw: ImageDraw.ImageDraw, board: _Board) -> None:
    """Write the channels along all four sides."""
    font = ImageFont.load_default(board.letter)
    half, space = board.side / 2, board.letter * 0.5
    right, bottom = board.corner(board.rows[-1] + 1, board.columns[-1] + 1)
    for j in _indexed(board.columns, board.every):
        x = board.corner(board.rows[0], j)[0] + half
        draw.text((x, board.top - space), str(j), fill=INK, font=font, anchor="ms")
        draw.text((x, bottom + space), str(j), fill=INK, font=font, anchor="mt")
    for i in _indexed(board.rows, board.every):
        y = board.corner(i, board.columns[0])[1] + half
        draw.text((board.margin - space, y), str(i), fill=INK, font=font, anchor="rm")
        draw.text((right + space, y), str(i), fill=INK, font=font, anchor="lm")


def _indexed(channels: range, every: int) -> list[int]:
    """Return the channels that carry an index: all, or round ones."""
    return [channel for channel in channels if channel % every == 0 or len(channels) == 1]


def _cross_out(draw: ImageDraw.ImageDraw, x: int, y: int, last: int) -> None:
    """Cross out an entry that was not reached."""
    draw.rectangle((x, y, x + last, y + last), fill=EMPTY, outline=DIM)
    draw.line((x, y, x + last, y + last), fill=DIM)
    draw.line((x, y + last, x + last, y), fill=DIM)


def value_map(values: Mapping[Pair, float], rows: range, columns: range, title: str) -> bytes:
    """Return a PNG of log10 G_ij over the block; entries without a value stay dark."""
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    figure = plain_figure(7.2, 6.4, dpi=120, layout="constrained", facecolor=BOARD)
    axes = figure.add_subplot(facecolor=EMPTY)
    edges = (columns[0] - 0.5, columns[-1] + 0.5, rows[-1] + 0.5, rows[0] - 0.5)
    grid = log_grid(values, rows, columns)
    shown = axes.imshow(grid, extent=edges, interpolation="nearest", cmap=colormaps["magma"])
    bar = figure.colorbar(shown, ax=axes, label="log10 G(i, j)", shrink=0.9)
    axes.set(xlabel="channel j", ylabel="channel i")
    axes.set_title(title, color=INK, fontsize=11)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=16, integer=True))
    for axis in (axes.xaxis, axes.yaxis, bar.ax.yaxis):
        axis.label.set_color(INK)
        axis.set_tick_params(colors=INK, labelcolor=INK)
    for spine in (*axes.spines.values(), *bar.ax.spines.values()):
        spine.set_color(DIM)
    return encoded(figure, "png")


def log_grid(values: Mapping[Pair, float], rows: range, columns: range) -> np.ndarray:
    """Return log10 of the values as (rows, columns), NaN where there is none above 0."""
    grid = np.array([[values.get(ordered(i, j), 0.0) for j in columns] for i in rows], float)
    return np.log10(np.where(grid > 0, grid, np.nan))
