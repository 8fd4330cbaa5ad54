"""A folder of contents: a picture each, resumable, a bad one named and left out."""

import json
from pathlib import Path

import pytest
from command_line import RANDOM, assert_refused, listing

from stylespace.images import read_image, read_recipe, write_image

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = (*RANDOM, "--size", "32", "--iterations", "3", "--layers", "conv1_1,conv1_2")
STYLE = "sample:durer-lion"


@pytest.fixture
def contents(cheap):
    """Four pictures, two of one name and one in a folder within, and two that are none."""
    from stylespace.styles.sources import open_picture

    picture = open_picture("sample:coffee")
    Path("in/below").mkdir(parents=True)
    for number, name in enumerate(("a.png", "a.jpg", "b.png", "below/c.png")):
        write_image(Path("in", name), picture[..., 40 * number : 40 * number + 80, :100])
    Path("in/bad.png").write_bytes(b"no picture")
    Path("in/notes.txt").write_text("no picture either")
    return Path("in")


def test_a_folder_of_contents_makes_a_picture_each(call, contents, monkeypatch):
    loaded, captured = [], []
    from stylespace.commands import sight
    from stylespace.styles import sources

    load, measure = sight.load_network, sources.measured_style
    monkeypatch.setattr(sight, "load_network", lambda *a, **k: loaded.append(1) or load(*a, **k))

    def counted(network, image, layers, **options):
        captured.append(options.get("source"))
        return measure(network, image, layers, **options)

    monkeypatch.setattr(sources, "measured_style", counted)
    result = call("transfer", contents, STYLE, *SMALL, "--out", "out")
    assert result.code == 0, result.err
    names = ["a.png", "a-2.png", "b.png", "below-c.png"]
    made = {path.name for path in Path("out").iterdir()}
    assert made == {*names, "results.json", "recipe.toml"}
    assert "left out: 'in/bad.png': " in result.err
    assert len(loaded) == 1 and captured.count(STYLE) == 1
    rows = {row["content"]: row for row in json.loads(Path("out/results.json").read_text())}
    assert rows["in/bad.png"]["picture"] is None and rows["in/bad.png"]["note"]
    for content, name in (("in/a.jpg", "a.png"), ("in/a.png", "a-2.png"), ("in/b.png", "b.png")):
        assert rows[content]["picture"] == name
        single = call("transfer", content, STYLE, *SMALL, "--out", f"single-{name}")
        assert single.code == 0
        assert Path("out", name).read_bytes() == Path(f"single-{name}").read_bytes()
    assert read_image("out/below-c.png").shape[2:] == (26, 32)
    assert call("run", "out/b.png", "--out", "again.png").code == 0
    assert Path("again.png").read_bytes() == Path("out/b.png").read_bytes()


def test_an_interrupted_folder_goes_on(call, contents, monkeypatch):
    from stylespace.commands.transfer import many

    true, calls = many.transferred, []

    def third(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return true(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(many, "transferred", third)
        first = call("transfer", contents, STYLE, *SMALL, "--out", "out")
    assert first.code == 130
    rows = {row["content"]: row for row in json.loads(Path("out/results.json").read_text())}
    assert [row["picture"] is not None for row in rows.values()].count(True) == 2
    before = listing("out")
    assert call("transfer", contents, STYLE, *SMALL, "--out", "out").code == 0
    after = listing("out")
    assert all(after[name] == data for name, data in before.items() if name.endswith(".png"))
    assert sum(name.endswith(".png") for name in after) == 4
    assert not [name for name in after if name.endswith(".checkpoint")]
    assert read_recipe("out/below-c.png")["stopped"] == "steps"


def test_folders_that_will_not_do(call, contents):
    Path("empty").mkdir()
    assert_refused(call("transfer", "empty", STYLE, *SMALL, "--out", "out"), 1, "no pictures")
    only_bad = Path("only")
    only_bad.mkdir()
    (only_bad / "bad.png").write_bytes(b"no picture")
    result = call("transfer", only_bad, STYLE, *SMALL, "--out", "out")
    assert result.code == 1 and "none of 1 pictures" in result.err.splitlines()[-1]
    assert not Path("out").exists()
    assert_refused(call("transfer", contents, STYLE, *SMALL, "--out", "o.png"), 2, "o.png")
    both = call("transfer", contents, STYLE, *SMALL, "--partitions", "--out", "out")
    assert_refused(both, 2, "--partitions")


def test_a_folder_of_contents_is_spread_over_workers(call, contents, pickled):
    here = call("transfer", contents, STYLE, *SMALL, "--out", "here", "--quiet")
    assert here.code == 0 and pickled == [("serial", None)]
    spread = ("--executor", "processes", "--workers", "2")
    there = call("transfer", contents, STYLE, *SMALL, "--out", "there", "--quiet", *spread)
    assert there.code == 0, there.err
    assert pickled[1:] == [("processes", 2)]
    assert [path.replace("there/", "here/") for path in there.out.split()] == here.out.replace(
        "here\n", "there\n"
    ).split()
    assert listing("there") == {
        name.replace("here/", "there/"): data for name, data in listing("here").items()
    }
    assert there.err == here.err and "left out: 'in/bad.png'" in there.err


def test_a_content_that_fails_is_tried_once_more(call, contents, monkeypatch):
    from stylespace.commands.transfer import many
    from stylespace.errors import StyleError

    true, calls = many.transferred, []

    def transferred(settings, *arguments, **options):
        calls.append(settings.content)
        if settings.content == "in/b.png" or calls == ["in/a.jpg"]:
            raise StyleError("no luck: try again.")
        return true(settings, *arguments, **options)

    monkeypatch.setattr(many, "transferred", transferred)
    result = call("transfer", contents, STYLE, *SMALL, "--out", "out")
    assert result.code == 0
    assert calls.count("in/b.png") == calls.count("in/a.jpg") == 2
    assert "left out: 'in/b.png': no luck: try again." in result.err
    assert {path.name for path in Path("out").glob("*.png")} == {"a.png", "a-2.png", "below-c.png"}


def test_partitions_are_spread_over_workers(call, cheap, pickled):
    options = ("sample:coffee", STYLE, *SMALL, "--partitions", "--quiet")
    assert call("transfer", *options, "--out", "here").code == 0
    there = call("transfer", *options, "--out", "there", "--executor", "dask")
    assert there.code == 0, there.err
    assert pickled == [("serial", None), ("dask", None)]
    assert listing("there") == {
        name.replace("here/", "there/"): data for name, data in listing("here").items()
    }
