"""The keywords of the Python functions, as the fields of settings hold them."""

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from stylespace.errors import UsageError
from stylespace.settings import Settings

Kind = TypeVar("Kind", bound=Settings)


def settings_with(kind: type[Kind], settings: Kind | None, changes: Mapping[str, Any]) -> Kind:
    """Return `settings` with `changes`, or new ones from `changes` alone; None changes nothing.

    Where a field holds several values, one alone or any sequence will do; entries may be (i, j).
    Paths and numbers will do where a text is meant.

    Raises:
        UsageError: a value out of range. TypeError: an unknown name.
    """
    for name, value in changes.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, bytes) or (item is None and item is not value):
                raise UsageError(
                    f"{name}: {type(item).__name__} names no file: give a text or a Path."
                )
    types = {field.name: str(field.type) for field in fields(kind)}
    changes = {
        name: _typed(name, value, types.get(name, ""))
        for name, value in changes.items()
        if value is not None
    }
    return kind(**changes) if settings is None else replace(settings, **changes)


def _typed(name: str, value: Any, kind: str) -> Any:
    """Return a keyword as its field holds it."""
    if not kind.startswith("tuple"):
        return os.fspath(value) if isinstance(value, os.PathLike) else value
    values = _several(name, value)
    if "str" not in kind:
        return values
    return tuple(str(item) if type(item) in (int, float) else item for item in values)


def _several(name: str, value: Any) -> tuple:
    """Return the values of a field that holds several: "a", 3, Path("a"), (12, 40), [...]."""
    if name == "entry" and not isinstance(value, str):
        pairs = [value] if all(isinstance(item, int) for item in value) else value
        return tuple(pair if isinstance(pair, str) else ",".join(map(str, pair)) for pair in pairs)
    values = (value,) if isinstance(value, str | int | float | os.PathLike) else value
    return tuple(os.fspath(item) if isinstance(item, os.PathLike) else item for item in values)
