"""The command `transfer`: a picture in the style of others, or a folder of its partitions."""

import os
from collections.abc import Callable
from typing import Any

from stylespace.commands.command import Command, FolderKind, Output, Result, short_name
from stylespace.errors import UsageError
from stylespace.settings import TransferSettings, recipe_of


def _is_folder(settings: TransferSettings) -> bool:
    """Say whether many pictures are made: several of the content, or one of each in a folder."""
    return settings.several() or os.path.isdir(settings.content)


def _stem(settings: TransferSettings) -> str:
    suffix = f"-{_kind(settings)}" if settings.several() else ""
    content, style = short_name(settings.content), short_name(settings.styles[0])
    return f"transfer-{content}-{style}{suffix}"


def _kind(settings: TransferSettings) -> str:
    """Return what several pictures of one content are."""
    return "partitions" if settings.partitions else "source-sizes"


def _work(settings: TransferSettings, output: Output) -> Result:
    if os.path.isdir(settings.content):
        if settings.several():
            option = "--partitions" if settings.partitions else "several of --source-size"
            raise UsageError(f"{option}: one content at a time; name a picture, not a folder.")
        return _contents(settings, output)
    return _compared(settings, output) if settings.several() else _single(settings, output)


def _single(settings: TransferSettings, output: Output) -> Result:
    from stylespace.commands.picture import make_picture
    from stylespace.commands.transfer.figure import drawn
    from stylespace.commands.transfer.transfer import transfer

    return make_picture(TRANSFER, settings, output, transfer, drawn)


def _compared(settings: TransferSettings, output: Output) -> Result:
    from stylespace.commands.picture import loaded_network, spread_of, watched
    from stylespace.commands.transfer.partitions import STRIP, compare, partitions, source_sizes
    from stylespace.synthesis.progress import Watching

    kind = _kind(settings)
    pair = _stem(settings).removeprefix("transfer-").removesuffix(f"-{kind}")
    of, title = (
        (partitions, "Partial transfer")
        if settings.partitions
        else (source_sizes, "Sizes of the style picture")
    )

    def work(watching: Watching) -> Result:
        """Make the pictures while they are watched."""
        folder = output.path
        found = compare(
            of(settings),
            folder,
            loaded_network(settings, output, watching),
            title=f"{title}: {pair}",
            recipe=TRANSFER.recipe_text(settings),
            force=output.force,
            watch=watching.named,
            spread=spread_of(output, watching, kind.replace("-", " ")),
        )
        pictures = [folder / f"{row.name}.png" for row in found.rows]
        figures = {kind.replace("-", "_"): found.count, "done": len(pictures)}
        outputs = (folder, folder / STRIP, *pictures) if pictures else (folder,)
        recipe = recipe_of(settings)
        return Result(outputs, figures, recipe, found.interrupted, remarks=found.remarks)

    return watched(output, work)


def _contents(settings: TransferSettings, output: Output) -> Result:
    from stylespace.commands.picture import loaded_network, spread_of, watched
    from stylespace.commands.transfer.contents import transfer_folder
    from stylespace.synthesis.progress import Watching

    def work(watching: Watching) -> Result:
        """Make a picture of each content while they are watched."""
        network = loaded_network(settings, output, watching)
        found = transfer_folder(
            settings,
            output.path,
            network,
            force=output.force,
            watch=watching.named,
            spread=spread_of(output, watching, "contents"),
        )
        figures = {"contents": found.count, "done": len(found.made), "left_out": len(found.skipped)}
        outputs, recipe = (output.path, *found.made), recipe_of(settings)
        return Result(outputs, figures, recipe, found.interrupted, remarks=found.remarks)

    return watched(output, work)


def _maker() -> Callable[..., Any]:
    from stylespace.commands.transfer.many import maker

    return maker()


TRANSFER = Command(
    settings=TransferSettings,
    about="""Move a picture into the style of others.

    CONTENT is a picture or sample:NAME, or a folder, each of whose pictures is transferred into the
    folder --out; interrupted, the same command goes on where it stopped. STYLES are pictures,
    sample:NAME or style files; several are blended by weight.
    """,
    example="stylespace transfer photo.jpg sample:hokusai-great-wave --size 384",
    names="transfer-CONTENT-STYLE.png, or a folder with --partitions, several of --source-size "
    "or of a folder",
    stem=_stem,
    work=_work,
    folder=FolderKind(
        "--out {out} is the name of a picture, and several pictures go into a folder: use {use}."
    ),
    is_folder=_is_folder,
    has_figure=lambda settings: settings.guided() and not _is_folder(settings),
    maker=_maker,
)
