"""One call of a command: where its results go, checked before torch is imported; then the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stylespace.cli.outputs import (
    PAGE,
    check_distinct,
    check_format,
    check_no_picture,
    chosen_path,
    figure_path,
    free_path,
    has_figure,
    is_folder,
    recipe_text,
    stem,
    taken,
)
from stylespace.commands.result import Report
from stylespace.errors import UnreachedError
from stylespace.files import (
    check_folder,
    check_output,
    write_whole,
)
from stylespace.settings import (
    RECIPE_FILE,
    AtlasSettings,
    CaptureSettings,
    EditSettings,
    ProbeSettings,
    ReportSettings,
    Settings,
    SimilarSettings,
    TextureSettings,
    TransferSettings,
    check_inputs,
    recipe_of,
)

if TYPE_CHECKING:
    from stylespace.commands.outcome import Outcome
    from stylespace.commands.recipes import Made
    from stylespace.networks.network import Network
    from stylespace.synthesis.progress import Watching


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
        plain = {
            CaptureSettings: self._capture,
            ReportSettings: self._report,
            SimilarSettings: self._similar,
        }
        if type(self.settings) in plain:
            return plain[type(self.settings)]()
        with self._watching() as watching:
            report = self._maker()(watching)
        return replace(report, interrupted=report.interrupted or watching.asked)

    def _maker(self) -> Callable[[Watching], Report]:
        if isinstance(self.settings, AtlasSettings):
            return self._atlas
        if isinstance(self.settings, TransferSettings) and is_folder(self.settings):
            return self._partitions
        return self._survey if is_folder(self.settings) else self._picture

    def _watching(self) -> Watching:
        from stylespace.synthesis.progress import Watching

        return Watching(quiet=self.quiet, preview=self.preview, trace=self.trace)

    def _capture(self) -> Report:
        from stylespace.commands.outcome import network_for
        from stylespace.styles.sources import blender, open_styles

        sources = open_styles(self.settings.sources)
        network = network_for(self.settings, progress=not self.quiet)
        size, layers = self.settings.size, tuple(self.settings.style_layers())
        style = blender(sources, layers, largest=size)(network, size)
        path = self._free()
        style.save(path, force=self.force)
        norms = {f"norm.{name}": float(one.gram.norm()) for name, one in style.layers.items()}
        return Report((path,), norms, recipe_of(self.settings))

    def _report(self) -> Report:
        from stylespace.cli.measurements import report_into

        return report_into(self.out, self.settings, force=self.force, quiet=self.quiet)

    def _similar(self) -> Report:
        from stylespace.cli.measurements import similar_onto

        return similar_onto(self._free(), self.settings, force=self.force, quiet=self.quiet)

    def _picture(self, watching: Watching) -> Report:
        from stylespace.commands.recipes import input_hashes, write_outcome

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
        from stylespace.commands.figures import figure_of

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
        from stylespace.commands.edit.edits import edit
        from stylespace.commands.probe.probes import probe
        from stylespace.commands.texture.textures import texture
        from stylespace.commands.transfer.transfer import transfer

        make = {
            ProbeSettings: probe,
            EditSettings: edit,
            TextureSettings: texture,
            TransferSettings: transfer,
        }
        network = self._network(watching)
        title = f"{self.settings.command} {stem(self.settings).partition('-')[2]}"
        watch = watching.named(title)
        return make[type(self.settings)](settings=self.settings, network=network, watch=watch)

    def _network(self, watching: Watching) -> Network:
        """Load the network; a picture that is made again asks for the same one."""
        from stylespace.commands.outcome import network_for

        network = network_for(self.settings, progress=not self.quiet)
        if self.made is not None:
            self.made.check(network)
            for line in self.made.warnings(network):
                watching.say(line)
        return network

    def _survey(self, watching: Watching) -> Report:
        from stylespace.commands.probe.many import probe_many
        from stylespace.commands.probe.tables import SHEET

        network = self._network(watching)
        options = {"force": self.force, "watch": watching.named}
        found = probe_many(self.settings, self.out, network, **options)
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

    def _partitions(self, watching: Watching) -> Report:
        from stylespace.commands.transfer.partitions import STRIP, compare, partitions

        network, name = self._network(watching), stem(self.settings).removesuffix("-partitions")
        found = compare(
            partitions(self.settings),
            self.out,
            network,
            title=f"Partial transfer: {name.removeprefix('transfer-')}",
            recipe=recipe_text(self.settings),
            force=self.force,
            watch=watching.named,
        )
        pictures = [self.out / f"{row.name}.png" for row in found.rows]
        figures = {"partitions": found.count, "done": len(pictures)}
        outputs = (self.out, self.out / STRIP, *pictures) if pictures else (self.out,)
        return Report(
            outputs, figures, recipe_of(self.settings), found.interrupted, remarks=found.remarks
        )

    def _atlas(self, watching: Watching) -> Report:
        from stylespace.commands.atlas import MAP, atlas

        say = None if self.quiet else watching.say
        options = {"force": self.force, "watch": watching.named, "say": say}
        found = atlas(self.settings, self.out, self._network(watching), **options)
        pictures = [self.out / name for name in (*found.sheets, MAP)]
        recipe = recipe_of(self.settings.decisive)
        return Report((self.out, *pictures), found.figures, recipe, found.interrupted)

    def _free(self) -> Path:
        """Return the output's name; one that was chosen for the user may have been taken since."""
        if self.named or not taken(self.out, self.settings):
            return self.out
        return free_path(self.out.parent, self.settings)


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
    path = out or chosen_path(settings)
    if is_folder(settings):
        check_no_picture(path, settings)
        check_folder(path, RECIPE_FILE, recipe_text(settings), force=force)
        if isinstance(settings, ReportSettings) and path.is_dir():
            check_output(path / PAGE, force=force)
    else:
        check_format(path, settings)
        check_output(path, force=force)
    drawn = figure_path(path) if figure and has_figure(settings) else None
    if drawn is not None:
        check_output(drawn, force=force)
    if preview is not None:
        check_format(preview, settings, picture=True)
        check_output(preview, force=force)
    if trace is not None:
        check_output(trace, force=force)
    check_inputs(settings)
    check_distinct([path, preview, trace, drawn], settings)
    return Job(settings, path, out is not None, force, quiet, preview, trace, figure, made)
