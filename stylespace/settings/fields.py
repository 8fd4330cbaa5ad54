"""How a setting is declared and checked: default, help, choices, range."""

from __future__ import annotations

import dataclasses
import math
import re
import reprlib
from numbers import Integral, Real
from typing import Any

from stylespace.assets import LARGEST_WEIGHT
from stylespace.errors import UsageError, unknown

MOST = 1_000_000
"""Evaluations that may be asked for."""
MOST_DIGITS = 19
"""Digits of the largest whole number that any setting takes, a seed of 63 bits."""


def setting(
    default: Any,
    text: str,
    *,
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    argument: bool = False,
    repeat: bool = False,
    option: str = "",
    picture: bool = False,
    optional: bool = False,
    following: bool = False,
) -> Any:
    """Declare a field with its help text and the values it takes.

    argument: stands on the command line without a name. repeat: a tuple whose option is repeated
    instead of separated by commas. option: its name on the command line where that is no name
    in Python. picture: names pictures or styles, which Python takes from memory as well. optional:
    an argument that may be missing. following: an option that takes every word up to the next one.
    """
    shown = {"help": text, "argument": argument, "repeat": repeat, "option": option}
    shown |= {"picture": picture, "optional": optional, "following": following}
    taken = {"choices": choices, "minimum": minimum, "maximum": maximum, "above": above}
    return dataclasses.field(default=default, metadata={**shown, **taken})


def weight_setting(default: float | None, text: str) -> Any:
    """Declare the weight of a term, 0 for none."""
    return setting(default, text, minimum=0, maximum=LARGEST_WEIGHT)


def side_setting(default: int | tuple[int, ...], text: str) -> Any:
    """Declare the side of a picture in pixels, or several."""
    return setting(default, text, minimum=1, maximum=32768)


def starts_setting(text: str) -> Any:
    """Declare how many starts a picture is made from."""
    return setting(1, text, minimum=1, maximum=64)


FIRST_STEPS, FURTHER_STEPS = 90, 45
"""Evaluations at the first scale and at each finer one, of commands without a default number; at a
single scale as many as at two."""


def steps_setting(*default: int, first: int = FIRST_STEPS, further: int = FURTHER_STEPS) -> Any:
    """Declare the evaluations over all scales, or of each."""
    text = "Evaluations over all scales, or one number for each scale"
    if not default:
        text += f"; default: {first} at the first scale, {further} at each finer one"
    return setting(default, f"{text}.", minimum=1, maximum=MOST)


def comma_list(values: tuple[int, ...]) -> str:
    """Return numbers as a user writes them: 128,256."""
    return ",".join(map(str, values))


def option_name(one: dataclasses.Field) -> str:
    """Return the option of a field as a user writes it."""
    return one.metadata["option"] or f"--{one.name.replace('_', '-')}"


def check_field(one: dataclasses.Field, value: Any) -> None:
    """Refuse a value outside what its field takes, naming the field as its option."""
    meta, name = one.metadata, option_name(one)
    if meta["choices"] and value is not None and value not in meta["choices"]:
        raise unknown(name, str(value), meta["choices"])
    for number in value if isinstance(value, tuple) else (value,):
        _check_kind(str(one.type), name, number)
        if not isinstance(number, Real) or isinstance(number, bool):
            continue
        if isinstance(number, int) and abs(number) >= 10**MOST_DIGITS:
            raise UsageError(f"{name} has more than {MOST_DIGITS} digits: give a smaller number.")
        if not math.isfinite(number):
            raise UsageError(f"{name} {number} is not a finite number.")
        if meta["minimum"] is not None and number < meta["minimum"]:
            raise UsageError(f"{name} {number} must be at least {meta['minimum']:g}.")
        if meta["above"] is not None and number <= meta["above"]:
            raise UsageError(f"{name} {number} must be above {meta['above']:g}.")
        if meta["maximum"] is not None and number > meta["maximum"]:
            raise UsageError(f"{name} {number} must be at most {meta['maximum']:g}.")


def _check_kind(kind: str, name: str, value: Any) -> None:
    """Refuse what is no number where one is needed, None where it stands for a default."""
    wanted = re.match(r"(?:tuple\[)?(int|float)\b", kind)
    if wanted and not (value is None and kind.endswith("None")):
        fits = Integral if wanted[1] == "int" else Real
        if isinstance(value, bool) or not isinstance(value, fits):
            article = "a whole number" if wanted[1] == "int" else "a number"
            raise UsageError(f"{name} {reprlib.repr(value)}: {article} is needed.")
