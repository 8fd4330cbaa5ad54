"""The command line: one command a function, options from the settings, one-line errors."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from stylespace.errors import StylespaceError, UsageError
from stylespace.options import output_options, settings_options
from stylespace.settings import (
    CaptureSettings,
    ProbeSettings,
    Settings,
    TextureSettings,
    TransferSettings,
)

EXAMPLES = {
    "probe": "stylespace probe --layer conv3_1 --entry 12,40",
    "texture": "stylespace texture sample:gogh-auvers --size 384",
    "transfer": "stylespace transfer photo.jpg sample:hokusai-great-wave --size 384",
    "capture": "stylespace capture a.jpg b.jpg=0.5 --out mine.style.safetensors",
    "run": "stylespace run probe-conv3_1-12-40.png",
}


class Commands(click.Group):
    """A group that turns a wrong request, wherever it is found, into click's usage error."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see the class."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand)
            inner = click.Context(command, parent=ctx, info_name=ctx.invoked_subcommand)
            raise click.UsageError(str(error), inner) from error


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Examples: " + " | ".join(EXAMPLES.values()),
)
@click.version_option(package_name="stylespace")
def commands() -> None:
    """See, probe, sample and move in the space of artistic styles (Gram matrices)."""


def _command(kind: type[Settings]) -> Callable[[Callable], click.Command]:
    """Declare a command whose options are the fields of its settings."""

    def declare(function: Callable) -> click.Command:
        decorated = settings_options(kind)(output_options(function))
        return commands.command(kind.command, epilog=f"Example: {EXAMPLES[kind.command]}")(
            decorated
        )

    return declare


@_command(ProbeSettings)
def probe(settings: ProbeSettings, **output: Any) -> int:
    """Make a picture that maximises a Gram entry; several entries go into a folder."""
    return _run(settings, **output)


@_command(TextureSettings)
def texture(settings: TextureSettings, **output: Any) -> int:
    """Make a texture with the Gram matrices of one or several paintings."""
    return _run(settings, **output)


@_command(TransferSettings)
def transfer(settings: TransferSettings, **output: Any) -> int:
    """Move the picture CONTENT into the style of STYLES."""
    return _run(settings, **output)


@_command(CaptureSettings)
def capture(settings: CaptureSettings, **output: Any) -> int:
    """Write the style of one or several pictures, blended by weight, to a file."""
    return _run(settings, **output)


@commands.command(epilog=f"Example: {EXAMPLES['run']}")
@click.argument("recipe", type=click.Path(path_type=Path))
@output_options
def run(recipe: Path, **output: Any) -> int:
    """Run a RECIPE.toml, or make a PICTURE again from the recipe that it carries."""
    from stylespace.settings import read_toml

    if recipe.suffix == ".toml":
        return _run(read_toml(recipe), **output)
    from stylespace.recipes import read_settings

    return _run(read_settings(recipe), **output)


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def networks(as_json: bool) -> int:
    """List the networks, their layers and what they need."""
    from stylespace.catalogue import CATALOGUE

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
    return _listing("networks", rows, ("name", "needs", "about", "layers"), as_json)


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def samples(as_json: bool) -> int:
    """List the sample pictures, for use as sample:NAME."""
    from dataclasses import asdict

    from stylespace.assets import samples as all_samples

    rows = [asdict(sample) for sample in all_samples()]
    return _listing(
        "samples", rows, ("name", "kind", "artist", "title", "year", "licence"), as_json
    )


def _listing(name: str, rows: list[dict], columns: tuple[str, ...], as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps({"command": name, name: rows}, indent=1))
        return 0
    from tabulate import tabulate

    table = [
        [", ".join(v) if isinstance(v := row[column], list) else v for column in columns]
        for row in rows
    ]
    widths = [48 if column == "layers" else None for column in columns]
    click.echo(tabulate(table, columns, maxcolwidths=widths, disable_numparse=True))
    return 0


def _run(settings: Settings, *, as_json: bool, **output: Any) -> int:
    """Run a command and print its report: paths and figures, or one JSON object."""
    from stylespace.jobs import Job, planned

    began = time.perf_counter()
    job: Job = planned(settings, **output)
    report = job.run()
    if as_json:
        full = {"command": settings.command, "seconds": time.perf_counter() - began, **report}
        full.pop("code")
        click.echo(json.dumps(full, indent=1))
    else:
        click.echo("\n".join(report["outputs"]))
        for name, value in report["figures"].items():
            click.echo(f"  {name:<24} {'-' if value is None else format(value, '.4g')}")
    return report["code"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; every error is one line."""
    try:
        return commands.main(arguments, prog_name="stylespace", standalone_mode=False) or 0
    except click.UsageError as error:
        return _wrong_usage(error.format_message(), error.ctx)
    except click.ClickException as error:
        return _said(error.format_message(), 1)
    except StylespaceError as error:
        return _said(str(error), 1)
    except (KeyboardInterrupt, click.Abort):
        return _said("interrupted before there was a picture; nothing was written.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
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
