"""Sheets of cells under the indices of their channels, and the map of their values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stylespace.figures.canvas import encoded, plain_figure
from stylespace.settings.atlas import Pair, ordered

MOST = 64
"""Cells along a side of a sheet."""
GAP = 2  # pixels between cells
BOARD, EMPTY, DIM, INK = (17, 18, 21), (30, 31, 36), (92, 95, 104), (214, 216, 222)


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
    board = _Board(rows, columns, side)
    picture = Image.new("RGB", board.size, BOARD)
    draw = ImageDraw.Draw(picture)
    _draw_title(draw, board, title)
    _draw_indices(draw, board)
    for i in rows:
        for j in columns:
            _draw_cell(picture, draw, board.corner(i, j), side, cells.get(ordered(i, j), BOARD))
            if i == j:
                _draw_frame(draw, board.corner(i, j), side, INK)
    return np.asarray(picture)


@dataclass(frozen=True)
class _Board:
    """Where things are on a sheet, in pixels."""

    rows: range
    columns: range
    side: int

    @property
    def letter(self) -> int:
        """Size of the font."""
        return max(11, min(18, self.side // 3))

    @property
    def margin(self) -> int:
        """Room for indices on every side."""
        return round(2.6 * self.letter)

    @property
    def top(self) -> int:
        """First row of the cells, below title and indices."""
        return self.margin + round(1.8 * self.letter)

    @property
    def pitch(self) -> int:
        """From one cell to the next."""
        return self.side + GAP

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        width = 2 * self.margin + len(self.columns) * self.pitch - GAP
        return width, self.top + len(self.rows) * self.pitch - GAP + self.margin

    @property
    def every(self) -> int:
        """How many cells lie between two indices that do not touch."""
        return -(-3 * self.letter // self.pitch)

    def corner(self, i: int, j: int) -> tuple[int, int]:
        """Return x, y of the upper left pixel of a cell."""
        x = self.margin + (j - self.columns[0]) * self.pitch
        return x, self.top + (i - self.rows[0]) * self.pitch


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _draw_title(draw: ImageDraw.ImageDraw, board: _Board, title: str) -> None:
    """Write the title, smaller where it would not fit."""
    width = board.size[0] - board.margin - GAP
    size = board.letter + 2
    while size > 6 and draw.textlength(title, font=_font(size)) > width:
        size -= 1
    place = (board.margin, round(0.9 * board.letter))
    draw.text(place, title, fill=INK, font=_font(size), anchor="lt")


def _draw_indices(draw: ImageDraw.ImageDraw, board: _Board) -> None:
    """Write the channels along all four sides."""
    font, half, space = _font(board.letter), board.side / 2, board.letter * 0.5
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


def _draw_cell(
    picture: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    side: int,
    cell: np.ndarray | tuple[int, int, int] | None,
) -> None:
    """Paste a picture, or cross out an entry that was not reached, or leave the board."""
    (x, y), last = corner, side - 1
    if isinstance(cell, np.ndarray):
        picture.paste(Image.fromarray(cell), corner)
    elif cell is None:
        draw.rectangle((x, y, x + last, y + last), fill=EMPTY, outline=DIM)
        draw.line((x, y, x + last, y + last), fill=DIM)
        draw.line((x, y + last, x + last, y), fill=DIM)


def _draw_frame(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], side: int, colour: tuple[int, int, int]
) -> None:
    """Frame a cell in the gap around it."""
    (x, y), edge = corner, GAP - 1
    draw.rectangle((x - edge, y - edge, x + side, y + side), outline=colour)


def value_map(values: Mapping[Pair, float], rows: range, columns: range, title: str) -> bytes:
    """Return a PNG of log10 G_ij over the block; entries without a value stay dark."""
    from matplotlib import colormaps

    figure = plain_figure(7.2, 6.4, dpi=120, layout="constrained", facecolor=_shade(BOARD))
    axes = figure.add_subplot(facecolor=_shade(EMPTY))
    edges = (columns[0] - 0.5, columns[-1] + 0.5, rows[-1] + 0.5, rows[0] - 0.5)
    grid = log_grid(values, rows, columns)
    shown = axes.imshow(grid, extent=edges, interpolation="nearest", cmap=colormaps["magma"])
    bar = figure.colorbar(shown, ax=axes, label="log10 G(i, j)", shrink=0.9)
    axes.set(xlabel="channel j", ylabel="channel i")
    axes.set_title(title, color=_shade(INK), fontsize=11)
    _in_ink((axes.xaxis, axes.yaxis, bar.ax.yaxis), (axes, bar.ax))
    return encoded(figure, "png")


def log_grid(values: Mapping[Pair, float], rows: range, columns: range) -> np.ndarray:
    """Return log10 of the values as (rows, columns), NaN where there is none above 0."""
    grid = np.array([[values.get(ordered(i, j), 0.0) for j in columns] for i in rows], float)
    return np.log10(np.where(grid > 0, grid, np.nan))


def _in_ink(axises: Sequence, frames: Sequence) -> None:
    """Draw whole-numbered ticks, labels and spines in the light colour of the sheets."""
    from matplotlib.ticker import MaxNLocator

    ink = _shade(INK)
    for axis in axises[:2]:
        axis.set_major_locator(MaxNLocator(nbins=16, integer=True))
    for axis in axises:
        axis.label.set_color(ink)
        axis.set_tick_params(colors=ink, labelcolor=ink)
    for frame in frames:
        for spine in frame.spines.values():
            spine.set_color(_shade(DIM))


def _shade(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = colour
    return red / 255, green / 255, blue / 255
