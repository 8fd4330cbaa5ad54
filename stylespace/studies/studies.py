"""Studies: the project's own experiments, each a file in TOML that fills a folder."""

from pathlib import Path

from stylespace.errors import UsageError
from stylespace.settings import toml_of
from stylespace.studies.ground_truth import ground_truth_of, run_ground_truth
from stylespace.studies.results import StudyResult
from stylespace.studies.trials import run_trials, trials_of
from stylespace.synthesis.progress import Watching


def study(path: Path, folder: Path, *, watching: Watching, force: bool = False) -> StudyResult:
    """Run the study of a file into a folder; what is there, and was made so, is kept.

    Args:
        path: TOML with [pairs] and [ways], which are trials, or with scenes, a ground truth.
        folder: made if it is missing. watching: looks on.
        force: use a folder that holds anything else, and replace pictures that were made otherwise.

    Raises:
        UsageError: not TOML, no study, or one with settings that cannot be.
        PictureError: no such file, or pictures that it names.
        OutputError: a folder that holds anything else, or a picture that was made otherwise.
        KeyboardInterrupt: Ctrl-C before anything was done.
    """
    names = toml_of(path)
    if "scenes" in names:
        return run_ground_truth(ground_truth_of(path), folder, watching, force=force)
    if {"pairs", "ways"} & names.keys():
        return run_trials(trials_of(path), folder, watching, force=force)
    raise UsageError(
        f"{str(path)!r} holds no study: name [pairs] and [ways], or scenes; see "
        "probes/trials/transfer.toml and probes/scenes/season.toml."
    )
