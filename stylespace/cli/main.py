"""The command line: one command a function, options from the settings, one-line errors."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from stylespace.cli.groups import Commands, Interrupted, examples
from stylespace.cli.listings import listing_option, networks, samples
from stylespace.cli.options import output_options, settings_options
from stylespace.cli.outputs import FOLLOWING, planned
from stylespace.cli.printing import print_result, result_json
from stylespace.cli.streams import UnsaidError, guarded_streams
from stylespace.cli.table import COMMANDS
from stylespace.commands.command import Command, Output, Result
from stylespace.commands.grid.command import run_grid
from stylespace.errors import (
    StylespaceError,
    UnreachedError,
    UsageError,
    on_command_line,
    out_of_memory,
    printable,
    reason,
)
from stylespace.settings import Settings, check_inputs, check_there, settings_from, toml_of
from stylespace.settings.executors import check_executor
from stylespace.settings.grid import Grid, grid_of

RUN_EXAMPLE = "stylespace run probe-conv3_1-12-40.png"
GRID_EXAMPLE = "stylespace run grid.toml --executor processes"
STUDY_EXAMPLE = "stylespace study probes/paper/networks.toml --quick --out networks"
ESTIMATE_EXAMPLE = "stylespace estimate transfer photo.jpg sample:gogh-auvers --size 2048"
REMARKS = 5
"""Remarks that are printed; the others are kept with the results."""


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        *(command.example for command in COMMANDS.values()),
        RUN_EXAMPLE,
        GRID_EXAMPLE,
        STUDY_EXAMPLE,
    ),
)
@click.version_option(package_name="stylespace")
@click.pass_context
def commands(ctx: click.Context) -> None:
    """See, probe, sample and move in the space of artistic styles (Gram matrices)."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def add(command: Command) -> None:
    """Add a command whose options are the fields of its settings."""

    def run(settings: Settings, **output: Any) -> int:
        return _run(command, settings, **output)

    outputs = output_options(command.makes, command.names, spreads=command.spreads)
    decorated = listing_option(command)(settings_options(command.settings)(outputs(run)))
    declare = commands.command(command.name, help=command.about, epilog=examples(command.example))
    declare(decorated)


for _command in COMMANDS.values():
    add(_command)


@commands.command(epilog=examples(RUN_EXAMPLE, GRID_EXAMPLE))
@click.argument("recipe", type=click.Path(path_type=Path))
@output_options(True, "as the command would choose, or RECIPE-grid", spreads=True)
@click.option("--yes", is_flag=True, help="Begin a grid of more than 10,000 pictures.")
def run(recipe: Path, yes: bool, **output: Any) -> int:
    """Run a recipe, or make a picture again.

    RECIPE is a .toml file, or a picture that stylespace wrote: it carries its own recipe.

    Of a probe, an edit, a texture or a transfer a recipe may hold several values of settings, as
    size = [128, 256] and seed = [0, 1, 2]; of settings that are lists, lists of them, as styles =
    [["a.png"], ["b.png", "c.png"]]. Each combination is a picture in a folder, with a contact sheet
    and a table. Interrupted, the same command goes on where it stopped.
    """
    check_there(str(recipe))
    if recipe.suffix.lower() != ".toml":
        from stylespace.commands.recipes import read_origin

        settings, origin = read_origin(recipe)
        return _run(COMMANDS[settings.command], settings, origin=origin, **output)
    values = toml_of(recipe)
    if grid := grid_of(values):
        return _run_grid(recipe, grid, yes=yes, **output)
    return _run_recipe(settings_from(values), **output)


def _run_grid(
    recipe: Path,
    grid: Grid,
    *,
    as_json: bool,
    figure: bool,
    **output: Any,
) -> int:
    """Run every combination of a recipe, none with a figure, and print what came of them."""
    began = time.perf_counter()
    for name in FOLLOWING:
        if output.pop(name):
            raise UsageError(f"--{name} follows one picture, and a grid makes many.")
    command = COMMANDS[grid.kind.command]
    return _shown(command.name, run_grid(recipe, grid, command, **output), as_json, began)


def _run_recipe(
    settings: Settings, *, executor: str | None, workers: int | None, **output: Any
) -> int:
    """Run a recipe; where its command has settings of that name, these say where it is computed."""
    given: dict[str, Any] = {"executor": executor, "workers": workers}
    own = {name: value for name, value in given.items() if value and hasattr(settings, name)}
    output |= {name: value for name, value in given.items() if name not in own}
    return _run(COMMANDS[settings.command], replace(settings, **own), **output)


@commands.command(epilog=examples(STUDY_EXAMPLE))
@click.argument("recipe", type=click.Path(path_type=Path))
@output_options(False, "a folder RECIPE-study with README.md and table.csv", spreads=True)
@click.option("--quick", is_flag=True, help="64 pixels, four evaluations, two pairs: a try.")
@click.option("--part", multiple=True, help="Make the runs of this part alone; repeat it.")
def study(
    recipe: Path,
    out: Path | None,
    quick: bool,
    part: tuple[str, ...],
    executor: str | None,
    **output: Any,
) -> int:
    """Run an experiment of many transfers, judged alike, into a folder.

    RECIPE is a .toml file that names pairs of pictures, ways to transfer and claims, or several
    such files; see probes/paper. Interrupted, the same command goes on.
    """
    began, as_json = time.perf_counter(), output.pop("as_json")
    check_executor(executor or "serial", output["workers"])
    from stylespace.studies.study import run_study, study_folder

    folder = out or study_folder(recipe, quick=quick)
    where = Output(folder, executor=executor or "serial", **output)
    result = run_study(recipe, where, quick=quick, only=part)
    return _shown("study", result, as_json, began)


@commands.group(cls=Commands, epilog=examples(ESTIMATE_EXAMPLE))
def estimate() -> None:
    """Say what a command would take, memory and time, and run nothing.

    ARGUMENTS are those of the command. The first time a machine is calibrated, which takes some
    seconds and is kept. Of several pictures one is estimated.
    """


def _add_estimate(command: Command) -> None:
    """Add a command to those that can be estimated."""

    def run(settings: Settings, as_json: bool, **output: Any) -> int:
        """Print what the command would take."""
        began = time.perf_counter()
        make = command.making()
        check_inputs(settings)
        from stylespace.commands.estimate import estimate as estimated

        return _shown("estimate", estimated(settings, make), as_json, began)

    outputs = output_options(command.makes, command.names)
    decorated = settings_options(command.settings)(outputs(run))
    about = f"Say what {command.name} would take, and run nothing."
    estimate.command(command.name, help=about, epilog=examples(ESTIMATE_EXAMPLE))(decorated)


for _command in COMMANDS.values():
    _add_estimate(_command)


for _listing in (networks, samples):
    commands.add_command(_listing)


def _run(command: Command, settings: Settings, *, as_json: bool, **output: Any) -> int:
    """Run a command and print its result."""
    began = time.perf_counter()
    result = command.run(settings, planned(command, settings, **output))
    return _shown(command.name, result, as_json, began)


def _shown(name: str, result: Result, as_json: bool, began: float) -> int:
    """Print a result, paths and figures or one JSON object, and return its exit code."""
    try:
        if as_json:
            seconds = round(time.perf_counter() - began, 3)
            text = json.dumps(result_json(name, result, seconds), indent=1, allow_nan=False)
            click.echo(text.replace("\x7f", r"\u007f"))  # the one that JSON leaves as it is
        else:
            print_result(result)
        sys.stdout.flush()
    except UnsaidError as error:
        raise UnsaidError(f"{error} The results are in {str(result.outputs[0])!r}.") from error
    for remark in result.remarks[:REMARKS]:
        _said(remark, 0)
    if len(result.remarks) > REMARKS:
        _said(f"{len(result.remarks) - REMARKS} more such remarks are with the results.", 0)
    if result.interrupted:
        done = f"{result.outputs[0]} holds what was done so far"
        return _said(f"interrupted; {done}.", result.code)
    return result.code


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; every error is one line."""
    with guarded_streams():
        return _guarded(arguments)


def _guarded(arguments: list[str] | None) -> int:
    """Run the command line; see `main`."""
    try:
        with on_command_line():
            code = commands.main(arguments, prog_name="stylespace", standalone_mode=False) or 0
        sys.stdout.flush()
        return code
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
    where = "" if out_of_memory(error) else " (STYLESPACE_TRACEBACK=1 shows where)."
    return _said(f"{reason(error)}{where}", 1)


def _said(message: str, code: int) -> int:
    click.echo(f"stylespace: {printable(' '.join(message.split()))}", err=True)
    return code
