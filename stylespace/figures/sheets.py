"""Pictures beside each other under their names, and curves: what commands draw beside results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import pad

from stylespace.figures.canvas import INCH, encoded, plain_figure, signed
from stylespace.images import resize_to

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAP = 0.08  # inches between pictures
LINE = 0.17  # inches of a line of a label
COLOURS = ("#1b6ca8", "#d1495b")
"""Of a target and of what was made to match it."""


def contact_sheet(
    images: Sequence[Tensor], labels: Sequence[str], *, network: str = "", columns: int = 8
) -> bytes:
    """Return a JPEG that shows pictures in rows, each under its label.

    Args:
        images: (1, 3, H, W) in [0, 1], of any sizes.
        labels: one a picture, of one or several lines.
        network: that made or measured them, named below; empty for none.
        columns: pictures a row.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = 1 + max(label.count("\n") for label in labels)
    width = max(image.shape[3] for image in images) / INCH
    height = max(image.shape[2] for image in images) / INCH
    across, down = width + GAP, height + LINE * lines + GAP
    foot = LINE if network else 0
    tall = rows * down + foot
    figure = plain_figure(columns * across, tall)
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        row, column = divmod(place, columns)
        left, bottom = column * across + GAP / 2, foot + (rows - 1 - row) * down + GAP / 2
        box = (left / columns / across, bottom / tall)
        axes = figure.add_axes((*box, width / columns / across, height / tall))
        show_picture(axes, image, label, size=7)
    return encoded(signed(figure, network), "jpg", pil_kwargs={"quality": 90})


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


def to_scale(*pictures: Tensor) -> list[Tensor]:
    """Return pictures (1, 3, h, w) amid white as large as the largest, (1, 3, H, W) each."""
    height, width = (max(one.shape[axis] for one in pictures) for axis in (2, 3))
    result = []
    for one in pictures:
        down, across = height - one.shape[2], width - one.shape[3]
        border = (across // 2, across - across // 2, down // 2, down - down // 2)
        result.append(pad(one.cpu().float(), border, value=1.0))
    return result


SHOWN_POINTS = 400  # of a curve, which may have 131,000 entries


def sorted_curves(axes: Axes, samples: Sequence[Tensor]) -> None:
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


def show_picture(axes: Axes, image: Tensor, title: str, *, size: float) -> None:
    """Show a picture (1, 3, H, W) under its title, `size` points large."""
    axes.axis("off")
    pixels = image[0].permute(1, 2, 0).cpu().float().numpy()
    axes.imshow(pixels, interpolation="nearest" if image.shape[3] < 400 else "antialiased")
    axes.set_title(title, fontsize=size, pad=2 if size < 9 else 5)
