"""The files that a command reads: whether they are there, and those of folders; no torch."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from stylespace.assets import SAMPLE, source_path
from stylespace.errors import PictureError
from stylespace.files import hint_beside
from stylespace.files.listing import pictures_in
from stylespace.settings.shared import Settings


def check_inputs(settings: Settings) -> None:
    """Refuse a command whose files are not there, before anything slow.

    Raises:
        UsageError: an unknown sample. PictureError: a missing file (nearest name given).
    """
    for name in settings.inputs():
        check_there(name, settings.words_for(name))


def check_there(name: str, words: Iterable[str] = ()) -> None:
    """Refuse a name of no file, a near one beside it or among `words` named.

    Raises:
        UsageError: an unknown sample. PictureError: a missing file.
    """
    if not os.path.exists(source_path(name)):
        hint = hint_beside(Path(name), words) or " Check the name and the folder."
        raise PictureError(f"{name!r}: no such file.{hint}")


def with_folders(sources: Sequence[str]) -> list[str]:
    """Return sources, sample:NAME among them, with the pictures of folders in their place.

    Raises:
        PictureError: a folder without pictures.
    """
    names: list[str] = []
    for source in sources:
        inside = not source.startswith(SAMPLE) and Path(source).is_dir()
        names += [str(path) for path in pictures_in(source)] if inside else [source]
    return names
