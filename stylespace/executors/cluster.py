"""Dask clusters: one on this machine, and the connection to any, in seconds or not at all."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stylespace.errors import StylespaceError
from stylespace.executors.threads import PATIENT, THREADS, WAITING, share

ANSWERING = 5  # seconds for a scheduler to answer
STARTING = 30  # seconds for its first worker, which may only be starting


def one_line(error: Exception) -> str:
    """Return what an error says, without line breaks and full stop."""
    return " ".join(str(error).split()).rstrip(".")


def local_cluster(workers: int) -> Any:
    """Start a cluster on this machine that nobody outside it can reach, without a dashboard."""
    import dask
    from distributed import LocalCluster

    here = "127.0.0.1"
    nanny = "distributed.nanny.pre-spawn-environ"
    threads = {f"{nanny}.{name}": share(workers) for name in THREADS}
    with dask.config.set({**threads, f"{nanny}.{WAITING}": os.environ.get(WAITING, PATIENT)}):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host=here,
            dashboard_address=None,
            scheduler_kwargs={"dashboard": False, "dashboard_address": f"{here}:0"},
            silence_logs=logging.CRITICAL,
        )


def _ask(address: str) -> None:
    """Ask a scheduler whether it is there: where something else listens, a client waits for ever.

    Raises:
        OSError: none answers. TypeError: it lacks certificates. ValueError: no address.
    """
    import asyncio  # late, as it costs every command 60 ms

    from distributed.comm import connect
    from distributed.security import Security

    async def ask() -> None:
        """Connect and leave again."""
        options = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect(address, ANSWERING, **options), ANSWERING + 1)
        comm.abort()

    with ThreadPoolExecutor(1) as thread:  # the caller's may have a loop of its own
        try:
            thread.submit(asyncio.run, ask()).result()
        except TimeoutError:
            raise OSError(f"what is there said nothing within {ANSWERING} s") from None
        except (TypeError, OSError, ValueError):
            raise
        except Exception as error:  # whatever becomes of words that are not a scheduler's
            raise OSError("what is there speaks as no scheduler does") from error


def connected(client: type, target: Any) -> Any:
    """Return the client of a cluster that has at least one worker."""
    try:
        if isinstance(target, str):
            _ask(target)
        connection = client(target, timeout=ANSWERING, set_as_default=False)
    except TypeError as error:
        raise StylespaceError(
            f"{target} needs certificates ({one_line(error)}): name them in Dask's configuration, "
            "distributed.comm.tls.ca-file, .client.cert and .client.key."
        ) from None
    except (OSError, ValueError) as error:
        raise StylespaceError(
            f"no Dask scheduler answers at {target} ({one_line(error)}): start one with "
            "`dask scheduler`, or correct the address."
        ) from None
    try:
        connection.wait_for_workers(1, timeout=STARTING)
    except TimeoutError:
        connection.close()
        raise StylespaceError(
            f"the Dask scheduler at {target} has no workers: start one with `dask worker {target}`."
        ) from None
    return connection
