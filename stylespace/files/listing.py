"""The picture files in a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from stylespace.errors import PictureError
from stylespace.files import hint_beside

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".gif", ".bmp"),
    *(".ppm", ".pgm", ".pbm", ".tga", ".jp2", ".avif", ".heic"),
)
"""Suffixes of the files that are taken for pictures, in capitals as well."""


def pictures_in(folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Return the picture files in a folder and in the folders within it, in order of their names.

    Told by SUFFIXES; hidden files and folders, and links to folders, are left out. A folder within
    that cannot be listed is there itself, so that it is reported like a picture.

    Raises:
        PictureError: the folder is missing, is not a folder, cannot be listed or has no pictures.
    """
    folder = Path(folder)
    if not folder.is_dir():
        hint = hint_beside(folder) or " Check the name."
        reason = (
            "a file, where a folder is needed." if folder.exists() else f"no such folder.{hint}"
        )
        raise PictureError(f"{str(folder)!r}: {reason}")
    found = sorted(_walked(folder), key=lambda path: path.relative_to(folder).parts)
    if found == [folder]:
        raise PictureError(f"{str(folder)!r}: this folder cannot be listed; allow reading it.")
    if not found:
        raise PictureError(
            f"{str(folder)!r}: no pictures in this folder or below; files with the suffixes "
            f"{', '.join(SUFFIXES)} are taken."
        )
    return tuple(found)


def _walked(folder: Path) -> Iterator[Path]:
    """Yield pictures and folders that cannot be listed, in any order."""
    closed: list[Path] = []
    for root, folders, files in os.walk(folder, onerror=lambda e: closed.append(Path(e.filename))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        plain = (name for name in files if not name.startswith("."))
        yield from (Path(root, name) for name in plain if Path(name).suffix.lower() in SUFFIXES)
    yield from closed
