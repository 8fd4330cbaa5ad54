"""Threads of a program that may not be alone: as many as there are cores for it, and patient."""

import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
WAITING = "OMP_WAIT_POLICY"
PATIENT = "passive"
PAGES = "THP_MEM_ALLOC_ENABLE"
"""Lets torch ask Linux for pages of 2 MiB: a step takes 8 to 15 % less, in no more memory."""
CONTAINER = Path("/sys/fs/cgroup/cpu.max")
"""What a container may use: microseconds of processor time in each period, or max."""


def cores() -> int:
    """Return the number of cores that this process may use, at least one."""
    count = os.cpu_count() or 1
    with suppress(AttributeError):  # not on every system
        count = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError):  # no container, or one without a limit
        quota, period = map(int, CONTAINER.read_text().split())
        count = min(count, math.ceil(quota / period))
    return max(1, count)


def share(workers: int) -> int:
    """Return the threads of a worker: all together have one a core, each as many as are allowed."""
    count = max(1, cores() // workers)
    with suppress(KeyError, ValueError):  # not set, or to several numbers
        count = min(count, int(os.environ[THREADS[0]]))
    return max(1, count)


def thread_environment(threads: int) -> Mapping[str, str]:
    """Return the variables for a process with so many threads, less those that the user has set.

    One that is set to nothing counts as not set; OMP_NUM_THREADS of the user is MKL's number too.
    They hold for a torch that is imported after they were set.

    Threads that wait sleep: GNU's spin for milliseconds instead, and with two programs on two
    cores each keeps the other from its work.
    """
    count = os.environ.get(THREADS[0]) or str(threads)
    wanted = {**dict.fromkeys(THREADS, count), WAITING: PATIENT, PAGES: "1"}
    return {name: value for name, value in wanted.items() if not os.environ.get(name)}
