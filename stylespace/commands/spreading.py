"""Calls of a command spread over processes: what they share is made once in each, and counted."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from stylespace.executors import Serial, executor_for, tried


@dataclass(frozen=True)
class Tools:
    """What calls share in a worker process: made there by make(*arguments), once.

    A worker of a cluster may outlive the program: the token of another one makes them anew.
    folder: the program's current one, in which names of files are meant.
    """

    make: Callable[..., Any]
    arguments: tuple[Hashable, ...]
    folder: Path = field(default_factory=Path.cwd)
    token: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True)
class Spread:
    """Where calls run, and who counts them.

    executor, workers: see `executor_for`; or an executor that is open. count: told how many of how
    many are done, several times a second, while they run in other processes; it may raise
    KeyboardInterrupt.
    """

    executor: str | Serial = "serial"
    workers: int | None = None
    count: Callable[[int, int], object] = lambda done, total: None

    @contextmanager
    def kept(self) -> Iterator[Spread]:
        """Keep the workers from one call of `results` to the next.

        Raises:
            StylespaceError: see `executor_for`.
        """
        with self._opened() as executor:
            yield replace(self, executor=executor)

    def _opened(self) -> AbstractContextManager[Serial]:
        if isinstance(self.executor, str):
            return executor_for(self.executor, self.workers)
        return nullcontext(self.executor)

    def results(
        self, function: Callable, calls: Sequence[tuple], here: Any, elsewhere: Tools
    ) -> Iterator[tuple[int, Any]]:
        """Run function(tools, *call) for every call; yield (its number, its result or `Failure`).

        here: the tools in this process. elsewhere: how workers make theirs.

        Raises:
            StylespaceError: see `executor_for`.
        """
        if not calls:
            return
        with self._opened() as executor:
            tools, done = (elsewhere if executor.remote else here), 0
            every = [(function, tools, *call) for call in calls]
            tick = (lambda: self.count(done, len(calls))) if executor.remote else lambda: None
            tick()
            for number, result in tried(executor, _called, every, tick=tick):
                done += 1
                yield number, result
                tick()


def _called(function: Callable, tools: Any, *arguments: Any) -> Any:
    """Call a function with its tools, in whatever process."""
    return function(_made(tools) if isinstance(tools, Tools) else tools, *arguments)


@lru_cache(maxsize=1)
def _made(tools: Tools) -> Any:
    os.chdir(tools.folder)
    return tools.make(*tools.arguments)
