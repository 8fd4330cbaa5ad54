"""The figure that a command draws beside its picture."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from torch import Tensor

from stylespace.commands.edit.edits import Edit
from stylespace.commands.outcome import Outcome
from stylespace.commands.probe.probes import Probed
from stylespace.commands.texture.textures import Match
from stylespace.commands.transfer.figure import regions_figure
from stylespace.commands.transfer.transfer import Guided
from stylespace.figures.sheets import (
    mosaic,
    plain_figure,
    png,
    show_picture,
    side_by_side,
    sorted_curves,
)
from stylespace.images import resize_to
from stylespace.styles.statistics.matrices import diagonal, off_diagonal


def figure_of(outcome: Outcome) -> bytes | None:
    """Return the figure of an outcome as PNG, or None for a kind that has none."""
    beside, figures = outcome.beside, outcome.figures
    if isinstance(beside, Probed):
        layer, i, j = outcome.settings.first
        title = f"{layer}  {i},{j}"
        return probe_figure(outcome.image, beside, title=title, figures=figures)
    if isinstance(beside, Match):
        novelty = figures["style_distance"]
        title = f"{outcome.settings.match}, relative Gram distance {novelty:.2g}"
        return texture_figure(beside.sources, outcome.image, beside.grams, title=title)
    if isinstance(beside, Edit):
        layer, i, j = outcome.settings.place()
        title = f"{layer}  {i},{j}  times {figures['ratio']:.2g}"
        return edit_figure(beside.painting, outcome.image, title=title)
    if isinstance(beside, Guided):
        styling = beside.styling
        return regions_figure(beside.content, styling.sources[0].image, styling.regions)
    return None


def edit_figure(painting: Tensor, image: Tensor, *, title: str) -> bytes:
    """Return a PNG: a painting, what an edit made of it, and where they differ, (1, 3, H, W) all.

    The difference is grey where nothing changed, twice as strong as it is.
    """
    difference = (0.5 + 2 * (image - painting)).clamp(0, 1)
    shown = {"painting": painting, title: image, "difference x 2": difference}
    height = 4.2 * image.shape[2] / image.shape[3]
    figure = plain_figure(13, height + 0.4)
    for place, (name, picture) in enumerate(shown.items()):
        box = (0.01 + place * 0.33, 0.01, 0.32, height / (height + 0.4))
        show_picture(figure.add_axes(box), picture, name, size=10)
    return png(figure)


def probe_figure(
    image: Tensor, beside: Probed, *, title: str, figures: Mapping[str, float]
) -> bytes:
    """Return a PNG: a probe (1, 3, H, W) beside its painting patches, with its figures.

    Between them, if its importance is known, the picture as transparent as it is unimportant.

    title: the entry's name.
    """
    patches, shown = beside.patches, {title: image}
    if beside.importance is not None:
        shown["what mattered while it was made"] = faded(image, beside.importance)
    count = len(shown) + 1
    figure = plain_figure(4.6 * count, 5.2)
    boxes = [((k + 0.04) / count, 0.14, 0.92 / count, 0.78) for k in range(count)]
    for box, (name, picture) in zip(boxes, shown.items(), strict=False):
        show_picture(figure.add_axes(box), picture, name, size=11 if name == title else 9)
    told = "where the two channels fire together most in the paintings"
    if not patches.paintings:
        told = "the two channels fire together in none of the paintings"
    show_picture(figure.add_axes(boxes[-1]), mosaic(patches.pictures, 480), told, size=9)
    line = "   ".join(f"{name} {value:.3g}" for name, value in figures.items())
    figure.text(0.02, 0.07, "\n".join(textwrap.wrap(line, 130)), fontsize=7, va="center")
    names = ", ".join(dict.fromkeys(patches.paintings))
    figure.text(boxes[-1][0], 0.02, "\n".join(textwrap.wrap(names, 70)), fontsize=6.5, va="bottom")
    return png(figure)


def faded(image: Tensor, importance: Tensor) -> Tensor:
    """Return a picture (1, 3, H, W) over white, transparent where `importance` (H, W) is low.

    Opaque from the 95th percentile of the importance on.

    Source: Fel et al. 2023 (MACO), section 3.
    """
    weight = importance.to(image)
    alpha = (weight / weight.quantile(0.95).clamp(min=1e-30)).clamp(max=1)
    return 1 - alpha * (1 - image)


def texture_figure(
    sources: Sequence[Tensor],
    image: Tensor,
    grams: Mapping[str, tuple[Tensor, Tensor]],
    *,
    title: str,
) -> bytes:
    """Return a PNG: source and result above the sorted Gram entries of both, layer by layer.

    Args:
        sources: (1, 3, H, W) each; a style file holds no picture.
        image: the result (1, 3, H, W).
        grams: {layer: (the target's, the result's Gram matrix (C, C))}.
        title: of the result.
    """
    count = len(grams)
    figure = plain_figure(max(8.0, 2.3 * count), 7.2)
    grid = figure.add_gridspec(
        3, 2 * count, height_ratios=(2, 1, 1), hspace=0.42, wspace=0.9, left=0.06, right=0.98,
        top=0.95, bottom=0.07,
    )  # fmt: skip
    if sources:
        row = [resize_to(one, 240, round(240 * one.shape[3] / one.shape[2])) for one in sources]
        shown = sources[0] if len(sources) == 1 else side_by_side(row)
        show_picture(figure.add_subplot(grid[0, :count]), shown, "source", size=9)
    show_picture(figure.add_subplot(grid[0, count:]), image, title, size=9)
    for place, (layer, pair) in enumerate(grams.items()):
        columns = slice(2 * place, 2 * place + 2)
        for row, part in enumerate((diagonal, off_diagonal), start=1):
            axes = figure.add_subplot(grid[row, columns])
            sorted_curves(axes, [part(one.cpu()) for one in pair])
            axes.set_title(f"{layer}, {part.__name__.replace('_', '-')}", fontsize=8)
            if place == 0:
                axes.set_ylabel("sorted entries", fontsize=7)
                axes.legend(("target", "result"), fontsize=7, frameon=False)
    return png(figure)
