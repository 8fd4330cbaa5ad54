"""The figure of regions: both pictures, and below them what was matched with what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from stylespace.commands.outcome import Outcome
from stylespace.figures.canvas import plain_figure, png, signed
from stylespace.images import resize
from stylespace.losses.guides.regions import Regions, deepest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#56b4e9", "#d55e00",
    "#332288", "#882255", "#999933", "#aa4499", "#44aa99",
)  # fmt: skip
"""Of the regions, told apart by colour-blind eyes: Okabe & Ito 2008, then Tol 2021 (muted)."""
ALONE = "#8c8c8c"
"""Of regions without a partner, hatched as well."""
STRENGTH = 0.62
"""Of a region's colour over the grey picture."""
BADGE = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
"""Behind a region's number."""
LONGEST = 60
"""Letters of a region's name in the legend."""
ACROSS = 80
"""Letters of a line of the legend that stand twice beside each other."""
SHOWN = 640
"""Longer side in pixels of the largest pictures shown."""
LABELLED = 0.015
"""Share of a picture from which a region carries its number there."""


def drawn(outcome: Outcome) -> bytes | None:
    """Return the figure of a guided transfer as PNG, None of another."""
    guided = outcome.beside
    network = outcome.settings.network
    return guided and regions_figure(guided.content, guided.style, guided.regions, network)


def regions_figure(content: Tensor, style: Tensor, regions: Regions, network: str = "") -> bytes:
    """Return a PNG: content and style above, their regions below, matched ones in one colour.

    Args:
        content, style: (1, 3, H, W) and (1, 3, H', W') in [0, 1], of any size.
        regions: of these pictures; more than twelve repeat their colours and differ by number.
        network: that the transfer ran on.
    """
    content, style = (resize(one, min(SHOWN, max(one.shape[2:]))) for one in (content, style))
    pictures = {"content": content, "style": style}
    tall = max(one.shape[2] / one.shape[3] for one in pictures.values())
    handles = _key(regions)
    columns = 1 if max(len(handle.get_label()) for handle in handles) > ACROSS else 2
    key = 0.3 + 0.19 * -(-len(handles) // columns)  # inches
    side = min(4.4, 4.4 / tall)  # inches across
    height = 2 * (side * tall + 0.3) + key
    figure = plain_figure(max(2 * side + 0.2, 9.0), height, dpi=130)
    grid = figure.add_gridspec(
        2, 2, left=0.01, right=0.99, bottom=key / height, top=1 - 0.28 / height,
        wspace=0.02, hspace=0.28 / (side * tall),
    )  # fmt: skip
    there = regions.at(content.shape[2:4], style.shape[2:4])
    masks = (there.content_masks, there.style_masks)
    for column, (name, picture) in enumerate(pictures.items()):
        _show(figure.add_subplot(grid[0, column]), _pixels(picture), name)
        lower = figure.add_subplot(grid[1, column])
        shown = "its regions" if column == 0 else "their partners"
        _show(lower, _painted(picture, masks[column], regions), shown)
        _mark(lower, masks[column][0].cpu(), regions)
    figure.legend(
        handles=handles, loc="lower center", ncols=columns, fontsize=7.5, frameon=False,
        bbox_to_anchor=(0.5, 0), handlelength=1.4, labelspacing=0.35,
    )  # fmt: skip
    return png(signed(figure, network))


def _show(axes: Axes, pixels: np.ndarray, title: str) -> None:
    axes.axis("off")
    axes.set_anchor("N")
    axes.imshow(pixels, interpolation="nearest" if pixels.shape[1] < 400 else "antialiased")
    axes.set_title(title, fontsize=9, pad=3)


def _pixels(picture: Tensor) -> np.ndarray:
    return picture[0].permute(1, 2, 0).cpu().float().clamp(0, 1).numpy()


def _painted(picture: Tensor, masks: Tensor, regions: Regions) -> np.ndarray:
    """Return the grey picture (H, W, 3) under the colours of its regions."""
    from matplotlib.colors import to_rgb

    grey = _pixels(picture).mean(2, keepdims=True)
    base = 0.25 + 0.7 * np.repeat(grey, 3, 2)
    covered = masks[0].cpu().float().numpy()
    covered = STRENGTH * covered / np.maximum(covered.sum(0), 1)  # (K, H, W)
    colours = np.array([to_rgb(_colour(k, regions)) for k in range(len(covered))])
    return (1 - covered.sum(0)[..., None]) * base + np.einsum("khw,kc->hwc", covered, colours)


def _colour(k: int, regions: Regions) -> str:
    return ALONE if k in regions.unmatched else COLOURS[k % len(COLOURS)]


def _mark(axes: Axes, masks: Tensor, regions: Regions) -> None:
    """Write the number of every region (K, H, W) into it, and hatch those without a partner."""
    for k, mask in enumerate(masks.float()):
        if float(mask.mean()) < LABELLED:
            continue
        if k in regions.unmatched and float(mask.max()) > 0.5:
            axes.contourf(mask.numpy(), levels=(0.5, 2), colors="none", hatches=["////"])
        row, column = deepest(mask)
        axes.text(column, row, str(k + 1), fontsize=7.5, ha="center", va="center", bbox=BADGE)


def _key(regions: Regions) -> list:
    """Return the legend's patches: number, name and likeness of each region."""
    from matplotlib.patches import Patch

    keys = []
    for k, (name, likeness) in enumerate(zip(regions.names, regions.similarity, strict=True)):
        alone = k in regions.unmatched
        label = name if name.startswith(f"region {k + 1} ") else f"{k + 1}: {name}"
        if len(label) > LONGEST:
            label = f"{label[: LONGEST - 3]}..."
        if alone:
            label += ", no partner: whole style"
        elif likeness is not None:
            label += f", cosine {likeness:.2f}"
        hatch, edge = ("////", "black") if alone else (None, "none")
        keys.append(Patch(facecolor=_colour(k, regions), label=label, hatch=hatch, edgecolor=edge))
    return keys
