"""Heat maps of Gram matrices as a page carries them: pictures with a pixel an entry.

They are for the eye, and all there is without JavaScript; the entries themselves are those of
`entry_data`.
"""

import functools
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from stylespace.figures.drawing import ZERO, shades
from stylespace.figures.heat_maps import ends
from stylespace.reports.content.drawings import data_uri

DIAGONAL = "#ffffff"
"""Of the places of the diagonal, which has a strip of its own; transparent, to be the ground."""
_SHADES = 254  # of a palette of 256: zero and the diagonal have colours of their own


def heat_map_data(
    layer: str, picture: str, gram: np.ndarray, order: Sequence[int], *, alt: str
) -> dict[str, Any]:
    """Return what a page needs to show a Gram matrix: plain JSON types.

    Args:
        layer: name of the layer. picture: key of the picture whose matrix it is.
        gram: (C, C), symmetric, entries >= 0 in squared units of activation, on the CPU.
        order: the C channels in the order of rows and columns.
        alt: text instead of the picture, for those who hear the page.

    Returns:
        `layer`, `picture` and `channels` C; `image`: data URI of a C x C PNG, whose diagonal is
        transparent; `strip`: of the diagonal, C x 1; `ends`: the entries at the two ends of the
        colour scale of both; `alt`.

    Raises:
        ValueError: the matrix is not square, has an entry that is negative or not finite, or
            `order` does not name each channel once.
    """
    gram = np.asarray(gram, dtype=np.float64)
    _check(gram, order)
    shown = gram[np.ix_(order, order)]
    scale = ends([shown])
    shades = _places(shown, scale)
    np.fill_diagonal(shades, _SHADES + 1)
    return {
        "layer": layer,
        "picture": picture,
        "channels": len(shown),
        "image": _png(shades),
        "strip": _png(_places(shown.diagonal()[None], scale)),
        "ends": list(scale),
        "alt": alt,
    }


@functools.cache
def legend_pictures() -> dict[str, str]:
    """Return data URIs of the colour scale (254 x 1), of the zero and of the diagonal (1 x 1)."""
    scale, zero, diagonal = ([*range(_SHADES)], [_SHADES], [_SHADES + 1])
    rows = {"scale": scale, "zero": zero, "diagonal": diagonal}
    return {name: _png(np.array([row], dtype=np.uint8)) for name, row in rows.items()}


def _check(gram: np.ndarray, order: Sequence[int]) -> None:
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1] or not len(gram):
        raise ValueError(f"a Gram matrix must be (C, C), got {gram.shape}")
    if not (np.isfinite(gram).all() and gram.min() >= 0):
        raise ValueError("a heat map on a log scale shows finite entries >= 0 only")
    if sorted(order) != list(range(len(gram))):
        raise ValueError(f"the order must name each of {len(gram)} channels once")


def _places(matrix: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """Return the place in the palette of every entry, uint8 of the matrix's shape."""
    shades = np.full(matrix.shape, _SHADES, dtype=np.uint8)
    positive = matrix > 0
    if not positive.any():
        return shades
    low, high = np.log10(scale)
    places = (np.log10(matrix[positive]) - low) / (high - low)
    shades[positive] = np.rint((_SHADES - 1) * places.clip(0, 1)).astype(np.uint8)
    return shades


def _png(shades: np.ndarray) -> str:
    """Return a data URI of places in the palette (H, W), a pixel each."""
    image = Image.fromarray(shades, "P")
    image.putpalette(palette())
    stream = io.BytesIO()
    image.save(stream, "png", optimize=True, transparency=_SHADES + 1)
    return data_uri(stream.getvalue(), "png")


@functools.cache
def palette() -> bytes:
    """Return the colours of 254 shades, of zero and of the diagonal: 256 times red, green, blue."""
    from matplotlib.colors import to_rgba

    apart = np.array([to_rgba(ZERO), to_rgba(DIAGONAL)])
    colours = np.concatenate([shades()(np.linspace(0, 1, _SHADES)), apart])
    return np.rint(255 * colours[:, :3]).astype(np.uint8).tobytes()
