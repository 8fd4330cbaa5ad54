"""Figures on their way to the page: drawn once, kept as files, put into words."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from stylespace import figures
from stylespace.images import encoded_jpeg, resize

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JPEG = 88
SHOWN_SIDE, SMALL_SIDE = 720, 320
"""Longer side in pixels of a picture on the page, and of one on a compact page."""

Tick = Callable[[str], None]


@dataclass(frozen=True)
class Drawing:
    """A figure as it is written: name without suffix, and both formats."""

    name: str
    png: bytes
    svg: bytes


class Draughts:
    """Makes figures, keeps their files, and says after each that it is done.

    folder: of the figures, relative to the page; None: they are on the page alone, as WebP of
    screen size, and not kept.
    """

    def __init__(self, *, folder: str | None, tick: Tick) -> None:
        self.drawings: list[Drawing] = []
        self._folder, self._tick = folder, tick

    def files(self, folder: str) -> dict[str, bytes]:
        """Return {path in a folder: bytes} of every figure that was kept, as PNG and as SVG."""
        kinds = [(one, kind) for one in self.drawings for kind in ("png", "svg")]
        return {f"{folder}/{one.name}.{kind}": getattr(one, kind) for one, kind in kinds}

    def picture(self, image: Tensor) -> str:
        """Return a picture (1, 3, H, W) as an address that holds it."""
        side = SMALL_SIDE if self._folder is None else SHOWN_SIDE
        return data_uri(jpeg(image, side), "jpeg")

    def of(
        self, name: str, figure: Figure, *, alt: str, caption: str, wide: bool = True
    ) -> dict[str, Any]:
        """Return a figure for the page, its files kept."""
        shown = {"alt": alt, "caption": caption, "wide": wide}
        if self._folder is None:
            source, file = data_uri(figures.webp(figure), "webp"), None
        else:
            png, svg = figures.rendered(figure)
            self.drawings.append(Drawing(name, png, svg))
            source, file = data_uri(png, "png"), f"{self._folder}/{name}.svg"
        self._tick(name)
        return {**shown, "src": source, "file": file}


def data_uri(data: bytes, kind: str) -> str:
    """Return a picture's bytes as an address that holds them."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def jpeg(image: Tensor, side: int) -> bytes:
    """Return a picture (1, 3, H, W) as JPEG, its longer side at most `side` pixels."""
    small = resize(image, min(side, max(image.shape[2:])))
    return encoded_jpeg(small, JPEG, "4:4:4")
