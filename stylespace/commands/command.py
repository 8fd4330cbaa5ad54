"""One record a command: all that the command line, outputs and recipes know of it; no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylespace.assets import SAMPLE, split_weight
from stylespace.commands.unfinished import checkpoint_path, left_behind
from stylespace.errors import UsageError
from stylespace.files import STYLE_SUFFIX, holds, numbered
from stylespace.settings import RECIPE_FILE, Making, Settings, to_toml

if TYPE_CHECKING:
    from stylespace.commands.recipes import Origin

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class Output:
    """Where a command's results go, and who looks on.

    path: file or folder. named: the user chose it. preview, trace, animate: files that follow the
    making of a picture. figure: one goes beside the picture. origin:
    what the picture that is made again says of its making. resumed: an unfinished run of the same
    settings left files there, which are replaced. executor, workers: where many pictures are made.
    """

    path: Path
    named: bool = True
    force: bool = False
    quiet: bool = False
    preview: Path | None = None
    trace: Path | None = None
    animate: Path | None = None
    figure: bool = True
    origin: Origin | None = None
    resumed: bool = False
    executor: str = "serial"
    workers: int | None = None


@dataclass(frozen=True)
class Result:
    """What a command says when it is done.

    figures: also infinite or undefined ones. entries: of several probes, a row each.
    stopped, evaluations: why the loop ended and after how many; None where nothing is optimised.
    remarks: what was not right on the way. neighbours: of a search, the nearest first. table: rows
    that are printed, and are not part of the JSON object.
    """

    outputs: tuple[Path, ...]
    figures: Mapping[str, float]
    recipe: Mapping[str, Any]
    interrupted: bool = False
    entries: tuple[Mapping[str, Any], ...] = field(default=())
    stopped: str | None = None
    evaluations: int | None = None
    remarks: tuple[str, ...] = ()
    neighbours: tuple[Mapping[str, Any], ...] = ()
    table: tuple[Mapping[str, Any], ...] = ()

    @property
    def code(self) -> int:
        """The exit code: of several probes none was reached, or Ctrl-C, or all is well."""
        if self.interrupted:
            return 130
        return 1 if self.entries and not any(row["reached"] for row in self.entries) else 0


@dataclass(frozen=True)
class FileKind:
    """A kind of file that a command writes.

    suffix: where the user gives no name. suffixes: those that will do, none where it must be that
    one. refusal: what is said of others; without it they are no `what` that is written.
    """

    suffix: str
    suffixes: tuple[str, ...] = ()
    refusal: str = ""
    what: str = "picture format"

    def fits(self, path: Path) -> bool:
        """Say whether a name is that of such a file."""
        if not self.suffixes:
            return path.name.endswith(self.suffix)
        return path.suffix.lower() in self.suffixes


PICTURE = FileKind(".png", PICTURES)
ANIMATION = FileKind(".webp", (".webp", ".mp4"), "an animation is written as .webp or .mp4.")


@dataclass(frozen=True)
class FolderKind:
    """What a command says of a name that is no folder's, and the file that says it is done.

    refusal: a text in which {out} is the name and {use} what to take instead.
    """

    refusal: str
    suffixes: tuple[str, ...] = PICTURES
    last: str = ""


@dataclass(frozen=True)
class Command:
    """A command.

    settings: their class, whose fields are its options. about: its help. example: a line of it.
    names: what it writes where the user gives no name, for the help. stem: settings -> that name
    without suffix. work: runs it. file, folder: kinds of its output. is_folder: whether it writes
    a folder. has_figure: whether a figure goes beside its picture. decisive: the settings that
    the recipe of a folder holds. maker: importable; returns what makes its pictures, of
    (settings, network, watch, checkpoint) as keywords; None where it makes none. listing: rows that
    --list prints in place of a run. listed: which of their columns a table has.
    """

    settings: type[Settings]
    about: str
    example: str
    names: str
    stem: Callable[[Any], str]
    work: Callable[[Any, Output], Result]
    file: FileKind = PICTURE
    folder: FolderKind = FolderKind("")
    is_folder: Callable[[Any], bool] = lambda settings: False
    has_figure: Callable[[Any], bool] = lambda settings: False
    decisive: Callable[[Any], Settings] = lambda settings: settings
    maker: Callable[[], Callable[..., Any]] | None = None
    listing: Callable[[], list[dict[str, Any]]] | None = None
    listed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The command as it is typed."""
        return self.settings.command

    @property
    def makes(self) -> bool:
        """Whether it makes a picture, so that previews and traces go with it."""
        return issubclass(self.settings, Making)

    def making(self) -> Callable[..., Any]:
        """Return the function that makes a picture from settings and network.

        Raises:
            UsageError: it makes none.
        """
        if self.maker is None:
            raise UsageError(
                f"{self.name} makes no picture step by step, so that nothing is estimated: "
                "estimate probe, edit, texture or transfer."
            )
        return self.maker()

    @property
    def spreads(self) -> bool:
        """Whether it may make many pictures, which are spread over processes."""
        return self.makes and bool(self.folder.refusal)

    def run(self, settings: Settings, output: Output) -> Result:
        """Run it and write its results.

        Raises:
            StylespaceError: it could not be done.
        """
        return self.work(settings, output)

    def recipe_text(self, settings: Settings) -> str:
        """Return the recipe that a folder of it holds."""
        return to_toml(self.decisive(settings))

    def chosen_path(self, settings: Settings) -> Path:
        """Return a free name; of a folder also the one that this very call began to fill."""
        if not self.is_folder(settings):
            return self.free_path("", settings)
        recipe, last = self.recipe_text(settings), self.folder.last
        return next(
            path
            for path in numbered("", self.stem(settings), "")
            if not os.path.lexists(path)
            or (holds(path / RECIPE_FILE, recipe) and not (last and os.path.lexists(path / last)))
        )

    def free_path(self, folder: Path | str, settings: Settings) -> Path:
        """Return the first of a result's names in a folder that is not taken."""
        names = numbered(folder, self.stem(settings), self.file.suffix)
        return next(path for path in names if not self._taken(path, settings))

    def path(self, settings: Settings, output: Output) -> Path:
        """Return the output's name; one chosen for the user may have been taken since."""
        if output.named or output.resumed or not self._there(output.path, settings):
            return output.path
        return self.free_path(output.path.parent, settings)

    def _taken(self, path: Path, settings: Settings) -> bool:
        """Say whether a name is in use, also by a run that is unfinished, unless it is this one."""
        if self.makes and os.path.lexists(checkpoint_path(path)):
            return not left_behind(path, settings)
        return self._there(path, settings)

    def _there(self, path: Path, settings: Settings) -> bool:
        """Say whether there is a picture of that name, or the figure that belongs to it."""
        figure = self.has_figure(settings) and os.path.lexists(figure_path(path))
        return os.path.lexists(path) or figure


def figure_path(path: Path) -> Path:
    """Return where the figure of a picture goes."""
    return path.with_name(f"{path.stem}-figure.png")


def short_name(source: str) -> str:
    """Return a short name for a source: its file name without folder, suffix and weight."""
    name = Path(split_weight(source)[0].removeprefix(SAMPLE)).name
    plain = name.removesuffix(STYLE_SUFFIX)
    return (plain if plain != name else Path(name).stem)[:60] or "picture"
