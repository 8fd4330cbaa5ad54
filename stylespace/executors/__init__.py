"""Where calls run: in this process, in worker processes, or on a Dask cluster.

The three have the `submit` of concurrent.futures, and `completed` over it. Names are imported when
they are first used: the pools cost 60 ms, which help and wrong usage do without.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stylespace.executors.pools import EXECUTORS, Serial, executor_for, executor_kind
    from stylespace.executors.scheduling import RESTARTS, Failure, completed, tried
    from stylespace.executors.threads import cores

_HOMES = {
    "pools": ("EXECUTORS", "Serial", "executor_for", "executor_kind"),
    "scheduling": ("RESTARTS", "Failure", "completed", "tried"),
    "threads": ("cores",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"stylespace.executors.{home}"), name)
    raise AttributeError(f"module 'stylespace.executors' has no attribute {name!r}")
