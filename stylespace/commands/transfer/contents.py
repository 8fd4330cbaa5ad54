"""A folder of contents: a transfer of each picture, with network and style loaded once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stylespace.commands.command import short_name
from stylespace.commands.folder import Folder
from stylespace.commands.many import Record, make_many
from stylespace.commands.recipes import plain_figures
from stylespace.commands.spreading import Spread
from stylespace.commands.transfer.many import maker
from stylespace.errors import PictureError
from stylespace.figures.tables import json_text
from stylespace.files import write_files
from stylespace.files.listing import pictures_in
from stylespace.networks.network import Network
from stylespace.settings import TransferSettings, to_toml
from stylespace.synthesis.loop import Watch

RESULTS = "results.json"


@dataclass(frozen=True)
class Transferred:
    """What became of the pictures of a folder.

    made: {file: what it carries}. skipped: {content: why there is none}. count: of all contents.
    """

    made: Mapping[Path, Record]
    skipped: Mapping[Path, str]
    count: int
    interrupted: bool

    @property
    def remarks(self) -> tuple[str, ...]:
        """Which contents were left out and why, and what the runs had to say."""
        out = [f"left out: {str(path)!r}: {reason}" for path, reason in self.skipped.items()]
        told = {path.name: record.get("remark") for path, record in self.made.items()}
        return (*out, *(f"{name}: {remark}" for name, remark in told.items() if remark))


def transfer_folder(
    settings: TransferSettings,
    folder: Path,
    network: Network,
    *,
    force: bool = False,
    watch: Callable[[str], Watch] | None = None,
    spread: Spread | None = None,
) -> Transferred:
    """Transfer every picture of a folder into another; those that are there are kept.

    Writes a PNG a content and results.json beside recipe.toml. A content that fails, because it
    cannot be read or is too small or too large, is left out and named. Interrupted, the same call
    goes on.

    Args:
        settings: whose content is a folder; the pictures in the folders within it count too.
        folder: made if it is missing. network: loaded.
        force: use a folder that holds anything else, and replace pictures that are in the way.
        watch: name of a run -> a watcher of it. spread: where the pictures are made; None for
            this process.

    Raises:
        OutputError: the folder holds anything else. PictureError: not one could be transferred.
        KeyboardInterrupt: Ctrl-C before the first picture was done.
    """
    contents = pictures_in(settings.content)
    paths = _named(folder, Path(settings.content), contents)
    wanted = {
        path: replace(settings, content=str(content))
        for path, content in zip(paths, contents, strict=True)
    }
    names = {
        path: f"{number}/{len(paths)} {content.name}"
        for number, (path, content) in enumerate(zip(paths, contents, strict=True), 1)
    }

    def watched(path: Path) -> Watch | None:
        return watch and watch(names[path])

    with Folder(folder, to_toml(settings), force=force).opened():
        made = make_many(maker, wanted, network=network, force=force, spread=spread, watch=watched)
        skipped = {
            Path(content): failure.reason.removeprefix(f"{content!r}: ")
            for content, failure in ((wanted[p].content, f) for p, f in made.failed.items())
        }
        if not made.records:
            content, reason = next(iter(skipped.items()))
            raise PictureError(
                f"none of {len(contents)} pictures could be transferred; {str(content)!r}: {reason}"
            )
    rows = [_row(path, wanted[path], made.records.get(path), skipped) for path in paths]
    write_files(folder, {RESULTS: json_text(rows)})
    return Transferred(made.records, skipped, len(contents), made.interrupted)


def _named(folder: Path, root: Path, contents: tuple[Path, ...]) -> list[Path]:
    """Return a file for each content, named like it with the folders within `root` before it."""
    taken: dict[str, int] = {}
    paths = []
    for content in contents:
        parts = content.relative_to(root).parts
        name = "-".join((*parts[:-1], short_name(parts[-1])))
        taken[name] = taken.get(name, 0) + 1
        number = f"-{taken[name]}" if taken[name] > 1 else ""
        paths.append(folder / f"{name}{number}.png")
    return paths


def _row(
    path: Path, settings: TransferSettings, record: Record | None, skipped: Mapping[Path, str]
) -> dict[str, Any]:
    """Return what results.json says of a content."""
    row = {"content": settings.content, "picture": path.name if record else None}
    if record is None:
        return row | {"note": skipped.get(Path(settings.content), "not made yet")}
    return row | plain_figures(record["figures"])
