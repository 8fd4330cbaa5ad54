"""How much memory a call takes."""

import threading

import psutil


def extra_bytes(call):
    """Return by how much a call raised this process's memory, looked at every millisecond.

    Once in a process: what it frees may stay with the process, and a second call starts from there.
    """
    process, done = psutil.Process(), threading.Event()
    before = highest = process.memory_info().rss

    def watch():
        nonlocal highest
        while not done.wait(1e-3):
            highest = max(highest, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        call()
    finally:
        done.set()
        watcher.join()
    return highest - before
