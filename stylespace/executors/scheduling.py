"""Every call's result exactly once, whatever becomes of the workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

from stylespace.errors import StylespaceError, UnreachedError, reason
from stylespace.executors.pools import Serial

RESTARTS = 3
"""Times in a row that workers may be lost without a single result in between."""
POLL = 0.2  # seconds between two looks at Ctrl-C


class WorkersLostError(StylespaceError):
    """Workers were lost again and again; suspects: numbers of the calls that they had then."""

    def __init__(self, losses: int, suspects: Collection[int]) -> None:
        super().__init__(
            f"workers were lost {losses} times without a result in between, perhaps for want of "
            "memory: take fewer --workers or a smaller --size; what is done is kept."
        )
        self.suspects = frozenset(suspects)


@dataclass(frozen=True)
class Failure:
    """What a call came to that failed.

    reason: one line. kind: of the error. final: the same call would fail again.
    """

    reason: str
    kind: type[StylespaceError] = StylespaceError
    final: bool = False

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Return what an error says; it may have been raised in another process."""
        final = isinstance(error, UnreachedError | WorkersLostError)  # which hold more than a text
        plain = isinstance(error, StylespaceError) and not final
        kind: type = type(error) if plain else StylespaceError
        return cls(reason(error), kind, final)

    def error(self) -> StylespaceError:
        """Return the error, to be raised here."""
        return self.kind(self.reason)


def tried(
    executor: Serial,
    function: Callable,
    calls: Iterable[tuple],
    *,
    tick: Callable[[], object] = lambda: None,
) -> Iterator[tuple[int, Any]]:
    """Do as `completed`, whatever single calls do: one that fails is tried once more at the end.

    It yields a `Failure` if it fails again. Calls whose workers are lost again and again are run
    one by one, so that only those fail that their workers are lost by.

    Args:
        executor, function, calls, tick: see `completed`.
    """
    waiting = dict(enumerate((function, *arguments) for arguments in calls))
    for last in (False, True):
        again = {}
        for number, result in _survived(executor, waiting, tick):
            if isinstance(result, Failure) and not (last or result.final):
                again[number] = waiting[number]
            else:
                yield number, result
        waiting = again


def _survived(
    executor: Serial, calls: Mapping[int, tuple], tick: Callable[[], object]
) -> Iterator[tuple[int, Any]]:
    """Yield what every call comes to, by its number, those that end their workers among them."""
    waiting = dict(calls)
    while waiting:
        numbers = list(waiting)
        try:
            for place, result in completed(executor, _attempt, waiting.values(), tick=tick):
                del waiting[numbers[place]]
                yield numbers[place], result
        except WorkersLostError as error:
            for number in [numbers[place] for place in sorted(error.suspects)]:
                yield number, _alone(executor, waiting.pop(number), tick)


def _alone(executor: Serial, call: tuple, tick: Callable[[], object]) -> Any:
    """Return what a single call comes to."""
    try:
        ((_, result),) = completed(executor, _attempt, [call], tick=tick)
    except WorkersLostError as error:
        return Failure.of(error)
    return result


def _attempt(function: Callable, *arguments: Any) -> Any:
    """Call a function, in whatever process; return its result, or the failure."""
    try:
        return function(*arguments)
    except Exception as error:
        return Failure.of(error)


def completed(
    executor: Serial,
    function: Callable,
    calls: Iterable[tuple],
    *,
    tick: Callable[[], object] = lambda: None,
) -> Iterator[tuple[int, Any]]:
    """Run function(*arguments) for every call; yield (its number, its result) as they end.

    Every call is yielded exactly once: one whose worker was lost is submitted again.

    Args:
        executor: of `executor_for`.
        function: importable by name, where calls leave the process.
        calls: arguments of each.
        tick: called several times a second while there is nothing to yield.

    Raises:
        WorkersLostError: workers were lost again and again without a result in between.
        Exception: whatever the function raises.
    """
    running: dict[Future, tuple[int, tuple, int]] = {}  # number, arguments, era
    waiting, losses = deque(enumerate(calls)), 0
    while waiting or running:
        while waiting and len(running) < executor.ahead:
            number, arguments = waiting.popleft()
            future = _submitted(executor, function, arguments)
            running[future] = number, arguments, executor.era
        done = wait(running, POLL, FIRST_COMPLETED).done
        if not done:
            tick()
        lost = []
        for future in done:
            number, arguments, era = running.pop(future)
            try:
                result = future.result()
            except executor.lost:
                lost.append((number, arguments, era))
                continue
            losses = 0
            yield number, result
        waiting.extendleft((number, arguments) for number, arguments, _ in lost)
        if any(era == executor.era for *_, era in lost):  # else these are counted already
            losses += 1
            executor.renew()
            if losses > RESTARTS:
                left = [number for number, *_ in (*running.values(), *lost)]
                raise WorkersLostError(losses, left)


def _submitted(executor: Serial, function: Callable, arguments: tuple) -> Future:
    """Submit a call; one that a broken executor refuses is a lost one."""
    try:
        return executor.submit(function, *arguments)
    except executor.lost as error:
        future: Future = Future()
        future.set_exception(error)
        return future
