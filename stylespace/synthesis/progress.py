"""Progress on stderr with time left, previews, a trace file, an animation: watchers of the loop."""

from __future__ import annotations

import json
import math
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO

from tqdm import tqdm

from stylespace.errors import StylespaceError, printable
from stylespace.executors.interrupts import exit_code, handled, note

if TYPE_CHECKING:
    from stylespace.synthesis.animation import Animation

EVERY = 25
"""Evaluations between two previews."""


class _Bar:
    """A bar of tqdm that is opened when there is something to show, and closed with its context."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: tqdm | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_bar()

    def _opened(self, name: str, total: int, **options: Any) -> tqdm:
        """Return the bar, a new one where there is none for so many pieces."""
        if self._bar is None or self._bar.total != total:
            self._close_bar()
            pause = 0.1 if sys.stderr.isatty() else 2.0  # seconds between lines in a log file
            options = {"dynamic_ncols": True, "mininterval": pause, **options}
            self._bar = tqdm(total=total, desc=printable(name), **options)
        return self._bar

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Counting(_Bar):
    """Progress of work that is counted, with time left; a context manager that closes its bar."""

    def at(self, name: str, done: int, total: int) -> None:
        """Say that `done` of `total` pieces of the work of that name are done."""
        if not self._quiet:
            bar = self._opened(name, total)
            bar.set_description_str(printable(name), refresh=False)
            bar.update(done - bar.n)


class Watching(Counting):
    """What looks on while pictures are made; a context manager that closes bar and trace.

    From the first evaluation on Ctrl-C, TERM and HUP are held back: they end the loop at its next
    evaluation, and once the loop is left, in whatever way, they are only remembered, until the
    end of the context. A second Ctrl-C ends the program at once.

    A preview or a trace that can no longer be written is given up with a word on stderr: it does
    not cost the run its picture.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        preview: Path | None = None,
        trace: Path | None = None,
        animation: Animation | None = None,
    ) -> None:
        super().__init__(quiet=quiet)
        self._preview, self._trace, self.animation = preview, trace, animation
        self._held: ExitStack | None = None
        self.asked = self._finished = self._said = False  # asked: Ctrl-C was pressed
        self._file: TextIO | None = None

    def __exit__(self, *_: object) -> None:
        self._close_bar()
        self._release()
        if self._file is not None:
            self._file.close()

    def named(self, name: str, left: str = "") -> Callable[[Any], None]:
        """Return a watcher for the run of that name; `left` goes with it in the bar.

        Raises:
            KeyboardInterrupt: Ctrl-C while the picture before was being finished.
        """
        self._close_bar()
        if self.asked:
            raise KeyboardInterrupt
        self._finished = False
        return lambda step: self._see(name, left, step)

    def _see(self, name: str, left: str, step: Any) -> None:
        self._hold()
        earlier = step.image is None  # of an earlier program, from a checkpoint
        if not (self._quiet or earlier):
            self._show(name + left, step)
        if self._trace is not None:
            self._append(self._trace, name, step)
        if self._preview is not None and step.number % EVERY == 0 and not earlier:
            self._picture(self._preview, step)
        if self.animation is not None:
            self.animation.see(step)
        if step.number == step.total:
            self._finished = True
        elif self.asked:
            self._finished = True
            raise KeyboardInterrupt  # the loop catches it and returns the best picture

    def at(self, name: str, done: int, total: int) -> None:
        """Count pieces that other processes make; see `Counting`.

        Raises:
            KeyboardInterrupt: Ctrl-C, before all are done.
        """
        self._hold()
        super().at(name, done, total)
        self._finished = done == total
        if self.asked and not self._finished:
            raise KeyboardInterrupt

    def _hold(self) -> None:
        """Take the signals from here on."""
        if self._held is None and threading.current_thread() is threading.main_thread():
            self._held = ExitStack()
            self._held.enter_context(handled(self._ask))

    def _ask(self, number: int, _: object) -> None:
        """Remember a signal, and say once what comes of it; end at once at a second Ctrl-C."""
        if self.asked and number == signal.SIGINT:
            with suppress(RuntimeError):
                self.say("ended at once; nothing was written.")
            raise SystemExit(exit_code())
        note(number)
        done = self._finished
        text = "ending as soon as this evaluation is done."
        if done:
            text = "the picture is done and being written; ending then."
        if not self.asked or done != self._said:
            with suppress(RuntimeError):  # the signal came amid a write to the same stream
                self.say(text)
        self.asked, self._said = True, done

    def _release(self) -> None:
        """Take the signals as before."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _show(self, name: str, step: Any) -> None:
        started = {"unit": "eval", "initial": step.number - 1}
        bar, (height, width) = self._opened(name, step.total, **started), step.size
        bar.set_postfix_str(f"{width}x{height} loss {step.best:.4g}", refresh=False)
        bar.update(step.number - bar.n)
        if step.note:
            self.say(f"step {step.number}: {step.note}")

    def _append(self, path: Path, name: str, step: Any) -> None:
        try:
            if self._file is None:
                self._file = path.open("w", encoding="utf-8", buffering=1)
            self._file.write(trace_line(name, step))
        except OSError as error:
            self.say(f"{str(path)!r}: {(error.strerror or '').lower()}; no more trace.")
            self._trace = None

    def _picture(self, path: Path, step: Any) -> None:
        from stylespace.images import write_image

        try:
            write_image(path, step.image[:1], force=True)
        except StylespaceError as error:
            self.say(f"{error} No more previews.")
            self._preview = None

    def say(self, text: str) -> None:
        """Write a line on stderr, above the bar."""
        tqdm.write(f"stylespace: {printable(text)}", file=sys.stderr)


def trace_line(name: str, step: Any) -> str:
    """Return one evaluation as a line of JSON; what is not finite becomes null."""
    row = {
        "run": name,
        "step": step.number,
        "size": step.size,
        "loss": _finite(step.loss),
        "terms": {term: _finite(value) for term, value in step.terms.items()},
        "moved": _finite(step.moved),
        "seconds": step.seconds,
        "note": step.note,
    }
    return json.dumps(row, allow_nan=False) + "\n"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
