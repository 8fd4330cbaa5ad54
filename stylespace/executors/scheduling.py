"""Every call's result exactly once, whatever becomes of the workers."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from stylespace.errors import StylespaceError
from stylespace.executors.pools import Serial

RESTARTS = 3
"""Times in a row that workers may be lost without a single result in between."""
POLL = 0.2  # seconds between two looks at Ctrl-C


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
        StylespaceError: workers were lost again and again without a result in between.
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
            _renew(executor, losses)


def _submitted(executor: Serial, function: Callable, arguments: tuple) -> Future:
    """Submit a call; one that a broken executor refuses is a lost one."""
    try:
        return executor.submit(function, *arguments)
    except executor.lost as error:
        future: Future = Future()
        future.set_exception(error)
        return future


def _renew(executor: Serial, losses: int) -> None:
    if losses > RESTARTS:
        raise StylespaceError(
            f"workers were lost {losses} times without a result in between, perhaps for want of "
            "memory: take fewer --workers or a smaller --size; what is done is kept."
        )
    executor.renew()
