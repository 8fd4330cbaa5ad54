"""Reading a picture: decoded, colour managed, on its background, upright."""

import os

import numpy as np
import torch

from stylespace.errors import UsageError
from stylespace.images.profiles import to_srgb, unit
from stylespace.images.samples import Samples, decoded_samples
from stylespace.images.source import is_tiff, opened_picture
from stylespace.images.tiff import decoded_tiff

_WHITE = (1.0, 1.0, 1.0)


def read_image(
    path: str | os.PathLike[str], *, background: tuple[float, float, float] = _WHITE
) -> torch.Tensor:
    """Read a picture file as sRGB.

    PNG and TIFF keep their 16 bits; JPEG, WebP, GIF and BMP have 8. Grey, palette and CMYK
    pictures become RGB, an embedded ICC profile is applied (a broken one ignored), the
    orientation tag is followed, and of an animation or a pile of pages the first is read.

    Args:
        path: the file; what counts is its content, not its suffix.
        background: sRGB in [0, 1], what transparent pixels are laid on.

    Returns:
        (1, 3, H, W) float32, contiguous, in [0, 1].

    Raises:
        PictureError: the file is missing, damaged, no picture, or holds more than `MAX_PIXELS`
            pixels, which is seen before anything is decoded.
        UsageError: `background` is not three numbers in [0, 1].
    """
    backdrop = _checked(background)
    with opened_picture(path) as file:
        samples = decoded_tiff(file) if is_tiff(file) else decoded_samples(file)
        picture = _upright(_composed(samples, backdrop), samples.orientation)
        return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]


def _checked(background: tuple[float, float, float]) -> np.ndarray:
    backdrop = np.asarray(background, dtype=np.float32)
    if backdrop.shape != (3,) or not ((backdrop >= 0) & (backdrop <= 1)).all():
        raise UsageError(f"background {background!r}: three numbers between 0 and 1 are needed.")
    return backdrop


def _composed(samples: Samples, backdrop: np.ndarray) -> np.ndarray:
    """Return (H, W, 3) sRGB of the samples over the backdrop, blended as browsers do."""
    colour = to_srgb(samples.colour, samples.profile)
    if samples.alpha is None:
        return colour
    alpha = unit(samples.alpha)[..., None]
    return alpha * colour + (1 - alpha) * backdrop


def _upright(picture: np.ndarray, orientation: object) -> np.ndarray:
    """Turn (H, W, 3) as its EXIF orientation says."""
    if orientation in (5, 6, 7, 8):
        picture = picture.transpose(1, 0, 2)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return picture[::rows, ::columns]
