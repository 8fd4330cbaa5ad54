"""Distributions of a number over the styles of a collection, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stylespace.figures import drawing
from stylespace.figures.drawing import FAINT, INK, MAIN, SMALL
from stylespace.figures.formatting import legible, number

FEW = 10
"""Styles up to which a layer shows dots instead of a density."""


@drawing.styled
def distributions_figure(layers: Mapping[str, drawing.Values], quantity: str) -> drawing.Figure:
    """Return how a number is distributed over many styles, one row a layer.

    Each row is a density cut at the ends of the data, its quartiles and median in lines, the
    median in words.

    Args:
        layers: {name: values (n,), one a style}; values that are not finite are left out.
        quantity: what the number is, with its unit.
    """
    found = {layer: _finite(values) for layer, values in layers.items()}
    figure = drawing.blank(8.0, 1.25 + 0.62 * len(layers))
    margin = 0.3 + drawing.widest([legible(layer) for layer in layers])
    axes = drawing.place(figure, margin, 0.5, 7.0 - margin, 0.62 * len(layers))
    for row, values in enumerate(found.values()):
        _draw_row(axes, values, row)
    axes.set_yticks(range(len(found)), [legible(layer) for layer in found])
    axes.set(ylim=(len(found) - 0.5, -0.5), xlabel=legible(quantity, 90), ylabel="")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
    axes.text(
        1.01, 1.0, "median", transform=axes.transAxes, va="bottom", fontsize=SMALL, color=FAINT
    )
    most = max(map(len, found.values()))
    title = legible(quantity[:1].upper() + quantity[1:], 60)
    note = "Lines: quartiles and median" if most > FEW else "Each dot is a style"
    drawing.headline(figure, f"{title} over {most:,} styles", note)
    return figure


def _finite(values: drawing.Values) -> np.ndarray:
    found = drawing.array(values)
    return found[np.isfinite(found)]


def _draw_row(axes: drawing.Axes, values: np.ndarray, row: int) -> None:
    """Draw the values of a layer: dots of few, or of equal ones; otherwise their density."""
    import seaborn

    if not len(values):
        axes.text(0.5, row, "no values", transform=axes.get_yaxis_transform(), va="center")
        return
    if len(values) <= FEW or np.ptp(values) <= 1e-9 * np.abs(values).max():
        axes.plot(values, np.full(len(values), row), "o", color=MAIN, alpha=0.6, markersize=5)
    else:
        seaborn.violinplot(
            x=values, y=np.full(len(values), row), orient="h", native_scale=True, cut=0,
            inner="quart", color=MAIN, saturation=1, alpha=0.35, linewidth=0.9, linecolor=INK,
            density_norm="width", width=0.8, ax=axes,
        )  # fmt: skip
    told = number(float(np.median(values)))
    axes.text(1.01, row, told, transform=axes.get_yaxis_transform(), va="center", fontsize=SMALL)
