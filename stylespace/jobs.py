"""One call of a command: where its results go, checked before torch is imported; then the run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylespace.errors import OutputError, UnreachedError, UsageError, nearest
from stylespace.files import (
    STYLE_SUFFIX,
    check_folder,
    check_output,
    holds,
    numbered,
    write_whole,
)
from stylespace.settings import (
    RECIPE_FILE,
    SAMPLE,
    AtlasSettings,
    CaptureSettings,
    EditSettings,
    Making,
    ProbeSettings,
    Settings,
    TextureSettings,
    TransferSettings,
    check_inputs,
    input_names,
    recipe_of,
    source_path,
    split_weight,
    to_toml,
)

if TYPE_CHECKING:
    from stylespace.networks import Network
    from stylespace.outcomes import Outcome
    from stylespace.progress import Watching
    from stylespace.recipes import Made

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
LONGEST = {".webp": 16383}
"""Sides in pixels that a format cannot hold more of; the others hold any picture made here."""


@dataclass(frozen=True)
class Report:
    """What a command says when it is done.

    figures: also infinite or undefined ones. entries: of several probes, a row each.
    stopped, evaluations: why the loop ended and after how many; None where nothing is optimised.
    remarks: what was not right on the way.
    """

    outputs: tuple[Path, ...]
    figures: Mapping[str, float]
    recipe: Mapping[str, Any]
    interrupted: bool = False
    entries: tuple[Mapping[str, Any], ...] = field(default=())
    stopped: str | None = None
    evaluations: int | None = None
    remarks: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        """The exit code: of several probes none was reached, or Ctrl-C, or all is well."""
        if self.interrupted:
            return 130
        return 1 if self.entries and not any(row["reached"] for row in self.entries) else 0


@dataclass(frozen=True)
class Job:
    """What to run, and where its results go.

    named: the user chose the name. figure: a figure goes beside the picture. made: what the
    picture that is made again says of its making.
    """

    settings: Settings
    out: Path
    named: bool
    force: bool
    quiet: bool
    preview: Path | None
    trace: Path | None
    figure: bool = True
    made: Made | None = None

    def run(self) -> Report:
        """Run it and write its results.

        Raises:
            StylespaceError: it could not be done.
        """
        if isinstance(self.settings, CaptureSettings):
            return self._capture()
        with self._watching() as watching:
            report = self._maker()(watching)
        return replace(report, interrupted=report.interrupted or watching.asked)

    def _maker(self) -> Callable[[Watching], Report]:
        if isinstance(self.settings, AtlasSettings):
            return self._atlas
        return self._survey if _is_folder(self.settings) else self._picture

    def _watching(self) -> Watching:
        from stylespace.progress import Watching

        return Watching(quiet=self.quiet, preview=self.preview, trace=self.trace)

    def _capture(self) -> Report:
        from stylespace.outcomes import network_for
        from stylespace.sources import blender, open_styles

        sources = open_styles(self.settings.sources)
        network = network_for(self.settings, progress=not self.quiet)
        size, layers = self.settings.size, tuple(self.settings.style_layers())
        style = blender(sources, layers, largest=size)(network, size)
        path = self._free()
        style.save(path, force=self.force)
        norms = {f"norm.{name}": float(one.gram.norm()) for name, one in style.layers.items()}
        return Report((path,), norms, recipe_of(self.settings))

    def _picture(self, watching: Watching) -> Report:
        from stylespace.recipes import input_hashes, write_outcome

        inputs = input_hashes(self.settings)  # of the files as they are read, not as they end up
        try:
            outcome = self._made(watching)
        except UnreachedError as error:
            raise self._unreached(error, watching) from error
        path = self._free()
        record = write_outcome(path, outcome, inputs=inputs, force=self.force)
        outputs = (path, *self._drawn(path, outcome))
        stopped, remarks = record["stopped"], tuple(filter(None, [record["remark"]]))
        run = {"stopped": stopped, "evaluations": record["evaluations"], "remarks": remarks}
        interrupted = stopped == "interrupted"
        return Report(outputs, outcome.figures, record["recipe"], interrupted, **run)

    def _drawn(self, path: Path, outcome: Outcome) -> tuple[Path, ...]:
        """Write the figure beside the picture, if there is one."""
        from stylespace.plots import figure_of

        drawn = figure_of(outcome) if self.figure else None
        if drawn is None:
            return ()
        write_whole(figure_path(path), drawn, force=self.force)
        return (figure_path(path),)

    def _unreached(self, error: UnreachedError, watching: Watching) -> UnreachedError:
        """Return the error that says whether Ctrl-C left the entry no time, or came too late."""
        if not getattr(error, "interrupted", False):
            return UnreachedError(str(error), error.figures, watching.asked)
        layer, i, j = self.settings.first
        text = f"interrupted before {layer} {i},{j} was reached; nothing was written."
        return UnreachedError(text, error.figures, True)

    def _made(self, watching: Watching) -> Outcome:
        from stylespace.edits import edit
        from stylespace.probes import probe
        from stylespace.textures import texture
        from stylespace.transfer import transfer

        make = {
            ProbeSettings: probe,
            EditSettings: edit,
            TextureSettings: texture,
            TransferSettings: transfer,
        }
        network = self._network(watching)
        title = f"{self.settings.command} {_stem(self.settings).partition('-')[2]}"
        watch = watching.named(title)
        return make[type(self.settings)](settings=self.settings, network=network, watch=watch)

    def _network(self, watching: Watching) -> Network:
        """Load the network; a picture that is made again asks for the same one."""
        from stylespace.outcomes import network_for

        network = network_for(self.settings, progress=not self.quiet)
        if self.made is not None:
            self.made.check(network)
            for line in self.made.warnings(network):
                watching.say(line)
        return network

    def _survey(self, watching: Watching) -> Report:
        from stylespace.surveys import survey
        from stylespace.tables import SHEET

        network = self._network(watching)
        found = survey(self.settings, self.out, network, force=self.force, watch=watching.named)
        pictures = [self.out / row.picture for row in found.reached]
        sheet = [self.out / SHEET] if pictures else []
        figures = {"entries": found.count, "done": len(found.rows), "reached": len(pictures)}
        return Report(
            (self.out, *pictures, *sheet),
            figures,
            recipe_of(self.settings),
            found.interrupted,
            found.entries,
            found.stopped,
            sum(row.evaluations for row in found.rows),
            tuple(f"{row.name}: {row.remark}" for row in found.rows if row.remark),
        )

    def _atlas(self, watching: Watching) -> Report:
        from stylespace.atlas import MAP, atlas

        say = None if self.quiet else watching.say
        options = {"force": self.force, "watch": watching.named, "say": say}
        found = atlas(self.settings, self.out, self._network(watching), **options)
        pictures = [self.out / name for name in (*found.sheets, MAP)]
        recipe = recipe_of(self.settings.decisive)
        return Report((self.out, *pictures), found.figures, recipe, found.interrupted)

    def _free(self) -> Path:
        """Return the output's name; one that was chosen for the user may have been taken since."""
        if self.named or not _taken(self.out, self.settings):
            return self.out
        return _free_path(self.out.parent, self.settings)


def planned(
    settings: Settings,
    *,
    out: Path | None = None,
    force: bool = False,
    quiet: bool = False,
    preview: Path | None = None,
    trace: Path | None = None,
    figure: bool = True,
    made: Made | None = None,
) -> Job:
    """Choose the outputs of a command, and check them and its inputs, before anything slow.

    Raises:
        OutputError: a folder that is missing or read-only, a file that exists.
        PictureError: an input that is not there. UsageError: an unknown sample or format.
    """
    path = out or _chosen(settings)
    if _is_folder(settings):
        _check_no_picture(path)
        check_folder(path, RECIPE_FILE, _recipe_text(settings), force=force)
    else:
        _check_format(path, settings)
        check_output(path, force=force)
    drawn = figure_path(path) if figure and _has_figure(settings) else None
    if drawn is not None:
        check_output(drawn, force=force)
    if preview is not None:
        _check_format(preview, settings, picture=True)
        check_output(preview, force=force)
    if trace is not None:
        check_output(trace, force=force)
    check_inputs(settings)
    _check_distinct([path, preview, trace, drawn], settings)
    return Job(settings, path, out is not None, force, quiet, preview, trace, figure, made)


def _is_folder(settings: Settings) -> bool:
    """Several entries go into a folder."""
    if isinstance(settings, AtlasSettings):
        return True
    return isinstance(settings, ProbeSettings) and settings.several


def _recipe_text(settings: Settings) -> str:
    """Return the recipe that a folder holds: of an atlas without where it is computed."""
    return to_toml(settings.decisive if isinstance(settings, AtlasSettings) else settings)


def _has_figure(settings: Settings) -> bool:
    """Say whether a figure goes beside the picture."""
    kinds = (ProbeSettings, EditSettings, TextureSettings)
    return isinstance(settings, kinds) and not _is_folder(settings)


def figure_path(path: Path) -> Path:
    """Return where the figure of a picture goes."""
    return path.with_name(f"{path.stem}-figure.png")


def _taken(path: Path, settings: Settings) -> bool:
    """Say whether a name is in use, or that of the figure that belongs to it."""
    figure = _has_figure(settings) and os.path.lexists(figure_path(path))
    return os.path.lexists(path) or figure


def _free_path(folder: Path | str, settings: Settings) -> Path:
    names = numbered(folder, _stem(settings), _suffix(settings))
    return next(path for path in names if not _taken(path, settings))


def _chosen(settings: Settings) -> Path:
    """Return a free name; of a folder also the one that this very call began to fill."""
    stem, suffix = _stem(settings), _suffix(settings)
    if not _is_folder(settings):
        return _free_path("", settings)
    recipe = _recipe_text(settings)
    return next(
        path
        for path in numbered("", stem, suffix)
        if not os.path.lexists(path) or holds(path / RECIPE_FILE, recipe)
    )


def _check_no_picture(path: Path) -> None:
    """Refuse the name of a picture for a folder."""
    if path.suffix.lower() in PICTURES:
        raise UsageError(
            f"--out {str(path)!r} is the name of a picture, and several entries go into a folder: "
            f"use {str(path.with_suffix(''))!r}, or one --entry."
        )


def _check_format(path: Path, settings: Settings, *, picture: bool = False) -> None:
    """Refuse a name whose suffix says nothing, or a format that cannot hold the picture."""
    if not picture and isinstance(settings, CaptureSettings):
        if not path.name.endswith(STYLE_SUFFIX):
            raise UsageError(f"{str(path)!r}: a style file's name must end in {STYLE_SUFFIX}.")
        return
    suffix = path.suffix.lower()
    if suffix not in PICTURES:
        raise UsageError(
            f"{str(path)!r}: {suffix!r} is no picture format that is written."
            f"{nearest(suffix, PICTURES)} Known: {', '.join(PICTURES)}."
        )
    if settings.size > LONGEST.get(suffix, settings.size):
        raise OutputError(
            f"{str(path)!r}: {suffix} holds at most {LONGEST[suffix]} pixels a side: use .png."
        )


def _check_distinct(outputs: list[Path | None], settings: Settings) -> None:
    """Refuse outputs that would overwrite each other, or a preview or trace over an input."""
    if (outputs[1] or outputs[2]) and not isinstance(settings, Making):
        raise UsageError("--preview and --trace belong to commands that make a picture.")
    inputs = [source_path(name) for name in input_names(settings)]
    taken = [os.path.realpath(path) for path in (*inputs, *outputs) if path is not None]
    for output in outputs[1:]:
        if output is not None and taken.count(os.path.realpath(output)) > 1:
            raise UsageError(f"{str(output)!r} is named twice: give every output its own name.")


def _suffix(settings: Settings) -> str:
    if _is_folder(settings):
        return ""
    return STYLE_SUFFIX if isinstance(settings, CaptureSettings) else ".png"


def _stem(settings: Settings) -> str:
    """Return the result's name without suffix, used where the user gives none."""
    if isinstance(settings, AtlasSettings):
        return settings.stem
    if isinstance(settings, ProbeSettings):
        layer, i, j = settings.first
        return f"probes-{layer}" if _is_folder(settings) else f"probe-{layer}-{i}-{j}"
    if isinstance(settings, EditSettings):
        layer, i, j = settings.place()
        return f"edit-{_short(settings.source)}-{layer}-{i}-{j}"
    if isinstance(settings, TransferSettings):
        return f"transfer-{_short(settings.content)}-{_short(settings.styles[0])}"
    first = _short(settings.sources[0])
    return first if isinstance(settings, CaptureSettings) else f"texture-{first}"


def _short(source: str) -> str:
    """Return a short name for a source: its file name without folder, suffix and weight."""
    name = Path(split_weight(source)[0].removeprefix(SAMPLE)).name
    return Path(name.removesuffix(STYLE_SUFFIX)).stem[:60] or "picture"
