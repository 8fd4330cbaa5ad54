"""What the command line prints: a result as lines or as one JSON object, listings as tables."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from stylespace.errors import printable

if TYPE_CHECKING:
    from stylespace.commands.command import Result

INDENT, GAP = "  ", 2
"""What figures are set in by, and columns between two of a table."""
LEAST = 8
"""Columns that a column of a table keeps, however narrow the terminal."""


def print_listing(
    name: str,
    rows: list,
    columns: tuple[str, ...],
    as_json: bool,
    began: float,
    *,
    key: str = "",
) -> int:
    """Print rows as a table, or as one JSON object with the keys of every command.

    key: what the rows are called there, where not as the command.
    """
    if as_json:
        full = {
            "command": name,
            "outputs": [],
            "seconds": round(time.perf_counter() - began, 3),
            "figures": {"count": len(rows)},
            "recipe": {},
            key or name: rows,
        }
        click.echo(json.dumps(full, indent=1))
        return 0
    from tabulate import tabulate

    table = [
        [", ".join(v) if isinstance(v := row[column], list) else str(v) for column in columns]
        for row in rows
    ]
    widths = _widths([columns, *table])
    click.echo(tabulate(table, columns, maxcolwidths=widths, disable_numparse=True))
    return 0


def _room() -> int:
    """Return the columns of the terminal, 80 where there is none."""
    return shutil.get_terminal_size().columns


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return widths of columns that fit the terminal; the first, a name, is never broken."""
    first, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    while first + sum(widths) + GAP * len(widths) > _room() and max(widths) > LEAST:
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
        click.echo(f"{INDENT}{line}")
    if rows := result.neighbours or result.table:
        click.echo(tabulated(rows))
    for row in result.entries:
        if row.get("note") and not row["reached"]:
            click.echo(f"  {printable(row['note'])}")


def tabulated(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of equal keys as a table."""
    shown = [
        [_number(v) if isinstance(v, float) else printable(str(v)) for v in row.values()]
        for row in rows
    ]
    return "\n\n".join(_beside([list(rows[0]), *shown], _room(), "simple"))


def _beside(rows: Sequence[Sequence[str]], room: int, style: str = "plain") -> list[str]:
    """Return rows, that of the headings first, as tables of at most `room` columns of text.

    The first column begins each of them, broken where it would take more than half the room;
    tabulate gives headings two columns more than they need.
    """
    from tabulate import tabulate

    widths = [max(len(head) + 2, *map(len, cells)) for head, *cells in zip(*rows, strict=True)]
    first = min(widths[0], room // 2)
    parts: list[list[int]] = [[]]
    for place, width in enumerate(widths[1:], 1):
        taken = first + sum(widths[k] + GAP for k in parts[-1])
        if parts[-1] and taken + GAP + width > room:
            parts.append([])
        parts[-1].append(place)
    tables = [[[row[0], *(row[k] for k in part)] for row in rows] for part in parts]
    return [
        tabulate(
            table[1:],
            table[0],
            tablefmt=style,
            disable_numparse=True,
            maxcolwidths=[first, *[None] * (len(table[0]) - 1)],
        )
        for table in tables
    ]


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
        rows = [
            [kind, *(_number(figures.get(f"{kind}.{layer}", math.nan)) for layer in layers)]
            for kind in kinds
        ]
        for part in _beside([["", *layers], *rows], _room() - len(INDENT)):
            lines += ["", *part.splitlines()]
    return lines


def _number(value: float) -> str:
    from stylespace.figures.formatting import significant

    if isinstance(value, int):
        return str(value)
    return "-" if math.isnan(value) else significant(value, 4)
