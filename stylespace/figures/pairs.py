"""Where in a picture the strongest pairs of channels fire together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from stylespace.figures import drawing
from stylespace.figures.dark import ON_PICTURE
from stylespace.figures.drawing import DPI, FAINT, WIDTH
from stylespace.figures.formatting import legible, number
from stylespace.images import resize
from stylespace.styles.statistics.pairs import ChannelPair

COLUMNS = 4
TALLEST = 3.0
"""Inches of a portrait."""
GREY = (0.299, 0.587, 0.114)
"""Luminance of red, green and blue."""
DARKEST, LIGHTEST = 0.1, 0.36
"""Grey of black and of white where the picture is faded, so that what is not stands out."""
LIFTED = 0.6
"""Mean luminance that the places in colour are brightened to, where they are darker."""
STRONGEST_LIFT = 0.3
"""Exponent of colours at least, so that a black place does not glow."""
GAMMA = 0.7
"""Exponent of the product, below 1 so that fainter places are seen as well."""
BRIGHTEST = 0.99
"""Quantile of a product that counts as its peak."""
LINE = "#ffd400"
"""Around what reaches half the peak: seen on faded and on bright places alike."""


@drawing.styled
def pairs_figure(
    layer: str, picture: Tensor, pairs: Sequence[ChannelPair], products: drawing.Values
) -> drawing.Figure:
    """Return the picture once a pair: in colour where both channels fire at once, faded elsewhere.

    A line encloses what reaches half the peak of their product.

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
        light = brightness(product, shown.shape[2:])
        axes.imshow(drawing.coarse(spotlit(shown, light)), interpolation="nearest")
        if light.min() < 0.5 < light.max():
            axes.contour(light, [0.5], colors=[LINE], linewidths=0.9)
        axes.spines[:].set(visible=True, color=FAINT, linewidth=0.5)
        axes.set_title(f"{pair.i},{pair.j}   {number(pair.value)}, cosine {pair.cosine:.2f}")
        if not product.max() > 0:
            axes.text(
                0.5,
                0.5,
                "never together",
                transform=axes.transAxes,
                ha="center",
                color="white",
                label=ON_PICTURE,
            )
    note = "Channels i,j with G(i, j) and cosine; in colour where both fire, line: half the peak"
    drawing.headline(figure, f"Strongest pairs of {legible(layer)}", note)
    return figure


def peak(product: np.ndarray) -> float:
    """Return the 99th percentile of a product, its maximum where fewer than 1 % are above 0."""
    return float(np.quantile(product, BRIGHTEST) or product.max())


def brightness(product: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Return a product (h, w) as shares of its peak in [0, 1], of a size (H, W), linearly."""
    shares = torch.as_tensor(product / (peak(product) or 1.0)).clamp(0, 1)[None, None]
    spread = torch.nn.functional.interpolate(
        shares, tuple(size), mode="bilinear", align_corners=False
    )
    return spread[0, 0].numpy()


def spotlit(picture: Tensor, light: np.ndarray) -> np.ndarray:
    """Return a picture (1, 3, H, W) as (H, W, 3), dark and grey where there is little light.

    light: (H, W) in [0, 1]. Colours where it falls are brightened to a mean luminance of 0.6 if
    they are darker, so that dark places of a painting are seen as well.
    """
    colours, light = drawing.pixels(picture), light[..., np.newaxis]
    grey = (colours @ np.array(GREY))[..., np.newaxis]
    mean = float((light * grey).sum() / (light.sum() or 1.0))
    lift = np.clip(np.log(LIFTED) / np.log(np.clip(mean, 1e-3, 0.999)), STRONGEST_LIFT, 1.0)
    faded = DARKEST + (LIGHTEST - DARKEST) * grey
    share = light**GAMMA
    return share * colours**lift + (1 - share) * faded
