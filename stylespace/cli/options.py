"""Command-line options made from the fields of settings: names, types, defaults and help."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from stylespace.cli.groups import Following
from stylespace.networks.catalogue import check_given
from stylespace.settings import Making, Settings, option_name
from stylespace.settings.executors import EXECUTOR, WORKERS

ALIASES = {"layer": ("--layers",)}
METAVARS = {
    "against": "PICTURES...",
    "folder": "FOLDER",
    "block": "A-B,C-D",
    "content_layers": "LAYER,...",
    "device": "DEVICE",
    "entries": "WHICH",
    "entry": "I,J",
    "executor": "EXECUTOR",
    "init": "START",
    "labels": "FILE",
    "layer": "LAYER",
    "layers": "LAYER,...",
    "painting": "PAINTING",
    "protocol": "NAME",
    "content": "PICTURE",
    "style": "PICTURE",
    "network": "NETWORK",
    "weights": "WEIGHTS",
}


class Comma(click.ParamType):
    """Values separated by commas."""

    def __init__(self, inner: type) -> None:
        self.inner = inner
        self.name = "integer,..." if inner is int else "text,..."

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
        """Give a command its options."""
        names = [one.name for one in dataclasses.fields(kind) if one.name not in kind.fixed]

        @functools.wraps(function)
        def call(**values: Any) -> Any:
            """Run the command with the settings that the options make."""
            given = {n: values.pop(n) for n in names}
            chosen = {n: v for n, v in given.items() if v is not None and v != ()}
            check_given(chosen)
            return function(kind(**chosen), **values)

        for one in reversed([one for one in _specific_first(kind) if one.name in names]):
            call = _parameter(one, names)(call)
        return call

    return decorate


def _specific_first(kind: type[Settings]) -> list[dataclasses.Field]:
    """Return the fields of settings: a command's own, then scales, then space and machine."""
    names = [[one.name for one in dataclasses.fields(shared)] for shared in (Settings, Making)]
    places = {name: place for place, group in enumerate(reversed(names), 1) for name in group}
    return sorted(dataclasses.fields(kind), key=lambda one: places.get(one.name, 0))


def _parameter(one: dataclasses.Field, names: Sequence[str]) -> Callable:
    """Return the click argument or option of a field; no alias that another of `names` has."""
    meta = one.metadata
    if meta["argument"]:
        many = one.type.startswith("tuple")
        metavar = f"{one.name.upper()}..." if many else one.name.upper()
        count, needed = -1 if many else 1, not meta["optional"]
        return click.argument(one.name, nargs=count, required=needed, metavar=metavar)
    own, alias = (option_name(one),), ALIASES.get(one.name, ())
    flags = (*own, *(flag for flag in alias if flag[2:] not in names))
    if one.type == "bool":
        name = flags[0].removeprefix("--")
        return click.option(f"--{name}/--no-{name}", one.name, default=None, help=_help(one))
    kind = {"multiple": True} if meta["repeat"] or meta["following"] else {"type": _type(one)}
    kind |= {"cls": Following} if meta["following"] else {}
    return click.option(*flags, one.name, help=_help(one), metavar=METAVARS.get(one.name), **kind)


def _help(one: dataclasses.Field) -> str:
    """Return the help text of an option, with its default."""
    text = one.metadata["help"]
    if one.default in (None, (), "") or one.default is False:
        return text
    values = one.default if isinstance(one.default, tuple) else (one.default,)
    shown = "on" if one.default is True else ",".join(map(str, values)).removesuffix(".0")
    return f"{text}  [default: {shown}]"


def _type(one: dataclasses.Field) -> Any:
    if one.metadata["choices"]:
        return click.Choice(one.metadata["choices"])
    if one.type.startswith("tuple"):
        return Comma(str if "str" in one.type else int)
    return {"int": int, "float": float}.get(one.type.removesuffix(" | None"), str)


def output_options(
    making: bool, name: str, *, spreads: bool = False
) -> Callable[[Callable], Callable]:
    """Give a function the options that say where results go.

    making: with those that look on while a picture is made. name: of the result, for the help.
    spreads: with those that say where many pictures are made.
    """
    options = [
        _path("--out", f"What to write.  [default: {name}; a free name is found]"),
        click.option("--force", is_flag=True, help="Replace what is there."),
        json_option,
        quiet_option,
    ]
    if making:
        options += [
            click.option(
                "--figure/--no-figure",
                default=True,
                help="OUT-figure.png beside a probe, an edit, a texture or a guided transfer.  "
                "[default: on]",
            ),
            _path("--preview", "Picture to rewrite every 25 evaluations with the best so far."),
            _path("--animate", "Animation of the making, .webp or .mp4 (extra animate)."),
            _path("--trace", "File to fill with every evaluation's terms, one JSON object a line."),
        ]
    if spreads:
        options += [
            click.option("--executor", metavar="EXECUTOR", help=EXECUTOR),
            click.option("--workers", type=click.IntRange(1), help=WORKERS),
        ]

    def decorate(function: Callable) -> Callable:
        """Add the options, the last one innermost."""
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _path(flag: str, text: str) -> Callable:
    return click.option(flag, type=click.Path(path_type=Path), help=text)


quiet_option = click.option("--quiet", is_flag=True, help="No progress.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
