"""What a picture file holds, as its decoder gives it: samples, alpha, profile, orientation."""

from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

import imagecodecs
import numpy as np
from PIL import Image

from stylespace.errors import PictureError
from stylespace.images.source import header

ORIENTATION = 274  # the tag of EXIF and of TIFF alike


@dataclass(frozen=True)
class Samples:
    """A decoded picture, before colour management and composition.

    Attributes:
        colour: (H, W, C) uint8 or uint16 over their full range; C = 1 grey, 3 RGB, 4 CMYK with
            0 for no ink.
        alpha: (H, W) of the same type, not multiplied into the colour; None where all is opaque.
        profile: the embedded ICC profile, if any.
        orientation: the EXIF number, 1 to 8; any other value means upright.
    """

    colour: np.ndarray
    alpha: np.ndarray | None
    profile: bytes | None
    orientation: object = 1


def decoded_samples(file: BinaryIO) -> Samples:
    """Decode the first frame of a file that Pillow knows; of a PNG all bits."""
    picture = header(file)
    values, colours = _png(file) if picture.format == "PNG" else _first_frame(picture)
    return _sampled(picture, values, colours)


def picture_samples(picture: Image.Image) -> Samples:
    """Return the samples of a picture of Pillow's."""
    return _sampled(picture, *_first_frame(picture))


def _sampled(picture: Image.Image, values: np.ndarray, colours: int) -> Samples:
    """Return (H, W, C) samples, the first of them colours, with what the picture says of them."""
    alpha = values[..., colours] if values.shape[2] > colours else None
    profile = picture.info.get("icc_profile")
    return Samples(values[..., :colours], alpha, profile, _orientation(picture))


def _png(file: BinaryIO) -> tuple[np.ndarray, int]:
    """Return (H, W, C) samples with all their bits, which Pillow drops, and the colours in C."""
    file.seek(0)
    values = np.atleast_3d(imagecodecs.png_decode(file.read()))  # palette and tRNS expanded
    return values, 1 if values.shape[2] < 3 else 3


def _first_frame(picture: Image.Image) -> tuple[np.ndarray, int]:
    """Return (H, W, C) 8-bit samples of Pillow's picture, and how many of C are colours."""
    if picture.mode == "F":
        raise PictureError("floating point values in this format are not read; use a TIFF.")
    if picture.mode.startswith("I"):  # 16 bits
        return np.asarray(picture).clip(0, 65535).astype(np.uint16)[..., None], 1
    kept = {"1": ("L", 1), "L": ("L", 1), "CMYK": ("CMYK", 4)}
    mode, colours = kept.get(picture.mode, ("RGB", 3))
    if picture.has_transparency_data:
        mode, colours = "RGBA", 3
    return np.atleast_3d(np.asarray(picture.convert(mode))), colours


def _orientation(picture: Image.Image) -> object:
    with suppress(Exception):  # damaged EXIF raises anything, and spoils no pixel
        return picture.getexif().get(ORIENTATION, 1)
    return 1
