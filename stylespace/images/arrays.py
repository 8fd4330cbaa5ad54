"""Arrays as pictures: files of numpy, and values whose white their type tells."""

from typing import BinaryIO

import numpy as np
import torch

from stylespace.errors import PictureError
from stylespace.images.memory import picture_tensor
from stylespace.images.source import check_size, opened_picture

WHITE = {"uint8": 255, "uint16": 65535, "bool": 1}
"""{type of whole numbers: the value of white}; values in floating point are in [0, 1]."""


def read_array(path: str) -> torch.Tensor:
    """Read a picture from a file that numpy.save wrote; see `array_picture`.

    Raises:
        PictureError: missing, damaged, too large, or no picture.
    """
    with opened_picture(path) as file:
        check_size(*_shape(file)[:2])
        return array_picture(np.load(file, allow_pickle=False))


def _shape(file: BinaryIO) -> tuple[int, ...]:
    """Return the two longest sides of the array of a file, then the rest, before it is read."""
    version = np.lib.format.read_magic(file)
    header = getattr(np.lib.format, f"read_array_header_{version[0]}_{version[1]}")
    shape = header(file)[0]
    file.seek(0)
    if len(shape) < 2:
        raise PictureError(f"an array of shape {shape} is no picture: (H, W) or (H, W, 3) is.")
    return tuple(sorted(shape, reverse=True))


def array_picture(array: np.ndarray) -> torch.Tensor:
    """Return a picture (1, 3, H, W) of an array: grey (H, W), or one that `picture_tensor` takes.

    Args:
        array: uint8 or uint16 over their full range, or floating point in [0, 1]; one channel,
            (H, W), (H, W, 1) or (1, H, W), is grey.

    Raises:
        PictureError: another shape or type.
    """
    kind = str(array.dtype)
    if array.dtype.kind != "f" and kind not in WHITE:
        raise PictureError(
            f"an array of {kind} does not say what white is: give uint8, uint16, or values from 0 "
            "to 1."
        )
    values = array.astype(np.float32) / np.float32(WHITE.get(kind, 1))
    ends = (values.shape[0], values.shape[-1])
    if values.ndim == 3 and 1 in ends and 3 not in ends:
        values = values[0] if ends[0] == 1 else values[..., 0]
    if values.ndim == 2:
        values = np.repeat(values[..., None], 3, 2)
    return picture_tensor(values)
