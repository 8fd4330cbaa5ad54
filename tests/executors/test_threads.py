"""Threads of a program: as many as it has cores for, patient, unless the user says otherwise."""

import os
import subprocess
import sys

import pytest

from stylespace.executors import threads


@pytest.mark.parametrize(
    ("text", "count"), [("150000 100000", 2), ("10000 100000", 1), ("max 100000", 7), (None, 7)]
)
def test_a_containers_share_counts(tmp_path, monkeypatch, text, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(7), raising=False)
    monkeypatch.setattr(threads, "CONTAINER", tmp_path / "cpu.max")
    if text:
        (tmp_path / "cpu.max").write_text(text)
    assert threads.cores() == count


def test_what_the_user_set_stays(monkeypatch):
    for name in (*threads.THREADS, "OMP_WAIT_POLICY", "THP_MEM_ALLOC_ENABLE"):
        monkeypatch.delenv(name, raising=False)
    assert threads.thread_environment(3) == {
        "OMP_NUM_THREADS": "3",
        "MKL_NUM_THREADS": "3",
        "OMP_WAIT_POLICY": "passive",
        "THP_MEM_ALLOC_ENABLE": "1",
    }
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MKL_NUM_THREADS", "")  # nothing: it follows the other one
    assert threads.thread_environment(3) == {
        "MKL_NUM_THREADS": "1",
        "THP_MEM_ALLOC_ENABLE": "1",
    }


def test_workers_have_no_more_threads_than_the_user_allows(monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: 9)
    for told, shares in {"": (4, 1), "2": (2, 1), "20": (4, 1), "4,2": (4, 1), "0": (1, 1)}.items():
        monkeypatch.setenv("OMP_NUM_THREADS", told)
        assert (threads.share(2), threads.share(20)) == shares
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads.share(2) == 4


def test_the_program_waits_patiently(tmp_path):
    """Seen in the environment that the program's own processes inherit, before torch is there."""
    code = (
        "import os, sys\n"
        "sys.argv = ['stylespace', 'samples', '--quiet']\n"
        "from stylespace.__main__ import main\n"
        "main()\n"
        "print(os.environ['OMP_WAIT_POLICY'], os.environ['OMP_NUM_THREADS'], file=sys.stderr)\n"
        "assert 'torch' not in sys.modules\n"
    )
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    result = subprocess.run(
        [sys.executable, "-c", code], env=plain, capture_output=True, text=True, check=True
    )
    assert result.stderr.split() == ["passive", str(threads.cores())]
