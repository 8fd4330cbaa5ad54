"""One call of a command: where its result goes, checked before torch is imported; then the run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylespace.errors import OutputError, StylespaceError
from stylespace.files import check_output, free_path
from stylespace.settings import (
    CaptureSettings,
    ProbeSettings,
    Settings,
    TextureSettings,
    TransferSettings,
    recipe_of,
)

STYLE_SUFFIX = ".style.safetensors"


@dataclass(frozen=True)
class Job:
    """What to run, and where its result goes."""

    settings: Settings
    out: Path
    named: bool  # the user chose the name
    force: bool
    quiet: bool
    preview: Path | None
    trace: Path | None

    @property
    def is_folder(self) -> bool:
        """Several entries go into a folder."""
        return isinstance(self.settings, ProbeSettings) and len(self.settings.entry) > 1

    def run(self) -> dict[str, Any]:
        """Run it; return outputs, figures, recipe and the exit code."""
        if isinstance(self.settings, CaptureSettings):
            return self._capture()
        return self._survey() if self.is_folder else self._picture()

    def _capture(self) -> dict[str, Any]:
        from stylespace.outcomes import network_for
        from stylespace.sources import blender, open_styles

        sources = open_styles(self.settings.sources)
        network = network_for(self.settings, progress=not self.quiet)
        layers = tuple(self.settings.style_layers())
        style = blender(sources, network, layers)(self.settings.size)
        path = self._free()
        style.save(path, force=self.force)
        norms = {f"norm.{name}": float(one.gram.norm()) for name, one in style.layers.items()}
        return self._report([path], norms, recipe_of(self.settings))

    def _picture(self) -> dict[str, Any]:
        from stylespace.makers import make
        from stylespace.recipes import write_outcome

        with self._progress() as progress:
            watch = self._watch(progress, _title(self.settings))
            outcome = make(self.settings, watch=watch, progress=not self.quiet)
        path = self._free()
        record = write_outcome(path, outcome, force=self.force)
        code = 130 if outcome.synthesis.stopped == "interrupted" else 0
        if code:
            import click

            click.echo("stylespace: interrupted; the best picture so far is written.", err=True)
        return self._report([path], record["figures"], record["recipe"], code)

    def _survey(self) -> dict[str, Any]:
        from stylespace.outcomes import network_for
        from stylespace.surveys import SHEET, survey

        network = network_for(self.settings, progress=not self.quiet)
        with self._progress() as progress:
            rows = survey(
                self.settings,
                self.out,
                network,
                force=self.force,
                watch=lambda name: self._watch(progress, name),
            )
        reached = [row for row in rows if row.picture]
        outputs = [self.out, *(self.out / row.picture for row in reached)]
        outputs += [self.out / SHEET] if reached else []
        figures = {"entries": len(rows), "reached": len(reached)}
        report = self._report(outputs, figures, recipe_of(self.settings), 0 if reached else 1)
        table = [
            {"entry": row.name, "reached": row.picture is not None, **row.figures, "note": row.note}
            for row in rows
        ]
        return {**report, "entries": table}

    def _free(self) -> Path:
        """Return the output's name; one that was chosen for the user may have been taken since."""
        if self.named or not self.out.exists():
            return self.out
        stem, suffix = _name(self.settings)
        return free_path(self.out.parent, stem, suffix)

    def _report(
        self, paths: list[Path], figures: dict, recipe: dict, code: int = 0
    ) -> dict[str, Any]:
        outputs = [str(path) for path in paths]
        return {"outputs": outputs, "figures": figures, "recipe": recipe, "code": code}

    def _progress(self) -> Any:
        from stylespace.progress import Progress

        return Progress(quiet=self.quiet)

    def _watch(self, progress: Any, name: str) -> Any:
        from stylespace.progress import Preview, Trace, together

        watchers = [progress.named(name)]
        watchers += [Preview(self.preview, 25)] if self.preview else []
        watchers += [Trace(self.trace)] if self.trace else []
        return together(*watchers)


def planned(
    settings: Settings,
    *,
    out: Path | None,
    force: bool,
    quiet: bool,
    preview: Path | None,
    trace: Path | None,
) -> Job:
    """Choose and check the outputs of a command, before anything slow.

    Raises:
        OutputError: a folder that is missing or read-only, a file that exists, an unknown format.
    """
    stem, suffix = _name(settings)
    path = out or free_path(Path(), stem, suffix)
    job = Job(settings, path, out is not None, force, quiet, preview, trace)
    if job.is_folder:
        if not path.exists():
            check_output(path)
    else:
        check_output(path, force=force)
        _check_suffix(path, suffix)
    if preview is not None:
        check_output(preview, force=True)
        _check_suffix(preview, "png")
    if trace is not None:
        check_output(trace)
    return job


PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def _check_suffix(path: Path, suffix: str) -> None:
    if suffix == STYLE_SUFFIX.lstrip("."):
        if not path.name.endswith(STYLE_SUFFIX):
            raise OutputError(f"{str(path)!r}: a style file's name ends in {STYLE_SUFFIX}.")
    elif path.suffix.lower() not in PICTURES:
        raise OutputError(
            f"{str(path)!r}: no picture format that is written. Known: {', '.join(PICTURES)}."
        )


def _name(settings: Settings) -> tuple[str, str]:
    """Return stem and suffix of the result's name when the user gives none."""
    if isinstance(settings, ProbeSettings):
        layer, i, j = settings.entries()[0]
        several = len(settings.entry) > 1
        return (f"probes-{layer}", "") if several else (f"probe-{layer}-{i}-{j}", "png")
    if isinstance(settings, TextureSettings):
        return f"texture-{_stem(settings.sources[0])}", "png"
    if isinstance(settings, TransferSettings):
        return f"transfer-{_stem(settings.content)}-{_stem(settings.styles[0])}", "png"
    if isinstance(settings, CaptureSettings):
        return _stem(settings.sources[0]), STYLE_SUFFIX.lstrip(".")
    raise StylespaceError(f"no name for {settings.command}")


def _stem(source: str) -> str:
    """Return a short name for a source: its file name without folder, suffix and weight."""
    name = re.sub(r"=[\d.eE+-]+$", "", source).removeprefix("sample:")
    return Path(name).name.removesuffix(STYLE_SUFFIX).rsplit(".", 1)[0] or "picture"


def _title(settings: Settings) -> str:
    return _name(settings)[0].replace("-", " ", 1)
