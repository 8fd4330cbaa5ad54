"""An executor that is as strict as other processes are, in this one: all goes through pickle."""

import pickle
from contextlib import contextmanager

import pytest

from stylespace.executors import Serial


class Pickled(Serial):
    """Calls and results are pickled, and tools are made anew, as in a worker."""

    remote, ahead, count = True, 3, 2

    def submit(self, function, /, *arguments):
        function, arguments = pickle.loads(pickle.dumps((function, arguments)))
        future = super().submit(function, *arguments)
        if future.exception() is None:
            result = pickle.loads(pickle.dumps(future.result()))
            future = super().submit(lambda: result)
        return future


@pytest.fixture
def pickled(monkeypatch):
    """Every executor is such a one; the names that were asked for."""
    asked = []

    @contextmanager
    def executor_for(name, workers=None):
        asked.append((name, workers))
        yield Pickled()

    monkeypatch.setattr("stylespace.commands.spreading.executor_for", executor_for)
    return asked
