"""Reading a picture: decoded, colour managed, on its background, upright."""

import os

import numpy as np
import torch
from PIL import Image

from stylespace.assets import source_path
from stylespace.errors import UsageError, public
from stylespace.images.profiles import to_srgb, unit
from stylespace.images.samples import Samples, decoded_samples, picture_samples
from stylespace.images.source import is_tiff, opened_picture
from stylespace.images.tiff import decoded_tiff

_WHITE = (1.0, 1.0, 1.0)


@public
def read_image(
    path: str | os.PathLike[str], *, background: tuple[float, float, float] = _WHITE
) -> torch.Tensor:
    """Read a picture file as sRGB.

    PNG and TIFF keep their 16 bits, a TIFF in floating point, from 0 to 1, as many; JPEG, WebP,
    GIF, BMP, PPM, TGA, JPEG 2000, AVIF and, with pillow-heif, HEIC have 8. Grey, palette and CMYK
    pictures become RGB, an embedded ICC profile is applied (a broken one ignored), the
    orientation tag is followed, and of an animation or a pile of pages the first is read.

    Args:
        path: the file, or sample:NAME; what counts is its content, not its suffix.
        background: sRGB in [0, 1], what transparent pixels are laid on.

    Returns:
        (1, 3, H, W) float32, contiguous, in [0, 1].

    Raises:
        PictureError: the file is missing, damaged, no picture, or holds more than `MAX_PIXELS`
            pixels, which is seen before anything is decoded.
        UsageError: `background` is not three numbers in [0, 1], or an unknown sample.

    Example:
        >>> import stylespace as ss
        >>> ss.read_image("sample:chelsea").shape
        torch.Size([1, 3, 300, 451])
    """
    return on_background(read_layers(path), background)


def read_layers(path: str | os.PathLike[str]) -> torch.Tensor:
    """Read a picture file as `read_image` does, its transparency kept apart.

    Returns:
        (1, 3, H, W), or (1, 4, H, W) where not all is opaque: the colours as they would be without
        transparency, then alpha.
    """
    with opened_picture(source_path(path) if isinstance(path, str) else path) as file:
        return _layers(decoded_tiff(file) if is_tiff(file) else decoded_samples(file))


def pillow_layers(picture: Image.Image) -> torch.Tensor:
    """Return a picture of Pillow's as `read_layers` returns a file's."""
    return _layers(picture_samples(picture))


def on_background(
    layers: torch.Tensor, background: tuple[float, float, float] = _WHITE
) -> torch.Tensor:
    """Lay what `read_layers` returns on a colour, blended as browsers do: (1, 3, H, W)."""
    backdrop = torch.from_numpy(_checked(background))[:, None, None]
    if layers.shape[1] == 3:
        return layers
    colour, alpha = layers[:, :3], layers[:, 3:]
    return alpha * colour + (1 - alpha) * backdrop


def apart(layers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Split what `read_layers` returns into colours (1, 3, H, W) and alpha (1, 1, H, W) or None.

    What is transparent all through gets the mean colour of the rest: resizing then brings no
    foreign colour in.
    """
    colour, alpha = layers[:, :3], layers[:, 3:]
    if layers.shape[1] == 3:
        return layers, None
    seen = (alpha * colour).sum((2, 3), keepdim=True)
    mean = seen / alpha.sum((2, 3), keepdim=True).clamp(min=1e-6)
    return torch.where(alpha > 0, colour, mean), alpha


def _checked(background: tuple[float, float, float]) -> np.ndarray:
    backdrop = np.asarray(background, dtype=np.float32)
    if backdrop.shape != (3,) or not ((backdrop >= 0) & (backdrop <= 1)).all():
        raise UsageError(f"background {background!r}: three numbers between 0 and 1 are needed.")
    return backdrop


def _layers(samples: Samples) -> torch.Tensor:
    """Return (1, 3 or 4, H, W): upright sRGB, and alpha where not all is opaque."""
    picture = to_srgb(samples.colour, samples.profile)
    if samples.alpha is not None and (alpha := unit(samples.alpha)).min() < 1:
        picture = np.concatenate([picture, alpha[..., None]], 2)
    picture = _upright(picture, samples.orientation).transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(picture))[None]


def _upright(picture: np.ndarray, orientation: object) -> np.ndarray:
    """Turn (H, W, C) as its EXIF orientation says."""
    if orientation in (5, 6, 7, 8):
        picture = picture.transpose(1, 0, 2)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return picture[::rows, ::columns]
