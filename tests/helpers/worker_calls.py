"""Calls for workers of an executor, in a module that every process can import."""

import os
import signal
import time
from pathlib import Path

import psutil


def square(number):
    return number**2


def slowly(number):
    time.sleep(0.5)
    return number


def killer(number, folder):
    """End the first process that sees the number 3, as the system does when memory is short."""
    mark = Path(folder, "killed")
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


def suicide(number):
    os.kill(os.getpid(), signal.SIGKILL)


def workers():
    """The worker processes of this one that live; one that ends meanwhile has no command line."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "spawn_main" in command_line(child)]


def command_line(process):
    """A process's command line as text; empty of one that ended, reaped or not (a zombie)."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # ZombieProcess is one of these
        return ""


def ended(process_id):
    """Whether a process is gone, or only waits to be reaped."""
    try:
        return psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
