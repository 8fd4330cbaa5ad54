"""Calls for workers of an executor, in a module that every process can import."""

import os
import signal
from pathlib import Path


def square(number):
    return number**2


def killer(number, folder):
    """End the first process that sees the number 3, as the system does when memory is short."""
    mark = Path(folder, "killed")
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


def suicide(number):
    os.kill(os.getpid(), signal.SIGKILL)
