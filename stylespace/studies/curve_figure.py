"""The figure of a study's curves: style against content, a line a way."""

from __future__ import annotations

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


def _panels(part: Part, rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Return (content, style) measures of the panels: those of the claims, two at most."""
    wanted = [(claim.along, claim.measure) for claim in part.claims if claim.along]
    wanted.sort(key=lambda pair: not logarithmic(pair[1]))  # style first
    wanted = wanted or [(part.along, name) for name in part.shown[:1]]
    return [pair for pair in dict.fromkeys(wanted) if set(pair) <= set(rows)][:2]
