"""The noise floor of a score: what a style scores against itself, or a content that moved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from stylespace.commands.score.seeing import Seen, Sight
from stylespace.errors import StylespaceError

MOST = 8
"""References whose halves and crops are compared."""
CROP, SHIFT = 4 / 5, 63 / 64
"""Share of both sides of a style's crops, and of a content's."""
WITHIN, BEYOND = "within the noise floor", "beyond the noise floor"
BETWEEN = "between the noise floors"


@dataclass(frozen=True)
class Floor:
    """What two pieces of one picture score: so much is no difference of styles, or of contents.

    crop: of two crops at opposite corners, which overlap. halves: left against right and top
    against bottom, either way round, the mean; NaN of a content, and both of a style file.
    higher: whether higher is nearer.
    """

    crop: float
    halves: float
    higher: bool = False

    @property
    def value(self) -> float:
        """The nearer of the two; NaN where there is none."""
        there = [value for value in (self.crop, self.halves) if not math.isnan(value)]
        return (max if self.higher else min)(there, default=math.nan)

    def reading(self, score: float) -> str:
        """Say in words where a score lies."""
        floors = [value for value in (self.crop, self.halves) if not math.isnan(value)]
        within = [score >= value if self.higher else score <= value for value in floors]
        if not within:
            return "no noise floor"
        return WITHIN if all(within) else BETWEEN if any(within) else BEYOND


def floor_of(sight: Sight, references: Sequence[Seen]) -> Floor:
    """Return the noise floor of a protocol on what results are compared with."""
    images = [one.image for one in references[:MOST] if one.image is not None]
    of_style = sight.protocol.against == "style"
    halves = [_between(sight, _halves(image)) for image in images] if of_style else []
    share = CROP if of_style else SHIFT
    crops = [_between(sight, _crops(image, share)) for image in images]
    return Floor(_mean(crops), _mean(halves), sight.protocol.higher)


def _halves(image: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield left and right, top and bottom of a picture (1, 3, H, W)."""
    for axis in (3, 2):
        half = image.shape[axis] // 2
        yield image.narrow(axis, 0, half), image.narrow(axis, image.shape[axis] - half, half)


def _crops(image: Tensor, share: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the first and the last share of both sides."""
    height, width = (max(1, round(share * side)) for side in image.shape[2:])
    yield image[..., :height, :width], image[..., -height:, -width:]


def _between(sight: Sight, pairs: Iterator[tuple[Tensor, Tensor]]) -> float:
    """Return the mean score of pieces against each other, either way round; NaN of none.

    Pieces that are too small for the measure are left out.
    """
    values = []
    for pair in pairs:
        with suppress(StylespaceError):
            one, other = (sight.kept(piece.contiguous()) for piece in pair)
            compare = sight.measure.compare
            values.append((compare(one, other) + compare(other, one)) / 2)
    return _mean(values)


def _mean(values: Sequence[float]) -> float:
    there = [value for value in values if not math.isnan(value)]
    return float(np.mean(there)) if there else math.nan
