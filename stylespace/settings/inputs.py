"""The files that a command reads: which they are, and whether they are there; no torch."""

from __future__ import annotations

import os
from pathlib import Path

from stylespace.assets import source_path, split_weight
from stylespace.errors import PictureError, nearest
from stylespace.files import neighbours
from stylespace.settings.edit import EditSettings
from stylespace.settings.shared import Settings
from stylespace.settings.similar import SimilarSettings
from stylespace.settings.transfer import STARTS, TransferSettings


def input_names(settings: Settings) -> list[str]:
    """Return the names of the files that a command reads, without their weights in a blend."""
    styles = getattr(settings, "sources", ()) or getattr(settings, "styles", ())
    names = [split_weight(text)[0] for text in styles]
    if isinstance(settings, TransferSettings):
        start = [] if settings.init in STARTS else [settings.init]
        masks = [name for pair in settings.guide_pairs() for name in pair]
        masks += [settings.mask] if settings.mask else []
        names = [settings.content, *names, *start, *masks]
    if isinstance(settings, EditSettings):
        names = [settings.source]
    names += [*getattr(settings, "pictures", ()), *_searched(settings)]
    painting = getattr(settings, "painting", None)
    return names + ([painting] if painting else []) + filters_file(settings)


def _searched(settings: Settings) -> list[str]:
    """Return what a search for similar styles reads: the picture and the folder."""
    return [settings.picture, settings.folder] if isinstance(settings, SimilarSettings) else []


def filters_file(settings: Settings) -> list[str]:
    """Return the file that --weights names, if it names one."""
    weights = settings.weights
    own = weights is None or weights.startswith("random:")
    return [] if own else [weights.removeprefix("caffe:")]


def check_inputs(settings: Settings) -> None:
    """Refuse a command whose files are not there, before anything slow.

    Raises:
        UsageError: an unknown sample. PictureError: a missing file (nearest name given).
    """
    for name in input_names(settings):
        if not os.path.exists(source_path(name)):
            starts = STARTS if name == getattr(settings, "init", None) else ()
            hint = nearest(Path(name).name, (*starts, *neighbours(Path(name))))
            raise PictureError(
                f"{name!r}: no such file.{hint or ' Check the name and the folder.'}"
            )
