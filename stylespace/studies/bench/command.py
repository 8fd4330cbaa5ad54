"""The command `bench`: a folder with a page of speed and memory."""

from stylespace.commands.command import PICTURES, Command, FolderKind, Output, Result
from stylespace.settings import BenchSettings, recipe_of


def _work(settings: BenchSettings, output: Output) -> Result:
    from stylespace.studies.bench.making import bench
    from stylespace.studies.bench.page import PAGE, RESULTS
    from stylespace.synthesis.progress import Counting

    folder = output.path
    with Counting(quiet=output.quiet) as counting:
        made = bench(settings, folder, force=output.force, watch=counting.at)
    outputs = (folder, folder / PAGE, folder / RESULTS)
    return Result(outputs, made.figures, recipe_of(settings), made.interrupted)


BENCH = Command(
    settings=BenchSettings,
    about="""Measure speed and memory against the bare network, and against other programs.

    README.md and results.json go into a folder; interrupted, the same command goes on, and rows
    that are there are kept unless --force is given. Nothing else should run meanwhile.
    """,
    example="stylespace bench --all --out speed",
    names="a folder benchmark",
    stem=lambda settings: "benchmark",
    work=_work,
    folder=FolderKind(
        "--out {out}: a benchmark goes into a folder: use {use}.", (*PICTURES, ".json", ".md")
    ),
    is_folder=lambda settings: True,
    decisive=lambda settings: settings.decisive,
)
