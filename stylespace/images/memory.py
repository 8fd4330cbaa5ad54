"""Pictures in memory: tensors, arrays and Pillow's, as the program holds pictures."""

import hashlib

import numpy as np
import torch
from PIL import Image

from stylespace.errors import PictureError
from stylespace.images.reading import on_background, pillow_layers

IN_MEMORY = torch.Tensor | np.ndarray | Image.Image
"""Kinds of pictures that are no files."""
LOWEST, HIGHEST = -0.5, 1.5
"""Bounds of a picture's values: resampling goes beyond [0, 1] a little, other units by far."""


def picture_tensor(picture: IN_MEMORY) -> torch.Tensor:
    """Return a picture in memory as the program holds pictures; transparent parts on white.

    Args:
        picture: a tensor (1, 3, H, W) or (3, H, W), an array (H, W, 3) or (3, H, W), each of
            sRGB in [0, 1]; or one of Pillow's, which is read as its file would be.

    Returns:
        (1, 3, H, W), of the tensor's own precision, at least float32; of others float32.

    Raises:
        PictureError: another type or shape, NaN, or values that are not those of [0, 1].
    """
    return on_background(memory_layers(picture))


def memory_layers(picture: IN_MEMORY) -> torch.Tensor:
    """Return a picture in memory as `read_layers` returns a file's: alpha, if any, apart."""
    if isinstance(picture, Image.Image):
        _check_mode(picture.mode)
        try:
            return pillow_layers(picture)
        except OSError as error:  # it is decoded only now
            raise PictureError(f"the picture cannot be decoded ({error}): open it again.") from None
    if not isinstance(picture, torch.Tensor | np.ndarray):
        raise PictureError(
            f"a picture is a path, an array, a tensor or one of Pillow's, not of type "
            f"{type(picture).__name__}: read_image reads files."
        )
    wide = _float_tensor(picture)
    shape = tuple(wide.shape)
    single = wide[0] if wide.ndim == 4 and shape[0] == 1 else wide
    if single.ndim != 3 or 3 not in (single.shape[0], single.shape[2]) or 0 in shape:
        raise PictureError(
            f"one RGB picture is needed, (1, 3, H, W), (3, H, W) or (H, W, 3), not {shape}."
        )
    _check_values(single)
    last = single.shape[0] != 3 or (single.shape[2] == 3 and isinstance(picture, np.ndarray))
    return (single.permute(2, 0, 1).contiguous() if last else single)[None]


def _float_tensor(picture: torch.Tensor | np.ndarray) -> torch.Tensor:
    """Return values as float32 or better; whole numbers are refused, whose white is not 1."""
    floats = (
        picture.is_floating_point()
        if isinstance(picture, torch.Tensor)
        else (picture.dtype.kind == "f")
    )
    if not floats:
        kind = str(picture.dtype).removeprefix("torch.")
        hint = "divide it by 255" if kind == "uint8" else "give values from 0 to 1"
        raise PictureError(f"the picture holds {kind}: {hint}, so that white is 1.0.")
    if isinstance(picture, np.ndarray):
        return torch.tensor(np.asarray(picture, np.float32).copy())
    return picture if picture.dtype == torch.float64 else picture.float()


def _check_values(picture: torch.Tensor) -> None:
    """Refuse values that are not finite, or in another unit."""
    low, high = (float(value) for value in picture.detach().aminmax())
    if not np.isfinite([low, high]).all():
        hint = "lower the step or the scale, or replace them"
        raise PictureError(f"the picture holds NaN or infinite values: {hint}.")
    if low < LOWEST or high > HIGHEST:
        hint = "divide it by 255" if low >= 0 and high <= 255 else "scale it"
        raise PictureError(
            f"the picture holds values from {low:.4g} to {high:.4g}, not from 0 to 1: {hint}, so "
            "that white is 1.0."
        )


def _check_mode(mode: str) -> None:
    """Refuse modes of Pillow whose white is nowhere written."""
    if mode in ("I", "F"):
        raise PictureError(
            f"a picture of Pillow's mode {mode!r} does not say what white is: give an array with "
            "values from 0 to 1."
        )


def pixels_hash(image: torch.Tensor) -> str:
    """Return the SHA-256 of a picture's float32 values."""
    return hashlib.sha256(image.detach().float().cpu().contiguous().numpy().data).hexdigest()
