"""The figures of a study: curves of style against content, and what single settings move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from stylespace.figures.canvas import plain_figure, png
from stylespace.figures.drawing import tidy_logarithm
from stylespace.studies.curves import logarithmic
from stylespace.studies.measures import better
from stylespace.studies.plans import Part

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = "osD^vP*Xph<>d"
PANEL, LEGEND = 4.7, 2.2
"""Inches of a panel, and of the names of the ways beside them."""
NAMES = 2.3
"""Inches of the names of settings."""


def curves_figure(part: Part, rows: pd.DataFrame) -> bytes:
    """Return a PNG: medians over the pairs at each weight of the content, a panel a measure.

    Ways whose results nobody else judges are missing in a panel. Down and left is nearer to both.
    """
    measures = _panels(part, rows)
    width = PANEL * len(measures) + LEGEND
    figure = plain_figure(width, 4.0)
    for number, (along, measure) in enumerate(measures):
        box = (0.75 + PANEL * number, 0.55, PANEL - 1.0, 3.3)
        axes = figure.add_axes((box[0] / width, box[1] / 4, box[2] / width, box[3] / 4))
        for k, way in enumerate(part.ways):
            own = rows[rows["way"] == way].groupby("content_weight")[[along, measure]].median()
            own = own.dropna()
            if len(own):
                look: dict[str, Any] = {
                    "color": f"C{k % 10}",
                    "marker": MARKS[k % len(MARKS)],
                    "markersize": 4,
                }
                axes.plot(own[along], own[measure], linewidth=1.2, label=way, **look)
        axes.set(xlabel=along, ylabel=f"{measure} ({better(measure)} is better)")
        if logarithmic(measure):
            axes.set_yscale("log")
            tidy_logarithm(axes.yaxis, plain=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    ways = {name: line for one in figure.axes for line, name in zip(*_legend(one), strict=True)}
    corner = (1 - (LEGEND - 0.1) / width, 0.96)
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": corner}
    figure.legend(list(ways.values()), list(ways), frameon=False, fontsize=8, **place)
    return png(figure)


def _legend(axes: Axes) -> tuple[list[Any], list[str]]:
    return axes.get_legend_handles_labels()


def knobs_figure(moves: Mapping[str, Mapping[str, float]], noise: Mapping[str, float]) -> bytes:
    """Return a PNG: how far each setting moves its measures, a row each.

    moves: {setting: {measure: by how much}}. noise: of measures, a grey band.
    """
    measures = list(dict.fromkeys(name for line in moves.values() for name in line))
    measures = [name for name in measures if not name.endswith("in noise")]
    height = 0.9 + 0.21 * len(moves)
    figure = plain_figure(NAMES + 3.6 * len(measures), height)
    width = NAMES + 3.6 * len(measures)
    for number, measure in enumerate(measures):
        box = (NAMES + 3.6 * number, 0.55, 3.3, height - 0.7)
        axes = figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
        values = [line.get(measure, float("nan")) for line in moves.values()]
        rows = range(len(values))
        axes.axvspan(-noise.get(measure, 0), noise.get(measure, 0), color="0.88", zorder=0)
        axes.axvline(0, color="0.6", linewidth=0.8, zorder=1)
        axes.hlines(rows, 0, values, color=f"C{number}", linewidth=1.6)
        axes.plot(values, rows, "o", color=f"C{number}", markersize=4)
        axes.set(xlabel=f"{measure} (logarithm)" if logarithmic(measure) else measure)
        axes.set(ylim=(len(values) - 0.5, -0.5))
        axes.set_yticks(list(rows), list(moves) if number == 0 else [""] * len(values))
        axes.tick_params(labelsize=8, length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    return png(figure)


def _panels(part: Part, rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Return (content, style) measures of the panels: those of the claims, two at most."""
    wanted = [(claim.along, claim.measure) for claim in part.claims if claim.along]
    wanted.sort(key=lambda pair: not logarithmic(pair[1]))  # style first
    wanted = wanted or [(part.along, name) for name in part.shown[:1]]
    return [pair for pair in dict.fromkeys(wanted) if set(pair) <= set(rows)][:2]
