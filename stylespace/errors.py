"""What can go wrong, said in one line: what, why, and the remedy."""

import difflib
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager


class StylespaceError(Exception):
    """It could not be done. The message is one line that names the cause and the remedy.

    It may hold names that others chose, and reaches terminals: see `printable`.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class UsageError(StylespaceError):
    """The request itself is wrong: an unknown name, a value out of range, a malformed entry."""


class PictureError(StylespaceError):
    """A picture file that cannot be read or written."""


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


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the known name closest to `name`, or an empty string."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return f" Did you mean {by_lower[close[0]]!r}?" if close else ""


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
