"""Figures: pictures beside each other under their names, and curves of sorted entries."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from stylespace.edits import Edit
from stylespace.guides import regions_figure
from stylespace.images import resize_to
from stylespace.outcomes import Outcome
from stylespace.probes import Probed
from stylespace.statistics import diagonal, off_diagonal
from stylespace.textures import Match
from stylespace.transfer import Guided

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INCH = 100  # pixels
GAP = 0.08  # inches between pictures
LINE = 0.17  # inches of a line of a label
COLOURS = ("#1b6ca8", "#d1495b")
"""Of a target and of what was made to match it."""


def contact_sheet(images: Sequence[Tensor], labels: Sequence[str], *, columns: int = 8) -> bytes:
    """Return a JPEG that shows pictures in rows, each under its label.

    Args:
        images: (1, 3, H, W) in [0, 1], of any sizes.
        labels: one a picture, of one or several lines.
        columns: pictures a row.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = 1 + max(label.count("\n") for label in labels)
    width = max(image.shape[3] for image in images) / INCH
    height = max(image.shape[2] for image in images) / INCH
    across, down = width + GAP, height + LINE * lines + GAP
    figure = _figure(columns * across, rows * down)
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        row, column = divmod(place, columns)
        left, bottom = column * across + GAP / 2, (rows - 1 - row) * down + GAP / 2
        box = (left / columns / across, bottom / rows / down)
        axes = figure.add_axes((*box, width / columns / across, height / rows / down))
        _show(axes, image, label, size=7)
    stream = io.BytesIO()
    figure.canvas.print_jpg(stream, pil_kwargs={"quality": 90})
    return stream.getvalue()


def mosaic(pictures: Tensor, side: int, *, across: int = 3) -> Tensor:
    """Return pictures (n, 3, s, s) as a square of across x across: (1, 3, side, side), white gaps.

    More than across^2 pictures are left out; missing ones stay white.
    """
    gap = max(1, side // 60)
    cell = (side - gap * (across - 1)) // across
    result = torch.ones(1, 3, side, side)
    for place, picture in enumerate(pictures[: across**2]):
        top, left = ((cell + gap) * index for index in divmod(place, across))
        small = resize_to(picture[None].cpu().float(), cell, cell)
        result[..., top : top + cell, left : left + cell] = small
    return result


def side_by_side(pictures: Sequence[Tensor], *, gap: int = 4) -> Tensor:
    """Return pictures (1, 3, H, w) of one height in a row, with white gaps in pixels between."""
    height = pictures[0].shape[2]
    between = torch.ones(1, 3, height, gap)
    parts = [part for picture in pictures for part in (between, picture.cpu().float())]
    return torch.cat(parts[1:], 3)


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
    figure = _figure(13, height + 0.4)
    for place, (name, picture) in enumerate(shown.items()):
        box = (0.01 + place * 0.33, 0.01, 0.32, height / (height + 0.4))
        _show(figure.add_axes(box), picture, name, size=10)
    return _png(figure)


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
    figure = _figure(4.6 * count, 5.2)
    boxes = [((k + 0.04) / count, 0.14, 0.92 / count, 0.78) for k in range(count)]
    for box, (name, picture) in zip(boxes, shown.items(), strict=False):
        _show(figure.add_axes(box), picture, name, size=11 if name == title else 9)
    told = "where the two channels fire together most in the paintings"
    if not patches.paintings:
        told = "the two channels fire together in none of the paintings"
    _show(figure.add_axes(boxes[-1]), mosaic(patches.pictures, 480), told, size=9)
    line = "   ".join(f"{name} {value:.3g}" for name, value in figures.items())
    figure.text(0.02, 0.07, "\n".join(textwrap.wrap(line, 130)), fontsize=7, va="center")
    names = ", ".join(dict.fromkeys(patches.paintings))
    figure.text(boxes[-1][0], 0.02, "\n".join(textwrap.wrap(names, 70)), fontsize=6.5, va="bottom")
    return _png(figure)


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
    figure = _figure(max(8.0, 2.3 * count), 7.2)
    grid = figure.add_gridspec(
        3, 2 * count, height_ratios=(2, 1, 1), hspace=0.42, wspace=0.9, left=0.06, right=0.98,
        top=0.95, bottom=0.07,
    )  # fmt: skip
    if sources:
        row = [resize_to(one, 240, round(240 * one.shape[3] / one.shape[2])) for one in sources]
        shown = sources[0] if len(sources) == 1 else side_by_side(row)
        _show(figure.add_subplot(grid[0, :count]), shown, "source", size=9)
    _show(figure.add_subplot(grid[0, count:]), image, title, size=9)
    for place, (layer, pair) in enumerate(grams.items()):
        columns = slice(2 * place, 2 * place + 2)
        for row, part in enumerate((diagonal, off_diagonal), start=1):
            axes = figure.add_subplot(grid[row, columns])
            _sorted_entries(axes, [part(one.cpu()) for one in pair])
            axes.set_title(f"{layer}, {part.__name__.replace('_', '-')}", fontsize=8)
            if place == 0:
                axes.set_ylabel("sorted entries", fontsize=7)
                axes.legend(("target", "result"), fontsize=7, frameon=False)
    return _png(figure)


def loss_curves(traces: Mapping[str, Sequence[tuple[int, int, float | None]]]) -> bytes:
    """Return a PNG: the losses of several runs over their evaluations, on a logarithmic axis.

    Losses that are 0 or not finite are left out; a new scale, which has another loss, begins at a
    thin line.

    Args:
        traces: {label: (evaluation, longer side in pixels, loss) each, in order}.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = _figure(8.0, 3.8)
    axes = figure.add_axes((0.1, 0.13, 0.69, 0.82))
    for number, (label, trace) in enumerate(traces.items()):
        shown = [(at, loss) for at, _, loss in trace if loss is not None and 0 < loss < math.inf]
        axes.plot(*zip(*shown, strict=True), color=f"C{number}", linewidth=1.4, label=label)
        for (_, size, _), (at, other, _) in pairwise(trace):
            if size != other:
                axes.axvline(at, color="0.8", linewidth=0.8, zorder=0)
    axes.set(yscale="log", xlabel="evaluation", ylabel="loss")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.01)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1))
    axes.spines[["top", "right"]].set_visible(False)
    return _png(figure)


SHOWN_POINTS = 400  # of a curve, which may have 131,000 entries


def _sorted_entries(axes: Axes, samples: Sequence[Tensor]) -> None:
    """Draw sorted entries over their rank, from 0 (smallest) to 1, on a logarithmic axis."""
    if not all(map(len, samples)):
        return  # a single channel has no off-diagonal entries
    top = max(float(values.max()) for values in samples) or 1.0
    for values, colour, style in zip(samples, COLOURS, ("-", "--"), strict=True):
        rank = torch.linspace(0, 1, min(SHOWN_POINTS, len(values)), dtype=torch.float64)
        shown = values[(rank * (len(values) - 1)).round().long()]
        axes.plot(rank, shown.clamp(min=1e-6 * top), style, color=colour, linewidth=1.4)
    axes.set_yscale("log")
    axes.set_ylim(1e-5 * top, 2 * top)
    axes.tick_params(labelsize=6)


def _show(axes: Axes, image: Tensor, title: str, *, size: float) -> None:
    axes.axis("off")
    pixels = image[0].permute(1, 2, 0).cpu().float().numpy()
    axes.imshow(pixels, interpolation="nearest" if image.shape[3] < 400 else "antialiased")
    axes.set_title(title, fontsize=size, pad=2 if size < 9 else 5)


def _figure(width: float, height: float) -> Figure:
    """Return a figure of that many inches, on a canvas that opens no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=INCH)
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure, **options: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130, facecolor="white", **options)
    return stream.getvalue()
