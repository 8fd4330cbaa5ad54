"""How it is said where something is computed: an executor and its workers."""

from __future__ import annotations

from typing import Any

from stylespace.errors import UsageError
from stylespace.settings.fields import setting

EXECUTOR = (
    "Where it is computed: serial, processes, dask (a cluster on this machine) or dask:ADDRESS (of "
    "a scheduler)."
)
WORKERS = "Processes of --executor processes or dask; default: one a core."


def executor_setting() -> Any:
    """Declare the name of an executor."""
    return setting("serial", EXECUTOR)


def workers_setting() -> Any:
    """Declare how many processes an executor has."""
    return setting(None, WORKERS, minimum=1)


def check_executor(executor: str, workers: int | None) -> None:
    """Refuse an unknown executor, and workers where there are none to choose.

    Raises:
        UsageError: see above.
    """
    from stylespace.executors import executor_kind  # late: it costs every command 60 ms

    kind, address = executor_kind(executor)
    if workers is not None and (address or kind == "serial"):
        raise UsageError(
            f"--workers {workers} belongs to --executor processes or dask, not to {executor}: "
            "leave it out."
        )
