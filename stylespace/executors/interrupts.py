"""Signals that end a run: Ctrl-C, and TERM and HUP, which act like it but for the exit code."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
Handler = Callable[[int, FrameType | None], Any]

_received = signal.SIGINT


def exit_code() -> int:
    """Return what a program exits with that was ended by the last of these signals: 130 of Ctrl-C.

    As shells have it: 128 and the signal's number, 143 of TERM and 129 of HUP.
    """
    return 128 + _received


def interrupt(number: int, frame: FrameType | None = None) -> None:
    """Handle a signal: note its number and raise KeyboardInterrupt."""
    note(number)
    raise KeyboardInterrupt


def note(number: int) -> None:
    """Remember a signal for the exit code."""
    global _received
    _received = signal.Signals(number)


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Handle the signals by `handler`; those that are ignored, as by nohup, stay so."""
    before = {}
    for number in ENDING:
        known = signal.getsignal(number)
        if known not in (signal.SIG_IGN, None):
            before[number] = known
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)
