"""Command-line options made from the fields of settings: names, types, defaults and help."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from stylespace.settings import Settings

ALIASES = {"layer": ("--layer", "--layers")}


class Comma(click.ParamType):
    """Values separated by commas."""

    def __init__(self, inner: type) -> None:
        self.inner = inner
        self.name = "N,N" if inner is int else "A,B"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple:
        """Split and convert."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(self.inner(part.strip()) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} must be whole numbers separated by commas", param, ctx)


def settings_options(kind: type[Settings]) -> Callable[[Callable], Callable]:
    """Give a function the options of its settings; it receives `settings`, ready and checked."""

    def decorate(function: Callable) -> Callable:
        names = [one.name for one in dataclasses.fields(kind)]

        @functools.wraps(function)
        def call(**values: Any) -> Any:
            given = {n: values.pop(n) for n in names}
            chosen = {n: v for n, v in given.items() if v is not None and v != ()}
            return function(kind(**chosen), **values)

        for one in reversed(dataclasses.fields(kind)):
            call = _parameter(one)(call)
        return call

    return decorate


def _parameter(one: dataclasses.Field) -> Callable:
    """Return the click argument or option of a field."""
    meta = one.metadata
    if meta["argument"]:
        many = one.type.startswith("tuple")
        name = one.name.upper()
        return click.argument(
            one.name, nargs=-1 if many else 1, required=True, metavar=f"{name}..."
        )
    flags = ALIASES.get(one.name, (f"--{one.name.replace('_', '-')}",))
    text = meta["help"]
    if one.default not in (None, ()):
        shown = one.default if not isinstance(one.default, tuple) else _joined(one.default)
        text += f"  [default: {shown}]"
    options = {"multiple": True} if meta["repeat"] else {"type": _type(one)}
    return click.option(*flags, one.name, help=text, **options)


def _type(one: dataclasses.Field) -> Any:
    if one.metadata["choices"]:
        return click.Choice(one.metadata["choices"])
    if one.type.startswith("tuple"):
        return Comma(str if "str" in one.type else int)
    return {"int": int, "float": float}.get(one.type.removesuffix(" | None"), str)


def _joined(values: tuple) -> str:
    return ",".join(map(str, values))


def output_options(function: Callable) -> Callable:
    """Give a function the options that say where results go."""
    for option in reversed(
        (
            click.option(
                "--out", type=click.Path(path_type=Path), help="File (or folder) to write."
            ),
            click.option("--force", is_flag=True, help="Replace what is there."),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
            click.option("--quiet", is_flag=True, help="No progress."),
            click.option(
                "--preview",
                type=click.Path(path_type=Path),
                help="Picture that is rewritten every 25 evaluations.",
            ),
            click.option(
                "--trace",
                type=click.Path(path_type=Path),
                help="File for every evaluation's terms.",
            ),
        )
    ):
        function = option(function)
    return function
