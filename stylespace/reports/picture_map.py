"""The map of a collection as a page carries it: places, thumbnails on one sheet, neighbours.

The thumbnails are one picture, so that a thousand of them open and are drawn at once; a larger one
of each is decoded only when its panel opens.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylespace.executors import completed, executor_for
from stylespace.figures.drawing import pixels
from stylespace.images import read_image, resize
from stylespace.reports.content.drawings import data_uri

MOST = 1000
"""Pictures on a map; of more, every n-th is shown."""
NEIGHBOURS = 6
"""Nearest neighbours in a picture's panel."""
QUALITY = 80
"""Of WebP."""
FEW, LARGE_CELL, SMALL_CELL = 300, 64, 48
"""Pictures up to which thumbnails have the larger cells, and their pixels a side."""
LARGEST, LARGE, SMALL = 60, 256, 128
"""Pictures up to which those in panels are the larger ones, and the pixels of their longer side."""


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A picture on the map: uint8 (h, w, 3), and a larger one as data URI, or ""."""

    pixels: np.ndarray
    larger: str

    @property
    def image(self) -> Tensor:
        """The picture as (1, 3, h, w) in [0, 1]."""
        return torch.from_numpy(self.pixels).permute(2, 0, 1)[None] / 255


def thumbnails_of(
    pictures: Sequence[Path],
    *,
    larger: bool,
    workers: int | None = None,
    watch: Callable[[int, int], object] | None = None,
) -> list[Thumbnail]:
    """Read pictures, one at a time or in worker processes where they are many, and keep them small.

    Args:
        pictures: files.
        larger: keep a larger one of each as well.
        workers: processes; None for one a core.
        watch: called with how many are done, of how many.

    Raises:
        PictureError: one that cannot be read.
    """
    count = len(pictures)
    side = LARGE if count <= LARGEST else SMALL
    calls = [(path, _cell(count), side, larger) for path in pictures]
    found: dict[int, Thumbnail] = {}
    with executor_for("processes" if count > FEW else "serial", workers) as executor:
        for number, one in completed(executor, _thumbnail, calls):
            found[number] = one
            if watch:
                watch(len(found), count)
    return [found[number] for number in range(count)]


def _thumbnail(path: Path, cell: int, side: int, larger: bool) -> Thumbnail:
    shown = _smaller(read_image(path), side)
    return Thumbnail(_levels(_smaller(shown, cell)), _webp(_levels(shown)) if larger else "")


def picture_map_data(
    names: Sequence[str],
    coordinates: np.ndarray,
    distances: np.ndarray,
    shown: Sequence[int],
    thumbnails: Sequence[Thumbnail],
    *,
    caption: str,
    table: str,
) -> dict[str, Any]:
    """Return what a page needs to draw a map of pictures and to open each: plain JSON types.

    Args:
        names: of all n pictures of the collection, no two alike.
        coordinates: (n, 2), as `classical_scaling` returns them, y upwards.
        distances: (n, n), by which neighbours are the nearest.
        shown: places of the m pictures that are on the map, ascending.
        thumbnails: of these, in their order.
        caption: a sentence below the map.
        table: id of the heading above the table of nearest neighbours.

    Returns:
        `names`: of the m that are shown, then of neighbours that are not; `points`: m times x and
        y, y downwards, the longer side of all from 0 to 1; `neighbours`: m lists of [place in
        `names`, distance], nearest first; `sheet`: data URI of a WebP with all thumbnails in cells
        of `cell` pixels, `across` of them a row; `sizes`: m times width and height of a thumbnail
        in its cell; `larger`: m data URIs, or none; `caption`, `table`.
    """
    near = {k: nearest_places(distances[k], k, NEIGHBOURS) for k in shown}
    unseen = sorted({j for row in near.values() for j in row} - set(shown))
    places = {k: place for place, k in enumerate([*shown, *unseen])}
    cell = _cell(len(shown))
    return {
        "names": [names[k] for k in places],
        "points": _points(coordinates[list(shown)]),
        "neighbours": [
            [[places[j], float(f"{distances[k, j]:.6g}")] for j in near[k]] for k in shown
        ],
        "sheet": _webp(_sheet([one.pixels for one in thumbnails], cell)),
        "cell": cell,
        "across": _across(len(thumbnails)),
        "sizes": [length for one in thumbnails for length in one.pixels.shape[1::-1]],
        "larger": [one.larger for one in thumbnails if one.larger],
        "caption": caption,
        "table": table,
    }


def nearest_places(row: np.ndarray, itself: int, count: int) -> list[int]:
    """Return the `count` places of the smallest distances of a row, its own place left out."""
    order = [int(place) for place in np.argsort(row, kind="stable") if place != itself]
    return order[:count]


def _points(coordinates: np.ndarray) -> list[float]:
    """Return coordinates (m, 2) as x, y, x, y..., y downwards, the longer side from 0 to 1."""
    down = coordinates * np.array([1, -1])
    spread = np.ptp(down, axis=0).max() or 1.0
    return ((down - down.min(0)) / spread).round(5).ravel().tolist()


def _cell(count: int) -> int:
    return LARGE_CELL if count <= FEW else SMALL_CELL


def _smaller(picture: Tensor, side: int) -> Tensor:
    return resize(picture, min(side, max(picture.shape[2:])))


def _levels(picture: Tensor) -> np.ndarray:
    """Return a picture (1, 3, h, w) as uint8 (h, w, 3)."""
    return np.rint(255 * pixels(picture)).astype(np.uint8)


def _across(count: int) -> int:
    return math.ceil(math.sqrt(count))


def _sheet(thumbnails: Sequence[np.ndarray], cell: int) -> np.ndarray:
    """Return thumbnails in the upper left corners of square cells, row by row: (H, W, 3)."""
    across = _across(len(thumbnails))
    rows = -(-len(thumbnails) // across)
    sheet = np.full((rows * cell, across * cell, 3), 128, dtype=np.uint8)
    for place, one in enumerate(thumbnails):
        top, left = (cell * index for index in divmod(place, across))
        sheet[top : top + one.shape[0], left : left + one.shape[1]] = one
    return sheet


def _webp(shown: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(shown).save(stream, "webp", quality=QUALITY, method=4)
    return data_uri(stream.getvalue(), "webp")
