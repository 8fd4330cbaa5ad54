"""What the command line prints: a result as lines or as one JSON object, listings as tables."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from stylespace.errors import printable

if TYPE_CHECKING:
    from stylespace.commands.command import Result

WIDTH, GAP = 80, 2
"""Columns of a terminal, and between two of a table."""


def print_listing(
    name: str, rows: list, columns: tuple[str, ...], as_json: bool, began: float
) -> int:
    """Print rows as a table, or as one JSON object with the keys of every command."""
    if as_json:
        full = {
            "command": name,
            "outputs": [],
            "seconds": round(time.perf_counter() - began, 3),
            "figures": {"count": len(rows)},
            "recipe": {},
            name: rows,
        }
        click.echo(json.dumps(full, indent=1))
        return 0
    from tabulate import tabulate

    table = [
        [", ".join(v) if isinstance(v := row[column], list) else v for column in columns]
        for row in rows
    ]
    widths = _widths([columns, *table])
    click.echo(tabulate(table, columns, maxcolwidths=widths, disable_numparse=True))
    return 0


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return widths of columns that fit WIDTH together; the first, a name, is never broken."""
    first, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    while first + sum(widths) + GAP * len(widths) > WIDTH:
        widths[widths.index(max(widths))] -= 1
    return [first, *widths]


def result_json(command: str, result: Result, seconds: float) -> dict[str, Any]:
    """Return the object that --json prints."""
    from stylespace.commands.recipes import plain_figures

    full = {
        "command": command,
        "outputs": [str(path) for path in result.outputs],
        "seconds": seconds,
        "figures": plain_figures(result.figures),
        "recipe": result.recipe,
    }
    more = {
        name: getattr(result, name) for name in ("stopped", "evaluations", "entries", "neighbours")
    }
    return full | {name: value for name, value in more.items() if value not in (None, ())}


def print_result(result: Result) -> None:
    """Print paths and figures, and why an entry was not reached."""
    for path in result.outputs:
        click.echo(printable(str(path)))
    for line in _figure_lines(result.figures):
        click.echo(f"  {line}")
    if result.neighbours:
        click.echo(tabulated(result.neighbours))
    for row in result.entries:
        if row.get("note") and not row["reached"]:
            click.echo(f"  {printable(row['note'])}")


def tabulated(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of equal keys as a table."""
    from tabulate import tabulate

    shown = [
        [_number(v) if isinstance(v, float) else printable(str(v)) for v in row.values()]
        for row in rows
    ]
    return tabulate(shown, list(rows[0]), disable_numparse=True)


def _figure_lines(figures: Mapping[str, float]) -> list[str]:
    """Return figures one a line, those of layers (`gram.conv1_1`) as a table at the end."""
    plain = {name: value for name, value in figures.items() if "." not in name}
    lines = [f"{name:<24} {_number(value)}" for name, value in plain.items()]
    by_layer = [name.split(".", 1) for name in figures if "." in name]
    kinds, layers = (
        (list(dict.fromkeys(part)) for part in zip(*by_layer, strict=True))
        if by_layer
        else ([], [])
    )
    if kinds:
        from tabulate import tabulate

        rows = [
            [kind, *(_number(figures.get(f"{kind}.{layer}", math.nan)) for layer in layers)]
            for kind in kinds
        ]
        table = tabulate(rows, ["", *layers], tablefmt="plain", disable_numparse=True)
        lines += ["", *table.splitlines()]
    return lines


def _number(value: float) -> str:
    from stylespace.figures.formatting import significant

    return "-" if math.isnan(value) else significant(value, 4)
