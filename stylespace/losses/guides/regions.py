"""Regions: pairs of masks, a part of the content and the part of the style that it takes after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylespace.losses.guides.masks import open_guide, resized


@dataclass(frozen=True, eq=False)
class Regions:
    """K pairs of masks, one on each picture; what no mask covers is the rest.

    content_masks: (1, K, H, W) in [0, 1]. style_masks: (1, K, H', W'), zero all over where the
    style has no such region: the whole style stands in.
    names: what to call each region. similarity: of each pair, a cosine in [-1, 1]; None for
    pairs drawn by hand. unmatched: numbers, from 0, of the regions without a partner.
    remarks: what a user should know, a sentence each.
    """

    content_masks: Tensor
    style_masks: Tensor
    names: tuple[str, ...]
    similarity: tuple[float | None, ...]
    unmatched: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()

    def at(self, content: Sequence[int], style: Sequence[int]) -> Regions:
        """Return the regions of pictures resized to (H, W) each."""
        masks = resized(self.content_masks, *content), resized(self.style_masks, *style)
        return replace(self, content_masks=masks[0], style_masks=masks[1])


def open_guides(
    pairs: Sequence[tuple[str, str]], content: tuple[int, int], style: tuple[int, int]
) -> Regions:
    """Read pairs of masks drawn by hand.

    Args:
        pairs: (mask of the content, mask of the style), each a picture; see `open_guide`.
        content, style: (H, W) of the pictures.

    Raises:
        PictureError: a mask that cannot be read or that is black all over.
    """
    if not pairs:
        raise ValueError("pairs is empty: name a mask for each picture.")
    opened = [(open_guide(a, content), open_guide(b, style)) for a, b in pairs]
    remarks = [remark for pair in opened for guide in pair for remark in guide.remarks]
    content_masks, style_masks = (
        torch.cat([guide.mask for guide in side], 1) for side in zip(*opened, strict=True)
    )
    return Regions(
        content_masks,
        style_masks,
        tuple(f"{Path(a).name}={Path(b).name}" for a, b in pairs),
        (None,) * len(pairs),
        remarks=tuple(dict.fromkeys(remarks)),
    )


ROWS = ("upper", "middle", "lower")
COLUMNS = ("left", "centre", "right")


def place_in_words(mask: Tensor) -> str:
    """Say in words where a mask (H, W) is thickest, such as "upper left"."""
    thirds = [min(2, 3 * at // side) for at, side in zip(deepest(mask), mask.shape, strict=True)]
    row, column = ROWS[thirds[0]], COLUMNS[thirds[1]]
    return "centre" if (row, column) == ("middle", "centre") else f"{row} {column}"


def deepest(mask: Tensor) -> tuple[int, int]:
    """Return (row, column) of the pixel deepest inside a mask (H, W): farthest from its border."""
    from scipy.ndimage import distance_transform_edt

    inside = np.pad((mask > mask.max() / 2).cpu().numpy(), 1)  # beyond the picture is outside
    row, column = np.unravel_index(distance_transform_edt(inside).argmax(), inside.shape)
    return max(0, int(row) - 1), max(0, int(column) - 1)
