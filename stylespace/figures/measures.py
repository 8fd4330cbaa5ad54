"""Sparsity and spectra of several pictures, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stylespace.figures import drawing
from stylespace.figures.drawing import FAINT, MEDIUM, SMALL, Series
from stylespace.figures.formatting import legible, number
from stylespace.styles.statistics.layers import LayerStatistics

MEASURES = {
    "exactly_zero": "exactly 0, share",
    "near_zero": "near 0, share",
    "hoyer": "Hoyer sparsity",
    "gini": "Gini index",
}
PARTS = {"diagonal": "diagonal", "off_diagonal": "off-diagonal"}
NOTHING = 1e-7
"""Share of the trace below which an eigenvalue is rounding of features in single precision."""
ROW = 0.052
"""Of the height of a panel, between the markers of two effective ranks."""
MARKER: dict[str, Any] = {
    "markersize": 5.5,
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
    "zorder": 4,
}
MARGIN = 1.05
"""Inches that the names of rows need."""


@drawing.styled
def sparsity_figure(pictures: Mapping[str, Mapping[str, LayerStatistics]]) -> drawing.Figure:
    """Return four measures of sparsity by layer: of the diagonals above, of the pairs below.

    Args:
        pictures: {name: {layer: its statistics}}, of one to twelve that can be told apart.
    """
    layers, looks = _layers(pictures), drawing.series(len(pictures))
    panels = drawing.Panels.of(
        4, parts=2, height=max(1.2, 0.24 * len(layers) + 0.2), across=0.3,
        left=max(0.35 + drawing.widest([legible(layer) for layer in layers]), MARGIN),
        bottom=0.4 + drawing.legend_height(len(pictures)),
    )  # fmt: skip
    figure = panels.figure()
    for column, (measure, title) in enumerate(MEASURES.items()):
        for row, (part, told) in enumerate(PARTS.items()):
            axes = panels.axes(figure, column, row)
            for found, look in zip(pictures.values(), looks, strict=True):
                shown = {place: found[one] for place, one in enumerate(layers) if one in found}
                values = [getattr(getattr(one, part), measure) for one in shown.values()]
                _draw_profile(axes, values, list(shown), look)
            _layer_axis(axes, layers if column == 0 else None, len(layers))
            axes.set_title(title)
            if column == 0:
                _name_row(axes, told, panels.left)
    _name_pictures(figure, pictures)
    note = "Shares of entries, and two measures of sparsity; each from 0 to 1, the sparsest"
    drawing.headline(figure, "How sparse the entries are", note)
    return figure


@drawing.styled
def spectra_figure(pictures: Mapping[str, Mapping[str, drawing.Values]]) -> drawing.Figure:
    """Return the eigenvalues over their ranks, layer by layer, as shares of the trace.

    The effective rank, trace^2 / sum of squares, is a marker on the curve of a single picture, and
    one below the curves of several. Eigenvalues that are 0 but for rounding are left out.

    Args:
        pictures: {name: {layer: eigenvalues (C,), descending}}.
    """
    layers, looks, alone = _layers(pictures), drawing.series(len(pictures)), len(pictures) == 1
    foot = drawing.legend_height(len(pictures))
    panels = drawing.Panels.of(len(layers), height=2.2, across=0.3, bottom=0.45 + foot)
    figure, shared = panels.figure(least=6), None
    for thing, layer in enumerate(layers):
        axes = shared = panels.axes(figure, thing, sharey=shared)
        axes.set(xscale="log", yscale="log", title=legible(layer), xlabel="rank of the eigenvalue")
        axes.grid(True)
        ranks = [0.0] * len(looks)
        for row, (found, look) in enumerate(zip(pictures.values(), looks, strict=True)):
            if layer in found:
                ranks[row] = _draw_spectrum(
                    axes, drawing.array(found[layer]), look, None if alone else row
                )
        _name_ranks(axes, ranks)
        axes.tick_params(labelleft=panels.first(thing))
        axes.set_ylabel("share of the trace" if panels.first(thing) else "")
    for axes in figure.axes:
        drawing.tidy_logarithm(axes.xaxis, plain=True)
        drawing.tidy_logarithm(axes.yaxis)
    _name_pictures(figure, pictures)
    note = "Eigenvalues, largest first; marker: effective rank"
    drawing.headline(figure, "How many patterns carry the style", note)
    return figure


def _layers(pictures: Mapping[str, Mapping[str, object]]) -> tuple[str, ...]:
    """Return the layers of all pictures, in the order in which they first come."""
    return tuple(dict.fromkeys(layer for layers in pictures.values() for layer in layers))


def _draw_profile(axes: drawing.Axes, values: list[float], places: list[int], look: Series) -> None:
    axes.plot(
        values, places, look.dashes, color=look.colour, marker=look.marker, markersize=4,
        markeredgecolor="white", markeredgewidth=0.4, linewidth=0.9, clip_on=False, zorder=3,
    )  # fmt: skip


def _layer_axis(axes: drawing.Axes, layers: tuple[str, ...] | None, count: int) -> None:
    """Let layers go down the page, their names at the left edge only."""
    names = [legible(layer) for layer in layers] if layers else [""] * count
    axes.set_yticks(range(count), names)
    axes.set_ylim(count - 0.6, -0.4)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.grid(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, color=FAINT)


def _draw_spectrum(
    axes: drawing.Axes, eigenvalues: np.ndarray, look: Series, row: int | None
) -> float:
    """Draw a spectrum and its effective rank, which is returned; 0 of a black layer.

    row: of the marker, counted from below; None: on the curve.
    """
    total, squares = eigenvalues.sum(), np.square(eigenvalues).sum()
    if not squares:
        return 0.0
    shares = eigenvalues / total
    shares = shares[shares > NOTHING]
    ranks = np.arange(1, len(shares) + 1)
    axes.plot(ranks, shares, look.dashes, color=look.colour, linewidth=1.3)
    rank = float(total**2 / squares)
    if row is None:
        height = np.exp(np.interp(np.log(rank), np.log(ranks), np.log(shares)))
        axes.plot([rank], [height], look.marker, color=look.colour, **MARKER)
    else:
        across = axes.get_xaxis_transform()
        axes.plot([rank], [0.05 + ROW * row], look.marker, color=look.colour, transform=across,
                  **MARKER)  # fmt: skip
    return rank


def _name_ranks(axes: drawing.Axes, ranks: list[float]) -> None:
    """Write the effective rank of a single picture, or what the markers below are."""
    x, y, told = 0.05, 0.05, f"effective rank\n{number(ranks[0])}"
    if not any(ranks):
        told = "all are 0"
    elif len(ranks) > 1:
        y, told = 0.05 + ROW * len(ranks), "effective ranks"
    axes.text(x, y, told, transform=axes.transAxes, fontsize=SMALL)


def _name_row(axes: drawing.Axes, text: str, left: float) -> None:
    """Write the name of a row of panels at the left edge of the figure."""
    edge = (72 * (0.12 - left), 4)
    axes.annotate(
        text, (0, 1), xytext=edge, xycoords="axes fraction", textcoords="offset points",
        fontsize=MEDIUM, weight="bold",
    )  # fmt: skip


def _name_pictures(figure: drawing.Figure, pictures: Mapping[str, object]) -> None:
    """Write the legend where there is more than one picture."""
    if len(pictures) == 1:
        return
    plain = {"markersize": 4, "linewidth": 1}
    drawing.legend(
        figure,
        [
            {"color": look.colour, "linestyle": look.dashes, "marker": look.marker,
             "label": legible(name), **plain}
            for name, look in zip(pictures, drawing.series(len(pictures)), strict=True)
        ],
    )  # fmt: skip
