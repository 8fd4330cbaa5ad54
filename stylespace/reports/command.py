"""The commands `report` and `similar`, which measure pictures and make none."""

from collections.abc import Callable
from typing import Any

from stylespace.commands.command import (
    PICTURES,
    Command,
    FileKind,
    FolderKind,
    Output,
    Result,
    short_name,
)
from stylespace.settings import (
    PAGE,
    RECIPE_FILE,
    ReportSettings,
    Settings,
    SimilarSettings,
    recipe_of,
)


def written(settings: Settings, output: Output, make: Callable[..., Any]) -> Result:
    """Let a page be made in a folder; interrupted amid writing, say what is there.

    make: (settings, out, force, watch) as keywords -> what has `figures` and `skipped`.
    """
    from stylespace.synthesis.progress import Counting

    folder, recipe = output.path, recipe_of(settings)
    try:
        with Counting(quiet=output.quiet) as counting:
            made = make(settings=settings, out=folder, force=output.force, watch=counting.at)
    except KeyboardInterrupt:
        if not (folder / RECIPE_FILE).exists() or (folder / PAGE).exists():
            raise
        return Result((folder,), {}, recipe, interrupted=True)
    remarks = tuple(f"left out {path}: {why}" for path, why in made.skipped)
    return Result((folder / PAGE, folder), made.figures, recipe, remarks=remarks)


def _report(settings: ReportSettings, output: Output) -> Result:
    """Write a report into a folder."""
    from stylespace.reports.making import report

    return written(settings, output, report)


def _similar(settings: SimilarSettings, output: Output) -> Result:
    """Search a folder for similar styles and write the sheet of the nearest."""
    from stylespace.files import write_whole
    from stylespace.reports.searching import similar
    from stylespace.synthesis.progress import Counting

    path = SIMILAR.path(settings, output)
    with Counting(quiet=output.quiet) as counting:
        search = similar(settings=settings, watch=counting.at)
    write_whole(path, search.sheet(), force=output.force)
    remarks = tuple(f"left out {name}: {why}" for name, why in search.skipped)
    figures = {"searched": search.searched, "found": len(search.neighbours)}
    return Result((path,), figures, recipe_of(settings), remarks=remarks, neighbours=search.rows)


REPORT = Command(
    settings=ReportSettings,
    about="""Show what the Gram matrices of paintings hold, as a page with figures and tables.

    PICTURES are pictures, sample:NAME, style files or folders of pictures; up to twelve are shown
    one by one, more of them as a collection.
    """,
    example="stylespace report painting.jpg",
    names="a folder NAME-report with index.html",
    stem=lambda settings: f"{short_name(settings.pictures[0])}-report",
    work=_report,
    folder=FolderKind(
        "--out {out}: a report goes into a folder: use {use}.", (*PICTURES, ".html", ".pdf"), PAGE
    ),
    is_folder=lambda settings: True,
)
SIMILAR = Command(
    settings=SimilarSettings,
    about="""Find the pictures of a folder whose style is nearest to a picture's.

    PICTURE is a picture, sample:NAME or a style file.
    """,
    example="stylespace similar painting.jpg --in pictures/",
    names="similar-NAME.jpg, a sheet of the nearest",
    stem=lambda settings: f"similar-{short_name(settings.picture)}",
    work=_similar,
    file=FileKind(".jpg", (".jpg", ".jpeg"), "the sheet is a JPEG: its name must end in .jpg."),
)
