"""Whether the files that a command reads are there; no torch."""

import os
from pathlib import Path

from stylespace.assets import source_path
from stylespace.errors import PictureError, nearest
from stylespace.files import names_beside
from stylespace.settings.shared import Settings


def check_inputs(settings: Settings) -> None:
    """Refuse a command whose files are not there, before anything slow.

    Raises:
        UsageError: an unknown sample. PictureError: a missing file (nearest name given).
    """
    for name in settings.inputs():
        if not os.path.exists(source_path(name)):
            path = Path(name)
            hint = nearest(path.name, (*settings.words_for(name), *names_beside(path)))
            raise PictureError(
                f"{name!r}: no such file.{hint or ' Check the name and the folder.'}"
            )
