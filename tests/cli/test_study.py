"""The command `study`: what it prints and writes, that it goes on, and one line when it refuses."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import ONE_THREAD, assert_refused, picture_file

from stylespace.studies import rows as rows_of_a_study
from stylespace.studies.study import again, study_folder

STUDY = """
title = "Two ways"
shown = ["style.vgg16-hed", "similarity"]
content_weights = [0.1, 1.0]
along = "content.vgg16-hed"
[pairs]
one = ["a.png", "b.png"]
[ways.full]
[ways."less content"]
content_layers = ["conv1_2"]
[base]
size = 32
sizes = [32]
iterations = [3]
weights = "random:0"
layers = ["conv1_1", "conv2_1"]
content_layers = ["conv2_1"]
[[claims]]
says = "The second way is nearer."
way = "less content"
than = "full"
measure = "style.vgg16-hed"
along = "content.vgg16-hed"
"""
FILES = ("README.md", "table.csv", "findings.json", "two-curves.png", "two-strip.jpg")


class QuickJury:
    """Two measures that take no network; the true judges are tested by themselves."""

    def figures(self, image, content, style, *, made_by, masks):
        """How near the picture's colours are to the style's, and how like it is to the content."""
        means = [float(one.mean()) for one in (image, style)]
        away = float((image - content).abs().mean())
        near = 1e-3 + abs(means[0] - means[1])
        return {"style.vgg16-hed": near, "content.vgg16-hed": away, "similarity": 1 - away}


@pytest.fixture
def recipe(call, monkeypatch):
    """A study of two transfers, in the current folder."""
    monkeypatch.setattr(rows_of_a_study, "Jury", QuickJury)
    picture_file("a.png")
    picture_file("b.png", seed=1)
    Path("two.toml").write_text(STUDY)
    return "two.toml"


def rows(folder):
    """The rows of its table."""
    with Path(folder, "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_study_fills_a_folder_and_goes_on_in_it(call, recipe):
    done = call("study", recipe, "--quiet")
    assert done.code == 0, done.err
    assert done.paths == ["two-study", *(f"two-study/{name}" for name in FILES)]
    assert all(Path(path).exists() for path in done.paths)
    found = rows("two-study")
    assert [(row["way"], row["content_weight"]) for row in found] == [
        ("full", "0.1"), ("full", "1"), ("less content", "0.1"), ("less content", "1"),
    ]  # fmt: skip
    page = Path("two-study/README.md").read_text()
    assert "| The second way is nearer. |" in page and "is undecided" in page
    assert again(Path(recipe), Path("two-study")) == page  # rendered from the table alone

    pictures = sorted(Path("two-study/pictures").iterdir())
    before = [path.stat().st_mtime_ns for path in pictures]
    once_more = json.loads(call("study", recipe, "--quiet", "--json").out)
    assert [path.stat().st_mtime_ns for path in pictures] == before and len(before) == 4
    assert once_more["outputs"][0] == "two-study"
    assert once_more["figures"] == {"results": 4, "done": 4, "failed": 0}
    assert rows("two-study") == found

    Path("two-study/pictures", pictures[0].name).unlink()  # its row is there: not made again
    assert call("study", recipe, "--quiet").code == 0
    assert len(list(Path("two-study/pictures").iterdir())) == 3

    assert_refused(call("study", recipe, "--part", "tow", "--quiet"), 2, "'tow'", "'two'")
    Path(recipe).write_text(STUDY.replace("Two ways", "Others"))
    assert study_folder(Path(recipe)).name == "two-study-2"
    assert study_folder(Path(recipe), quick=True).name == "two-quick"


def test_a_run_of_two_parts_is_made_once_and_shown_in_both(call, recipe):
    Path("other.toml").write_text(STUDY.replace("full", "whole"))
    Path("both.toml").write_text('title = "Both"\nparts = ["two.toml", "other.toml"]\n')
    done = call("study", "both.toml", "--quiet")
    assert done.code == 0, done.err
    assert len(rows("both-study")) == 8 and len({row["key"] for row in rows("both-study")}) == 4
    assert {"two-strip.jpg", "other-strip.jpg"} <= set(os.listdir("both-study"))


def test_a_table_of_other_settings_is_kept_aside_and_said(call, recipe):
    call("study", recipe, "--quiet", "--out", "s")
    before = Path("s/table.csv").read_bytes()
    Path(recipe).write_text(STUDY.replace("iterations = [3]", "iterations = [4]"))
    changed = call("study", recipe, "--quiet", "--out", "s")
    assert changed.code == 0 and "4 results of table.csv are of other settings" in changed.err
    assert Path("s/table-earlier.csv").read_bytes() == before
    assert not {row["key"] for row in rows("s")} & {
        line.split(",")[5] for line in before.decode().splitlines()[1:]
    }


def test_a_run_that_fails_is_named_and_the_others_are_made(call, recipe):
    deep = '[ways."too deep"]\nlayers = ["conv5_1"]\nsize = 8\nsizes = [8]\n'
    Path(recipe).write_text(STUDY.replace("[base]", f"{deep}[base]"))
    done = call("study", recipe, "--quiet", "--out", "s", "--json")
    found = json.loads(done.out)
    assert found["figures"] == {"results": 6, "done": 6, "failed": 2}
    failed = [row for row in rows("s") if row["failed"]]
    assert {row["way"] for row in failed} == {"too deep"} and not failed[0]["similarity"]


def test_quick_is_small_and_never_takes_the_place_of_the_whole(call, recipe):
    quick = call("study", recipe, "--quick", "--quiet", "--out", "q")
    assert quick.code == 0 and len(rows("q")) == 4
    assert_refused(call("study", recipe, "--quiet", "--out", "q"), 1, "--force")


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
    assert len(rows("s")) == 1


def test_ctrl_c_before_the_first_result_leaves_nothing(call, recipe, monkeypatch):
    def pressed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("stylespace.commands.transfer.many.transferred", pressed)
    stopped = call("study", recipe, "--out", "s", "--quiet")
    assert stopped.code == 130 and not Path("s/table.csv").exists()


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing(call, recipe):
    """Two processes, one of them killed in mid-run: the table is that of one process."""
    text = STUDY.replace("iterations = [3]", "iterations = [40]")
    Path(recipe).write_text(text)
    command = [sys.executable, "-m", "stylespace", "study", recipe, "--quiet", "--out", "two"]
    with subprocess.Popen([*command, "--executor", "processes"], env=ONE_THREAD) as running:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not list(Path("two").glob("pictures/*.png*")):
            time.sleep(0.1)
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        assert running.wait(300) == 0
    command[-1] = "one"
    subprocess.run(command, env=ONE_THREAD, check=True, timeout=300)
    two, one = rows("two"), rows("one")
    for row in (*one, *two):
        row.pop("seconds")
    assert two == one


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (None, 1, ("'two.toml'", "is missing")),
        ("title = ", 2, ("not TOML",)),
        ('title = "a"\n', 2, ("holds no study", "[pairs]")),
        (STUDY.replace("along =", "alogn ="), 2, ("'alogn'", "'along'")),
        (STUDY.replace("content_layers", "contant_layers"), 2, ("content_layers",)),
        (STUDY.replace('way = "less', 'way = "lass'), 2, ("'lass content'", "'less content'")),
        (STUDY.replace('measure = "style', 'measure = "stile'), 2, ("'stile.vgg16-hed'",)),
        (STUDY.replace("[[claims]]", "[[claims]]\nmargin = -1"), 2, ("choose 0 or more",)),
        (STUDY.replace('title', 'also = ["nois"]\ntitle', 1), 2, ("'nois'", "'noise'")),
        (STUDY.replace('one = ["a.png", "b.png"]', 'one = ["a.png"]'), 2, ("holds no study",)),
        (STUDY.replace("[ways.full]", '[ways.full]\nprepared = "wraped"'), 2, ("'warped'",)),
        (STUDY.replace("a.png", "gone.png"), 1, ("gone.png",)),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(call, recipe, text, code, words):
    Path(recipe).unlink() if text is None else Path(recipe).write_text(text)
    assert_refused(call("study", recipe, "--out", "s", "--quiet"), code, *words)
    assert not Path("s/table.csv").exists()


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
