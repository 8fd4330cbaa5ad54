"""The door for picture files: opened quietly, bounded, every failure one line."""

import errno
import functools
import logging
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError, features

from stylespace.errors import PictureError
from stylespace.files import hint_beside

MAX_PIXELS = 89_478_485
"""Pixels of the largest picture that is read: the size from which Pillow suspects an attack."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "PPM", "JPEG2000")  # some others run programs
_TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # little and big endian, small and big
_LOGGERS = ("tifffile", "imagecodecs", "PIL.TiffImagePlugin")


@contextmanager
def opened_picture(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a picture file; whatever goes wrong inside the block becomes a one-line PictureError.

    A PictureError raised inside tells cause and remedy; the name of the file is added here.
    Warnings and log lines of the decoders are silenced: a file is read or refused.
    """
    if not isinstance(path, str | os.PathLike):
        kind = type(path).__name__
        raise PictureError(f"{kind} is not the path of a picture: give a text or a Path.")
    shown = repr(str(path))
    try:
        _check_file(Path(path))
        with _quiet(), open(path, "rb") as file:
            yield file
    except PictureError as error:
        raise PictureError(f"{shown}: {error}") from error
    except Exception as error:  # decoders raise anything on damaged bytes
        raise PictureError(f"{shown}: {_cause(error)}") from error


def header(file: BinaryIO) -> Image.Image:
    """Return Pillow's picture, its header read and its size checked, nothing decoded yet."""
    try:
        picture = Image.open(file, formats=_formats(file.name))
    except UnidentifiedImageError:
        _check_brand(file)
        raise
    check_size(*picture.size)
    return picture


def _formats(name: str) -> tuple[str, ...]:
    """Return what a file may be: TGA by its name alone, as nothing in it says so."""
    return (*_known_formats(), *(["TGA"] if str(name).lower().endswith(".tga") else []))


@functools.cache
def _known_formats() -> tuple[str, ...]:
    """Return the formats that Pillow tells by their first bytes, as it is installed."""
    avif = ("AVIF",) if features.check("avif") else ()
    try:
        import pillow_heif
    except ImportError:
        return (*_FORMATS, *avif)
    pillow_heif.register_heif_opener()
    return (*_FORMATS, *avif, "HEIF")


def _check_brand(file: BinaryIO) -> None:
    """Say what is missing to read a file of the HEIF family."""
    file.seek(0)
    mark = file.read(12)
    if mark[4:8] != b"ftyp":
        return
    if mark[8:] in (b"avif", b"avis"):
        raise PictureError("AVIF needs Pillow 11.3 or later: pip install --upgrade pillow.")
    if mark[8:] in (b"heic", b"heix", b"mif1", b"msf1", b"heim", b"heis", b"hevc"):
        raise PictureError("HEIC needs pillow-heif: pip install 'stylespace[heic]'.")


def is_tiff(file: BinaryIO) -> bool:
    """Tell whether a file begins like a TIFF; the position is left at the beginning."""
    mark = file.read(4)
    file.seek(0)
    return mark in _TIFF_MARKS


def check_size(width: int, height: int) -> None:
    """Raise PictureError where a picture of this size, in pixels, is not to be decoded."""
    if width * height > MAX_PIXELS:
        raise _too_large(f"{width:,} x {height:,} pixels")
    if min(width, height) < 1:
        raise PictureError(f"a size of {width} x {height} pixels is damaged; get the file again.")


def _too_large(size: str) -> PictureError:
    return PictureError(f"{size}, more than the {MAX_PIXELS:,} that are read; make it smaller.")


def _check_file(path: Path) -> None:
    """Raise PictureError unless `path` is an ordinary file that is not empty."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # or a zero byte
        hint = hint_beside(path) or " Check the name and the folder."
        raise PictureError(f"no such file.{hint}") from error
    if stat.S_ISDIR(status.st_mode):
        raise PictureError("this is a folder; name a picture inside it.")
    if not stat.S_ISREG(status.st_mode):
        raise PictureError("not an ordinary file; name a picture file.")
    if status.st_size == 0:
        raise PictureError("the file is empty; get it again from its source.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warnings and log lines of the decoders."""
    with ExitStack() as undo:
        undo.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        for logger in map(logging.getLogger, _LOGGERS):
            logger.addFilter(_nothing)
            undo.callback(logger.removeFilter, _nothing)
        yield


def _nothing(record: logging.LogRecord) -> bool:
    return False


def _cause(error: Exception) -> str:
    """Say in one line why a decoder gave up, and what to do about it."""
    match error:
        case UnidentifiedImageError():
            return (
                "not a picture that can be read, or its first bytes are damaged; "
                "PNG, JPEG, WebP, TIFF, GIF, BMP, PPM, TGA, JPEG 2000, AVIF and HEIC are known."
            )
        case Image.DecompressionBombError():
            pixels = re.search(r"\d+", str(error))  # Pillow refuses before it tells the sides
            return str(_too_large(f"{int(pixels[0]):,} pixels" if pixels else "a huge picture"))
        case MemoryError():
            return "not enough memory to decode it; make the picture smaller."
        case OSError(errno=errno.EACCES | errno.EPERM):
            return "no permission to read it; change its permissions."
        case OSError(errno=int(), strerror=str(reason)):
            return f"cannot be read ({reason.lower()}); check the file and its disk."
    return f"damaged or cut short{_detail(error)}; get it again from its source."


def _detail(error: Exception) -> str:
    """Return what a decoder says in parentheses, printable, unless it stumbled over itself."""
    text = " ".join(str(error).split())[:120]
    if not text or isinstance(error, TypeError | LookupError | AttributeError):
        return ""
    return f" ({''.join(letter if letter.isprintable() else '?' for letter in text)})"
