"""Writing pictures: the format from the suffix, always sRGB with its profile, always whole."""

import functools
import io
import os
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
import torch
from PIL import Image

from stylespace.errors import OutputError, PictureError, UsageError, nearest, public
from stylespace.files import write_whole
from stylespace.images.memory import IN_MEMORY, picture_tensor
from stylespace.images.profiles import srgb_profile
from stylespace.images.recipe import DESCRIPTION, KEYWORD, recipe_text

_AFTER_HEADER = 33  # bytes of a PNG's signature and IHDR chunk


@public
def write_image(
    path: str | os.PathLike[str],
    image: IN_MEMORY,
    *,
    recipe: Mapping[str, Any] | None = None,
    force: bool = False,
    bits: int = 8,
    alpha: torch.Tensor | None = None,
) -> None:
    """Write a picture; the same picture and recipe give the same bytes.

    PNG, TIFF and WebP are lossless; JPEG has quality 95 and full colour resolution. The sRGB
    profile is embedded in each.

    Args:
        path: .png, .jpg, .jpeg, .webp, .tif or .tiff.
        image: sRGB, (1, 3, H, W), (3, H, W), as an array also (H, W, 3), or one of Pillow's;
            clamped to [0, 1] and rounded to the nearest level.
        recipe: what made the picture, as JSON can hold it, for `read_recipe`.
        force: replace a file that exists.
        bits: 8, or 16 for PNG and TIFF.
        alpha: (1, 1, H, W) or (H, W) in [0, 1], the opacity; not of JPEG.

    Raises:
        OutputError: the suffix is unknown or has no such bits, the format cannot hold the picture
            its transparency or the recipe, or the file exists or cannot be written.
        PictureError: `image` is not one RGB picture, holds NaN, or values of another unit, as 0
            to 255.
        UsageError: `bits` is neither 8 nor 16.

    Example:
        >>> import stylespace as ss, torch
        >>> ss.write_image("grey.png", torch.full((1, 3, 20, 30), 0.5))
        >>> ss.read_image("grey.png").shape
        torch.Size([1, 3, 20, 30])
    """
    path, suffix = Path(path), check_format(path, bits=bits)
    pixels = _pixels(image, bits, alpha)
    if alpha is not None and not holds_alpha(path):
        raise OutputError(f"{str(path)!r}: {suffix} holds no transparency; use .png.")
    text = None if recipe is None else recipe_text(recipe)
    try:
        encoded = _ENCODERS[suffix](pixels, text)
    except (OSError, ValueError) as error:  # too wide a picture, too long a recipe
        cause = " ".join(str(error).split())
        raise OutputError(f"{str(path)!r}: {suffix} cannot hold it ({cause}); use .png.") from error
    write_whole(path, encoded, force=force)


def written_image(image: torch.Tensor) -> torch.Tensor:
    """Return a picture exactly as 8 bits hold it: what `read_image` finds in the file.

    Args:
        image: any shape, sRGB; clamped to [0, 1].

    Returns:
        float32 of the same shape, multiples of 1/255, without gradient.
    """
    return _levels(image, 255) / 255


def holds_alpha(path: str | os.PathLike[str]) -> bool:
    """Say whether the format of a name that `check_format` takes has transparency."""
    return Path(path).suffix.lower() not in (".jpg", ".jpeg")


def encoded_png(image: torch.Tensor, alpha: torch.Tensor | None = None) -> bytes:
    """Return a picture (1, 3, H, W) as a PNG of 8 bits, to look at; no recipe in it."""
    return _png(_pixels(image, 8, alpha), None)


def encoded_jpeg(image: torch.Tensor, quality: int, subsampling: str) -> bytes:
    """Return a picture (1, 3, H, W) as a plain JPEG, to look at and to measure; no recipe in it.

    Args:
        quality: 1 to 95. subsampling: of the colours, "4:4:4" (none) or "4:2:0".
    """
    stream = io.BytesIO()
    pixels = Image.fromarray(_pixels(image, 8))
    pixels.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    return stream.getvalue()


def check_format(path: str | os.PathLike[str], *, bits: int = 8) -> str:
    """Return the lower-case suffix of a picture file that `write_image` can write.

    Raises:
        OutputError: the suffix is unknown, or holds only 8 of 16 `bits`.
        UsageError: `bits` is neither 8 nor 16.
    """
    suffix = Path(path).suffix.lower()
    if bits not in (8, 16):
        raise UsageError(f"{bits} bits a sample: 8 or 16 are written.")
    known = _ENCODERS if bits == 8 else _SIXTEEN
    if suffix not in known:
        kind = "picture format" if bits == 8 else "format with 16 bits"
        raise OutputError(
            f"{str(path)!r}: {suffix!r} is no {kind} that is written."
            f"{nearest(suffix, known)} Known: {', '.join(known)}."
        )
    return suffix


def _levels(image: torch.Tensor, top: int) -> torch.Tensor:
    """Return the levels 0 to `top` nearest to values in [0, 1], as float32."""
    return (image.detach().float().clamp(0, 1) * top).round()


def _pixels(image: IN_MEMORY, bits: int, alpha: torch.Tensor | None = None) -> np.ndarray:
    """Return (H, W, 3) or, with alpha, (H, W, 4) uint8 or uint16."""
    picture = picture_tensor(image)
    if alpha is not None:
        if alpha.numel() != picture[0, 0].numel():
            raise PictureError(f"alpha of {tuple(alpha.shape)} for {tuple(picture.shape)}.")
        picture = torch.cat([picture, alpha.to(picture).reshape(1, 1, *picture.shape[2:])], 1)
    levels = _levels(picture, 2**bits - 1)[0].permute(1, 2, 0)
    return np.ascontiguousarray(levels.cpu().numpy().astype(f"uint{bits}"))


def _png(pixels: np.ndarray, text: str | None) -> bytes:
    """Encode with imagecodecs, which knows 16 bits, and add profile and text behind the header."""
    encoded = bytes(imagecodecs.png_encode(pixels))
    extra = _chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile()))
    if text is not None:
        extra += _chunk(b"tEXt", f"{KEYWORD}\0{text}".encode("ascii"))
    return encoded[:_AFTER_HEADER] + extra + encoded[_AFTER_HEADER:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def _pillow(pixels: np.ndarray, text: str | None, **options: Any) -> bytes:
    """Encode with Pillow, the recipe in the EXIF ImageDescription."""
    if text is not None:
        options["exif"] = Image.Exif()
        options["exif"][DESCRIPTION] = text
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, icc_profile=srgb_profile(), **options)
    return stream.getvalue()


def _tiff(pixels: np.ndarray, text: str | None) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        pixels,
        photometric="rgb",
        extrasamples=("unassalpha",) if pixels.shape[2] == 4 else (),
        compression="zlib",
        predictor=True,
        description=text,
        metadata=None,  # no description and no date of tifffile's own
        software="stylespace",
        iccprofile=srgb_profile(),
    )
    return stream.getvalue()


_JPEG = functools.partial(_pillow, format="JPEG", quality=95, subsampling="4:4:4")
_WEBP = functools.partial(_pillow, format="WEBP", lossless=True, exact=True)
_ENCODERS: dict[str, Callable[[np.ndarray, str | None], bytes]] = {
    ".png": _png,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": _WEBP,
    ".tif": _tiff,
    ".tiff": _tiff,
}
_SIXTEEN = (".png", ".tif", ".tiff")
