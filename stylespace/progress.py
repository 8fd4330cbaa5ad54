"""Progress on stderr with time left, previews and a trace file: watchers of the loop."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm


class Progress:
    """A watcher that draws one bar a run; a context manager that closes it."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet, self._bar = quiet, None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def named(self, name: str) -> Callable[[Any], None]:
        """Return a watcher that shows its run under `name`."""
        self._close()
        return lambda step: self._show(name, step)

    def _show(self, name: str, step: Any) -> None:
        if self._quiet:
            return
        if self._bar is None:
            pause = 0.1 if sys.stderr.isatty() else 2.0  # seconds between lines in a log file
            self._bar = tqdm(
                total=step.total, desc=name, unit="eval", dynamic_ncols=True, mininterval=pause
            )
        height, width = step.size
        self._bar.set_postfix_str(f"{width}x{height} loss {step.best:.4g}", refresh=False)
        self._bar.update(step.number - self._bar.n)
        if step.note:
            self._bar.write(f"step {step.number}: {step.note}", file=self._bar.fp)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Preview:
    """A watcher that writes the best picture so far every `every` evaluations."""

    def __init__(self, path: Path, every: int) -> None:
        self._path, self._every = path, every

    def __call__(self, step: Any) -> None:
        """Write the picture when its turn has come."""
        if step.number % self._every == 0:
            from stylespace.images import write_image

            write_image(self._path, step.image[:1], force=True)


class Trace:
    """A watcher that appends each evaluation to a file, one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("x", encoding="utf-8")

    def __call__(self, step: Any) -> None:
        """Write the record."""
        row = {
            "step": step.number,
            "size": step.size,
            "loss": step.loss,
            "terms": dict(step.terms),
            "moved": step.moved,
            "seconds": step.seconds,
            "note": step.note,
        }
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()


def together(*watchers: Callable[[Any], object]) -> Callable[[Any], None]:
    """Return one watcher that calls several."""

    def watch(step: Any) -> None:
        for watcher in watchers:
            watcher(step)

    return watch
