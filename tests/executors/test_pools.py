"""Where calls run: every result exactly once, whatever becomes of the workers."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest
from worker_calls import command_line, ended, killer, square, suicide, workers

from stylespace.errors import StylespaceError, UsageError
from stylespace.executors import RESTARTS, Serial, completed, cores, executor_for, executor_kind

NUMBERS = [(number,) for number in range(12)]
SQUARES = {number: number**2 for number in range(12)}


def refused(number):
    raise UsageError(f"no {number}")


def marked_square(number, folder):
    """Leave a file that tells who works, slowly enough to be killed meanwhile."""
    Path(folder, f"{number}-{os.getpid()}").touch()
    time.sleep(0.05)
    return number**2


def threads():
    import torch

    return torch.get_num_threads()


@pytest.mark.parametrize("name", ["serial", "processes"])
def test_every_result_comes_once(name):
    with executor_for(name, None if name == "serial" else 2) as executor:
        found = list(completed(executor, square, NUMBERS))
        assert executor.submit(square, 5).result() == 25
    assert sorted(found) == sorted(SQUARES.items())


def test_a_serial_call_waits_until_the_result_before_was_taken():
    seen = []
    with executor_for("serial") as executor:
        for number, _ in completed(executor, seen.append, NUMBERS):
            assert seen == list(range(number + 1))


@pytest.mark.parametrize("name", ["serial", "processes"])
def test_an_error_of_a_call_is_raised_here(name):
    with executor_for(name) as executor, pytest.raises(UsageError, match="no 0"):
        list(completed(executor, refused, NUMBERS[:1]))


def test_a_killed_worker_costs_no_result(tmp_path):
    calls = [(number, str(tmp_path)) for number in range(12)]
    with executor_for("processes", 2) as executor:
        found = list(completed(executor, killer, calls))
        assert executor.era == 1
    assert (tmp_path / "killed").exists()
    assert sorted(found) == sorted(SQUARES.items())


def test_workers_that_always_die_end_in_one_line():
    with executor_for("processes", 2) as executor:
        with pytest.raises(StylespaceError, match="workers were lost 4 times") as error:
            list(completed(executor, suicide, NUMBERS[:1]))
        assert "\n" not in str(error.value)
    assert RESTARTS == 3


class Losing(Serial):
    """Loses the first tries of each call, and refuses some at the door."""

    ahead, lost = 3, (BrokenProcessPool,)

    def __init__(self, tries):
        self.tries, self.renewed, self.seen = tries, 0, {}

    def submit(self, function, /, *arguments):
        self.seen[arguments] = self.seen.get(arguments, 0) + 1
        if self.seen[arguments] > self.tries:
            return super().submit(function, *arguments)
        if arguments[0] % 2:
            raise BrokenProcessPool("at the door")
        future = Future()
        future.set_exception(BrokenProcessPool("on the way"))
        return future

    def renew(self):
        self.renewed += 1
        self.era += 1


@pytest.mark.parametrize("tries", [1, 3])
def test_lost_calls_are_submitted_again(tries):
    executor = Losing(tries)
    assert sorted(completed(executor, square, NUMBERS)) == sorted(SQUARES.items())
    assert executor.renewed >= tries


def test_too_many_losses_in_a_row_end_it():
    with pytest.raises(StylespaceError, match="without a result in between"):
        list(completed(Losing(99), square, NUMBERS))


def test_ticks_come_while_there_is_nothing_to_yield():
    ticks = []
    with executor_for("processes", 2) as executor:
        list(completed(executor, time.sleep, [(0.7,)], tick=lambda: ticks.append(1)))
    assert ticks


def test_leaving_by_an_error_ends_workers_at_once():
    before, began = set(workers()), time.perf_counter()
    with pytest.raises(KeyboardInterrupt), executor_for("processes", 2) as executor:
        executor.submit(square, 1).result()
        executor.submit(time.sleep, 60)
        raise KeyboardInterrupt
    assert time.perf_counter() - began < 30
    assert not set(workers()) - before


def test_workers_share_the_cores():
    with executor_for("processes", 2) as executor:
        assert executor.submit(threads).result() == max(1, cores() // 2)


def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    code = (
        "import os, sys, time\n"
        "from stylespace.executors import executor_for\n"
        "if __name__ == '__main__':\n"
        "    with executor_for('processes', 1) as executor:\n"
        "        print(executor.submit(os.getpid).result(), flush=True)\n"
        "        executor.submit(time.sleep, 60)\n"
        "        time.sleep(60)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while not ended(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ended(worker)


def test_a_process_that_ended_is_no_worker():
    """First a zombie, then, once it is reaped, no process at all."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    process = psutil.Process(child.pid)
    while process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert ended(child.pid) and command_line(process) == ""
    child.wait()
    assert ended(child.pid) and command_line(process) == ""


def test_ctrl_c_is_heard_though_the_tests_run_in_the_background():
    """A shell that is not interactive has it ignored there, and children inherit that."""
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_ctrl_c_reaches_the_parent_alone(tmp_path):
    """Sent to the whole group of processes, as a terminal does."""
    code = (
        "import sys, time\n"
        "from stylespace.executors import completed, executor_for\n"
        "if __name__ == '__main__':\n"
        "    try:\n"
        "        with executor_for('processes', 2) as executor:\n"
        "            executor.submit(time.sleep, 0).result()\n"
        "            print('ready', flush=True)\n"
        "            list(completed(executor, time.sleep, [(60,)] * 4))\n"
        "    except KeyboardInterrupt:\n"
        "        sys.exit(130)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, script], start_new_session=True, **pipes) as parent:
        assert parent.stdout.readline() == "ready\n"
        time.sleep(0.3)
        os.killpg(parent.pid, signal.SIGINT)
        _, said = parent.communicate(timeout=30)
    assert (parent.returncode, said) == (130, "")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("serial", ("serial", "")),
        ("processes", ("processes", "")),
        ("dask", ("dask", "")),
        ("dask:tcp://10.0.0.1:8786", ("dask", "tcp://10.0.0.1:8786")),
        ("dask:tls://a-b.example:1", ("dask", "tls://a-b.example:1")),
        ("dask:[::1]:8786", ("dask", "[::1]:8786")),
    ],
)
def test_names(name, kind):
    assert executor_kind(name) == kind


NO_ADDRESS = ("dask:foo", "dask:tls://foo", "dask:ucx://a:1", "dask:://", "dask: ", "dask:a/b:1")


@pytest.mark.parametrize("name", ["procesess", "serial:2", "", "dask:", *NO_ADDRESS])
def test_wrong_names_are_refused(name):
    words = "host and port" if name in NO_ADDRESS else "executor"
    with pytest.raises(UsageError, match=words), executor_for(name):
        pass
    if name == "procesess":
        with pytest.raises(UsageError, match="Did you mean 'processes'"):
            executor_kind(name)


def test_no_workers_are_refused():
    with pytest.raises(UsageError, match="at least 1"), executor_for("processes", 0):
        pass


def test_without_dask_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(StylespaceError, match=r"pip install 'stylespace\[cluster\]'"),
        executor_for("dask"),
    ):
        pass


def test_the_standard_interface_is_there():
    assert multiprocessing.get_start_method(allow_none=True) in (None, "fork", "spawn")
    with executor_for("serial") as executor:
        future = executor.submit(square, 4)
    assert isinstance(future, Future) and future.done() and future.result() == 16


# --- scripts


SCRIPT = """
import stylespace.executors as executors
from worker_calls import square
print("running", __name__)
with executors.executor_for("processes", 2) as pool:
    print(sorted(executors.completed(pool, square, [(2,), (3,)])))
print(__file__ if "__file__" in globals() else "no file", __spec__ is None)
"""


def ran(script, *, stdin=False, folder):
    """Run a plain script in a process of its own, from a file or from standard input."""
    helpers, root = Path(__file__).parent.parent / "helpers", Path(__file__).parents[2]
    path = os.pathsep.join(map(str, (helpers, root)))
    (folder / "plain.py").write_text(script)
    return subprocess.run(
        [sys.executable, "-" if stdin else "plain.py"],
        input=script if stdin else None,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.parametrize("stdin", [False, True])
def test_workers_do_not_run_the_script_again(tmp_path, stdin):
    """No `if __name__ == "__main__":` is needed; before, workers were lost without end."""
    done = ran(SCRIPT, stdin=stdin, folder=tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["running __main__", "[(0, 4), (1, 9)]"] and len(lines) == 3
    assert lines[2].endswith("True") and (stdin or "plain.py" in lines[2])


AGAIN = """
from multiprocessing import current_process, get_context
from stylespace.executors import executor_for
if current_process().name == "MainProcess":
    child = get_context("spawn").Process(target=print)
    child.start()
    child.join()
else:
    with executor_for("processes", 2):
        print("workers")
"""


def test_a_script_that_others_run_again_is_told_what_it_lacks(tmp_path):
    began = time.perf_counter()
    done = ran(AGAIN, folder=tmp_path)
    last = done.stderr.splitlines()[-1]
    assert 'put its calls under `if __name__ == "__main__":`' in last
    assert "workers" not in done.stdout and time.perf_counter() - began < 20


def test_one_worker_is_this_process(monkeypatch):
    with executor_for("processes", 1) as executor:
        assert executor.submit(os.getpid).result() == os.getpid()
    monkeypatch.setattr("stylespace.executors.pools.cores", lambda: 1)
    with executor_for("processes") as executor:
        assert executor.submit(os.getpid).result() == os.getpid()
    with executor_for("processes", 2) as executor:
        assert executor.submit(os.getpid).result() != os.getpid()
