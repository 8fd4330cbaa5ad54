"""A grid on the command line: checked before anything slow, its results as every command's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stylespace.commands.command import PICTURES, Command, Output, Result
from stylespace.commands.grid.combinations import Combination, combinations_of, maker_of
from stylespace.errors import UsageError
from stylespace.files import check_folder, holds, numbered
from stylespace.settings import RECIPE_FILE, check_there
from stylespace.settings.executors import check_executor
from stylespace.settings.grid import MOST_UNASKED, Grid


def run_grid(
    recipe: Path,
    grid: Grid,
    command: Command,
    *,
    out: Path | None,
    yes: bool,
    force: bool,
    quiet: bool,
    executor: str | None,
    workers: int | None,
) -> Result:
    """Make the pictures of a grid into a folder.

    recipe: its file, after which the folder is named where there is no `out`. yes: make as many
    as there are. executor, workers: where they are made.

    Raises:
        StylespaceError: see `make_grid`. UsageError: more than MOST_UNASKED pictures without yes.
        PictureError: an input that is not there.
        KeyboardInterrupt: Ctrl-C before the first picture was done.
    """
    if executor or workers:
        check_executor(executor or "serial", workers)
    if grid.count > MOST_UNASKED and not yes:
        raise UsageError(
            f"{str(recipe)!r} makes {grid.count:,} pictures: add --yes to begin, or leave out some "
            "of its values."
        )
    maker = maker_of(command, grid)
    combinations, text = combinations_of(grid, command), grid.text()
    folder = out or _folder(recipe, text)
    if folder.suffix.lower() in PICTURES:
        raise UsageError(
            f"--out {str(folder)!r} is the name of a picture, and a grid goes into a folder: use "
            f"{str(folder.with_suffix(''))!r}."
        )
    check_folder(folder, RECIPE_FILE, text, force=force)
    _check_inputs(combinations)
    chosen = executor or "serial"
    output = Output(folder, force=force, quiet=quiet, executor=chosen, workers=workers)
    return _made(grid, maker, combinations, output)


def _folder(recipe: Path, text: str) -> Path:
    """Return the recipe's own folder, where it is the one in it; else one that is free, or its."""
    if recipe.name == RECIPE_FILE and holds(recipe, text):
        return recipe.parent
    return next(
        folder
        for folder in numbered("", f"{recipe.stem}-grid", "")
        if not os.path.lexists(folder) or holds(folder / RECIPE_FILE, text)
    )


def _check_inputs(combinations: tuple[Combination, ...]) -> None:
    """Refuse a grid whose files are not there; each is looked for once."""
    settings = [one.settings for one in combinations if one.settings]
    names = {name: one.words_for(name) for one in settings for name in one.inputs()}
    for name, words in names.items():
        check_there(name, words)


def _made(
    grid: Grid,
    maker: Callable[[], Callable[..., Any]],
    combinations: tuple[Combination, ...],
    output: Output,
) -> Result:
    """Make the pictures while they are watched."""
    from stylespace.commands.grid.making import make_grid
    from stylespace.commands.grid.pages import SHEET
    from stylespace.commands.picture import spread_of, watched
    from stylespace.synthesis.progress import Watching

    def work(watching: Watching) -> Result:
        """Make the grid, and say what came of it."""
        made = make_grid(
            grid,
            maker,
            combinations,
            output.path,
            force=output.force,
            spread=spread_of(output, watching, f"grid of {grid.kind.command}s"),
            watch=watching.named,
        )
        pictures = [output.path / row.picture for row in made.rows if row.picture]
        sheet = [output.path / SHEET] if pictures else []
        told = ((row.combination.name, row.failed or row.remark) for row in made.rows)
        return Result(
            (output.path, *sheet, *pictures),
            made.figures,
            grid.recipe(),
            made.interrupted,
            tuple({**row.content, "reached": row.picture is not None} for row in made.rows),
            remarks=tuple(f"{name}: {text}" for name, text in told if text),
        )

    return watched(output, work)
