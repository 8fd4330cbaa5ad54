"""Standard streams that may be closed, broken or full: none of that costs a run its result."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from stylespace.errors import StylespaceError


class UnsaidError(StylespaceError):
    """Standard output cannot be written to."""


class Nowhere(io.TextIOBase):
    """A text stream that forgets what is written to it."""

    def write(self, text: str) -> int:
        """Return the number of letters."""
        return len(text)


class Stream:
    """A text stream that may not be written to: progress and remarks go nowhere then.

    vital: what is said there is a result, and an `UnsaidError` tells that it was lost.
    """

    def __init__(self, stream: TextIO | io.TextIOBase | None, *, vital: bool) -> None:
        self._stream, self._vital = stream or Nowhere(), vital
        self.failed = False

    def write(self, text: str) -> int:
        """Write, if that is still possible."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            self._leave(error)
            return len(text)

    def flush(self) -> None:
        """Flush, if that is still possible."""
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._leave(error)

    def _leave(self, error: Exception) -> None:
        self.failed = True
        if not self._vital:
            self._stream = Nowhere()
        else:
            cause = (getattr(error, "strerror", None) or str(error)).lower()
            text = (
                f"standard output cannot be written to ({cause}): free some space, or redirect it."
            )
            raise UnsaidError(text) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Guard stdout and stderr; names that they cannot show are escaped."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    out = Stream(before[0], vital=True)
    sys.stdout, sys.stderr = out, Stream(before[1], vital=False)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        if out.failed:
            sys.stdout = Nowhere()  # or the end of the program would try again


def open_closed_streams() -> None:
    """Let files that the program opens not take the numbers of closed standard streams."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
