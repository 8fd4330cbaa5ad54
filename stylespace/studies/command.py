"""The command `study`: an experiment of several pictures, from a file in TOML."""

import os
from pathlib import Path

from stylespace.commands.command import Result
from stylespace.files import holds, numbered
from stylespace.settings import recipe_text
from stylespace.studies.ground_truth import MARK as SCENES
from stylespace.studies.studies import study
from stylespace.studies.trials import MARK as TRIALS
from stylespace.synthesis.progress import Watching


def study_folder(path: Path) -> Path:
    """Return the first folder RECIPE-study that is free, or that this recipe began to fill.

    Raises:
        UsageError: not TOML. PictureError: no such file, or one that cannot be read.
    """
    text = recipe_text(path)
    return next(
        folder
        for folder in numbered("", f"{path.stem}-study", "")
        if not os.path.lexists(folder)
        or any(holds(folder / mark, text) for mark in (SCENES, TRIALS))
    )


def run_study(path: Path, folder: Path, *, force: bool, quiet: bool) -> Result:
    """Run the study of a file into a folder.

    Raises:
        StylespaceError: see `study`. KeyboardInterrupt: Ctrl-C before anything was done.
    """
    with Watching(quiet=quiet) as watching:
        found = study(path, folder, watching=watching, force=force)
    interrupted = found.interrupted or watching.asked
    return Result(found.outputs, found.figures, found.recipe, interrupted)
