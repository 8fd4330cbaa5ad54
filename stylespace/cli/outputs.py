"""Where the results of a command go: checked before anything slow, and before torch is imported."""

from __future__ import annotations

import math
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from stylespace.assets import source_path
from stylespace.commands.command import ANIMATION, PICTURE, Command, FileKind, Output, figure_path
from stylespace.commands.unfinished import check_checkpoint, left_behind
from stylespace.errors import OutputError, UsageError, nearest
from stylespace.files import check_folder, check_output
from stylespace.settings import RECIPE_FILE, Settings, check_inputs
from stylespace.settings.executors import check_executor

if TYPE_CHECKING:
    from stylespace.commands.recipes import Origin

FOLLOWING = ("preview", "trace", "animate")
"""Outputs that follow the making of one picture."""
LONGEST = {".webp": 16383}
"""Sides in pixels that a format cannot hold more of; the others hold any picture made here."""


def planned(
    command: Command,
    settings: Settings,
    *,
    out: Path | None = None,
    force: bool = False,
    quiet: bool = False,
    preview: Path | None = None,
    trace: Path | None = None,
    animate: Path | None = None,
    figure: bool = True,
    origin: Origin | None = None,
    executor: str | None = None,
    workers: int | None = None,
) -> Output:
    """Choose the outputs of a command, and check them and its inputs, before anything slow.

    Raises:
        OutputError: a folder that is missing or read-only, a file that exists.
        PictureError: an input that is not there. UsageError: an unknown sample or format.
    """
    spread = _checked_spread(command, settings, executor, workers)
    path = out or command.chosen_path(settings)
    ours: frozenset[Path] = frozenset()
    if command.is_folder(settings):
        _check_folder(path, command, settings, force=force)
    else:
        check_suffix(path, settings, command.file)
        if command.makes:
            ours = left_behind(path, settings)
            check_checkpoint(path, ours, force=force)
        check_output(path, force=force or path in ours)
    drawn = figure_path(path) if figure and command.has_figure(settings) else None
    if preview:
        check_suffix(preview, settings)
    if animate:
        _check_animation(animate, command, settings)
    for extra in (drawn, preview, trace, animate):
        if extra is not None:
            check_output(extra, force=force or extra in ours)
    check_inputs(settings)
    _check_distinct([path, preview, trace, animate, drawn], command, settings)
    named, resumed = out is not None, bool(ours)
    force = force or resumed  # each was looked at
    looking = (quiet, preview, trace, animate)
    return Output(path, named, force, *looking, figure, origin, resumed, *spread)


def _checked_spread(
    command: Command, settings: Settings, executor: str | None, workers: int | None
) -> tuple[str, int | None]:
    """Return the executor and its workers, refused where a single picture is made."""
    chosen = executor or "serial"
    if executor or workers:
        check_executor(chosen, workers)
        if not (command.spreads and command.is_folder(settings)):
            raise UsageError(
                f"--{'executor' if executor else 'workers'} spreads many pictures, and this makes "
                "one result: leave it out."
            )
    return chosen, workers


def _check_animation(path: Path, command: Command, settings: Settings) -> None:
    """Refuse an animation of many pictures, in another format, or without what encodes it."""
    if command.is_folder(settings):
        raise UsageError("--animate follows one picture, and this makes many: leave it out.")
    check_suffix(path, settings, ANIMATION)
    if path.suffix.lower() == ".mp4" and find_spec("imageio_ffmpeg") is None:
        raise OutputError(
            f"{str(path)!r}: MP4 needs imageio-ffmpeg: pip install 'stylespace[animate]', or use "
            ".webp."
        )


def _check_folder(path: Path, command: Command, settings: Settings, *, force: bool) -> None:
    """Refuse the name of a file for a folder, and a folder that is something else's, or done."""
    if path.suffix.lower() in command.folder.suffixes:
        use = f"{str(path.with_suffix(''))!r}"
        raise UsageError(command.folder.refusal.format(out=repr(str(path)), use=use))
    check_folder(path, RECIPE_FILE, command.recipe_text(settings), force=force)
    if command.folder.last and path.is_dir():
        check_output(path / command.folder.last, force=force)


def check_suffix(path: Path, settings: Settings, kind: FileKind = PICTURE) -> None:
    """Refuse a name whose suffix says nothing, or a format that cannot hold the picture."""
    suffix = path.suffix.lower()
    if not kind.fits(path):
        shown = f"{str(path)!r}: "
        if kind.refusal:
            raise UsageError(shown + kind.refusal)
        raise UsageError(
            f"{shown}{suffix!r} is no {kind.what} that is written."
            f"{nearest(suffix, kind.suffixes)} Known: {', '.join(kind.suffixes)}."
        )
    if getattr(settings, "size", 0) > LONGEST.get(suffix, math.inf):
        raise OutputError(
            f"{str(path)!r}: {suffix} holds at most {LONGEST[suffix]} pixels a side: use .png."
        )


def _check_distinct(outputs: list[Path | None], command: Command, settings: Settings) -> None:
    """Refuse outputs that would overwrite each other, or what follows a run over an input."""
    for name, output in zip(FOLLOWING, outputs[1:], strict=False):
        if output and not command.makes:
            raise UsageError(f"--{name} belongs to commands that make a picture.")
    inputs = [source_path(name) for name in settings.inputs()]
    named = [os.path.realpath(path) for path in (*inputs, *outputs) if path is not None]
    for output in outputs[1:]:
        if output is not None and named.count(os.path.realpath(output)) > 1:
            raise UsageError(f"{str(output)!r} is named twice: give every output its own name.")
