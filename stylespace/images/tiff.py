"""TIFF files: 1 to 16 bits and floating point in [0, 1], through tifffile and imagecodecs.

Not through Pillow, which keeps 8 bits of 16 and whose libtiff prints to the terminal.
"""

import math
from typing import BinaryIO

import numpy as np
from tifffile import PHOTOMETRIC, TiffFile, TiffPage

from stylespace.errors import PictureError
from stylespace.images.samples import ORIENTATION, Samples
from stylespace.images.source import MAX_PIXELS, check_size

_PROFILE, _DESCRIPTION, _SOFTWARE = 34675, 270, 305  # tags
_COLOURS: dict[int, int] = {
    PHOTOMETRIC.MINISBLACK: 1,
    PHOTOMETRIC.MINISWHITE: 1,
    PHOTOMETRIC.PALETTE: 1,
    PHOTOMETRIC.RGB: 3,
    PHOTOMETRIC.YCBCR: 3,
    PHOTOMETRIC.SEPARATED: 4,
}
_JPEG = 7
_ASSOCIATED, _UNASSOCIATED = 1, 2  # alpha: multiplied into the colour, or not
_MOST_SAMPLES = 8  # of a pixel: CMYK and four more


def decoded_tiff(file: BinaryIO) -> Samples:
    """Decode the first page of a TIFF file."""
    with TiffFile(file) as tiff:
        page = tiff.pages.first
        _check(page)
        colour, alpha = _separated(page, _pixels(page))
        profile, orientation = page.tags.valueof(_PROFILE), page.tags.valueof(ORIENTATION)
    return Samples(colour, alpha, profile if isinstance(profile, bytes) else None, orientation)


def tiff_description(file: BinaryIO) -> object:
    """Return the ImageDescription of the first page, unless tifffile put its own there."""
    with TiffFile(file) as tiff:
        page = tiff.pages.first
        of_tifffile = page.is_shaped and str(page.tags.valueof(_SOFTWARE)).startswith("tifffile")
        return None if of_tifffile else page.tags.valueof(_DESCRIPTION)


def _check(page: TiffPage) -> None:
    """Raise PictureError for a page that is too large, damaged, or of a kind that is not read."""
    check_size(int(page.imagewidth), int(page.imagelength))  # a damaged tag may be a tuple
    if page.samplesperpixel > _MOST_SAMPLES or page.imagedepth > 1:
        raise PictureError("not a flat picture in colours; save it as RGB.")
    floats = page.dtype is not None and page.dtype.kind == "f"
    whole = page.dtype is not None and page.dtype.kind in "bu" and page.dtype.itemsize <= 2
    if not (floats or whole):
        kind = page.dtype or f"{page.bitspersample}-bit"
        raise PictureError(f"{kind} samples are not read; save it with 8 or 16 bits.")
    foreign = page.photometric == PHOTOMETRIC.YCBCR and page.compression != _JPEG
    if page.photometric not in _COLOURS or foreign:
        name = getattr(page.photometric, "name", page.photometric)
        raise PictureError(f"{name} colours in a TIFF are not read; save it as RGB.")
    _check_pieces(page)


def _check_pieces(page: TiffPage) -> None:
    """Raise PictureError for strips or tiles that are huge or missing: tifffile would fill in."""
    missing = len(page.dataoffsets) < math.prod(page.chunked) and not page.is_contiguous
    if missing or math.prod(page.chunks) > MAX_PIXELS * _MOST_SAMPLES:
        raise PictureError("its strips or tiles do not make up the picture; get the file again.")


def _pixels(page: TiffPage) -> np.ndarray:
    """Return (H, W, S) samples as stored."""
    height, width, samples = page.imagelength, page.imagewidth, page.samplesperpixel
    values = page.asarray(maxworkers=1)
    if page.planarconfig == 2:
        return np.moveaxis(values.reshape(samples, height, width), 0, 2)
    return values.reshape(height, width, samples)


def _separated(page: TiffPage, values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return colour (H, W, C) and alpha (H, W) or None, over the full range of their type."""
    colours = _COLOURS[page.photometric]
    full = _full_range(values, page.bitspersample)
    colour = full[..., :colours]
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        colour = ~colour
    if page.photometric == PHOTOMETRIC.PALETTE:
        colour = _palette(page)[values[..., 0].astype(np.intp)]
    kind = page.extrasamples[0] if page.extrasamples else None
    if kind not in (_ASSOCIATED, _UNASSOCIATED):
        return colour, None
    alpha = full[..., colours]
    return (_divided(colour, alpha) if kind == _ASSOCIATED else colour), alpha


def _full_range(values: np.ndarray, bits: int) -> np.ndarray:
    """Stretch samples of `bits` bits, or of floating point, over uint8 or uint16."""
    if values.dtype.kind == "f":
        if not ((values >= 0) & (values <= 1)).all():  # of light, whose white nothing names
            raise PictureError("floating point samples beyond 0 to 1 are not read; scale them.")
        return np.round(values * np.float64(65535)).astype(np.uint16)
    if bits in (8, 16):
        return values
    full = 255 if bits < 8 else 65535
    return np.round(values * (full / (2**bits - 1))).astype(np.uint8 if bits < 8 else np.uint16)


def _palette(page: TiffPage) -> np.ndarray:
    """Return the table (N, 3) uint8 of a palette picture."""
    table = np.asarray(page.colormap).T  # 8 bits times 256 or 257, or, against the rules, plain
    return (table if table.max() < 256 else table >> 8).astype(np.uint8)


def _divided(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Undo the multiplication of the colour by its alpha; where that is zero, so is the colour."""
    top = np.iinfo(colour.dtype).max
    ratio = colour * (top / np.maximum(alpha, 1))[..., None]
    return np.minimum(np.round(ratio), top).astype(colour.dtype)
