"""The combinations of a grid: their settings, and files named after what varies; no torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stylespace.commands.command import Command, short_name
from stylespace.errors import UsageError
from stylespace.settings import Settings
from stylespace.settings.grid import Grid

LETTERS, WHOLE = 40, 120
"""Letters of a value in a name, and of the name."""


@dataclass(frozen=True)
class Combination:
    """One combination of a grid.

    name: of its picture, without suffix. values: {setting: value} of the settings that vary.
    settings: None where the values do not go together; refused: why.
    """

    name: str
    values: Mapping[str, Any]
    settings: Settings | None = None
    refused: str = ""


def maker_of(command: Command, grid: Grid) -> Callable[[], Callable[..., Any]]:
    """Return what makes the pictures of a grid.

    Raises:
        UsageError: the command makes none.
    """
    if command.maker is None:
        raise UsageError(
            f"{command.name} takes one value for {' and for '.join(grid.choices)}: a grid is of "
            "probes, edits, textures or transfers."
        )
    return command.maker


def combinations_of(grid: Grid, command: Command) -> tuple[Combination, ...]:
    """Return the combinations of a grid, the last setting changing fastest.

    Raises:
        UsageError: settings that make several pictures.
    """
    taken: dict[str, int] = {}
    return tuple(_combination(grid, command, values, taken) for values in grid.combinations())


def _combination(
    grid: Grid, command: Command, combination: Mapping[str, Any], taken: dict[str, int]
) -> Combination:
    """Return a combination; its name is none of those that are taken."""
    values = {name: combination[name] for name in grid.varying}
    parts = [f"{name.replace('_', '-')}-{_short(value)}" for name, value in values.items()]
    name = "_".join(parts)[:WHOLE] or grid.kind.command
    number = taken[name.lower()] = taken.get(name.lower(), 0) + 1  # some disks ignore the case
    name = name if number == 1 else f"{name}_{number}"
    try:
        settings = grid.settings(combination)
    except UsageError as error:
        return Combination(name, values, refused=str(error))
    if command.is_folder(settings):
        raise UsageError(
            f"the settings of {name} make several pictures, and a grid has one of each: name one "
            'entry or content; lists of lists are choices: entry = [["4,4"], ["4,5"]].'
        )
    return Combination(name, values, settings)


def _short(value: Any) -> str:
    """Return a value as a part of a file's name."""
    if isinstance(value, tuple):
        return "+".join(map(_short, value))[:LETTERS] or "none"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = text if isinstance(value, int | float) else _short_text(text)
    return re.sub(r"[^\w.+-]+", "-", text, flags=re.ASCII)[:LETTERS] or "none"


def _short_text(text: str) -> str:
    """Return a text, a source without its folder and suffix; its weight stays."""
    name, equals, weight = text.partition("=")
    return f"{short_name(name)}{equals}{weight}" if re.search(r"[/\\:.]", name) else text
