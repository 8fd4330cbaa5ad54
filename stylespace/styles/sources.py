"""Opening what a user names: a picture, sample:NAME, a style file, or what Python has in memory."""

import functools
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from torch import Tensor

from stylespace.assets import MEMORY, source_path, split_weight
from stylespace.errors import StyleError
from stylespace.images import IN_MEMORY, resize
from stylespace.images.colour import is_grey, is_single_colour
from stylespace.images.memory import memory_layers, pixels_hash
from stylespace.images.reading import on_background, read_layers
from stylespace.networks.memory import check_picture
from stylespace.networks.network import Network
from stylespace.styles.style import Style, measured_style

Source = str | os.PathLike[str] | IN_MEMORY | Style
"""A picture or a style as Python gives it: a path, sample:NAME, or one in memory."""

_HELD: ContextVar[dict[str, Tensor | Style]] = ContextVar("pictures and styles in memory")


@contextmanager
def memory() -> Iterator[None]:
    """Hold what `source_name` names until the block ends."""
    token = _HELD.set(dict(_HELD.get({})))
    try:
        yield
    finally:
        _HELD.reset(token)


def source_name(source: Source) -> str:
    """Return the name of a source as settings hold it; what has no file is kept in `memory`.

    Raises:
        PictureError: see `picture_tensor`.
    """
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    held = source if isinstance(source, Style) else memory_layers(source)
    if isinstance(held, Style):
        name = f"{MEMORY}{hashlib.sha256(held.encoded()).hexdigest()[:16]}.safetensors"
    else:
        name = f"{MEMORY}{pixels_hash(held)[:16]}"
    _HELD.get()[name] = held
    return name


def open_layers(name: str) -> Tensor:
    """Return a picture by name, its transparency apart: see `read_layers`.

    Raises:
        UsageError: an unknown sample. PictureError: it cannot be read. StyleError: a style.
    """
    held = _HELD.get({}).get(name)
    if isinstance(held, Style):
        raise StyleError("a style holds no picture: give the picture instead.")
    return read_layers(name) if held is None else held


def open_picture(name: str) -> Tensor:
    """Return a picture (1, 3, H, W) in [0, 1] by name, transparent parts on white.

    Raises:
        UsageError: an unknown sample. PictureError: it cannot be read. StyleError: a style.
    """
    return on_background(open_layers(name))


def is_style_file(name: str) -> bool:
    """Say whether a name is that of a style file."""
    return name.endswith(".safetensors")


ENLARGED = 1.25
"""Factor from which on it is said that a picture was enlarged."""


@dataclass(frozen=True, eq=False)
class StyleSource:
    """One style by name: a picture, measured at any size, or a style file, as it is.

    colours_of: the name of another picture whose colours it was given, or empty.
    """

    name: str
    weight: float
    image: Tensor | None
    style: Style | None
    colours_of: str = ""

    @property
    def title(self) -> str:
        """What to call it in a sentence."""
        after = f" with the colours of {self.colours_of!r}" if self.colours_of else ""
        return f"{self.name!r}{after}"

    @property
    def grey(self) -> bool:
        """Whether every picture that it is made of is grey; False of a file that does not say."""
        if self.image is not None:
            return is_grey(self.image)
        pictures = self.style.provenance.get("pictures", []) if self.style else []
        return bool(pictures) and all(one.get("grey") is True for one in pictures)

    @property
    def picture(self) -> Tensor:
        """The picture (1, 3, H, W).

        Raises:
            StyleError: a style file, which holds none.
        """
        if self.image is None:
            raise StyleError(f"{self.name!r} is a style file: name a picture instead.")
        return self.image

    @property
    def aspect(self) -> tuple[int, int]:
        """(H, W); of a style file, of the picture it was made from."""
        if self.style is None:
            height, width = self.picture.shape[2:]
            return height, width
        pictures = self.style.provenance.get("pictures") or [{"height": 1, "width": 1}]
        return pictures[0]["height"], pictures[0]["width"]

    def at(self, network: Network, layers: Sequence[str], side: int) -> Style:
        """Return its style, a picture's measured once with `side` pixels on the longer side.

        Raises:
            StyleError: a style file of another space. UsageError: a layer that it does not hold.
        """
        if self.style is not None:
            self.style.check_space(network.space)
            return self.style.pick(layers).to(network.device)
        key = network, tuple(layers), side
        if key not in self._measured:
            picture = resize(self.picture, side)
            self._measured[key] = measured_style(network, picture, layers, source=self.name)
        return self._measured[key]

    @functools.cached_property
    def _measured(self) -> dict[tuple, Style]:
        return {}

    def remarks(self, network: Network, layers: Sequence[str], side: int) -> list[str]:
        """Return what is degenerate about a picture with `side` pixels on its longer side."""
        if self.image is None:
            return []
        remarks = enlargement(self.name, self.image, side)
        height, width = resize(self.image, side).shape[2:]
        field, layer = max((network.reach(layer).field, layer) for layer in layers)
        if min(height, width) < field:
            remarks.append(
                f"{self.name!r} has {width}x{height} pixels as a source, less than the {field} "
                f"that {layer} sees at once: its statistics hold the border."
            )
        if is_single_colour(self.image):
            remarks.append(
                f"{self.title} is of one colour: all that its Gram matrices tell apart is the "
                "border."
            )
        return remarks


def enlargement(name: str, image: Tensor, side: int) -> list[str]:
    """Say that a picture has fewer pixels on its longer side than it is used with, if it has."""
    longer = max(image.shape[2:])
    if side < ENLARGED * longer:
        return []
    return [f"{name!r} has {longer} pixels on its longer side and is enlarged to {side}."]


def grey_remark(sources: Sequence[StyleSource]) -> str:
    """Say why a result is grey, of styles that all are."""
    titles = list(dict.fromkeys(source.title for source in sources))
    verb = "are" if len(titles) > 1 else "is"
    return (
        f"{' and '.join(titles)} {verb} grey, and so is the result; with --grey never it may have "
        "colours."
    )


def open_styles(sources: Sequence[str]) -> tuple[StyleSource, ...]:
    """Open styles given as PATH, sample:NAME or a style file, each with an optional =WEIGHT."""
    return tuple(_open_style(*split_weight(text)) for text in sources)


def _open_style(name: str, weight: float) -> StyleSource:
    held = _HELD.get({}).get(name)
    if isinstance(held, Style):
        return StyleSource(name, weight, None, held)
    if is_style_file(name):
        return StyleSource(name, weight, None, Style.load(source_path(name)))
    return StyleSource(name, weight, open_picture(name), None)


def blender(
    sources: Sequence[StyleSource], layers: Sequence[str], *, largest: int
) -> Callable[[Network, int], Style]:
    """Return a function from a network and a side in pixels to the blended style of the sources.

    It measures each side once with each network.

    Raises:
        MemoryLimitError: a style picture with `largest` pixels on its longer side would not fit.
    """
    for picture in (source.image for source in sources if source.image is not None):
        height, width = (round(n * largest / max(picture.shape[2:])) for n in picture.shape[2:])
        check_picture(height, width)

    @functools.cache
    def style_at(network: Network, side: int) -> Style:
        parts = [(source.at(network, layers, side), source.weight) for source in sources]
        return Style.blend(parts)

    return lambda network, side: style_at(network.precise, side)  # which measures it
