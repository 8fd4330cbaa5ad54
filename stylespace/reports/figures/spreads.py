"""Distributions of a number over the styles of a collection, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from stylespace.reports.figures.drawing import (
    FAINT,
    INK,
    MAIN,
    SMALL,
    array,
    blank,
    headline,
    legend,
    legend_height,
    place,
    series,
    styled,
    tidy_logarithm,
    widest,
)
from stylespace.reports.figures.words import legible, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from stylespace.reports.figures.drawing import Values

FEW = 10
"""Styles up to which a layer shows dots instead of a density."""


@styled
def distributions(
    layers: Mapping[str, Values],
    quantity: str,
    *,
    logarithmic: bool = False,
    marked: Mapping[str, Mapping[str, float]] | None = None,
) -> Figure:
    """Return how a number is distributed over many styles, one row a layer.

    Each row is a density cut at the ends of the data, its quartiles and median in lines, the
    median in words.

    Args:
        layers: {name: values (n,), one a style}; values that are not finite are left out.
        quantity: what the number is, with its unit.
        logarithmic: whether the axis is; values must be above 0 then, others are left out.
        marked: {name of a style: {layer: its value}} to be pointed out.
    """
    marked = marked or {}
    found = {layer: _usable(values, logarithmic) for layer, values in layers.items()}
    foot = legend_height(len(marked) + 1) if marked else 0.0
    figure = blank(8.0, 1.25 + 0.62 * len(layers) + foot)
    margin = 0.3 + widest([legible(layer) for layer in layers])
    axes = place(figure, margin, 0.5 + foot, 7.0 - margin, 0.62 * len(layers))
    if logarithmic:
        axes.set_xscale("log")
    for row, values in enumerate(found.values()):
        _draw_row(axes, values, row, logarithmic)
    axes.set_yticks(range(len(found)), [legible(layer) for layer in found])
    if logarithmic:
        tidy_logarithm(axes.xaxis, plain=True)
    axes.set(ylim=(len(found) - 0.5, -0.5), xlabel=legible(quantity, 90), ylabel="")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
    _mark(figure, axes, list(found), marked)
    most = max(map(len, found.values()))
    title = legible(quantity[:1].upper() + quantity[1:], 60)
    note = "Lines: quartiles and median" if most > FEW else "Each dot is a style"
    headline(figure, f"{title} over {most:,} styles", note)
    return figure


def _usable(values: Values, logarithmic: bool) -> np.ndarray:
    found = array(values)
    return found[np.isfinite(found) & ((found > 0) | (not logarithmic))]


def _draw_row(axes: Axes, values: np.ndarray, row: int, logarithmic: bool) -> None:
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
            density_norm="width", width=0.8, log_scale=False, ax=axes,
        )  # fmt: skip
    told = number(float(np.median(values)))
    axes.text(1.01, row, told, transform=axes.get_yaxis_transform(), va="center", fontsize=SMALL)


def _mark(
    figure: Figure, axes: Axes, layers: list[str], marked: Mapping[str, Mapping[str, float]]
) -> None:
    """Point out single styles, named in the legend."""
    handles = []
    for (name, values), look in zip(marked.items(), series(len(marked) + 1)[1:], strict=True):
        rows = [row for row, layer in enumerate(layers) if layer in values]
        shown = [values[layers[row]] for row in rows]
        handles += axes.plot(
            shown, rows, look.marker, color=look.colour, markersize=6, markeredgecolor="white",
            markeredgewidth=0.6, zorder=5, label=legible(name),
        )  # fmt: skip
    if handles:
        legend(figure, handles)
    axes.text(
        1.01, 1.0, "median", transform=axes.transAxes, va="bottom", fontsize=SMALL, color=FAINT
    )
