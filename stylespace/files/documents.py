"""Documents that anyone may have written: read within bounds."""

import json
import os
import re
import stat
import tomllib
from collections.abc import Callable
from typing import Any, BinaryIO

LONGEST, LONGEST_OWN = 1 << 20, 1 << 24
"""Bytes of the longest document that is read: a recipe, and what grows with the pictures."""
DEEPEST, LARGEST = 8, 2**63 - 1
"""Levels of tables and lists in a document, and its largest whole number: TOML's, and a seed's."""

_QUOTED = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|"(?:\\.|[^"\\\n])*"'  # basic texts of TOML, then literal ones
    r"|'''.*?'{3,5}|'[^'\n]*'|#[^\n]*",
    re.DOTALL,
)
_DEEP_KEY = re.compile(rf"(?:\.[^.,=\[\]{{}}\n]*+){{{DEEPEST}}}")
_TOO_DEEP = f"nested more than {DEEPEST} levels deep"


def read_data(path: str | os.PathLike[str], longest: int = LONGEST) -> bytes:
    """Return what an ordinary file holds; a pipe or a device is not waited for.

    Raises:
        OSError: it cannot be read, is no ordinary file, or has more than `longest` bytes.
    """
    with _opened(path) as file:
        data = file.read(longest + 1)
    if len(data) > longest:
        raise OSError(f"more than {longest:,} bytes")
    return data


def check_header(path: str | os.PathLike[str]) -> None:
    """Refuse a safetensors file whose header is not worth reading, before any of it is held.

    Raises:
        OSError: it cannot be read, is no ordinary file, or its header is too long.
    """
    with _opened(path) as file:
        if int.from_bytes(file.read(8), "little") > LONGEST_OWN:
            raise OSError(f"a header of more than {LONGEST_OWN:,} bytes")


def _opened(path: str | os.PathLike[str]) -> BinaryIO:
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a folder says what it is
        raise OSError("not an ordinary file")
    return open(path, "rb")


def parsed_json(text: str | bytes) -> Any:
    """Return what a document in JSON holds; ValueError if none, too deep, or a number too large."""
    return _bounded(json.loads, text)


def parsed_toml(text: str) -> dict[str, Any]:
    """Return what a document in TOML holds; ValueError if none, too deep, a number too large."""
    if _DEEP_KEY.search(_QUOTED.sub("", text)):  # here: a long key costs the parser its square
        raise ValueError(_TOO_DEEP)
    return _bounded(tomllib.loads, text)


def _bounded(parse: Callable[[Any], Any], text: str | bytes) -> Any:
    """Parse a document; refuse one that is nested too deep, or a whole number that is too long."""
    try:
        document = parse(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level = [document]
    for _ in range(DEEPEST + 1):
        if any(isinstance(item, int) and abs(item) > LARGEST for item in level):
            raise ValueError(f"a whole number beyond {LARGEST}")
        tables = [item for item in level if isinstance(item, dict | list)]
        level = [v for t in tables for v in (t.values() if isinstance(t, dict) else t)]
    if level:
        raise ValueError(_TOO_DEEP)
    return document
