"""Pictures become rows: opened, resized, batched by size, each layer's numbers side by side."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylespace.assets import SAMPLE, paintings
from stylespace.errors import MemoryLimitError, PictureError, UsageError
from stylespace.images import picture_tensor, read_image, resize
from stylespace.images.arrays import array_picture, read_array
from stylespace.images.resizing import middle
from stylespace.networks.memory import available, check_picture
from stylespace.networks.network import Network
from stylespace.settings import Vectors
from stylespace.styles.style import WHOLE, Style
from stylespace.styles.vectors import vectors_of

FAULTS = (PictureError, UsageError, MemoryLimitError)
"""What may be wrong with one picture and leaves the others as they are."""
REFERENCE = 512
"""Longer side of the bundled paintings by whose norms layers are divided."""
PATCH = 128
"""Side of the patches in their corners, which are measured: style at the size of strokes."""
MAPS = 192
"""Channels that a network holds of a picture at full resolution at once, as VGG-19 does."""
BATCH = 128 * 2**20
"""Bytes of a batch on a CPU, where larger ones are no faster."""
HELD = 64 * 2**20
"""Bytes of the pictures that are opened at once."""


@dataclass(frozen=True)
class View:
    """How a picture is laid before the network: its longer side in pixels, the square or all."""

    size: int
    square: bool = False

    def opened(self, source: Any) -> Tensor:
        """Return a picture (1, 3, h, w) of a path, sample:NAME, array, tensor or Pillow's.

        Raises:
            PictureError: it cannot be read, or is none. MemoryLimitError: too large.
        """
        picture = _opened(source)
        if self.square:
            side = min(picture.shape[2:])
            picture = middle(picture, side, side)
        check_picture(*picture.shape[2:])
        return resize(picture.float(), self.size)

    @property
    def count(self) -> int:
        """How many pictures are opened at once."""
        return max(1, min(32, HELD // (12 * self.size**2)))


def _opened(source: Any) -> Tensor:
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        return read_array(name) if name.endswith(".npy") else read_image(name)
    return array_picture(source) if isinstance(source, np.ndarray) else picture_tensor(source)


class Rows:
    """What makes a row of numbers of a picture, the layers side by side, shallow to deep.

    network: which measures. columns: {layer: its columns}. length: of a row.
    """

    def __init__(
        self,
        network: Network,
        settings: Vectors,
        layers: Sequence[str],
    ) -> None:
        self.network, self.settings = network.precise, settings
        self.layers = network.resolve(layers)
        self._vectors = _vectors(network, self.layers, settings.kind, settings)
        ends = np.cumsum([0, *(vector.length for vector in self._vectors.values())]).tolist()
        self.columns = {
            name: range(*pair)
            for name, pair in zip(self.layers, zip(ends, ends[1:], strict=False), strict=True)
        }
        self.length = ends[-1]

    @cached_property
    def scales(self) -> Mapping[str, float]:
        """What each layer's numbers are divided by."""
        if not self.settings.scaled:
            return dict.fromkeys(self.layers, 1.0)
        return painting_norms(self.network, self.layers, self.settings.kind)

    @property
    def names(self) -> list[str]:
        """A name for every column, such as `sketch.conv1_1.17` or `gram.conv1_1.3.5`."""
        return [
            f"{self.settings.kind}.{layer}.{entry}"
            for layer, vector in self._vectors.items()
            for entry in vector.entries
        ]

    @torch.no_grad()
    def of(self, pictures: Tensor) -> np.ndarray:
        """Return the rows of pictures (B, 3, h, w): (B, length) float32.

        Raises:
            UsageError: too small for a layer.
        """
        turns = range(4 if self.settings.rotations else 1)
        rows = [self._row(torch.rot90(pictures, turn, (2, 3))) for turn in turns]
        return torch.stack(rows).mean(0).float().cpu().numpy()

    def _row(self, pictures: Tensor) -> Tensor:
        parts = self._large(pictures) if max(pictures.shape[2:]) > WHOLE else self._whole(pictures)
        return torch.cat([part / self.scales[name] for name, part in parts.items()], 1)

    def _whole(self, pictures: Tensor) -> dict[str, Tensor]:
        features = self.network(pictures, self.layers)
        return {name: self._vectors[name].of(features[name]) for name in self.layers}

    def _large(self, pictures: Tensor) -> dict[str, Tensor]:
        """Return the parts of one large picture, which is measured in tiles."""
        moments = Style.capture(self.network, pictures, self.layers).layers
        return {
            name: self._vectors[name].of_moments(moments[name].mean[None], moments[name].gram[None])
            for name in self.layers
        }

    def batch(self, height: int, width: int) -> int:
        """Return how many pictures of a size are measured at once: what half the memory holds."""
        if max(height, width) > WHOLE:
            return 1
        layers = [(self.network.channels(name), name) for name in self.layers]
        kept = sum(c * np.prod(self.network.grid(name, height, width)) for c, name in layers)
        most = available(self.network.device) // 2
        if self.network.device.type == "cpu":
            most = min(most, BATCH)
        return max(1, int(most // (4 * (kept + MAPS * height * width))))


def _vectors(network: Network, layers: Sequence[str], kind: str, settings: Vectors) -> dict:
    channels = [(name, network.channels(name)) for name in layers]
    return vectors_of(kind, channels, dimension=settings.dimension, seed=settings.seed)


@lru_cache(maxsize=16)
@torch.no_grad()
def painting_norms(network: Network, layers: tuple[str, ...], kind: str) -> Mapping[str, float]:
    """Return each layer's mean Euclidean norm over patches of the eight bundled paintings.

    A sketch has the norms of the matrices that it stands for; a layer that is all zero has 1.
    """
    exact = _vectors(network, layers, "gram" if kind == "sketch" else kind, Vectors())
    sums = dict.fromkeys(layers, 0.0)
    for name in paintings():
        features = network(_corners(View(REFERENCE).opened(SAMPLE + name)), layers)
        for layer in layers:
            sums[layer] += float(exact[layer].of(features[layer]).norm(dim=1).mean())
    return {layer: total / len(paintings()) or 1.0 for layer, total in sums.items()}


def _corners(picture: Tensor) -> Tensor:
    """Return the patches in the corners of a picture (1, 3, H, W): (4, 3, PATCH, PATCH)."""
    ends = (slice(None, PATCH), slice(-PATCH, None))
    return torch.cat([picture[:, :, rows, columns] for rows in ends for columns in ends])


def measured(rows: Rows, sources: Sequence[Any], view: View) -> tuple[np.ndarray, list[str]]:
    """Measure pictures, those of equal size in batches.

    Returns:
        (n, length) float32 in the order of the sources, NaN where a picture could not be measured,
        and the reason of each, empty where there is none.
    """
    pictures: dict[int, Tensor] = {}
    reasons = [""] * len(sources)
    for place, source in enumerate(sources):
        try:
            pictures[place] = view.opened(source)
        except FAULTS as error:
            reasons[place] = str(error).removeprefix(f"{str(source)!r}: ")
    result = np.full((len(sources), rows.length), np.nan, np.float32)
    for places in _batches(pictures, rows):
        try:
            result[places] = rows.of(torch.cat([pictures[place] for place in places]))
        except FAULTS as error:
            reasons = [str(error) if k in places else why for k, why in enumerate(reasons)]
    for place in np.flatnonzero(~np.isfinite(result).all(1)).tolist():
        reasons[place] = reasons[place] or NOT_FINITE
        result[place] = np.nan
    return result, reasons


NOT_FINITE = "its features are not finite: take other --weights or --precision float32."


def _batches(pictures: Mapping[int, Tensor], rows: Rows) -> Iterator[list[int]]:
    """Yield places of pictures of equal size, as many as are measured at once."""
    groups: dict[tuple[int, int], list[int]] = {}
    for place, picture in pictures.items():
        height, width = picture.shape[2:]
        groups.setdefault((height, width), []).append(place)
    for shape, places in groups.items():
        step = rows.batch(*shape)
        yield from (places[start : start + step] for start in range(0, len(places), step))
