"""What commands share that make a picture out of a style: at which size the style is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stylespace.assets import split_weight
from stylespace.errors import UsageError
from stylespace.settings.fields import setting, side_setting, weight_setting
from stylespace.settings.shared import Making, StyleLayers


def parameters_setting(default: str) -> Any:
    """Declare what is optimised."""
    return setting(
        default,
        "What is optimised: fourier (large strokes and colours come first), pixels (sharpness "
        "does), sigmoid, or fourier-pixels: pixels at the last scale alone.",
        choices=("fourier-pixels", "fourier", "sigmoid", "pixels"),
    )


@dataclass(frozen=True, kw_only=True)
class Sourced(Making, StyleLayers):
    """Commands that make a picture out of a style: at which size the style is read."""

    source_size: tuple[int, ...] = side_setting(
        (), "Longer side of the style pictures; default: --size."
    )
    style_scale: float = setting(
        1.0, "Factor on the style pictures' size: larger strokes above 1.", above=0, maximum=64
    )
    tv_weight: float | None = weight_setting(None, "Weight of total variation: smoother pictures.")
    parameters: str = parameters_setting("pixels")
    grey: str = setting(
        "auto",
        "Grey pictures: auto (where every style picture is grey), or never.",
        choices=("auto", "never"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_pyramid()

    def smoothness(self) -> float:
        """Return the weight of total variation."""
        return self.tv_weight or 0.0

    def source_side(self, size: int) -> int:
        """Return the longer side of the style pictures at the scale of that size."""
        full, *_ = self.source_size or (self.size,)
        return max(1, round(full * self.style_scale * size / self.size))


def source_names(sources: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of styles without their weights."""
    return tuple(split_weight(text)[0] for text in sources)


def check_sources(sources: tuple[str, ...]) -> None:
    """Refuse no style at all, or a weight that is none."""
    if not sources:
        raise UsageError("no style: name a picture, sample:NAME or a .style.safetensors file.")
    for text in sources:
        split_weight(text)
