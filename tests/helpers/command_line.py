"""What the tests of the command line share: running it in process, cheaply, or as a program."""

import functools
import json
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylespace.cli import main as cli

RANDOM = ("--weights", "random:0", "--device", "cpu")
SMALL = (*RANDOM, "--size", "32", "--iterations", "2")
SHALLOW = ("--layers", "conv1_1,conv1_2")
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
REACHED = ("--layer", "conv1_1", "--entry", "4,4", *SMALL)
"""With one painting to beat, at 32 px, these two evaluations are enough."""


@dataclass(frozen=True)
class Call:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return strict_json(self.out)

    @property
    def paths(self):
        return [line for line in self.out.splitlines() if not line.startswith("  ")]


def strict_json(text):
    """Exactly one JSON object, without NaN and Infinity."""

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    found = json.loads(text, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def call(cheap, capsys):
    """Run the command line in process: call("probe", ...) -> Call."""

    def run(*arguments):
        capsys.readouterr()
        code = cli.main([str(one) for one in arguments])
        said = capsys.readouterr()
        return Call(code, said.out, said.err)

    return run


@pytest.fixture
def cheap(monkeypatch, tmp_path):
    """An empty current folder, filters drawn once, and one small painting to beat."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stylespace.networks.loading.load_weights", _load_weights)
    monkeypatch.setattr("stylespace.commands.probe.patches.paintings", lambda: ("durer-lion",))
    monkeypatch.setattr("stylespace.commands.probe.patches.PAINTING_SIDE", 32)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # at 32 px threads only wait for each other
    yield
    torch.set_num_threads(threads)


@functools.cache
def _drawn(name, weights):
    from stylespace.networks.weights import load_weights

    return load_weights(name, weights)


def _load_weights(name, weights=None, *, progress=False):
    from stylespace.networks.weights import load_weights

    random = weights is not None and weights.startswith("random:")
    return _drawn(name, weights) if random else load_weights(name, weights)


def program(*arguments, **options):
    """Run the installed program in a process of its own."""
    command = [sys.executable, "-m", "stylespace", *map(str, arguments)]
    options = {"env": ONE_THREAD, "text": True, "timeout": 120, **options}
    return subprocess.run(command, capture_output=True, **options)


def picture_file(path, width=40, height=30, seed=0):
    """Write a small picture; return its path as text."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return str(path)


def listing(folder="."):
    """Every file below a folder with its bytes: what must not change when a command refuses."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


def assert_refused(result, code, *words):
    """One clear line, two for wrong usage; nothing on stdout."""
    lines = result.err.splitlines()
    assert result.code == code, result.err
    assert result.out == ""
    assert lines[0].startswith("stylespace: "), result.err
    assert len(lines) == (2 if code == 2 else 1), result.err
    assert code != 2 or (lines[1].startswith("See 'stylespace") and lines[1].endswith("--help'."))
    for word in ("Traceback", "unexpected"):
        assert word not in result.err, result.err
    for word in words:
        assert word in lines[0], (word, lines[0])


def pressing(monkeypatch, number):
    """Press Ctrl-C in the first evaluation of transfer `number` of a comparison."""
    from stylespace.commands.transfer import many

    true, begun = many.transferred, []

    def pressed(step):
        raise KeyboardInterrupt

    def transferred(*arguments, watch, **options):
        begun.append(1)
        watch = pressed if len(begun) == number else watch
        return true(*arguments, watch=watch, **options)

    monkeypatch.setattr(many, "transferred", transferred)
    return begun


def called(folder, *arguments):
    """Run the command line in a folder, for fixtures that many tests share."""
    out, err = StringIO(), StringIO()
    with (
        chdir(folder),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.MonkeyPatch.context() as p,
    ):
        p.setattr("stylespace.networks.loading.load_weights", _load_weights)
        code = cli.main([str(one) for one in arguments])
    return Call(code, out.getvalue(), err.getvalue())
