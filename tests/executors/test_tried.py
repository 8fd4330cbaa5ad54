"""Calls that fail are tried once more; what ends its workers fails alone."""

import os
import pickle
import signal
from pathlib import Path

import pytest
from worker_calls import square

from stylespace.errors import PictureError, StylespaceError, UnreachedError
from stylespace.executors import Failure, executor_for, tried

CALLS = [(number,) for number in range(6)]


REFUSED = PictureError("no.")


def failing(times, error=REFUSED):
    """A function that fails so often for each odd number, and counts its calls."""
    calls = []

    def function(number):
        calls.append(number)
        if number % 2 and calls.count(number) <= times:
            raise error
        return number**2

    return function, calls


def deadly(number, folder):
    """End the process for the number 2, always; leave a mark of every call."""
    with Path(folder, str(number)).open("a") as file:
        file.write("x")
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


def test_a_call_that_fails_once_is_tried_again_at_the_end():
    function, calls = failing(1)
    with executor_for("serial") as executor:
        assert list(tried(executor, function, CALLS)) == [
            (0, 0), (2, 4), (4, 16), (1, 1), (3, 9), (5, 25)
        ]  # fmt: skip
    assert calls == [0, 1, 2, 3, 4, 5, 1, 3, 5]


def test_a_call_that_fails_twice_says_why_and_leaves_the_others():
    function, calls = failing(9)
    with executor_for("serial") as executor:
        found = dict(tried(executor, function, CALLS))
    assert {number: found[number] for number in (0, 2, 4)} == {0: 0, 2: 4, 4: 16}
    assert [found[number] for number in (1, 3, 5)] == [Failure("no.", PictureError)] * 3
    assert calls.count(1) == calls.count(3) == 2
    with pytest.raises(PictureError, match=r"^no\.$"):
        raise found[1].error()


def test_what_was_not_reached_is_not_tried_again():
    function, calls = failing(9, UnreachedError("too dark.", {"value": 1.0}))
    with executor_for("serial") as executor:
        found = dict(tried(executor, function, CALLS))
    assert found[1] == Failure("too dark.", StylespaceError, final=True)
    assert calls == [0, 1, 2, 3, 4, 5]


def test_other_errors_are_one_line_with_their_type():
    function, _ = failing(9, KeyError("a\nb"))
    with executor_for("serial") as executor:
        found = dict(tried(executor, function, CALLS))
    assert found[1].reason == r"unexpected KeyError: 'a\nb'"
    assert found[1].kind is StylespaceError
    assert Failure.of(ValueError()).reason == "unexpected ValueError: ValueError"
    assert "smaller --size" in Failure.of(MemoryError()).reason
    assert pickle.loads(pickle.dumps(found[1])) == found[1]


def test_ctrl_c_in_a_call_is_no_failure():
    function, _ = failing(9, KeyboardInterrupt())
    with executor_for("serial") as executor, pytest.raises(KeyboardInterrupt):
        list(tried(executor, function, CALLS))


def test_a_call_that_always_ends_its_worker_fails_alone(tmp_path):
    calls = [(number, str(tmp_path)) for number in range(6)]
    with executor_for("processes", 2) as executor:
        found = dict(tried(executor, deadly, calls))
        assert executor.submit(square, 5).result() == 25
    assert {n: found[n] for n in found if n != 2} == {0: 0, 1: 1, 3: 9, 4: 16, 5: 25}
    assert "workers were lost 4 times" in found[2].reason and found[2].final
    with pytest.raises(StylespaceError, match="lost 4 times"):
        raise found[2].error()
