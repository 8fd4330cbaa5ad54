"""Figures on their way to the page: drawn once, kept as files, put into words."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

from PIL import Image
from torch import Tensor

from stylespace.figures import canvas, drawing
from stylespace.images import encoded_jpeg, resize
from stylespace.reports.content.parts import PagePart

JPEG, WEBP = 88, 88
LARGEST = 100_000
"""Bytes up to which a page holds a figure's PNG; of a larger one a WebP, a third as long."""
SHOWN_SIDE, SMALL_SIDE = 720, 320
"""Longer side in pixels of a picture on the page, and of one on a compact page."""

Tick = Callable[[str], None]


class Drawings:
    """Makes figures, keeps their files, and says after each that it is done.

    network: that measured what they show, named on each. folder: of the figures, relative to the
    page; None: they are on the page alone, as WebP of screen size, and not kept. files: {path
    relative to the page: bytes} of those that are kept.
    """

    def __init__(self, network: str, *, folder: str | None, tick: Tick = lambda name: None) -> None:
        self.files: dict[str, bytes] = {}
        self._network, self._folder, self._tick = network, folder, tick

    def picture(self, image: Tensor) -> str:
        """Return a picture (1, 3, H, W) as an address that holds it."""
        side = SMALL_SIDE if self._folder is None else SHOWN_SIDE
        return data_uri(jpeg(image, side), "jpeg")

    def thumbnail(self, image: Tensor) -> str:
        """Return a picture (1, 3, H, W), small, as an address that holds it."""
        return data_uri(jpeg(image, SMALL_SIDE), "jpeg")

    def add(
        self,
        name: str,
        figure: drawing.Figure,
        *,
        alt: str,
        caption: str,
        wide: bool = True,
        shown: bool = True,
    ) -> PagePart:
        """Return a figure for the page, light and dark, as PNG and as SVG in the files.

        shown: whether the page shows it; otherwise it is in the files alone.
        """
        canvas.signed(figure, self._network, size=drawing.SMALL)
        if self._folder is None:
            source, file, dpi = data_uri(drawing.webp(figure), "webp"), None, drawing.SCREEN
        else:
            (png, svg), dpi = drawing.rendered(figure), drawing.DPI
            file = f"{self._folder}/{name}.svg"
            self.files |= {f"{self._folder}/{name}.png": png, file: svg}
            source = _on_page(png)
        dark = data_uri(drawing.dark_webp(figure, dpi=dpi), "webp") if shown else None
        self._tick(name)
        told = {"alt": alt, "caption": caption, "wide": wide, "dpi": dpi}
        return {**told, "src": source, "dark": dark, "file": file}


def _on_page(png: bytes) -> str:
    """Return a figure as an address that holds it, of moderate length."""
    if len(png) <= LARGEST:
        return data_uri(png, "png")
    stream = io.BytesIO()
    with Image.open(io.BytesIO(png)) as figure:
        figure.convert("RGB").save(stream, "webp", quality=WEBP, method=2)
    return data_uri(stream.getvalue(), "webp")


def data_uri(data: bytes, kind: str) -> str:
    """Return a picture's bytes as an address that holds them."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def jpeg(image: Tensor, side: int) -> bytes:
    """Return a picture (1, 3, H, W) as JPEG, its longer side at most `side` pixels."""
    small = resize(image, min(side, max(image.shape[2:])))
    return encoded_jpeg(small, JPEG, "4:4:4")
