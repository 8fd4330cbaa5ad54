"""Where in a picture the strongest pairs of channels fire together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from stylespace.figures import drawing
from stylespace.figures.drawing import DPI, FAINT, WIDTH
from stylespace.figures.formatting import legible, number
from stylespace.images import resize
from stylespace.styles.statistics.pairs import ChannelPair

COLUMNS = 4
TALLEST = 3.0
"""Inches of a portrait."""
GREY = (0.299, 0.587, 0.114)
"""Luminance of red, green and blue."""
DIM, PALE = 0.3, 0.72
"""Brightness of a light picture, and the share of white in a dark one, where it is faded."""
BRIGHT = 0.5
"""Mean luminance from which on a picture is faded to dark, so that what is not stands out."""
SATURATION = 0.25
"""Of the colours where the picture is faded."""
GAMMA = 0.7
"""Exponent of the product, below 1 so that fainter places are seen as well."""
BRIGHTEST = 0.99
"""Quantile of a product from which on the picture is shown as it is."""


@drawing.styled
def pairs_figure(
    layer: str, picture: Tensor, pairs: Sequence[ChannelPair], products: drawing.Values
) -> drawing.Figure:
    """Return the picture once a pair: itself where both channels fire at once, faded elsewhere.

    Args:
        layer: its name.
        picture: (1, 3, H, W) in [0, 1].
        pairs: strongest first, at least one.
        products: (n, h, w), F_i F_j at every position of the layer, one map a pair; each is
            measured by its own peak.
    """
    width = (WIDTH - 0.12 * (COLUMNS + 1)) / COLUMNS
    height = min(width * picture.shape[2] / picture.shape[3], TALLEST)
    scale = DPI * min(width / picture.shape[3], height / picture.shape[2])
    shown = resize(picture, max(round(scale * max(picture.shape[2:])), 1))
    columns, rows = min(COLUMNS, len(pairs)), -(-len(pairs) // COLUMNS)
    pitch = height + 0.32
    figure = drawing.blank(max(0.12 + columns * (width + 0.12), 5.0), 0.7 + rows * pitch)
    for index, (pair, product) in enumerate(zip(pairs, drawing.array(products), strict=True)):
        row, column = divmod(index, COLUMNS)
        box = (0.12 + column * (width + 0.12), (rows - 1 - row) * pitch + 0.16, width, height)
        axes = drawing.place(figure, *box, anchor="W", xticks=[], yticks=[])
        axes.imshow(drawing.coarse(spotlit(shown, product)), interpolation="nearest")
        axes.spines[:].set(visible=True, color=FAINT, linewidth=0.5)
        axes.set_title(f"{pair.i},{pair.j}   {number(pair.value)}, cosine {pair.cosine:.2f}")
        if not product.max() > 0:
            axes.text(
                0.5, 0.5, "never together", transform=axes.transAxes, ha="center", color="white"
            )
    note = "Channels i,j with G(i, j) and cosine; in full colour where both fire at once"
    drawing.headline(figure, f"Strongest pairs of {legible(layer)}", note)
    return figure


def spotlit(picture: Tensor, product: np.ndarray) -> np.ndarray:
    """Return a picture (1, 3, H, W) as (H, W, 3), faded and nearly grey where a product is small.

    product: (h, w), brought to the picture's size linearly. Its peak is the 99th percentile, or the
    maximum where fewer than 1 % are above 0. A light picture fades to dark, a dark one to white.
    """
    size = tuple(picture.shape[2:])
    small = torch.as_tensor(product, dtype=torch.float64)[None, None].clamp(min=0)
    spread = torch.nn.functional.interpolate(small, size, mode="bilinear", align_corners=False)
    wide = spread[0, 0].numpy()
    peak = np.quantile(wide, BRIGHTEST) or wide.max() or 1.0
    light = np.minimum(wide / peak, 1.0)[..., np.newaxis] ** GAMMA
    colours = drawing.pixels(picture)
    grey = (colours @ np.array(GREY))[..., np.newaxis]
    muted = SATURATION * colours + (1 - SATURATION) * grey
    faded = DIM * muted if grey.mean() > BRIGHT else PALE + (1 - PALE) * muted
    return light * colours + (1 - light) * faded
