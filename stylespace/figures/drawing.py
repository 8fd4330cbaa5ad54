"""What all figures share: type, colours, panels placed in inches, and both formats of a file."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from stylespace.figures import canvas
from stylespace.figures.dark import darken
from stylespace.figures.formatting import FONT, legible, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

Values = Tensor | np.ndarray | Sequence
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

SCREEN = 96
"""Pixels an inch of a figure that is on a page alone."""
WEBP_QUALITY, DARK_QUALITY = 74, 80
DPI = 160
"""Pixels an inch, of PNG files and of the pictures inside SVG files."""
WIDTH = 10.0
"""Inches of a figure that fills the page."""
LEVELS = 24
"""Of red, green and blue of paintings and photographs: fewer would show in smooth places."""
LEGEND = 4
"""Names of a legend a row."""
LARGE, MEDIUM, SMALL = 11.0, 9.0, 8.5
"""Sizes of type in points: of the headline, of titles and labels, of ticks and notes.

The smallest has 11 pixels where a page shows a figure of WIDTH 940 pixels wide.
"""
INK, FAINT, RULE = "#1f2328", "#767d87", "#e4e7eb"
MAIN, OTHER = "#1b6ca8", "#d1495b"
ZERO = "#f4d9ab"
"""Of entries that are exactly 0: the only warm colour of a heat map, as light as its palest."""
TICKS = {
    "color": FAINT,
    "labelcolor": INK,
    "labelsize": SMALL,
    "major.size": 2.5,
    "major.width": 0.6,
    "minor.size": 0,
}
LOOK = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.labelsize": SMALL,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 4,
    "axes.titlesize": MEDIUM,
    "font.family": FONT,
    "font.size": MEDIUM,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.borderaxespad": 0.3,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "patch.linewidth": 0.6,
    "svg.hashsalt": "stylespace",
    "text.color": INK,
    **{f"{axis}tick.{name}": value for axis in "xy" for name, value in TICKS.items()},
}


def styled(maker: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a function draw with LOOK over matplotlib's own defaults, whatever the user's are."""

    @functools.wraps(maker)
    def within(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        """Draw in the look of the house, whatever matplotlib was set to."""
        import matplotlib.style

        with matplotlib.style.context(LOOK, after_reset=True):
            return maker(*args, **options)

    return within


@styled
def rendered(figure: Figure) -> tuple[bytes, bytes]:
    """Return a figure as PNG and as SVG, the same bytes from run to run.

    Letters in the SVG are paths, so that it looks alike everywhere; pictures are pixels at DPI.
    """
    png = canvas.encoded(figure, "png", dpi=DPI, metadata={"Software": None})
    svg = canvas.encoded(figure, "svg", dpi=DPI, metadata={"Date": None, "Creator": None})
    return png, svg


@styled
def webp(figure: Figure) -> bytes:
    """Return a figure as WebP of screen size, a tenth of a PNG's bytes; it loses a little."""
    options = {"quality": WEBP_QUALITY, "method": 6}
    return canvas.encoded(figure, "webp", dpi=SCREEN, pil_kwargs=options)


@styled
def dark_webp(figure: Figure, *, dpi: float = DPI) -> bytes:
    """Return a finished figure in the colours of a dark page as WebP; the figure keeps them.

    It has as many pixels as the light one at `dpi`, and a third of its bytes.
    """
    options = {"quality": DARK_QUALITY, "method": 2}
    return canvas.encoded(darken(figure), "webp", dpi=dpi, pil_kwargs=options)


def blank(width: float, height: float) -> Figure:
    """Return an empty figure of that many inches, in whole pixels, that opens no window."""
    across, down = (math.ceil(side * DPI - 1e-6) / DPI for side in (width, height))
    return canvas.plain_figure(across, down, dpi=DPI)


def place(
    figure: Figure, left: float, bottom: float, width: float, height: float, **options: Any
) -> Axes:
    """Add axes to a figure; left, bottom, width and height in inches."""
    across, down = figure.get_size_inches()
    box = (left / across, bottom / down, width / across, height / down)
    return figure.add_axes(box, **options)


def headline(figure: Figure, text: str, note: str = "", *, left: float = 0.12) -> None:
    """Write a headline into the upper left corner, `left` inches in, a note below it."""
    across, down = figure.get_size_inches()
    figure.text(left / across, 1 - 0.1 / down, text, fontsize=LARGE, weight="bold", va="top")
    figure.text(left / across, 1 - 0.34 / down, note, fontsize=MEDIUM, color=FAINT, va="top")


@dataclass(frozen=True)
class Panels:
    """Panels of one size in rows and columns; all lengths in inches.

    A row of things is `parts` rows of panels: one below the other belong to the same thing.
    """

    count: int
    parts: int = 1
    columns: int = 5
    width: float = 1.5
    height: float = 1.5
    left: float = 0.68
    right: float = 0.2
    top: float = 0.85
    bottom: float = 0.6
    across: float = 0.45
    down: float = 0.5

    @staticmethod
    def of(count: int, **options: Any) -> Panels:
        """Return panels for `count` things, at most five a row, as wide as the page allows."""
        columns = max(1, min(count, 5))
        plain = Panels(count, columns=columns, **options)
        room = WIDTH - plain.left - plain.right - (columns - 1) * plain.across
        return replace(plain, width=min(2.6, room / columns))

    @property
    def rows(self) -> int:
        """Rows of panels."""
        return self.parts * -(-self.count // self.columns)

    def figure(self, *, least: float = 0.0) -> Figure:
        """Return the empty figure, at least so many inches wide."""
        width = self.left + self.columns * (self.width + self.across) - self.across + self.right
        height = self.top + self.rows * (self.height + self.down) - self.down + self.bottom
        return blank(max(width, least), height)

    def axes(self, figure: Figure, thing: int, part: int = 0, **options: Any) -> Axes:
        """Return the axes of a part of a thing, both counted from 0."""
        band, column = divmod(thing, self.columns)
        row = band * self.parts + part
        left = self.left + column * (self.width + self.across)
        bottom = self.bottom + (self.rows - 1 - row) * (self.height + self.down)
        return place(figure, left, bottom, self.width, self.height, **options)

    def first(self, thing: int) -> bool:
        """Whether a thing stands at the left edge."""
        return thing % self.columns == 0


class Series(NamedTuple):
    """How one of several pictures is drawn: by colour, marker and dashes at once."""

    colour: str
    marker: str
    dashes: str


def series(count: int) -> list[Series]:
    """Return how to draw so many pictures; twelve differ, and from there on they repeat."""
    import seaborn
    from matplotlib.colors import to_hex

    colours = [to_hex(colour) for colour in seaborn.color_palette("colorblind")]
    dark = [colours[k] for k in (0, 1, 2, 3, 4, 9, 5, 7)]  # pale pink and yellow vanish in print
    markers, dashes = "osD^vp<X>h8P", ("-", "--")
    return [Series(dark[k % 8], markers[k % 12], dashes[k // 8 % 2]) for k in range(count)]


def legend(figure: Figure, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write a legend along the lower edge, at most LEGEND a row: options of a line each."""
    from matplotlib.lines import Line2D

    handles, columns = [Line2D([], [], **options) for options in lines], min(LEGEND, len(lines))
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.005, 0.0), ncols=columns)


def looks(names: Collection[str]) -> list[dict[str, Any]]:
    """Return the lines of a legend of things that are drawn as `series` says."""
    return [
        {"color": look.colour, "linestyle": look.dashes, "marker": look.marker,
         "label": legible(name), "markersize": 4, "linewidth": 1}
        for name, look in zip(names, series(len(names)), strict=True)
    ]  # fmt: skip


def name_pictures(figure: Figure, pictures: Collection[str]) -> None:
    """Write the legend of pictures, if there are several."""
    if len(pictures) > 1:
        legend(figure, looks(pictures))


def legend_height(count: int) -> float:
    """Return the inches that a legend of so many pictures takes; a single one needs none."""
    return 0.0 if count <= 1 else 0.12 + 0.185 * -(-count // LEGEND)


def text_width(text: str, size: float = SMALL) -> float:
    """Return the inches that a line of text takes."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family=FONT, size=size)
    shown = text.replace(r"\$", "$")
    return TextToPath().get_text_width_height_descent(shown, font, ismath=False)[0] / 72


def widest(texts: Sequence[str], size: float = SMALL) -> float:
    """Return the inches of the longest line of text; 0 of none."""
    return max((text_width(text, size) for text in texts), default=0.0)


def tidy_logarithm(axis: Axis, *, plain: bool = False) -> None:
    """Keep the ticks of a logarithmic axis few: of whole powers where there are several.

    plain: numbers are written out, 1, 10, 100, as counts are, and as those of short axes are.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    short = high <= 30 * low
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)) if short else LogLocator(numticks=7))
    axis.set_minor_locator(NullLocator())
    if plain or short:
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def shades() -> ListedColormap:
    """Return the colours of heat maps: pale green over blue to dark violet, even in lightness."""
    import seaborn
    from matplotlib.colors import ListedColormap

    whole = seaborn.color_palette("mako_r", as_cmap=True)
    return ListedColormap(whole(np.linspace(0.06, 0.93, 256)), name="stylespace")


def array(values: Values) -> np.ndarray:
    """Return values of any kind as float64 on the CPU."""
    return torch.as_tensor(values).detach().cpu().double().numpy()


def pixels(image: Tensor) -> np.ndarray:
    """Return a picture (1, 3, H, W) as (H, W, 3) in [0, 1]."""
    return image[0].permute(1, 2, 0).detach().cpu().float().clamp(0, 1).numpy()


def coarse(colours: np.ndarray) -> np.ndarray:
    """Return colours (H, W, 3) in [0, 1] in LEVELS levels each, which halves a file."""
    return np.round(colours * (LEVELS - 1)) / (LEVELS - 1)
