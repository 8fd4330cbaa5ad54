"""Three executors with the `submit` of concurrent.futures."""

import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, wait
from concurrent.futures import ProcessPoolExecutor as Pool
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any
from weakref import WeakSet

from stylespace.errors import StylespaceError, UsageError, unknown
from stylespace.executors.cluster import connected, local_cluster
from stylespace.executors.interrupts import ENDING
from stylespace.executors.threads import PATIENT, THREADS, WAITING, cores, share

EXECUTORS = ("serial", "processes", "dask")  # or dask:ADDRESS
FOR_PARENT = set(ENDING) - {signal.SIGTERM}
"""Signals that a terminal sends to workers too, and that their parent alone answers."""
ADDRESS = r"((tcp|tls)://)?(\[[0-9a-fA-F:.%]+\]|[^\s:/\[\]]+):[0-9]{1,5}"
"""A scheduler's: host and port, under TLS if it says so."""


class Serial(Executor):
    """Runs a call in this process, when it is submitted.

    count: calls that run at the same time. ahead: calls worth submitting before the first result.
    remote: calls leave this process. lost: what a call raises whose worker is gone. era: number
    of the set of workers that calls are given to.
    """

    count, ahead, remote, era = 1, 1, False, 0
    lost: tuple[type[BaseException], ...] = ()

    def submit(self, function: Callable, /, *arguments: Any, **options: Any) -> Future:
        """Return the finished future; Ctrl-C is not kept in it."""
        future: Future = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future

    def renew(self) -> None:
        """Replace lost workers."""

    def close(self, *, at_once: bool) -> None:
        """End the workers, after their calls or `at_once`."""


class Processes(Serial):
    """Worker processes on this machine; one that dies costs no call, as all get new ones."""

    remote = True
    lost = (BrokenProcessPool,)

    def __init__(self, workers: int | None = None) -> None:
        self.count = workers or cores()
        self.ahead = 2 * self.count
        self._pool = self._new()

    def submit(self, function: Callable, /, *arguments: Any, **options: Any) -> Future:
        """Give a call to the next free worker."""
        with _deaf_children():
            return self._pool.submit(function, *arguments, **options)

    def renew(self) -> None:
        """Replace all workers: a pool that lost one is broken."""
        self.close(at_once=True)
        self._pool, self.era = self._new(), self.era + 1

    def close(self, *, at_once: bool) -> None:
        """End the workers, after their calls or `at_once`."""
        workers = (getattr(self._pool, "_processes", None) or {}).copy()
        self._pool.shutdown(wait=not at_once, cancel_futures=True)
        for worker in workers.values() if at_once else ():  # public from Python 3.14 on
            worker.terminate()
            worker.join()

    def _new(self) -> Pool:
        return Pool(self.count, _Spawn(), _begin_worker, (share(self.count),))


class _Worker(SpawnProcess):
    """A process that does not run the user's script again, as one that is spawned else does.

    So a script without `if __name__ == "__main__":` starts no workers from within its workers.
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with _nameless_script():
            return SpawnProcess._Popen(process_obj)


class _Spawn(SpawnContext):
    """Spawns such processes; a fork of torch's threads may hang."""

    Process = _Worker


@contextmanager
def _nameless_script() -> Iterator[None]:
    """Hide where the main module comes from, by which a new process would find and run it."""
    script = vars(sys.modules["__main__"])
    known: dict[str, Any] = {n: script[n] for n in ("__spec__", "__file__") if n in script}
    script.pop("__file__", None)
    script["__spec__"] = None
    try:
        yield
    finally:
        script.update(known)


class Dask(Serial):
    """A Dask cluster: of processes on this machine, or of an address.

    Dask itself gives the calls of a lost worker to others, as often as its allowed-failures say.
    """

    remote = True

    def __init__(self, address: str = "", workers: int | None = None) -> None:
        try:
            from distributed import Client, KilledWorker
        except ImportError:
            raise StylespaceError(
                "--executor dask needs Dask, which is not installed: pip install "
                "'stylespace[cluster]', or take --executor processes."
            ) from None
        self.lost = (KilledWorker, CancelledError)
        with _deaf_children(), _nameless_script():
            self._cluster = None if address else local_cluster(workers or cores())
        self._client = connected(Client, address or self._cluster)
        self.count = max(1, sum(self._client.nthreads().values()))
        self.ahead = 16 + 4 * self.count  # workers may join
        self._running: WeakSet[Future] = WeakSet()

    def submit(self, function: Callable, /, *arguments: Any, **options: Any) -> Future:
        """Give a call to the scheduler."""
        future: Future = Future()
        # A pure call that was lost would stay lost.
        call = self._client.submit(function, *arguments, **options, pure=False)
        self._client.loop.add_callback(_tell, call, future)
        self._running.add(future)
        return future

    def close(self, *, at_once: bool) -> None:
        """End the workers, after their calls or `at_once`; those of an address stay."""
        if not at_once:
            wait(self._running)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


async def _tell(call: Any, future: Future) -> None:
    """Say what a call of Dask came to.

    Dask's own executor does so as well, but takes a result whose worker is lost right after for an
    exception.
    """
    try:
        future.set_result(await call.result())
    except BaseException as error:
        future.set_exception(error)


@contextmanager
def executor_for(name: str, workers: int | None = None) -> Iterator[Serial]:
    """Open the executor of that name; leaving by an error or Ctrl-C ends its workers at once.

    Args:
        name: "serial", "processes", "dask" (a cluster on this machine, heard on 127.0.0.1 alone)
            or "dask:ADDRESS" (of a scheduler, which is trusted: it runs what it likes here and
            on its workers; with tls:// under the certificates of Dask's own configuration).
        workers: processes on this machine; None for one a core. One of "processes" is this one.

    Raises:
        UsageError: an unknown name. StylespaceError: Dask or its scheduler is not there, or a
            process that another program spawned runs the main script again, which calls this.
    """
    kind, address = executor_kind(name)
    if workers is not None and workers < 1:
        raise UsageError(f"workers {workers} must be at least 1.")
    alone = kind == "serial" or (kind == "processes" and (workers or cores()) == 1)
    if not alone:
        _check_script()
    executor = Serial()
    if not alone:
        executor = Dask(address, workers) if kind == "dask" else Processes(workers)
    try:
        yield executor
    except BaseException:
        executor.close(at_once=True)
        raise
    executor.close(at_once=False)


def _check_script() -> None:
    """Refuse to start workers where the main script is only run again, in a spawned process."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise StylespaceError(
            "the script is run again by a process that it started, and would start others without "
            'end: put its calls under `if __name__ == "__main__":`.'
        )


def executor_kind(name: str) -> tuple[str, str]:
    """Split the name of an executor into its kind and address.

    Raises:
        UsageError: an unknown name, or what is no address of a scheduler.
    """
    kind, colon, address = name.partition(":")
    if kind not in EXECUTORS or (colon and kind != "dask"):
        raise unknown("executor", name, (*EXECUTORS, "dask:ADDRESS"))
    if colon and not re.fullmatch(ADDRESS, address):
        raise UsageError(
            f"executor {name!r} lacks the address of a scheduler: host and port, as in "
            "dask:tcp://127.0.0.1:8786 or dask:tls://127.0.0.1:8786."
        )
    return kind, address


def _begin_worker(threads: int) -> None:
    """Limit torch's threads, leave Ctrl-C to the parent, and end when it ends, however it does."""
    os.environ |= dict.fromkeys(THREADS, str(threads))  # torch reads them when it is imported
    os.environ.setdefault(WAITING, PATIENT)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    for number in FOR_PARENT:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Hold Ctrl-C back while processes begin: they inherit that, deaf from their first moment."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, FOR_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
