"""Runs that survive: killed, ended by signals, with unfinished leftovers or broken streams."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import ONE_THREAD, RANDOM, SMALL, assert_refused, listing
from slowly import first_of

from stylespace.cli import main as cli
from stylespace.images import read_recipe

pytestmark = pytest.mark.usefixtures("one_thread")

SCALES = ("--size", "32", "--sizes", "16,32", "--iterations", "4,4")
TINY = (*RANDOM, *SCALES, "--layers", "conv1_1,conv1_2")
PROBE = ("probe", "--layer", "conv1_1", "--entry", "4,4", *RANDOM, *SCALES)
RUNS = {
    "probe": PROBE,
    "robust": (*PROBE, "--optimizer", "adam", "--robust"),
    "phases": (*PROBE, "--parameters", "phases", "--optimizer", "adam", "--seeds", "2"),
    "texture": ("texture", "sample:durer-lion", *TINY),
    "sampler": ("texture", "sample:durer-lion", *TINY, "--sampler", "permutation"),
    "transfer": ("transfer", "sample:coffee", "sample:durer-lion", *TINY),
    "edit": ("edit", "sample:durer-lion", "--layer", "conv1_1", "--entry", "4,4", *TINY),
}
"""Every kind of run that ends in one picture, and every kind of state that it may have."""


class Killed(BaseException):
    """As good as SIGKILL: nothing but what is on the disk is left."""


@pytest.fixture
def kept_each_step(monkeypatch):
    monkeypatch.setattr("stylespace.synthesis.checkpoint.EVERY", 0)


def killed(monkeypatch, call, arguments, after):
    """Run a command that ends, without a last word, when its loop is to begin another step."""
    from stylespace.synthesis.checkpoint import Checkpoint
    from stylespace.synthesis.loop import _Run

    steps, true = [], _Run._step

    def step(self):
        if len(steps) == after:
            raise Killed
        steps.append(1)
        true(self)

    with monkeypatch.context() as patch:
        patch.setattr(_Run, "_step", step)
        patch.setattr(Checkpoint, "__exit__", lambda self, *_: self._lock.close())
        with pytest.raises(Killed):
            call(*arguments)


# --- killed


@pytest.mark.parametrize("kind", first_of(RUNS, 4))
def test_a_killed_run_goes_on_to_the_same_bytes(call, monkeypatch, kept_each_step, kind):
    assert call(*RUNS[kind], "--out", "a.png", "--trace", "a.jsonl").code == 0
    expected = listing()
    steps = len(Path("a.jsonl").read_text().splitlines())
    again = (*RUNS[kind], "--out", "b.png", "--trace", "b.jsonl")
    for after in (0, 1, 3, 2, steps - 7):  # in both scales, and in a second run where there is one
        killed(monkeypatch, call, again, after)
        assert Path("b.png.checkpoint").exists() and not Path("b.png").exists()
    result = call(*again)
    assert result.code == 0, result.err
    assert "going on from 'b.png.checkpoint'" in result.err
    found = {name.replace("b", "a", 1): data for name, data in listing().items() if name[0] == "b"}
    assert found.keys() == expected.keys()
    for name in expected.keys() - {"a.jsonl"}:  # the trace has seconds in it
        assert found[name] == expected[name], name
    assert len(Path("b.jsonl").read_text().splitlines()) == steps


def program(*arguments, every=0.05):
    """The command as a program of its own that keeps its state every so many seconds."""
    code = (
        "import sys\n"
        "import stylespace.synthesis.checkpoint as checkpoint\n"
        f"checkpoint.EVERY = {every}\n"
        "from stylespace.__main__ import main\n"
        "sys.exit(main())\n"
    )
    return [sys.executable, "-c", code, *map(str, arguments)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["probe", "texture", "transfer", "edit"])
def test_killed_at_twenty_random_moments(tmp_path, kind):
    """With the system's SIGKILL; half a minute a command."""
    arguments = [*RUNS[kind], "--quiet"]
    arguments[arguments.index("--iterations") + 1] = "150,150"
    options = {"cwd": tmp_path, "env": ONE_THREAD, "stdout": subprocess.DEVNULL}
    began = time.monotonic()
    subprocess.run(program(*arguments, "--out", "a.png"), check=True, **options)
    seconds, moments = time.monotonic() - began, random.Random(0)
    kills = 0
    while kills < 20:
        process = subprocess.Popen(program(*arguments, "--out", "b.png"), **options)
        try:
            code = process.wait(moments.uniform(0, 1.1 * seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            if (tmp_path / "b.png.checkpoint").exists() or not (tmp_path / "b.png").exists():
                continue
            code = 0  # all was written, and the program about to end
        assert code == 0
        assert (tmp_path / "b.png").read_bytes() == (tmp_path / "a.png").read_bytes()
        for path in tmp_path.glob("b*"):
            path.unlink()
    assert subprocess.run(program(*arguments, "--out", "b.png"), **options).returncode == 0
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "a.png").read_bytes()
    assert {path.name[0] for path in tmp_path.iterdir()} == {"a", "b"}  # and nothing hidden


def test_the_state_is_on_the_disk_every_ten_seconds(tmp_path, monkeypatch):
    """One more step would be too late: with steps of 4 s, after the second, fourth, ... of them."""
    import torch

    from stylespace.synthesis import checkpoint

    assert checkpoint.EVERY == 10
    clock, written = [100.0], []
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])
    with checkpoint.Checkpoint(tmp_path / "x.checkpoint", {"settings": "a"}) as kept:
        for number in range(1, 9):
            clock[0] += 4
            before = kept.path.read_bytes()
            kept.keep(lambda k=number: checkpoint.State({"z": torch.tensor(k)}))
            written += [number] if kept.path.read_bytes() != before else []
    assert written == [2, 4, 6, 8]


# --- what is left is its own


@pytest.mark.parametrize("named", [True, False])
def test_what_an_unfinished_run_left_is_its_own(call, monkeypatch, kept_each_step, named):
    out = ("--out", "x.png") if named else ()
    arguments = (*RUNS["texture"], *out, "--preview", "p.png", "--trace", "t.jsonl")
    monkeypatch.setattr("stylespace.synthesis.progress.EVERY", 1)
    killed(monkeypatch, call, arguments, 3)
    name = "x.png" if named else "texture-durer-lion.png"
    assert {*listing()} == {f"{name}.checkpoint", "p.png", "t.jsonl"}
    result = call(*arguments)
    assert (result.code, result.paths[0]) == (0, name), result.err


def test_a_picture_that_was_written_without_its_figure(call, monkeypatch, kept_each_step):
    from stylespace.synthesis.checkpoint import Checkpoint

    with monkeypatch.context() as patch:

        def no_figure(*_, **__):
            raise Killed

        patch.setattr("stylespace.commands.texture.figure.texture_figure", no_figure)
        patch.setattr(Checkpoint, "__exit__", lambda self, *_: self._lock.close())
        with pytest.raises(Killed):
            call(*RUNS["texture"])
    assert {*listing()} == {"texture-durer-lion.png", "texture-durer-lion.png.checkpoint"}
    before = Path("texture-durer-lion.png").read_bytes()
    result = call(*RUNS["texture"])
    assert result.code == 0, result.err
    assert {*listing()} == {"texture-durer-lion.png", "texture-durer-lion-figure.png"}
    assert Path("texture-durer-lion.png").read_bytes() == before


def test_another_file_under_the_name_is_not_the_runs(call, monkeypatch, kept_each_step):
    arguments = (*RUNS["texture"], "--out", "x.png")
    killed(monkeypatch, call, arguments, 3)
    Path("x.png").write_bytes(b"somebody else's")
    assert_refused(call(*arguments), 1, "x.png")
    killed(monkeypatch, call, (*RUNS["texture"], "--out", "y.png"), 3)
    Path("p.png").write_bytes(b"somebody else's")  # no preview of the run that was killed
    assert_refused(call(*RUNS["texture"], "--out", "y.png", "--preview", "p.png"), 1, "p.png")


def test_an_unfinished_run_of_other_settings_is_not_replaced(call, monkeypatch, kept_each_step):
    killed(monkeypatch, call, (*RUNS["texture"], "--out", "x.png"), 3)
    before = listing()
    other = (*RUNS["texture"], "--seed", "3", "--out", "x.png")
    assert_refused(call(*other), 1, "x.png.checkpoint", "an unfinished run", "--force")
    assert listing() == before
    assert call(*other, "--force").code == 0
    assert read_recipe("x.png")["recipe"]["seed"] == 3
    killed(monkeypatch, call, RUNS["texture"], 3)  # without a name another one is taken
    result = call(*RUNS["texture"], "--seed", "3")
    assert result.paths[0] == "texture-durer-lion-2.png"
    assert Path("texture-durer-lion.png.checkpoint").exists()


def test_two_runs_at_once_do_not_share_a_name(call):
    from stylespace.commands.unfinished import checkpoint_path
    from stylespace.files import hold

    assert call(*RUNS["texture"], "--out", "x.png").code == 0
    path = checkpoint_path(Path("y.png"))
    path.write_bytes(b"")
    with hold(path):  # another program is at it
        assert_refused(call(*RUNS["texture"], "--out", "y.png", "--force"), 1, "another run")


def test_changed_inputs_begin_anew(call, monkeypatch, kept_each_step, tmp_path):
    from stylespace.images import read_image, write_image

    picture = read_image(Path(cli.__file__).parents[2] / "data/paintings/durer-lion.jpg")
    write_image("in.png", picture[..., :200, :200])
    arguments = ("texture", "in.png", *TINY, "--out", "x.png")
    killed(monkeypatch, call, arguments, 5)
    write_image("in.png", picture[..., :200, 50:250], force=True)
    result = call(*arguments)
    assert result.code == 0, result.err
    assert "the unfinished run had other inputs: beginning anew" in result.err
    assert call(*arguments[:-1], "y.png").code == 0
    assert Path("x.png").read_bytes() == Path("y.png").read_bytes()


def test_a_damaged_checkpoint_begins_anew(call, monkeypatch, kept_each_step):
    arguments = (*RUNS["texture"], "--out", "x.png")
    killed(monkeypatch, call, arguments, 5)
    path = Path("x.png.checkpoint")
    path.write_bytes(path.read_bytes()[:-100])
    assert_refused(call(*arguments), 1, "x.png.checkpoint")  # nobody knows whose it was
    result = call(*arguments, "--force")
    assert result.code == 0 and "beginning anew" in result.err


def test_a_checkpoint_that_cannot_be_written_costs_no_run(call, monkeypatch, kept_each_step):
    from stylespace.synthesis.checkpoint import Checkpoint

    assert call(*RUNS["texture"], "--out", "a.png").code == 0
    true = Checkpoint._write

    def write(self, states):
        from stylespace.files.outputs import _failure

        if states:
            raise _failure(self.path, OSError(errno.ENOSPC, "No space left on device"))
        true(self, states)

    monkeypatch.setattr(Checkpoint, "_write", write)
    result = call(*RUNS["texture"], "--out", "b.png")
    assert result.code == 0
    assert result.err.count("No more checkpoints") == 1
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


# --- signals


def interrupting(monkeypatch, number, step, times=1):
    """Send a signal to this process in an evaluation."""
    from stylespace.synthesis.loop import _Run

    true = _Run._step

    def evaluated(self):
        true(self)
        if len(self.steps) == step:
            for _ in range(times):
                os.kill(os.getpid(), number)

    monkeypatch.setattr(_Run, "_step", evaluated)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_end_with_the_best_picture(call, monkeypatch, name):
    number = getattr(signal, name)
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    interrupting(monkeypatch, number, 3)
    result = call(*RUNS["texture"], "--out", "x.png")
    assert result.code == 130, result.err  # the program makes 143 and 129 of it
    assert read_recipe("x.png")["stopped"] == "interrupted"
    assert {*listing()} == {"x.png", "x-figure.png"}
    assert {one: signal.getsignal(one) for one in before} == before
    from stylespace.executors.interrupts import exit_code

    assert exit_code() == 128 + number


@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGHUP", marks=pytest.mark.slow)])
def test_the_program_exits_by_itself(tmp_path, name):
    """With 143 and 129, and not of the signal, whose code would be negative here."""
    arguments = ("texture", "sample:durer-lion", *SMALL, "--iterations", "100000", "--trace", "t")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-m", "stylespace", *arguments, "--out", "x.png"]
    process = subprocess.Popen(command, cwd=tmp_path, env=ONE_THREAD, **pipes)
    deadline = time.monotonic() + 300
    while not ((tmp_path / "t").exists() and (tmp_path / "t").stat().st_size):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=300)
    assert process.returncode == 128 + getattr(signal, name), err.decode()
    assert {path.name for path in tmp_path.iterdir()} == {"t", "x.png", "x-figure.png"}


def test_ignored_signals_stay_ignored(call, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        interrupting(monkeypatch, signal.SIGHUP, 3)
        assert call(*RUNS["texture"], "--out", "x.png").code == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("step", [2, 3])
def test_a_second_ctrl_c_ends_at_once(call, monkeypatch, kept_each_step, step):
    """What was computed is kept, and the same command ends as it would have."""
    with monkeypatch.context() as patch:
        interrupting(patch, signal.SIGINT, step, times=2)
        with pytest.raises(SystemExit) as ended:
            call(*RUNS["texture"], "--out", "x.png", "--quiet")
    assert ended.value.code == 130
    assert {*listing()} == {"x.png.checkpoint"}
    for name in ("x.png", "y.png"):
        assert call(*RUNS["texture"], "--out", name, "--quiet").code == 0
    assert Path("x.png").read_bytes() == Path("y.png").read_bytes()


# --- streams


@pytest.mark.parametrize("redirection", first_of(["2>/dev/full >&- <&-", "2>&-"]))
def test_closed_and_full_streams_cost_no_result(tmp_path, redirection):
    command = f"{sys.executable} -m stylespace {' '.join(RUNS['texture'])} --out x.png"
    result = subprocess.run(["sh", "-c", f"{command} {redirection}"], cwd=tmp_path, env=ONE_THREAD)
    assert result.returncode == 0
    assert read_recipe(tmp_path / "x.png")["stopped"] == "steps"


def test_a_reader_of_progress_that_leaves_costs_no_result(tmp_path):
    command = f"{sys.executable} -m stylespace {' '.join(RUNS['texture'])} --out x.png"
    line = f"{{ {command} 2>&1 1>/dev/null; echo $? > code; }} | true"
    subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True)
    assert (tmp_path / "code").read_text() == "0\n"
    assert (tmp_path / "x.png").exists()


@pytest.mark.parametrize("arguments", [("samples",), ("networks", "--json"), ("--help",)])
def test_a_full_stdout_says_so(tmp_path, arguments):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "stylespace", *arguments]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("stylespace: standard output cannot be written to (no space left")


def test_a_full_stdout_names_the_result(call, monkeypatch):
    from stylespace.cli.streams import Stream

    def write(self, text):
        self._leave(OSError(errno.ENOSPC, "No space left on device"))

    with monkeypatch.context() as patch:
        patch.setattr(Stream, "write", lambda self, text: write(self, text) if self._vital else 0)
        with pytest.MonkeyPatch.context() as said:
            lines = []
            said.setattr(cli, "_said", lambda text, code: lines.append(text) or code)
            assert call(*RUNS["texture"], "--out", "x.png").code == 1
    assert lines[-1].endswith("The results are in 'x.png'.")
    assert Path("x.png").exists()


# --- memory


@pytest.mark.parametrize("kind", ["transfer", "texture", "edit", "probe"])
def test_memory_is_estimated_before_anything_is_enlarged(call, monkeypatch, kind):
    """A size that cannot fit is refused at once: nothing larger than the sources is made."""
    import torch.nn.functional as F

    largest, true = [0], F.interpolate

    def interpolate(image, *rest, **options):
        found = true(image, *rest, **options)
        largest.append(max(found.shape[-2:]))
        return found

    monkeypatch.setattr(F, "interpolate", interpolate)
    monkeypatch.setattr("stylespace.networks.memory.available", lambda device: 3 * 2**30)
    plain = RUNS[kind][: RUNS[kind].index("--size")]
    result = call(*plain, "--size", "20000", "--iterations", "4")
    assert_refused(result, 1, "20000", "GiB", "--size")
    assert max(largest) < 1000 and listing() == {}
