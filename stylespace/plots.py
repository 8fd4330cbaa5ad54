"""Figures: contact sheets of pictures with their names."""

from __future__ import annotations

import io
from collections.abc import Sequence

from torch import Tensor

INCH = 100  # pixels


def contact_sheet(images: Sequence[Tensor], labels: Sequence[str], *, columns: int = 8) -> bytes:
    """Return a JPEG that shows pictures in rows, each under its label.

    Args:
        images: (1, 3, H, W) in [0, 1], of any sizes.
        labels: one a picture, of one or several lines.
        columns: pictures a row.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = 1 + max(label.count("\n") for label in labels)
    side = max(max(image.shape[2:]) for image in images) / INCH
    height = side + 0.17 * lines
    figure = Figure((columns * (side + 0.08), rows * (height + 0.08)), dpi=INCH)
    canvas = FigureCanvasAgg(figure)
    for place in range(rows * columns):
        axes = figure.add_axes(_cell(place, rows, columns, side, height))
        axes.axis("off")
        if place < len(images):
            axes.imshow(images[place][0].permute(1, 2, 0).cpu().numpy(), interpolation="nearest")
            axes.set_title(labels[place], fontsize=7, pad=2)
    stream = io.BytesIO()
    canvas.print_jpg(stream, pil_kwargs={"quality": 90})
    return stream.getvalue()


def _cell(
    place: int, rows: int, columns: int, side: float, height: float
) -> tuple[float, float, float, float]:
    """Return left, bottom, width, height of a picture in the figure, as fractions."""
    row, column = divmod(place, columns)
    full_width, full_height = columns * (side + 0.08), rows * (height + 0.08)
    left = column * (side + 0.08) + 0.04
    bottom = (rows - 1 - row) * (height + 0.08) + 0.04
    return left / full_width, bottom / full_height, side / full_width, side / full_height
