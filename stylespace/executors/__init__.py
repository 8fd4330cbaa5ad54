"""Where calls run: in this process, in worker processes, or on a Dask cluster.

The three have the `submit` of concurrent.futures, and `completed` over it.
"""

from stylespace.executors.pools import EXECUTORS, Serial, executor_for, executor_kind
from stylespace.executors.scheduling import RESTARTS, Failure, completed, tried
from stylespace.executors.threads import cores
