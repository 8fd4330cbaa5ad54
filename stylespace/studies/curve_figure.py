"""The figure of a study's curves: style against content, a line a way."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stylespace.figures.canvas import plain_figure, png
from stylespace.studies.measures import better
from stylespace.studies.plans import Part

MARKS = "osD^vP*Xph<>d"


def curves_figure(part: Part, rows: pd.DataFrame) -> bytes:
    """Return a PNG: medians over the pairs at each weight of the content, a panel a measure.

    Ways whose results nobody else judges are missing in a panel. Down and left is nearer to both.
    """
    measures = _panels(part, rows)
    figure = plain_figure(4.6 * len(measures) + 2.2, 4.0)
    for number, (along, measure) in enumerate(measures):
        left = (0.65 + 4.6 * number) / (4.6 * len(measures) + 2.2)
        axes = figure.add_axes((left, 0.14, 3.7 / (4.6 * len(measures) + 2.2), 0.8))
        for k, way in enumerate(part.ways):
            own = rows[rows["way"] == way].groupby("content_weight")[[along, measure]].median()
            own = own.dropna()
            if len(own):
                look = {"color": f"C{k % 10}", "marker": MARKS[k % len(MARKS)], "markersize": 4}
                axes.plot(own[along], own[measure], linewidth=1.2, label=way, **look)
        positive = np.nanmin(rows[measure].to_numpy(float)) > 0
        axes.set(xlabel=along, ylabel=f"{measure} ({better(measure)} is better)")
        axes.set_yscale("log" if positive else "linear")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="center right", fontsize=8)
    return png(figure)


def _panels(part: Part, rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Return (content, style) measures of the panels: those of the claims, two at most."""
    wanted = [(claim.along, claim.measure) for claim in part.claims if claim.along]
    wanted = wanted or [(part.along, name) for name in part.shown[:1]]
    return [pair for pair in dict.fromkeys(wanted) if set(pair) <= set(rows)][:2]
