"""What parts of a study tell beside their tables: found once, kept, and written as paragraphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stylespace.figures import markdown
from stylespace.studies.curves import logarithmic
from stylespace.studies.measures import MEASURES
from stylespace.studies.plans import Part

KNOBS = "-knobs.png"
"""What the name of the figure of hyper-parameters ends in."""
BETWEEN = """\
How far results of two starts are apart, medians over the pairs: root mean square of pixels, \
relative Gram distance, distance of unit features in the judge; and the barrier on the straight \
line between them, the highest loss of nine places above the higher end, over the mean of both."""
Table = Mapping[str, Mapping[str, float]]
"""{row: {column: number}}, as what was found is kept."""


def told(name: str, part: Part, rows: pd.DataFrame, found: Any) -> Sequence[str]:
    """Return the paragraphs of an analysis.

    Args:
        name: of `plans.ANALYSES`. part, rows: what it is of. found: what was computed for it, or
            None where that is not there.
    """
    return TOLD[name](part, rows, found)


def _noise(part: Part, rows: pd.DataFrame, found: Any) -> list[str]:
    """Return how far each judge is apart between two seeds, and between two crops."""
    table = markdown.number_table(noise_of(rows), ("median", "seeds", "crops"), "judge")
    return [
        "Each judge's own noise: medians over the pairs of how far two seeds are apart, and two "
        "crops of one result (its first and its last four fifths); of style and content distances "
        f"the logarithm.\n\n{table}"
    ]


def noise_of(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return {measure: median of its values, of the differences of seeds, of crops}."""
    found = {}
    for measure in [name for name in MEASURES if {name, f"crops.{name}"} <= set(rows)]:
        values = np.log(rows[measure]) if logarithmic(measure) else rows[measure]
        seeds = values.groupby(rows["pair"]).agg(lambda one: one.max() - one.min())
        found[measure] = {
            "median": float(rows[measure].median()),
            "seeds": float(seeds.median()),
            "crops": float(rows[f"crops.{measure}"].median()),
        }
    return found


def _knobs(part: Part, rows: pd.DataFrame, found: Any) -> list[str]:
    """Return by how much each setting moves style and content, in units of the judge's noise."""
    lines = knobs_of(part, rows, found or {})
    if not lines:
        return []
    columns = list(dict.fromkeys(name for line in lines.values() for name in line))
    table = markdown.number_table(lines, columns, f"instead of {next(iter(part.ways))}")
    return [
        f"![How far each setting moves style and content]({part.name}{KNOBS})",
        "Medians over the pairs of how far one setting moves a result, others left as they are; of "
        "style and content distances the logarithm, below 0 nearer. In noise: over the median "
        f"difference between two seeds of a start from noise, the grey band.\n\n{table}",
    ]


def knobs_of(
    part: Part, rows: pd.DataFrame, noise: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Return {way: {measure: how far it moves from that of the first way}}, medians over pairs.

    Of the first two measures that the part shows. noise: of measures, whose multiples are added.
    """
    default, *others = part.ways
    lines: dict[str, dict[str, float]] = {}
    for name in part.shown[:2]:
        wide = rows.pivot_table(index="pair", columns="way", values=name)
        wide = np.log(wide) if logarithmic(name) else wide
        for way in (way for way in others if {way, default} <= set(wide)):
            moved = float((wide[way] - wide[default]).median())
            line = lines.setdefault(way, {})
            line[name] = moved
            if noise.get(name):
                line[f"{name}, in noise"] = abs(moved) / noise[name]
    return {way: lines[way] for way in others if way in lines}


def _basins(part: Part, rows: pd.DataFrame, found: Table | None) -> list[str]:
    """Return how far final losses are spread over seeds, and what lies between results."""
    spread = {}
    for way, own in rows.groupby("way", sort=False):
        losses = own.groupby("pair")["loss"].agg(["count", "mean", "std"])
        losses = losses[losses["count"] > 1]
        if len(losses):
            shares = losses["std"] / losses["mean"]
            spread[str(way)] = {"seeds": losses["count"].median(), "spread": shares.median()}
    caption = "Spread of the final loss over seeds: standard deviation over mean, median of pairs."
    table = markdown.number_table(spread, ("seeds", "spread"), "start")
    return [f"{caption}\n\n{table}"] * bool(spread) + _kept(BETWEEN)(part, rows, found)


def _light(part: Part, rows: pd.DataFrame, found: Any) -> list[str]:
    """Return how far results are from what should have come out, by alteration and style."""
    own = rows.assign(
        style=rows["way"].str.partition(", ")[2], how=rows["way"].str.partition(", ")[0]
    )
    wide = own.pivot_table(
        index="how", columns="style", values="truth_colours", aggfunc="median", sort=False
    )
    table = markdown.number_table(wide.to_dict("index"), list(wide.columns), "truth_colours")
    return [f"Medians over the scenes, lower is better:\n\n{table}"]


def _kept(caption: str) -> Callable[[Part, pd.DataFrame, Any], list[str]]:
    """Return what tells a table that was computed once, under its caption."""

    def tell(part: Part, rows: pd.DataFrame, found: Table | None) -> list[str]:
        """Return the table."""
        if not found:
            return []
        columns = list(dict.fromkeys(name for line in found.values() for name in line))
        return [f"{caption}\n\n{markdown.number_table(found, columns)}"]

    return tell


TOLD: Mapping[str, Callable[[Part, pd.DataFrame, Any], Sequence[str]]] = {
    "noise": _noise,
    "knobs": _knobs,
    "light": _light,
    "networks": _kept(
        "Entropy of activations, softened where they are, over positions and channels of the style "
        "layers, as a share of the most that it could be (W21), means over the style pictures: low "
        "where a few peaks outshine all else. And the memory of one evaluation with gradient of a "
        "square picture, estimated."
    ),
    "basins": _basins,
    "space": _kept(
        "The style space of the paintings, medians over them: shares of entries off the diagonal "
        "that are at most a thousandth of the root mean square (zero), of the energy in the "
        "largest 1 and 10 % of entries, eigen-directions that hold 90 and 99 % of the energy; and "
        "between paintings, the share of the variance of entries that lies in the 1 % of entries "
        "that differ most."
    ),
}
"""{analysis: what tells it}."""
