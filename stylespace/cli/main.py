"""The command line: one command a function, options from the settings, one-line errors."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylespace.cli.options import (
    EXAMPLES,
    NAMES,
    json_option,
    output_options,
    quiet_option,
    settings_options,
)
from stylespace.cli.printing import print_listing, print_report, report_json
from stylespace.errors import StylespaceError, UnreachedError, UsageError
from stylespace.settings import (
    AtlasSettings,
    CaptureSettings,
    EditSettings,
    Making,
    ProbeSettings,
    ReportSettings,
    Settings,
    SimilarSettings,
    TextureSettings,
    TransferSettings,
)

if TYPE_CHECKING:
    from stylespace.commands.recipes import Made


REMARKS = 5
"""Remarks that are printed; the others are kept with the results."""


class Commands(click.Group):
    """A group that turns a wrong request, wherever it is found, into click's usage error."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see the class."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None
        except UsageError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand)
            inner = click.Context(command, parent=ctx, info_name=ctx.invoked_subcommand)
            raise click.UsageError(str(error), inner) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their declaration."""
        return list(self.commands)


class Interrupted(Exception):
    """Ctrl-C, kept from click, which would print an empty line."""


def _examples(*lines: str) -> str:
    """Return an epilog whose lines click does not join."""
    return "\n".join(("\b", "Example:" if len(lines) == 1 else "Examples:", *lines))


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_examples(*EXAMPLES.values()),
)
@click.version_option(package_name="stylespace")
@click.pass_context
def commands(ctx: click.Context) -> None:
    """See, probe, sample and move in the space of artistic styles (Gram matrices)."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _command(kind: type[Settings]) -> Callable[[Callable], click.Command]:
    """Declare a command whose options are the fields of its settings."""
    name = kind.command

    def declare(function: Callable) -> click.Command:
        outputs = output_options(issubclass(kind, Making), NAMES[name])
        decorated = settings_options(kind)(outputs(function))
        return commands.command(name, epilog=_examples(EXAMPLES[name]))(decorated)

    return declare


@_command(ProbeSettings)
def probe(settings: ProbeSettings, **output: Any) -> int:
    """Make a picture that maximises a Gram entry.

    Several entries go into a folder, with a contact sheet and tables; interrupted, the same
    command goes on where it stopped.
    """
    return _run(settings, **output)


@_command(EditSettings)
def edit(settings: EditSettings, **output: Any) -> int:
    """Change one entry of a painting's style and hold the rest: what does it carry?

    SOURCE is a picture or sample:NAME.
    """
    return _run(settings, **output)


@_command(AtlasSettings)
def atlas(settings: AtlasSettings, **output: Any) -> int:
    """Map a layer's Gram matrix: a small picture for every entry of a block.

    Sheets, a map of the values and tables go into a folder; interrupted, the same command goes
    on where it stopped, with any executor.
    """
    return _run(settings, **output)


@_command(TextureSettings)
def texture(settings: TextureSettings, **output: Any) -> int:
    """Make a texture with the style of paintings.

    SOURCES are pictures, sample:NAME or style files; several are blended by weight.
    """
    return _run(settings, **output)


@_command(TransferSettings)
def transfer(settings: TransferSettings, **output: Any) -> int:
    """Move a picture into the style of others.

    CONTENT is a picture or sample:NAME. STYLES are pictures, sample:NAME or style files; several
    are blended by weight.
    """
    return _run(settings, **output)


@_command(CaptureSettings)
def capture(settings: CaptureSettings, **output: Any) -> int:
    """Write the style of pictures to a file.

    SOURCES are pictures, sample:NAME or style files; several are blended by weight.
    """
    return _run(settings, **output)


@_command(ReportSettings)
def report(settings: ReportSettings, **output: Any) -> int:
    """Show what the Gram matrices of paintings hold, as a page with figures and tables.

    PICTURES are pictures, sample:NAME, style files or folders of pictures; up to twelve are shown
    one by one, more of them as a collection.
    """
    return _run(settings, **output)


@_command(SimilarSettings)
def similar(settings: SimilarSettings, **output: Any) -> int:
    """Find the pictures of a folder whose style is nearest to a picture's.

    PICTURE is a picture, sample:NAME or a style file.
    """
    return _run(settings, **output)


@commands.command(epilog=_examples(EXAMPLES["run"]))
@click.argument("recipe", type=click.Path(path_type=Path))
@output_options(True, NAMES["run"])
def run(recipe: Path, **output: Any) -> int:
    """Run a recipe, or make a picture again.

    RECIPE is a .toml file, or a picture that stylespace wrote: it carries its own recipe.
    """
    settings, made = _recipe(recipe)
    return _run(settings, made=made, **output)


def _recipe(path: Path) -> tuple[Settings, Made | None]:
    """Read settings, and what a picture says of its making; a .toml file without torch."""
    if path.suffix.lower() == ".toml":
        from stylespace.settings import read_toml

        return read_toml(path), None
    from stylespace.commands.recipes import read_made

    return read_made(path)


@commands.command()
@json_option
@quiet_option
def networks(as_json: bool, quiet: bool) -> int:
    """List the networks, their layers and what they need."""
    began = time.perf_counter()
    from stylespace.networks.catalogue import CATALOGUE

    rows = [
        {
            "name": name,
            "needs": entry.needs,
            "about": entry.about,
            "layers": [layer.name for layer in entry.layers],
            "channels": [layer.channels for layer in entry.layers],
        }
        for name, entry in CATALOGUE.items()
    ]
    return print_listing("networks", rows, ("name", "needs", "about", "layers"), as_json, began)


@commands.command()
@json_option
@quiet_option
def samples(as_json: bool, quiet: bool) -> int:
    """List the sample pictures, for use as sample:NAME."""
    began = time.perf_counter()
    from dataclasses import asdict

    from stylespace.assets import samples as all_samples

    rows = [asdict(sample) for sample in all_samples()]
    columns = ("name", "kind", "artist", "title", "year", "licence")
    return print_listing("samples", rows, columns, as_json, began)


def _run(settings: Settings, *, as_json: bool, **output: Any) -> int:
    """Run a command and print its report: paths and figures, or one JSON object."""
    from stylespace.cli.jobs import planned

    began = time.perf_counter()
    report = planned(settings, **output).run()
    if as_json:
        seconds = round(time.perf_counter() - began, 3)
        click.echo(json.dumps(report_json(settings, report, seconds), indent=1, allow_nan=False))
    else:
        print_report(report)
    if report.remarks:
        for remark in report.remarks[:REMARKS]:
            _said(remark, 0)
        if len(report.remarks) > REMARKS:
            _said(f"{len(report.remarks) - REMARKS} more such remarks are in the folder.", 0)
    if report.interrupted:
        done = f"{report.outputs[0]} holds what was done so far"
        return _said(f"interrupted; {done}.", report.code)
    return report.code


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; every error is one line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show is no error
            stream.reconfigure(errors="backslashreplace")
    try:
        return commands.main(arguments, prog_name="stylespace", standalone_mode=False) or 0
    except click.UsageError as error:
        return _wrong_usage(error.format_message(), error.ctx)
    except click.ClickException as error:
        return _said(error.format_message(), 1)
    except UnreachedError as error:
        return _said(str(error), 130 if error.interrupted else 1)
    except StylespaceError as error:
        return _said(str(error), 1)
    except (Interrupted, KeyboardInterrupt, click.Abort):
        return _said("interrupted; nothing was written.", 130)
    except Exception as error:  # whatever it is, a user gets one line; a developer can ask for more
        return _unexpected(error)


def _wrong_usage(message: str, context: click.Context | None) -> int:
    command = context.command_path if context else "stylespace"
    _said(message, 2)
    click.echo(f"See '{command} --help'.", err=True)
    return 2


def _unexpected(error: Exception) -> int:
    if os.environ.get("STYLESPACE_TRACEBACK"):
        raise error
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError) or "allocate" in text or "out of memory" in text:
        return _said("out of memory: take a smaller --size or shallower layers.", 1)
    return _said(
        f"unexpected {type(error).__name__}: {text} (STYLESPACE_TRACEBACK=1 shows where).", 1
    )


def _said(message: str, code: int) -> int:
    click.echo(f"stylespace: {' '.join(message.split())}", err=True)
    return code
