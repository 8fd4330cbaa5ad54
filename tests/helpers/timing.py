"""Processor seconds of calls, for ratios between two of them in one run."""

import time


def quickest(call, runs=3):
    """Return the fewest seconds of this process that a call took, after one that warms up."""
    call()
    return min(_seconds(call) for _ in range(runs))


def _seconds(call):
    began = time.process_time()
    call()
    return time.process_time() - began
