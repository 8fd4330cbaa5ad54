"""Styles kept as files, so that a picture is measured once: keyed by its content and the settings.

They lie where the program keeps what it downloads, not in the user's own folders, and may be
deleted at any time. A style of the default layers takes 2.4 MB, a thousand of them 2.4 GB.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import torch

from stylespace.commands.sight import network_for
from stylespace.errors import OutputError, PictureError, StyleError, WeightsError
from stylespace.files import STYLE_SUFFIX
from stylespace.images import read_image, resize
from stylespace.images.source import opened_picture
from stylespace.networks.memory import check_picture
from stylespace.networks.network import Network
from stylespace.networks.space import Space
from stylespace.networks.weights import file_hash
from stylespace.settings import StyleLayers
from stylespace.styles.distances import style_header
from stylespace.styles.style import FORMAT, Style

EDITION = 1
"""Counted up when pictures are read, resized or measured differently, so that all are again."""


@dataclass(frozen=True)
class Measurement:
    """All that decides a picture's style besides its file.

    dtype: of the convolutions, in words. layers: own names, shallow to deep. size: pixels of the
    longer side, to which every picture is resized.
    """

    space: Space
    dtype: str
    layers: tuple[str, ...]
    size: int

    @staticmethod
    def of(network: Network, settings: StyleLayers, size: int) -> Measurement:
        """Return the measurement that a network and settings stand for.

        Raises:
            UsageError: a layer that the network does not have.
        """
        layers = network.resolve(settings.style_layers())
        return Measurement(network.space, str(network.precise.dtype), layers, size)

    def file(self, folder: Path, content: str) -> Path:
        """Return the style file of a picture with this content, a SHA-256."""
        text = json.dumps([EDITION, FORMAT, content, asdict(self)], sort_keys=True)
        return folder / f"{hashlib.sha256(text.encode()).hexdigest()}{STYLE_SUFFIX}"

    def is_kept(self, file: Path) -> bool:
        """Say whether a style file is there, whole, and of this measurement."""
        try:
            header = style_header(file)
        except StyleError:
            return False
        here = header["space"], set(header["positions"])
        return here == (asdict(self.space), set(self.layers))


def cache_folder() -> Path:
    """Return the folder of kept styles, beside the downloaded weights.

    ~/.cache/torch/hub/stylespace/styles, moved by the environment variables TORCH_HOME and
    XDG_CACHE_HOME as the weights are.
    """
    return Path(torch.hub.get_dir()) / "stylespace" / "styles"


def made_folder(folder: Path) -> Path:
    """Make a folder for kept styles unless it is there, and return its whole path.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{str(folder)!r}: the folder of kept styles cannot be made "
            f"({(error.strerror or '').lower()}): name another, or set TORCH_HOME."
        ) from error
    return folder.absolute()


def content_of(picture: Path) -> str:
    """Return the SHA-256 of a picture file, read in blocks.

    Raises:
        PictureError: missing, empty, or not to be read.
    """
    if picture.is_dir():
        raise PictureError(f"{str(picture)!r}: this folder cannot be listed; allow reading it.")
    with opened_picture(picture):
        return file_hash(picture)


def keep(picture: Path, file: Path, network: Network, measurement: Measurement) -> None:
    """Measure a picture and keep its style in a file, whole or not at all.

    In one thread, so that the file does not depend on how many pictures are measured at a time.
    The style carries no name: another picture may have the same content.

    Raises:
        PictureError: the picture cannot be read. UsageError: it is too small for a layer.
        MemoryLimitError: too large for the memory. StyleError: values that are not finite.
        OutputError: the file cannot be written.
    """
    with one_thread():
        image = read_image(picture)
        check_picture(*image.shape[2:])
        style = Style.capture(network, resize(image, measurement.size), measurement.layers)
    if not all(bool(torch.isfinite(gram).all()) for gram in style.grams.values()):
        raise StyleError(
            f"{str(picture)!r}: its Gram matrices are not finite: take other --weights or "
            "--precision float32."
        )
    style.save(file, force=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread, and in as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=1)
def worker_network(settings: StyleLayers, space: Space) -> Network:
    """Return the network of a worker process, loaded once.

    space: that of the network in the process that asks.

    Raises:
        WeightsError: it is another here.
    """
    network = network_for(settings)
    difference = space.difference(network.space)
    if difference:
        raise WeightsError(
            f"a worker has another network ({difference}): give every worker the same file of "
            "--weights."
        )
    return network
