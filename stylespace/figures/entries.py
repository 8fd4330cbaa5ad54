"""Curves of sorted entries, with the distributions that fit them; distributions of cosines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from stylespace.figures import drawing
from stylespace.figures.drawing import MAIN, OTHER, SMALL
from stylespace.figures.formatting import legible, number, zero_share, zeros
from stylespace.figures.sheets import COLOURS, sorted_curves
from stylespace.styles.statistics.fitting import Fits
from stylespace.styles.statistics.matrices import diagonal, off_diagonal
from stylespace.styles.statistics.pairs import cosine_values

POINTS = 400
"""Of a curve, which may have 131,000 entries."""
DEEPEST = 1e-6
"""Of the largest entry: where the axis of the sorted entries ends at the latest."""
PARTS = {"diagonal": diagonal, "off-diagonal": off_diagonal}
BINS = 40
HEADROOM = 1.35
"""Of a panel over its highest bin: the words stand above."""
LOOKS: tuple[dict[str, Any], ...] = (
    {"label": "entries", "color": MAIN, "linestyle": "-", "linewidth": 1.8},
    {"label": "best fit", "color": OTHER, "linestyle": "--", "linewidth": 1.3},
    {"label": "closest, where there is no fit", "color": OTHER, "linestyle": ":", "linewidth": 1.3},
)
"""The legend of entries and fits."""


@drawing.styled
def intensity_figure(
    layers: Mapping[str, drawing.Values], fits: Mapping[str, tuple[Fits, Fits]] | None = None
) -> drawing.Figure:
    """Return the sorted entries of every layer over their rank, with the best fit of each.

    The upper row shows the diagonals, the lower one the entries i < j. A curve starts at the share
    of entries that are 0. A fit is dashed; where there is none, the closest is dotted.

    Args:
        layers: {name: Gram matrix (C, C)}.
        fits: {name: (of the diagonal, of the entries off it)}; a missing layer has no dashes.
    """
    panels = drawing.Panels.of(len(layers), parts=2, height=1.65, down=0.42, bottom=0.75)
    figure = panels.figure(least=6)
    for thing, (layer, gram) in enumerate(layers.items()):
        for part, (name, entries) in enumerate(PARTS.items()):
            axes = panels.axes(figure, thing, part)
            values = entries(torch.as_tensor(gram)).numpy()
            fitted = (fits or {}).get(layer, (None, None))
            told = _draw_entries(axes, values, fitted[part])
            axes.set_title(f"{legible(layer)}, {name}")
            _tell(axes, told, right=zero_share(values) < 0.4)
            _rank_labels(axes, last=part == 1, first=panels.first(thing))
    drawing.legend(figure, LOOKS)
    note = "Gram entries in squared units of activation, smallest first"
    drawing.headline(figure, "How strong the entries are", note)
    return figure


@drawing.styled
def target_figure(layers: Mapping[str, tuple[drawing.Values, drawing.Values]]) -> drawing.Figure:
    """Return the sorted entries of a target and of what was made to match it, layer by layer.

    Args:
        layers: {name: (the target's, the result's Gram matrix (C, C))}.
    """
    panels = drawing.Panels.of(len(layers), parts=2, height=1.5, down=0.42, bottom=0.75)
    figure = panels.figure(least=6)
    for thing, (layer, pair) in enumerate(layers.items()):
        for part, (name, entries) in enumerate(PARTS.items()):
            axes = panels.axes(figure, thing, part)
            sorted_curves(axes, [entries(torch.as_tensor(gram)) for gram in pair])
            axes.tick_params(labelsize=SMALL)
            axes.grid(True, axis="y")
            if axes.get_yscale() == "log":
                drawing.tidy_logarithm(axes.yaxis)
            axes.set_title(f"{legible(layer)}, {name}")
            _rank_labels(axes, last=part == 1, first=panels.first(thing))
    looks = zip(("target", "result"), COLOURS, ("-", "--"), strict=True)
    drawing.legend(figure, [{"label": n, "color": c, "linestyle": s} for n, c, s in looks])
    drawing.headline(figure, "Target against result", "Gram entries, smallest first")
    return figure


@drawing.styled
def cosines_figure(layers: Mapping[str, drawing.Values]) -> drawing.Figure:
    """Return the distribution of the cosines of two channels, layer by layer.

    Of pairs of channels that have energy; those that are exactly 0 are told in words.

    Args:
        layers: {name: Gram matrix (C, C)}.
    """
    found = {layer: cosine_values(torch.as_tensor(gram)).numpy() for layer, gram in layers.items()}
    low = -1.0 if any((values < 0).any() for values in found.values()) else 0.0
    panels = drawing.Panels.of(len(layers), height=1.7)
    figure = panels.figure(least=6)
    for thing, (layer, values) in enumerate(found.items()):
        axes = panels.axes(figure, thing)
        _draw_cosines(axes, values, low)
        axes.set_title(legible(layer))
        axes.set_xlabel("cosine of two channels")
        axes.set_ylabel("% of the pairs" if panels.first(thing) else "")
    note = "1: maps proportional to each other; line: median; channels that never fire left out"
    drawing.headline(figure, "How alike two channels fire", note)
    return figure


def sorted_points(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ranks in (0, 1) and sizes of the entries above 0 of ascending values (n,).

    Ranks count all entries, (k + 1/2) / n; at most 400 points, the ends among them.
    """
    start = int(np.searchsorted(values, 0.0, side="right"))
    places = np.unique(np.linspace(start, len(values) - 1, POINTS).round().astype(int))
    places = places[(places >= start) & (places < len(values))]
    return (places + 0.5) / max(len(values), 1), values[places]


def _draw_entries(axes: drawing.Axes, values: np.ndarray, fits: Fits | None) -> str:
    """Draw sorted values (n,) and their fit; return what to say of them."""
    axes.set_xlim(0, 1)
    ranks, shown = sorted_points(values)
    if not len(shown):
        axes.set_yticks([])
        return "all are 0" if len(values) else "a single channel\nhas no pairs"
    axes.plot(ranks, shown, color=MAIN, linewidth=1.8, label="entries")
    axes.set_yscale("log")
    axes.grid(True, axis="y")
    low, high = max(shown[0], DEEPEST * shown[-1]), shown[-1]
    axes.set_ylim(low / 1.6, high * 1.6)
    drawing.tidy_logarithm(axes.yaxis)
    zero = zero_share(values)
    told = [zeros(zero), _draw_fit(axes, fits, zero, len(shown))]
    return "\n".join(filter(None, told))


def _draw_fit(axes: drawing.Axes, fits: Fits | None, zero: float, count: int) -> str:
    """Draw the best or the closest distribution over the ranks above the zeros; name it."""
    if fits is None or not (fit := fits.best or fits.closest):
        return ""
    levels = np.linspace(0.5 / count, 1 - 0.5 / count, POINTS)
    style = "--" if fits.best else ":"
    axes.plot(zero + (1 - zero) * levels, fit.quantile(levels), style, color=OTHER, linewidth=1.3)
    if fits.best:
        return f"{fit.name} fits"
    return f"{'undecided' if fits.undecided else 'none fits'}; closest:\n{fit.name}"


def _tell(axes: drawing.Axes, text: str, *, right: bool) -> None:
    """Write into the corner that the curve leaves free: below at the right, or above."""
    x, y, across, down = (0.98, 0.03, "right", "bottom") if right else (0.03, 0.98, "left", "top")
    axes.text(x, y, text, transform=axes.transAxes, ha=across, va=down, fontsize=SMALL)


def _rank_labels(axes: drawing.Axes, *, last: bool, first: bool) -> None:
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_xlabel("rank, as a share" if last else "")
    axes.set_ylabel("entry" if first else "")


def _draw_cosines(axes: drawing.Axes, values: np.ndarray, low: float) -> None:
    """Draw the histogram of what is not 0, its median, and the zeros in words."""
    import seaborn

    axes.set_xlim(low, 1)
    axes.set_xticks([low, (1 + low) / 2, 1], [f"{tick:g}" for tick in (low, (1 + low) / 2, 1)])
    shown = values[values != 0].clip(-1, 1)  # rounding may leave them
    told = zeros(zero_share(values)) if len(values) else "fewer than two\nchannels fire"
    axes.text(0.98, 0.97, told, transform=axes.transAxes, ha="right", va="top", fontsize=SMALL)
    if not len(shown):
        axes.set_yticks([])
        return
    weights = np.full(len(shown), 100 / len(values))
    seaborn.histplot(
        x=shown, weights=weights, bins=BINS, binrange=(low, 1), element="step", color=MAIN,
        alpha=0.35, linewidth=0.9, ax=axes,
    )  # fmt: skip
    middle = float(np.median(values))
    axes.axvline(middle, ymax=1 / HEADROOM, color=OTHER, linewidth=1.2)
    axes.text(0.98, 0.87, f"median {number(middle, 2)}", transform=axes.transAxes, ha="right",
              va="top", fontsize=SMALL, color=OTHER)  # fmt: skip
    axes.set_ylim(0, HEADROOM * axes.dataLim.ymax)
    axes.locator_params(axis="y", nbins=5)
