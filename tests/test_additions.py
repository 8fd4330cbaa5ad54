"""CONTRIBUTING.md is true: an option, a command and a loss are added where it says, and work."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import picture_file

import stylespace
from stylespace.cli import main as cli
from stylespace.cli import table
from stylespace.settings import COMMANDS, read_toml

COMMAND = '''
"""The command `greet`: a text for a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stylespace.commands.command import Command, FileKind, short_name
from stylespace.commands.command import Result
from stylespace.files import write_whole
from stylespace.settings import Settings, recipe_of
from stylespace.settings.fields import setting


@dataclass(frozen=True, kw_only=True)
class GreetSettings(Settings):
    """A greeting."""

    command: ClassVar[str] = "greet"
    picture: str = setting("", "Whom to greet.", argument=True)
    times: int = setting(1, "How often.", minimum=1, maximum=9)

    def inputs(self):
        return [self.picture]


def work(settings, output):
    path = GREET.path(settings, output)
    write_whole(path, b"hello" * settings.times, force=output.force)
    return Result((path,), {"times": settings.times}, recipe_of(settings))


GREET = Command(
    settings=GreetSettings,
    about="Greet a picture.",
    example="stylespace greet a.png",
    names="greet-PICTURE.txt",
    stem=lambda settings: f"greet-{short_name(settings.picture)}",
    work=work,
    file=FileKind(".txt", (".txt",), "a greeting is a text: its name must end in .txt."),
)
'''


LOSS = '''
"""Energies: how strongly each channel fires, the diagonal of the Gram matrix alone."""

from stylespace.losses.objective import matching_term
from stylespace.losses.representations.base import FromMoments
from stylespace.styles.gram import gram


def energies(features):
    return gram(features).diagonal(dim1=1, dim2=2)


class Energies(FromMoments):
    @staticmethod
    def term(layer, style, weight):
        target = style.gram.diagonal()[None]
        return matching_term(f"energies.{layer}", energies, target, (layer,), weight)


REPRESENTATION = Energies
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Import a text as a module that is gone when the test ends: module(name, text)."""

    def imported(name, text):
        path = tmp_path / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        loaded = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, loaded)
        spec.loader.exec_module(loaded)
        return loaded

    return imported


@pytest.fixture
def greet(module, monkeypatch):
    """The command `greet`, and the option --times of it, as one module and one line add them."""
    before = dict(COMMANDS)
    record = module("greet_command", COMMAND).GREET
    monkeypatch.setitem(table.COMMANDS, record.name, record)
    cli.add(record)
    yield record
    del cli.commands.commands[record.name]
    COMMANDS.clear()
    COMMANDS.update(before)


def test_a_command_is_one_module_and_one_line(call, greet):
    picture_file("a.png")
    said = json.loads(call("greet", "a.png", "--times", "2", "--json").out)
    assert said["command"] == "greet" and said["outputs"] == ["greet-a.txt"]
    assert Path("greet-a.txt").read_text() == "hellohello"
    assert "greet-PICTURE.txt" in call("greet", "--help").out
    assert "Greet a picture." in call("--help").out


def test_its_inputs_and_outputs_are_checked_like_those_of_the_others(call, greet):
    picture_file("a.png")
    assert call("greet", "a.pnj").err.startswith("stylespace: 'a.pnj': no such file.")
    assert "must end in .txt" in call("greet", "a.png", "--out", "b.png").err
    assert call("greet", "a.png", "--out", "b.txt").code == 0
    assert "--force" in call("greet", "a.png", "--out", "b.txt").err
    assert "--preview" in call("greet", "a.png", "--out", "c.txt", "--preview", "p.png").err


def test_an_option_is_a_field_of_its_settings(call, greet, tmp_path):
    picture_file("a.png")
    assert "How often.  [default: 1]" in call("greet", "--help").out
    assert call("greet", "a.png", "--times", "0").code == 2
    (tmp_path / "g.toml").write_text('command = "greet"\npicture = "a.png"\ntimes = 3\n')
    assert read_toml(tmp_path / "g.toml").times == 3
    assert call("run", str(tmp_path / "g.toml"), "--out", "d.txt").code == 0
    assert Path("d.txt").read_text() == "hello" * 3


def test_a_loss_is_one_module_and_one_line(tmp_path):
    """In a copy of the package, as somebody would add it."""
    package = Path(stylespace.__file__).parent
    ours = tmp_path / "stylespace"
    shutil.copytree(package, ours, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "data").symlink_to(package.parent / "data")
    (ours / "losses/representations/energies.py").write_text(LOSS)
    table = ours / "settings/representations.py"
    line = '    "gram": Needs(),\n'
    assert line in table.read_text()
    table.write_text(table.read_text().replace(line, line + '    "energies": Needs(),\n'))

    def run(*words):
        line = [sys.executable, "-m", "stylespace", *words]
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        return subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)

    small = ("--size", "48", "--iterations", "12", "--weights", "random:0", "--quiet", "--json")
    pictures = ("sample:chelsea", "sample:gogh-auvers", "--trace", "trace.jsonl")
    done = run("transfer", *pictures, "--representation", "energies", *small)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["recipe"]["representation"] == "energies"
    first, *_, last = map(json.loads, (tmp_path / "trace.jsonl").read_text().splitlines())
    energies = [name for name in first["terms"] if name.startswith("energies.")]
    assert len(energies) == 5
    assert sum(last["terms"][name] for name in energies) < sum(
        first["terms"][name] for name in energies
    )
    assert "energies" in run("transfer", "--help").stdout
    refused = run("transfer", *pictures[:2], "--representation", "energies", "--window", "3")
    assert refused.returncode == 2 and "not with energies" in refused.stderr
