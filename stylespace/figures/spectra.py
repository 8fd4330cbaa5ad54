"""Eigenvalues of Gram matrices over their ranks: curves of few pictures, a panel each of many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from stylespace.figures import drawing
from stylespace.figures.drawing import FAINT, INK, MAIN, OTHER, RULE, SMALL, Series
from stylespace.figures.formatting import legible, number
from stylespace.figures.measures import MOST_LINES, layers_of

NOTHING = 1e-7
"""Share of the trace below which an eigenvalue is rounding of features in single precision."""
PITCH = 0.13
"""Inches between the markers of two effective ranks."""
MARKER: dict[str, Any] = {
    "markersize": 5.5,
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
    "zorder": 4,
}
REACH = 3.0
"""Times the median that a panel of one picture shows, and its inverse."""
ROW = 0.62
"""Inches of a panel of one picture and layer."""
Spectra = Mapping[str, Mapping[str, drawing.Values]]
"""{picture: {layer: eigenvalues (C,), descending}}."""


@drawing.styled
def spectra_figure(pictures: Spectra) -> drawing.Figure:
    """Return the eigenvalues over their ranks, layer by layer, as shares of the trace.

    The effective rank, trace^2 / sum of squares, is a marker on the curve of a single picture, and
    one below the curves of several. More than four pictures have a row of panels each: how much
    larger or smaller than the median picture's each share is. Eigenvalues that are 0 but for
    rounding are left out.

    Args:
        pictures: {name: {layer: eigenvalues (C,), descending}}.
    """
    several = len(pictures) > MOST_LINES
    figure = _panels_of_each(pictures) if several else _panels_together(pictures)
    note = "Eigenvalues, largest first; marker: effective rank"
    if several:
        note = (
            "Shares of the eigenvalues: blue where larger than the median picture's, up to three "
            "times, red where smaller; number: effective rank"
        )
    drawing.headline(figure, "How many patterns carry the style", note)
    return figure


def draw_spectra(axes: drawing.Axes, curves: Mapping[str, drawing.Values]) -> None:
    """Draw eigenvalues (C,), descending, of one or several things into axes.

    With the effective ranks: on the curve of one, below those of several.
    """
    axes.set(xscale="log", yscale="log", xlabel="rank of the eigenvalue")
    axes.set_ylabel("share of the trace")
    axes.grid(True)
    step = PITCH * axes.figure.dpi / axes.bbox.height
    ranks = [
        _draw_one(
            axes, drawing.array(values), look, None if len(curves) == 1 else 0.05 + step * row
        )
        for row, (values, look) in enumerate(
            zip(curves.values(), drawing.series(len(curves)), strict=True)
        )
    ]
    _name_ranks(axes, ranks, 0.05 + step * len(curves))
    tidy(axes)


def tidy(axes: drawing.Axes) -> None:
    """Keep the ticks of both logarithmic axes few."""
    drawing.tidy_logarithm(axes.xaxis, plain=True)
    drawing.tidy_logarithm(axes.yaxis)


def _panels_together(pictures: Spectra) -> drawing.Figure:
    """Return a panel a layer with the curves of all pictures."""
    layers, foot = layers_of(pictures), drawing.legend_height(len(pictures))
    panels = drawing.Panels.of(len(layers), height=2.2, across=0.3, bottom=0.6 + foot)
    figure, shared = panels.figure(least=6), None
    for thing, layer in enumerate(layers):
        axes = shared = panels.axes(figure, thing, sharey=shared)
        none = np.zeros(1)
        draw_spectra(axes, {name: found.get(layer, none) for name, found in pictures.items()})
        axes.set_title(legible(layer))
        axes.tick_params(labelleft=panels.first(thing))
        axes.set_ylabel("share of the trace" if panels.first(thing) else "")
    for axes in figure.axes:
        tidy(axes)  # again: the axis is shared
    drawing.name_pictures(figure, pictures)
    return figure


def _panels_of_each(pictures: Spectra) -> drawing.Figure:
    """Return a row of panels a picture, a panel a layer: its shares over the median's."""
    layers = layers_of(pictures)
    panels = drawing.Panels(
        len(pictures) * len(layers), columns=len(layers), height=ROW, across=0.1, down=0.06,
        left=0.35 + drawing.widest([legible(name, 24) for name in pictures]),
    )  # fmt: skip
    room = drawing.WIDTH - panels.left - panels.right - panels.across * (len(layers) - 1)
    panels = replace(panels, width=min(2.6, room / len(layers)))
    figure = panels.figure(least=6)
    for column, layer in enumerate(layers):
        shares = {name: _shares(found.get(layer, ())) for name, found in pictures.items()}
        middle = _median(list(shares.values()))
        for row, (name, own) in enumerate(shares.items()):
            axes = panels.axes(figure, row * len(layers) + column)
            _draw_ratio(axes, own, middle)
            axes.set_title(legible(layer) if row == 0 else "")
            if column == 0:
                axes.set_ylabel(legible(name, 24), rotation=0, ha="right", va="center")
            if row == len(pictures) - 1:
                _number_ranks(axes, len(middle))
    return figure


def _draw_ratio(axes: drawing.Axes, own: np.ndarray, middle: np.ndarray) -> None:
    """Draw shares of one picture and layer over the median's, and write the effective rank."""
    both = min(len(own), len(middle))
    ratio, ranks = own[:both] / middle[:both], np.arange(1, both + 1)
    axes.set(xscale="log", yscale="log", xticks=[], yticks=[])
    axes.minorticks_off()
    axes.set(xlim=(0.9, 1.1 * max(len(middle), 2)), ylim=(1 / REACH, REACH))
    axes.fill_between(
        ranks, 1, ratio, where=ratio >= 1, color=MAIN, alpha=0.5, linewidth=0, interpolate=True
    )
    axes.fill_between(
        ranks, 1, ratio, where=ratio <= 1, color=OTHER, alpha=0.5, linewidth=0, interpolate=True
    )
    axes.plot(ranks, ratio, color=INK, linewidth=0.8)
    axes.axhline(1, color=FAINT, linewidth=0.7)
    axes.spines[:].set(visible=True, color=RULE)
    told = number(float(1 / np.square(own).sum())) if len(own) else "all are 0"
    axes.text(0.03, 0.92, told, transform=axes.transAxes, fontsize=SMALL, va="top")


def _number_ranks(axes: drawing.Axes, most: int) -> None:
    """Write 1, 10, 100 below a panel, as far as its ranks go."""
    ticks = [10**power for power in range(4) if 10**power <= most]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlabel("rank of the eigenvalue")


def _shares(eigenvalues: drawing.Values) -> np.ndarray:
    """Return eigenvalues as shares of their sum, without those that are rounding; () of none."""
    values = drawing.array(eigenvalues)
    shares = values / (values.sum() or 1.0)
    return shares[shares > NOTHING]


def _median(shares: list[np.ndarray]) -> np.ndarray:
    """Return the median share at each rank, as far as it is above 0."""
    table = np.zeros((len(shares), max(map(len, shares))))
    for row, own in zip(table, shares, strict=True):
        row[: len(own)] = own
    middle = np.median(table, 0)
    return middle[middle > NOTHING]


def _draw_one(
    axes: drawing.Axes, eigenvalues: np.ndarray, look: Series, height: float | None
) -> float:
    """Draw a spectrum and its effective rank, which is returned; 0 of a black layer.

    height: of the marker as a share of the panel's; None: on the curve.
    """
    total, squares = eigenvalues.sum(), np.square(eigenvalues).sum()
    if not squares:
        return 0.0
    shares = _shares(eigenvalues)
    ranks = np.arange(1, len(shares) + 1)
    axes.plot(ranks, shares, look.dashes, color=look.colour, linewidth=1.3)
    rank = float(total**2 / squares)
    if height is None:
        place = np.exp(np.interp(np.log(rank), np.log(ranks), np.log(shares)))
        axes.plot([rank], [place], look.marker, color=look.colour, **MARKER)
    else:
        across = axes.get_xaxis_transform()
        axes.plot([rank], [height], look.marker, color=look.colour, transform=across, **MARKER)
    return rank


def _name_ranks(axes: drawing.Axes, ranks: list[float], above: float) -> None:
    """Write the effective rank of a single picture, or what the markers below are."""
    y, told = 0.05, f"effective rank\n{number(ranks[0])}"
    if not any(ranks):
        told = "all are 0"
    elif len(ranks) > 1:
        y, told = above, "effective ranks"
    axes.text(0.05, y, told, transform=axes.transAxes, fontsize=SMALL)
