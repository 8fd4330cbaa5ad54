"""The command `probe`: one picture that maximises a Gram entry, or a folder of many."""

from collections.abc import Callable
from typing import Any

from stylespace.commands.command import Command, FolderKind, Output, Result
from stylespace.settings import ProbeSettings, recipe_of


def _stem(settings: ProbeSettings) -> str:
    layer, i, j = settings.first
    return f"probes-{layer}" if settings.several else f"probe-{layer}-{i}-{j}"


def _work(settings: ProbeSettings, output: Output) -> Result:
    return _many(settings, output) if settings.several else _single(settings, output)


def _single(settings: ProbeSettings, output: Output) -> Result:
    from stylespace.commands.picture import make_picture
    from stylespace.commands.probe.figure import probe_figure
    from stylespace.commands.probe.probes import probe
    from stylespace.errors import UnreachedError

    def make(**options: Any) -> Any:
        """Make the picture, and tell an interruption before it was reached."""
        try:
            return probe(**options)
        except UnreachedError as error:
            if not error.interrupted:
                raise
            layer, i, j = settings.first
            text = f"interrupted before {layer} {i},{j} was reached; nothing was written."
            raise UnreachedError(text, error.figures, True) from error

    return make_picture(PROBE, settings, output, make, probe_figure)


def _many(settings: ProbeSettings, output: Output) -> Result:
    from stylespace.commands.picture import loaded_network, spread_of, watched
    from stylespace.commands.probe.many import probe_many
    from stylespace.commands.probe.tables import SHEET
    from stylespace.synthesis.progress import Watching

    def work(watching: Watching) -> Result:
        """Make the pictures of all entries while they are watched."""
        network = loaded_network(settings, output, watching)
        folder = output.path
        found = probe_many(
            settings,
            folder,
            network,
            force=output.force,
            watch=watching.named,
            spread=spread_of(output, watching, "batches of entries"),
        )
        done = len(found.rows) - found.failed
        pictures = [folder / row.picture for row in found.reached if row.picture]
        return Result(
            (folder, *pictures, *([folder / SHEET] if pictures else [])),
            {"entries": found.count, "done": done, "reached": len(pictures)},
            recipe_of(settings),
            found.interrupted,
            found.entries,
            found.stopped,
            sum(row.evaluations for row in found.rows),
            tuple(f"{row.name}: {row.remark}" for row in found.rows if row.remark),
        )

    return watched(output, work)


def _maker() -> Callable[..., Any]:
    from stylespace.commands.probe.many import maker

    return maker()


PROBE = Command(
    settings=ProbeSettings,
    about="""Make a picture that maximises a Gram entry.

    Several entries go into a folder, with a contact sheet and tables; interrupted, the same
    command goes on where it stopped.
    """,
    example="stylespace probe --layer conv3_1 --entry 12,40",
    names="probe-LAYER-I-J.png, or a folder probes-LAYER for several entries",
    stem=_stem,
    work=_work,
    folder=FolderKind(
        "--out {out} is the name of a picture, and several entries go into a folder: use {use}, "
        "or one --entry."
    ),
    is_folder=lambda settings: settings.several,
    has_figure=lambda settings: not settings.several,
    maker=_maker,
)
