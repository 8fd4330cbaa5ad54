"""Opening what a user names: a picture, sample:NAME, or a style file."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from stylespace.assets import source_path, split_weight
from stylespace.errors import StyleError
from stylespace.images import read_image, resize
from stylespace.images.colour import is_grey, is_single_colour
from stylespace.networks.memory import check_picture
from stylespace.networks.network import Network
from stylespace.styles.style import Style


def open_picture(name: str) -> Tensor:
    """Return a picture (1, 3, H, W) in [0, 1] by path or sample:NAME.

    Raises:
        UsageError: an unknown sample. PictureError: it cannot be read.
    """
    return read_image(source_path(name))


def is_style_file(name: str) -> bool:
    """Say whether a name is that of a style file."""
    return name.endswith(".safetensors")


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
            self._measured[key] = Style.capture(network, picture, layers, source=self.name)
        return self._measured[key]

    @functools.cached_property
    def _measured(self) -> dict[tuple, Style]:
        return {}

    def remarks(self, network: Network, layers: Sequence[str], side: int) -> list[str]:
        """Return what is degenerate about a picture with `side` pixels on its longer side."""
        remarks: list[str] = []
        if self.image is None:
            return remarks
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
    if is_style_file(name):
        return StyleSource(name, weight, None, Style.load(name))
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

    return style_at
