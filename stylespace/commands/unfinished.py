"""What an unfinished run left is its own: the same command takes it up again; no torch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from stylespace.errors import OutputError, StylespaceError
from stylespace.files import hold
from stylespace.settings import Settings, recorded_settings, to_toml

RECIPE, OUTPUTS = "recipe", "outputs"
"""Texts of a checkpoint: the settings, and the other files of the run."""


def checkpoint_path(picture: Path) -> Path:
    """Return where the checkpoint of a picture lies."""
    return picture.with_name(f"{picture.name}.checkpoint")


def left_behind(picture: Path, settings: Settings) -> frozenset[Path]:
    """Return the files of an unfinished run of these settings that was to make this picture.

    Empty where there is none, or where it is still at work.
    """
    path = checkpoint_path(picture)
    if not os.path.isfile(path):
        return frozenset()
    texts, held = _texts(path), hold(path)
    if held is None:
        return frozenset()
    held.close()
    if texts.get(RECIPE) != json.dumps(to_toml(settings)):
        return frozenset()
    others = {Path(name) for name in json.loads(texts[OUTPUTS])}
    ours = picture not in others or not os.path.lexists(picture) or _made_by(picture, settings)
    return frozenset({path, *others}) if ours else frozenset()


def check_checkpoint(picture: Path, ours: frozenset[Path], *, force: bool) -> None:
    """Refuse a picture that another run is at work on, or was with other settings.

    Raises:
        OutputError: see above; the second may be forced.
    """
    path = checkpoint_path(picture)
    if path in ours or not os.path.lexists(path):
        return
    held = hold(path) if os.path.isfile(path) else None
    if held is None:
        raise OutputError(f"{str(picture)!r}: another run is at work on it; choose another --out.")
    held.close()
    if not force:
        raise OutputError(
            f"{str(path)!r}: an unfinished run with other settings; give its command to go on with "
            "it, add --force to replace it, or choose another --out."
        )


def drop_unbegun(picture: Path) -> None:
    """Remove a checkpoint with nothing to go on from, whose program was ended before it could."""
    path = checkpoint_path(picture)
    if os.path.isfile(path) and _texts(path).get("calls") == "[]":
        held = hold(path)
        if held is not None:
            path.unlink()
            held.close()


def notes_of(settings: Settings, outputs: Iterable[Path]) -> dict[str, str]:
    """Return what a checkpoint says of the run whose outputs these are, for `left_behind`."""
    names = [str(path) for path in outputs]
    return {RECIPE: json.dumps(to_toml(settings)), OUTPUTS: json.dumps(names)}


def _texts(path: Path) -> dict[str, str]:
    """Return the texts of a checkpoint, none where it cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}
    except (OSError, ValueError, SafetensorError):
        return {}


def _made_by(picture: Path, settings: Settings) -> bool:
    """Say whether a picture was made by these settings: it was written, and its figure was not."""
    from stylespace.images import read_recipe

    try:
        record = read_recipe(picture)
        return record is not None and recorded_settings(record) == settings
    except (StylespaceError, KeyError):
        return False
