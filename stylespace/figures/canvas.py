"""Canvases: empty figures that open no window, and the bytes of finished ones."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCH = 100
"""Pixels an inch of a plain figure."""
SIGNED = 6
"""Size of the network's name in points."""


def plain_figure(width: float, height: float, *, dpi: float = INCH, **options: Any) -> Figure:
    """Return an empty figure of that many inches; options: matplotlib's own of a figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=dpi, **options)
    FigureCanvasAgg(figure)
    return figure


def signed(figure: Figure, network: str, *, size: float = SIGNED) -> Figure:
    """Write the name of the network that a figure shows into its lower right corner.

    size: in points.
    """
    across, down = figure.get_size_inches()
    place = (1 - 0.04 / across, 0.02 / down)
    figure.text(*place, network, fontsize=size, color="0.45", ha="right", va="bottom")
    return figure


def png(figure: Figure, *, dpi: float = 130, **options: Any) -> bytes:
    """Return a figure as PNG on white."""
    return encoded(figure, "png", dpi=dpi, facecolor="white", **options)


def encoded(figure: Figure, kind: str, **options: Any) -> bytes:
    """Return a figure as `kind`: png, svg, jpg, webp; options: those of matplotlib's `savefig`."""
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, **options)
    return stream.getvalue()
