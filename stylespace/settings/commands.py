"""The settings of every command: defaults, types, ranges and help."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from stylespace.catalogue import check_entry, resolve_layer
from stylespace.errors import UsageError
from stylespace.settings.fields import LARGEST_WEIGHT, setting, split_weight
from stylespace.settings.shared import (
    MOST,
    Making,
    Settings,
    StyleLayers,
    default_content_layer,
)

STARTS = ("content", "style", "noise")
"""Starts of a transfer that are no files."""


@dataclass(frozen=True, kw_only=True)
class ProbeSettings(Making, Settings):
    """A picture that maximises a Gram entry."""

    command: ClassVar[str] = "probe"

    layer: str = setting("conv3_1", "Layer of the entry.")
    entry: tuple[str, ...] = setting(
        (),
        "Entry of the Gram matrix as I,J; repeat it for several, or LAYER:I,J.",
        repeat=True,
    )
    size: int = setting(224, "Side of the square picture in pixels.", minimum=1, maximum=32768)
    iterations: tuple[int, ...] = setting(
        (256,),
        "Evaluations over all scales, or one number for each scale.",
        minimum=1,
        maximum=MOST,
    )
    optimizer: str = setting("adam", "Optimiser.", choices=("lbfgs", "adam"))
    parameters: str = setting(
        "fourier",
        "What is optimised: fourier (smooth shapes), sigmoid or pixels (the paper's mode, with "
        "--optimizer lbfgs).",
        choices=("fourier", "sigmoid", "pixels"),
    )
    selectivity: float = setting(
        0.0, "0: largest entry; 1: largest share of the whole Gram matrix.", minimum=0, maximum=1
    )

    COARSEST: ClassVar[int] = 96

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_ladder()
        resolve_layer(self.layer, self.architecture, self.network)
        if not self.entry:
            raise UsageError("no entry: name one, such as --entry 12,40.")
        self.entries()

    def entries(self) -> tuple[tuple[str, int, int], ...]:
        """Return (layer, i, j) for every entry, once each.

        Raises:
            UsageError: malformed, an unknown layer, or outside the layer.
        """
        result = []
        for text in self.entry:
            match = re.fullmatch(
                r"(?:(\w+):)?\s*(-?\d{1,40})\s*,\s*(-?\d{1,40})", text.strip(), re.ASCII
            )
            if not match:
                raise UsageError(f"--entry {text!r} is not two whole numbers: write it as 12,40.")
            layer = resolve_layer(match[1] or self.layer, self.architecture, self.network)
            i, j = int(match[2]), int(match[3])
            check_entry(layer, (i, j), self.network)
            result.append((layer, i, j))
        return tuple(dict.fromkeys(result))


@dataclass(frozen=True, kw_only=True)
class Sourced(Making, StyleLayers):
    """Commands that make a picture out of a style: at which size the style is read."""

    source_size: int | None = setting(
        None, "Longer side of the style pictures; default: --size.", minimum=1, maximum=32768
    )
    style_scale: float = setting(
        1.0, "Factor on the style pictures' size: larger strokes above 1.", above=0, maximum=64
    )
    tv_weight: float = setting(
        0.0, "Weight of total variation: smoother pictures.", minimum=0, maximum=LARGEST_WEIGHT
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_ladder()

    def source_side(self, size: int) -> int:
        """Return the longer side of the style pictures at the scale of that size."""
        full = self.source_size or self.size
        return max(1, round(full * self.style_scale * size / self.size))


@dataclass(frozen=True, kw_only=True)
class TextureSettings(Sourced):
    """A texture from a painting's Gram matrices."""

    command: ClassVar[str] = "texture"

    sources: tuple[str, ...] = setting(
        (), "Picture, sample:NAME or .style.safetensors, with a weight as PATH=0.3.", argument=True
    )
    tv_weight: float = setting(
        0.1, "Weight of total variation: less grain.", minimum=0, maximum=LARGEST_WEIGHT
    )
    match: str = setting("gram", "What is matched.", choices=("gram",))
    mean_weight: float = setting(
        0.0, "Weight of the channel means beside the Gram.", minimum=0, maximum=LARGEST_WEIGHT
    )
    iterations: tuple[int, ...] = setting(
        (300,),
        "Evaluations over all scales, or one number for each scale.",
        minimum=1,
        maximum=MOST,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_sources(self.sources)


@dataclass(frozen=True, kw_only=True)
class TransferSettings(Sourced):
    """The content of one picture in the style of others."""

    command: ClassVar[str] = "transfer"

    content: str = setting("", "Content: a picture or sample:NAME.", argument=True)
    styles: tuple[str, ...] = setting(
        (), "Styles: picture, sample:NAME or .style.safetensors, PATH=0.3 weighs.", argument=True
    )
    size: int = setting(512, "Longer side in pixels.", minimum=1, maximum=32768)
    iterations: tuple[int, ...] = setting(
        (250,),
        "Evaluations over all scales, or one number for each scale.",
        minimum=1,
        maximum=MOST,
    )
    content_layers: tuple[str, ...] = setting(
        (), "Content layers, with a weight as conv4_2=1; default: conv4_2 (VGG)."
    )
    tv_weight: float = setting(
        0.5, "Weight of total variation: less grain.", minimum=0, maximum=LARGEST_WEIGHT
    )
    content_weight: float = setting(
        0.3, "Weight of the content terms.", minimum=0, maximum=LARGEST_WEIGHT
    )
    style_weight: float = setting(
        1.0, "Weight of the style terms.", minimum=0, maximum=LARGEST_WEIGHT
    )
    init: str = setting("content", f"Start: {', '.join(STARTS)}, or a FILE.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.content:
            raise UsageError("no content picture: name one.")
        _check_sources(self.styles)
        self.content_layer_weights()
        if self.content_weight == self.style_weight == 0:
            raise UsageError("neither style nor content weighs anything: give --style-weight.")

    def content_layer_weights(self) -> dict[str, float]:
        """Return {content layer: weight}."""
        return self.weighted(self.content_layers or (default_content_layer(self.network),))


@dataclass(frozen=True, kw_only=True)
class CaptureSettings(StyleLayers):
    """A style file from one or several paintings."""

    command: ClassVar[str] = "capture"

    sources: tuple[str, ...] = setting(
        (), "Pictures or sample:NAME, with a weight as PATH=0.3.", argument=True
    )
    size: int = setting(512, "Longer side of each picture in pixels.", minimum=1, maximum=32768)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_sources(self.sources)


COMMANDS = {
    kind.command: kind
    for kind in (ProbeSettings, TextureSettings, TransferSettings, CaptureSettings)
}


def _check_sources(sources: tuple[str, ...]) -> None:
    if not sources:
        raise UsageError("no style: name a picture, sample:NAME or a .style.safetensors file.")
    for text in sources:
        split_weight(text)
