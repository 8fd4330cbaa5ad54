"""Heat maps of Gram matrices as a page carries them: a picture, and the entries behind it.

The picture is for the eye, and all there is without JavaScript. The entries travel as 16-bit codes
on a logarithmic scale, so that a page can name any of them: 351 kB for 512 channels, where the
numbers in full would take ten times as much.
"""

import base64
import functools
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from stylespace.figures.drawing import ZERO, shades
from stylespace.figures.heat_maps import ends
from stylespace.reports.content.drawings import data_uri

CODES = 65535
"""Largest code; 1 is the smallest positive entry, 0 is exactly zero."""
DIAGONAL = "#ffffff"
"""Of the places of the diagonal, which has a strip of its own; transparent, to be the ground."""
_SHADES = 254  # of a palette of 256: zero and the diagonal have colours of their own


def heat_map_data(
    layer: str, gram: np.ndarray, order: Sequence[int], *, alt: str
) -> dict[str, Any]:
    """Return what a page needs to show a Gram matrix and to name its entries: plain JSON types.

    Args:
        layer: name of the layer.
        gram: (C, C), symmetric, entries >= 0 in squared units of activation, on the CPU.
        order: the C channels in the order of rows and columns.
        alt: text instead of the picture, for those who hear the page.

    Returns:
        `layer`, `channels` C and `order`; `values`: base64 of the codes (little-endian uint16) of
        the upper triangle with its diagonal, row by row, in that order; `low` and `high`: log10 of
        the entries that codes 1 and 65535 stand for; `zero_code`; `image`: data URI of a C x C PNG,
        whose diagonal is transparent; `strip`: of the diagonal, C x 1; `ends`: the entries at the
        two ends of the colour scale of both; `alt`.

    Raises:
        ValueError: the matrix is not square, has an entry that is negative or not finite, or
            `order` does not name each channel once.
    """
    gram = np.asarray(gram, dtype=np.float64)
    _check(gram, order)
    shown = gram[np.ix_(order, order)]
    codes, low, high = shade_codes(shown[np.triu_indices(len(shown))])
    scale = ends([shown])
    shades = _places(shown, scale)
    np.fill_diagonal(shades, _SHADES + 1)
    return {
        "layer": layer,
        "channels": len(shown),
        "order": [int(channel) for channel in order],
        "low": low,
        "high": high,
        "zero_code": 0,
        "values": base64.b64encode(codes.tobytes()).decode("ascii"),
        "image": _png(shades),
        "strip": _png(_places(shown.diagonal()[None], scale)),
        "ends": list(scale),
        "alt": alt,
    }


def shade_codes(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return entries (n,) >= 0 as codes (n,), and log10 of the smallest and largest positive one.

    Codes are little-endian uint16: 0 for exactly zero, else 1 to 65535, linear in log10. Decoding
    is off by at most a factor of 10^(± (high - low) / 131068): 0.01 % over six decades.
    """
    positive = values > 0
    codes = np.zeros(values.shape, dtype="<u2")
    if not positive.any():
        return codes, 0.0, 0.0
    logarithms = np.log10(values[positive])
    low, high = float(logarithms.min()), float(logarithms.max())
    places = (logarithms - low) / ((high - low) or 1.0)
    codes[positive] = 1 + np.rint((CODES - 1) * places).astype("<u2")
    return codes, low, high


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
    image.putpalette(_palette())
    stream = io.BytesIO()
    image.save(stream, "png", optimize=True, transparency=_SHADES + 1)
    return data_uri(stream.getvalue(), "png")


@functools.cache
def _palette() -> bytes:
    """Return the colours of 254 shades, of zero and of the diagonal: 256 times red, green, blue."""
    from matplotlib.colors import to_rgba

    apart = np.array([to_rgba(ZERO), to_rgba(DIAGONAL)])
    colours = np.concatenate([shades()(np.linspace(0, 1, _SHADES)), apart])
    return np.rint(255 * colours[:, :3]).astype(np.uint8).tobytes()
