"""The loss of a synthesis over its evaluations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from stylespace.figures import drawing
from stylespace.figures.drawing import MAIN, RULE, SMALL
from stylespace.figures.formatting import number

Evaluation = tuple[int, int, float | None]
"""Its number, the longer side in pixels, the loss: None where that is not finite."""


@drawing.styled
def trace_figure(trace: Sequence[Evaluation]) -> drawing.Figure:
    """Return the loss over the evaluations, on a logarithmic axis, with the sizes as bands.

    Losses that are 0 or not finite are left out of the line.

    Args:
        trace: (evaluation, longer side in pixels, loss) each, in order; at least one. Not every
            evaluation need be in it, but the last is. None is a loss that is not finite.
    """
    numbers, _, losses = (np.array(column, float) for column in zip(*trace, strict=True))
    shown = np.where(np.isfinite(losses) & (losses > 0), losses, np.nan)
    figure = drawing.blank(7.5, 3.6)
    axes = drawing.place(figure, 0.75, 0.5, 6.6, 2.3)
    alone = np.count_nonzero(np.isfinite(shown)) == 1
    axes.plot(numbers, shown, "o" if alone else "-", color=MAIN, linewidth=1.4)
    if np.isfinite(shown).any():
        axes.set_yscale("log")
        drawing.tidy_logarithm(axes.yaxis)
    left, right = numbers[0] - 0.5, numbers[-1] + 0.5
    axes.set(xlim=(left, right), xlabel="evaluation", ylabel="loss")
    for index, (size, start, stop) in enumerate(bands(trace)):
        if index % 2 == 0:
            axes.axvspan(start - 0.5, stop + 0.5, color=RULE, alpha=0.6, linewidth=0)
        if (stop - start + 1) / (right - left) > 0.06:
            axes.text((start + stop) / 2, 1.02, f"{size} px", transform=axes.get_xaxis_transform(),
                      ha="center", fontsize=SMALL)  # fmt: skip
    axes.grid(True, axis="y")
    drawing.headline(figure, "Loss", _told(losses, trace[-1][0]))
    return figure


def bands(trace: Sequence[Evaluation]) -> Iterator[tuple[int, int, int]]:
    """Yield size, first and last evaluation of each run at one size."""
    for size, evaluations in groupby(trace, key=lambda evaluation: evaluation[1]):
        numbers = [evaluation[0] for evaluation in evaluations]
        yield size, numbers[0], numbers[-1]


def _told(losses: np.ndarray, evaluations: int) -> str:
    """Return the ends of losses (n,) in words, of those that are finite."""
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return f"No loss is finite, of {evaluations:,} evaluations"
    told = f"From {number(finite[0])} to {number(finite[-1])} in {evaluations:,} evaluations"
    return told if np.isfinite(losses[-1]) else f"{told}; the last loss is not finite"
