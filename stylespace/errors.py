"""What can go wrong, said in one line: what, why, and the remedy, in the caller's own terms.

Messages name options of the command line (--size 64). `public`, the door of the functions of
Python, says them as keywords (size=64), unless it is the command line that called.
"""

import difflib
import functools
import inspect
import os
import re
import types
import typing
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


class StylespaceError(Exception):
    """It could not be done. The message is one line that names the cause and the remedy.

    It may hold names that others chose, and reaches terminals: see `printable`.

    Example:
        >>> import stylespace as ss
        >>> try:
        ...     ss.read_image("sample:gogh-auver")
        ... except ss.StylespaceError as error:
        ...     print(error)
        unknown sample 'gogh-auver'. Did you mean 'gogh-auvers'? ...
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class UsageError(StylespaceError):
    """The request itself is wrong: an unknown name, a value out of range, a malformed entry."""


class PictureError(StylespaceError):
    """A picture that cannot be read or written, or that is none."""


class OutputError(StylespaceError):
    """A result that cannot be written: missing folder, existing file, full disk."""


class WeightsError(StylespaceError):
    """Weights that are missing, damaged, of another network, or that cannot be fetched."""


class StyleError(StylespaceError):
    """A style file that cannot be read, or that belongs to another style space."""


class MemoryLimitError(StylespaceError):
    """A run that would not fit into memory, refused before it starts."""


class UnreachedError(StylespaceError):
    """A Gram entry that stayed zero, or below the paintings' values, after every way out.

    figures: what was measured on the picture that is not shown. interrupted: by Ctrl-C.
    """

    def __init__(self, message: str, figures: dict[str, float], interrupted: bool = False) -> None:
        super().__init__(message)
        self.figures, self.interrupted = figures, interrupted


def out_of_memory(error: BaseException) -> bool:
    """Say whether an error of Python, torch or a library means that memory ran out."""
    text = str(error)
    return isinstance(error, MemoryError) or "allocate" in text or "out of memory" in text


def reason(error: Exception) -> str:
    """Return why something failed, in one line; of an error that is none of ours, its type too."""
    text = " ".join(str(error).split())
    if isinstance(error, StylespaceError):
        return text
    if out_of_memory(error):
        return "out of memory: take a smaller --size or shallower layers."
    return f"unexpected {type(error).__name__}: {text or type(error).__name__}"


@contextmanager
def memory_for(work: str) -> Iterator[None]:
    """Name the work during which memory ran out, before others take that for a damaged file.

    Raises:
        MemoryLimitError: it ran out.
    """
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        text = f"out of memory while {work}: close other programs, or free some memory."
        raise MemoryLimitError(text) from error


def printable(text: str) -> str:
    r"""Return a text as a terminal may be sent it: what steers one, or is no letter, as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(one if _is_shown(one) else ascii(one)[1:-1] for one in text)


def _is_shown(letter: str) -> bool:
    return letter.isprintable() or unicodedata.category(letter) == "Zs"  # other spaces


def nearest(
    name: str, known: Iterable[str], *, least: float = 0.5, part: Callable[[str], str] = str
) -> str:
    """Return `` Did you mean 'x'?`` for the known name closest to `name`, or an empty string.

    least: share of letters that agree. part: name -> what of it is compared; of names that are
    equal there the last is taken.
    """
    by_part = {part(candidate).lower(): candidate for candidate in known}
    close = difflib.get_close_matches(part(name).lower(), by_part, n=1, cutoff=least)
    return f" Did you mean {by_part[close[0]]!r}?" if close else ""


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Build the uniform error for a name that is not in a table, from that table itself."""
    known = list(known)
    return UsageError(
        f"unknown {kind} {name!r}.{nearest(str(name), known)} Known: {', '.join(known)}."
    )


def check_known(kind: str, name: str, known: Collection[str]) -> None:
    """Refuse a name that is not in a table.

    Raises:
        UsageError: see `unknown`.
    """
    if name not in known:
        raise unknown(kind, name, known)


_ON_COMMAND_LINE = ContextVar("whether the command line runs", default=False)


@contextmanager
def on_command_line() -> Iterator[None]:
    """Let errors name options as the command line has them."""
    token = _ON_COMMAND_LINE.set(True)
    try:
        yield
    finally:
        _ON_COMMAND_LINE.reset(token)


@contextmanager
def python_terms() -> Iterator[None]:
    """Say the errors of a block in Python's terms, unless the command line runs it."""
    try:
        yield
    except StylespaceError as error:
        if not _ON_COMMAND_LINE.get():
            error.args = (in_python(str(error)),)
        raise


_KEYWORDS = {"force": "force=True", "from": "painting", "in": "folder", "out": "path"}
"""Options that have another name in Python."""
_NUMBERS = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?:,\d+)*(?![\w:-])"
_MARKED = r"\w*[A-Z\d:_][\w:/-]*(?:,[\w:-]+)*(?<!:)"  # conv3_1, top:8, 0-15,0-15, FILE
_WORD = r"(?!out\b)[a-z]+(?=[.,:;)]|$| or | and | --)"  # the value of a choice, not a verb
_OPTION = re.compile(rf"--([a-z][a-z-]*)(?: ('[^']*'|{_NUMBERS}|{_MARKED}|{_WORD}))?")


def in_python(text: str) -> str:
    """Return a message with its options as keywords: --size 64 is size=64, --force force=True."""
    return _OPTION.sub(_keyword, text)


def _keyword(option: re.Match[str]) -> str:
    """Return one option as Python writes it."""
    name, value = _KEYWORDS.get(option[1], option[1].replace("-", "_")), option[2]
    if value is None or "=" in name:
        return name if value is None else f"{name} {value}"
    if re.fullmatch(_NUMBERS, value):
        return f"{name}=({value.replace(',', ', ')})" if "," in value else f"{name}={value}"
    return f"{name}={value}" if value[0] == "'" or value.isupper() else f"{name}={value!r}"


def public(function: Function) -> Function:
    """Make a function a door: arguments of another type are refused in one line, by name.

    What its annotations say in plain types is checked: numbers, texts, paths, tensors, styles and
    networks. Its errors are said in Python's terms.
    """
    signature = inspect.signature(function)
    hints = functools.cache(lambda: typing.get_type_hints(function))  # late: some need the class

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        """Check the arguments and call the function."""
        with python_terms():
            for name, value in signature.bind_partial(*arguments, **keywords).arguments.items():
                check_type(name, value, hints().get(name, Any))
            return function(*arguments, **keywords)

    return typing.cast(Function, call)


def check_type(name: str, value: Any, hint: Any) -> None:
    """Refuse an argument that its annotation does not allow.

    Raises:
        UsageError: with what is needed, and how it is made.
    """
    if fits(value, hint):
        return
    kinds = [kind for kind in _kinds(hint) if kind is not type(None)]
    wanted = " or ".join(_WANTED.get(_name(kind), _name(kind)) for kind in kinds)
    example = f", such as {name}={_whole(value)}" if int in kinds else ""
    raise UsageError(f"{shown(name, value)}: {wanted} is needed{example}.")


def _whole(value: Any) -> int:
    """Return the whole number that was meant, as far as can be told."""
    with suppress(TypeError, ValueError, OverflowError):
        return int(float(value))
    return 64


def shown(name: str, value: Any) -> str:
    """Return an argument for a message: a short value as it is, others by their type."""
    text = repr(value) if isinstance(value, str | int | float | tuple | list) else ""
    short = 0 < len(text) <= 60 and text.isprintable()
    return f"{name}={text}" if short else f"{name} is of type {type(value).__name__}"


_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "True or False",
    "str": "a text",
    "PathLike": "a path",
    "Tensor": "a torch tensor (torch.as_tensor makes one)",
    "Style": "a style (Style.capture or Style.load make one)",
    "Network": "a network (load_network makes one)",
}


def fits(value: Any, hint: Any) -> bool:
    """Say whether a value is of an annotation's type; numbers of other libraries are numbers."""
    return any(_is_a(value, kind) for kind in _kinds(hint))


def _kinds(hint: Any) -> tuple[Any, ...]:
    """Return the types of a union, or the one type."""
    united = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if united else (hint,)


def _is_a(value: Any, kind: Any) -> bool:
    if kind in (int, float):
        number = "__index__" if kind is int else "__float__"
        return hasattr(value, number) and not isinstance(value, bool)
    if typing.get_origin(kind) is os.PathLike:
        return isinstance(value, os.PathLike)
    plain = isinstance(kind, type) and kind is not Any  # others are not checked
    return not plain or isinstance(value, kind)


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))
