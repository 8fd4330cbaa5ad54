"""The keywords of the Python functions: the fields of settings, shown, checked, coerced."""

import functools
import inspect
import operator
import os
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, fields, replace
from typing import Any, NoReturn, TypeVar, cast

from stylespace.errors import (
    Function,
    StylespaceError,
    UsageError,
    check_known,
    check_type,
    in_python,
    public,
    shown,
)
from stylespace.networks.network import Network
from stylespace.networks.network_entry import is_foreign
from stylespace.settings import Settings
from stylespace.styles.sources import memory, source_name

Kind = TypeVar("Kind", bound=Settings)


def keywords(kind: type[Settings]) -> Callable[[Function], Function]:
    """Make a function a door (see `public`) whose **changes are the fields of its settings.

    Completion and help show each of them, with its default; pictures in memory stay named while
    the function runs.
    """

    def decorate(function: Function) -> Function:
        """Give a function its keywords."""
        checked = public(function)

        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            """Run the function while it holds what it is given in memory."""
            with memory():
                return checked(*arguments, **options)

        documented = cast(Any, call)
        documented.__signature__ = _signature(function, kind)
        documented.__doc__ = f"{function.__doc__ or ''}\n{_listed(kind)}"
        return cast(Function, call)

    return decorate


def _signature(function: Callable, kind: type[Settings]) -> inspect.Signature:
    """Return the signature of a function, with the fields of settings in place of **changes."""
    signature = inspect.signature(function)
    *own, _ = signature.parameters.values()
    more = [
        inspect.Parameter(
            one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=one.type
        )
        for one in fields(kind)
        if one.name not in signature.parameters
    ]
    return signature.replace(parameters=[*own, *more])


def _listed(kind: type[Settings]) -> str:
    """Return the fields of settings as the part of a docstring that describes them."""
    texts = [in_python(f"{one.name}: {one.metadata['help']}") for one in fields(kind)]
    lines = [textwrap.fill(text, 90, subsequent_indent="    ") for text in texts]
    return "    Keywords:\n" + textwrap.indent("\n".join(lines), " " * 8)


def settings_with(
    kind: type[Kind],
    settings: Kind | None,
    changes: Mapping[str, Any],
    network: Network | str | None = None,
) -> Kind:
    """Return `settings` with `changes`, or new ones from `changes` alone; None changes nothing.

    Where a field holds several values, one alone or any sequence will do; entries may be (i, j).
    Paths and numbers will do where a text is meant, and pictures and styles in memory where
    they are named; (picture, 0.3) weighs it.

    network: the name is a change as well; a network that is loaded already is one where it is taken
    as it is, since its layers are its own.

    Raises:
        UsageError: an unknown name (nearest given), a value of another type or out of range.
    """
    known = {one.name: one for one in fields(kind)}
    name = network if isinstance(network, str) else getattr(network, "name", "")
    if isinstance(network, str) or is_foreign(name):
        changes = {**changes, "network": name}
    typed = {}
    for name, value in changes.items():
        check_known("keyword", name, known)
        if value is not None:
            typed[name] = _typed(known[name], value)
    return kind(**typed) if settings is None else replace(settings, **typed)


def _typed(one: Field, value: Any) -> Any:
    """Return a keyword as its field holds it."""
    kind = str(one.type).removesuffix(" | None")
    values = _entries(value) if one.name == "entry" else _several(one, value)
    if kind.startswith("tuple"):
        item = kind.removeprefix("tuple[").removesuffix(", ...]")
        return tuple(_single(one, item, part, several=True) for part in values)
    if one.name == "entry":
        return values[0] if len(values) == 1 else _refuse_entry(value)
    return _single(one, kind, value)


def _single(one: Field, kind: str, value: Any, *, several: bool = False) -> Any:
    """Return one value of a field as its type: int, float, bool or str."""
    if kind == "str":
        return _text(one, value, several)
    check_type(one.name, value, {"int": int, "float": float, "bool": bool}[kind])
    make: dict[str, Callable] = {"int": operator.index, "float": float, "bool": bool}
    return make[kind](value)


def _text(one: Field, value: Any, several: bool) -> str:
    """Return a value of a field of texts: a path, a picture in memory by its name, a number."""
    if one.metadata["picture"]:
        try:
            if several and _is_weighed(value):
                return f"{source_name(value[0])}={float(value[1])}"
            return source_name(value)
        except StylespaceError as error:
            error.args = (f"{one.name}: {error}",)
            raise
    if several and type(value) in (int, float):
        return str(value)
    check_type(one.name, value, str | os.PathLike[str])
    return os.fspath(value)


def _several(one: Field, value: Any) -> tuple:
    """Return the values of a field that holds several: "a", 3, Path("a"), a picture, [...]."""
    single = isinstance(value, str | int | float | os.PathLike) or not isinstance(value, Iterable)
    if single or (one.metadata["picture"] and (_is_weighed(value) or not _is_list(value))):
        return (value,)
    return tuple(value)


def _is_list(value: Any) -> bool:
    """Tell a collection of sources from a picture in memory, which may be iterated as well."""
    return isinstance(value, list | tuple) or inspect.isgenerator(value)


def _is_weighed(value: Any) -> bool:
    """Tell (picture, 0.3) from two pictures."""
    return isinstance(value, tuple) and len(value) == 2 and type(value[1]) in (int, float)


def _entries(value: Any) -> tuple[str, ...]:
    """Return entries as texts: of (12, 40), "12,40" or several of them.

    Raises:
        UsageError: something else.
    """
    pairs = (value,) if isinstance(value, str) or _is_pair(value) else value
    if isinstance(pairs, Iterable):
        pairs = tuple(pairs)
        if all(isinstance(pair, str) or _is_pair(pair) for pair in pairs):
            return tuple(p if isinstance(p, str) else f"{int(p[0])},{int(p[1])}" for p in pairs)
    return _refuse_entry(value)


def _refuse_entry(value: Any) -> NoReturn:
    raise UsageError(
        f"{shown('entry', value)}: two whole numbers are needed, such as entry=(12, 40)."
    )


def _is_pair(value: Any) -> bool:
    """Say whether a value is two whole numbers."""
    sized = hasattr(value, "__len__") and hasattr(value, "__getitem__") and len(value) == 2
    return sized and all(hasattr(item, "__index__") for item in value)
