"""The command `study`: what it prints and writes, that it goes on, and one line when it refuses."""

import json
from pathlib import Path

import pytest
from command_line import assert_refused, picture_file

from stylespace.studies.command import study_folder

TRIALS = """
title = "Two ways"
[pairs]
one = ["a.png", "b.png"]
[ways.full]
[ways."less content"]
content_weight = 0.1
[base]
size = 40
iterations = [3]
weights = "random:0"
layers = ["conv1_1", "conv2_1"]
content_layers = ["conv2_1"]
"""


@pytest.fixture
def recipe(call):
    """A study of two transfers, in the current folder."""
    picture_file("a.png")
    picture_file("b.png", seed=1)
    Path("two.toml").write_text(TRIALS)
    return "two.toml"


def test_a_study_fills_a_folder_and_tells_its_files(call, recipe):
    done = call("study", recipe, "--quiet")
    assert done.code == 0, done.err
    assert done.paths == ["two-study", *(f"two-study/{name}" for name in FILES)]
    assert all(Path(path).exists() for path in done.paths)
    assert "results                  2" in done.out and "done                     2" in done.out


FILES = ("README.md", "table.csv", "results.json")


def test_the_same_call_goes_on_in_its_folder_and_keeps_what_is_there(call, recipe):
    call("study", recipe, "--quiet")
    pictures = sorted(Path("two-study").rglob("0*.png"))
    before = [path.stat().st_mtime_ns for path in pictures]
    again = json.loads(call("study", recipe, "--quiet", "--json").out)
    assert len(pictures) == 2
    assert [path.stat().st_mtime_ns for path in pictures] == before
    assert set(again) == {"command", "outputs", "seconds", "figures", "recipe"}
    assert again["command"] == "study" and again["outputs"][0] == "two-study"
    assert again["figures"] == {"results": 2, "done": 2}
    assert again["recipe"]["title"] == "Two ways"


def test_another_recipe_of_that_name_finds_another_folder(call, recipe):
    call("study", recipe, "--quiet")
    Path(recipe).write_text(TRIALS.replace("Two ways", "Others"))
    assert study_folder(Path(recipe)).name == "two-study-2"


def test_ctrl_c_keeps_what_was_done(call, recipe, monkeypatch):
    from stylespace.commands.transfer import many

    transfers, true = [], many.transferred

    def transferred(*arguments, **options):
        transfers.append(options)
        if len(transfers) == 2:
            raise KeyboardInterrupt
        return true(*arguments, **options)

    monkeypatch.setattr(many, "transferred", transferred)
    stopped = call("study", recipe, "--out", "s", "--quiet")
    assert stopped.code == 130
    assert stopped.err == "stylespace: interrupted; s holds what was done so far.\n"
    assert len(list(Path("s").rglob("0*.png"))) == 1
    monkeypatch.undo()


def test_ctrl_c_before_the_first_result_leaves_nothing(call, recipe, monkeypatch):
    def pressed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("stylespace.commands.transfer.many.transferred", pressed)
    stopped = call("study", recipe, "--out", "s", "--quiet")
    assert (stopped.code, stopped.err) == (130, "stylespace: interrupted; nothing was written.\n")
    assert not Path("s").exists()


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (None, 1, ("'two.toml'", "is missing")),
        ("title = ", 2, ("not TOML",)),
        ('title = "a"\n', 2, ("holds no study", "[pairs]")),
        (TRIALS.replace("content_weight", "contant_weight"), 2, ("content_weight",)),
        (TRIALS.replace("a.png", "gone.png"), 1, ("gone.png",)),
    ],
)
def test_what_is_wrong_is_said_in_one_line(call, recipe, text, code, words):
    Path(recipe).unlink() if text is None else Path(recipe).write_text(text)
    assert_refused(call("study", recipe, "--out", "s", "--quiet"), code, *words)
    assert not Path("s").exists()


def test_a_folder_of_something_else_is_not_touched(call, recipe):
    Path("s").mkdir()
    Path("s/mine.txt").write_text("mine")
    assert_refused(call("study", recipe, "--out", "s", "--quiet"), 1, "--force")
    assert [path.name for path in Path("s").iterdir()] == ["mine.txt"]


def test_a_recipe_that_is_no_text_is_refused_without_out_too(call, recipe):
    Path(recipe).write_bytes(b"title = \xff")
    assert_refused(call("study", recipe, "--quiet"), 2, "not TOML")
    Path(recipe).unlink()
    assert_refused(call("study", recipe, "--quiet"), 1, "is missing")
