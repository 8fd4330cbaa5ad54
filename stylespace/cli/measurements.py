"""Commands that measure pictures and make none: a report, a search for similar styles."""

from __future__ import annotations

from pathlib import Path

from stylespace.cli.outputs import PAGE
from stylespace.commands.result import Report
from stylespace.files import write_whole
from stylespace.reports.making import report
from stylespace.reports.searching import similar
from stylespace.settings import RECIPE_FILE, ReportSettings, SimilarSettings, recipe_of
from stylespace.synthesis.progress import Counting


def report_into(folder: Path, settings: ReportSettings, *, force: bool, quiet: bool) -> Report:
    """Write a report into a folder; interrupted amid writing, it says what is there."""
    recipe = recipe_of(settings)
    try:
        with Counting(quiet=quiet) as counting:
            options = {"out": folder, "force": force, "watch": counting.at}
            made = report(settings=settings, **options)
    except KeyboardInterrupt:
        begun = (folder / RECIPE_FILE).exists() and not (folder / PAGE).exists()
        if not begun:
            raise
        return Report((folder,), {}, recipe, interrupted=True)
    remarks = tuple(f"left out {path}: {why}" for path, why in made.skipped)
    outputs = (folder / PAGE, folder)
    return Report(outputs, made.figures, recipe, remarks=remarks)


def similar_onto(path: Path, settings: SimilarSettings, *, force: bool, quiet: bool) -> Report:
    """Search a folder for similar styles and write the sheet of the nearest."""
    with Counting(quiet=quiet) as counting:
        found = similar(settings=settings, watch=counting.at)
    write_whole(path, found.sheet(), force=force)
    remarks = tuple(f"left out {name}: {why}" for name, why in found.skipped)
    figures = {"searched": found.searched, "found": len(found.neighbours)}
    return Report((path,), figures, recipe_of(settings), remarks=remarks, neighbours=found.rows)
