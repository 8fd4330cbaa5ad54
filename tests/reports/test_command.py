"""The command `report` as it is used: what it prints and writes, and one line when it refuses."""

import errno
import html
import json
import shutil
from pathlib import Path

import pytest
import torch
from command_line import assert_refused, called, listing, picture_file
from report_files import (
    assert_self_contained,
    contents,
    names,
    painted,
    pixels_of,
    results,
    tables,
    undrawn,
)

from stylespace.images import read_recipe
from stylespace.networks.loading import load_network
from stylespace.styles.style import Style

SPACE = ("--weights", "random:0", "--device", "cpu")
QUICK = (*SPACE, "--size", "24", "--layers", "conv1_1", "--no-stability", "--quiet")
WHOLE = (*SPACE, "--size", "32", "--layers", "conv1_1,conv2_1", "--quiet")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A drawn report on p.png by a call with --json: (folder in which it was called, the call)."""
    root = tmp_path_factory.mktemp("whole")
    painted(root / "p.png")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    result = called(root, "report", "p.png", *WHOLE, "--json")
    torch.set_num_threads(threads)
    return root, result


@pytest.fixture
def fast(call):
    """Figures are not rendered; the current folder is empty but for a.png and b.png."""
    painted("a.png", 1, 30, 24)
    painted("b.png", 2, 24, 30)
    with undrawn():
        yield call


@pytest.fixture
def refused(call):
    """Run a command that must be refused with nothing written: refused(code, words, *command)."""

    def run(code, words, *command):
        before = listing()
        result = call(*command)
        assert_refused(result, code, *([words] if isinstance(words, str) else words))
        assert listing() == before

    return run


# What a report prints and writes.


def test_one_json_object_tells_all(whole):
    root, result = whole
    assert (result.code, result.err) == (0, "")
    said = result.json
    assert set(said) == {"command", "outputs", "seconds", "figures", "recipe"}
    assert said["command"] == "report" and said["seconds"] > 0
    assert said["outputs"] == ["p-report/index.html", "p-report"]
    assert said["recipe"] == results(root / "p-report")["about"]["recipe"]
    values = {
        f"{row['number'].split('.')[-1]}.{row['layer']}": row["value"]
        for row in tables(root / "p-report")["statistics"]
        if row["number"] in ("off_diagonal.near_zero", "effective_rank", "dead_channels")
    }
    assert said["figures"].pop("subjects") == 1
    assert said["figures"] == pytest.approx(values, rel=1e-5, abs=1e-9)
    assert len(values) == 6


def test_the_page_needs_nothing_else(whole):
    page = assert_self_contained(whole[0] / "p-report")
    assert "<title>The style of p</title>" in page


def test_the_same_call_elsewhere_gives_the_same_bytes(whole, call, tmp_path):
    root, _ = whole
    shutil.copy(root / "p.png", "p.png")
    result = call("report", "p.png", *WHOLE, "--out", "elsewhere")
    assert result.code == 0, result.err
    assert result.paths[:2] == ["elsewhere/index.html", "elsewhere"]
    assert contents("elsewhere") == contents(root / "p-report")


def test_the_recipe_makes_the_report_again(whole, call):
    root, _ = whole
    shutil.copy(root / "p.png", "p.png")
    with undrawn():
        result = call("run", root / "p-report" / "recipe.toml", "--quiet", "--json")
    assert result.code == 0, result.err
    assert result.json["outputs"][0] == "p-report/index.html"
    first, again = contents(root / "p-report"), contents("p-report")
    assert first.keys() == again.keys()
    drawn = {name for name in first if name.startswith("figures/")} | {"index.html"}
    assert {name for name in first if first[name] != again[name]} == drawn


def test_lines_name_the_page_and_the_numbers_of_every_layer(fast):
    result = fast("report", "a.png", *QUICK)
    assert (result.code, result.err) == (0, "")
    assert result.paths[:2] == ["a-report/index.html", "a-report"]
    assert "subjects" in result.out and "effective_rank" in result.out and "conv1_1" in result.out


def test_a_free_name_is_found(fast):
    for name in ("a-report", "a-report-2"):
        result = fast("report", "a.png", *QUICK, "--json")
        assert result.json["outputs"] == [f"{name}/index.html", name]
    Path("a-report/index.html").unlink()  # as if it had been interrupted
    assert fast("report", "a.png", *QUICK, "--json").json["outputs"][1] == "a-report"


def test_progress_is_on_standard_error(fast):
    options = [one for one in QUICK if one != "--quiet"]
    result = fast("report", "a.png", "b.png", *options, "--json")
    assert result.code == 0 and "report" in result.err and "100%" in result.err
    assert result.json["command"] == "report"


def test_pictures_of_one_name_are_told_apart(fast):
    for folder in ("one", "two"):
        Path(folder).mkdir()
    painted("one/wave.png", 3)
    painted("two/wave.png", 4)
    assert fast("report", "one/wave.png", "two/wave.png", *QUICK, "--out", "r").code == 0
    found = tables("r")
    assert [row["subject"] for row in found["subjects"]] == ["wave", "wave (2)"]
    first, second = (row["sha256"] for row in found["subjects"])
    assert first != second
    assert {"styles/wave.style.safetensors", "styles/wave-2.style.safetensors"} <= names("r")
    assert list(results("r")["about"]["inputs"]) == ["one/wave.png", "two/wave.png"]


def test_a_picture_that_is_named_twice_is_one_subject(fast):
    assert fast("report", "a.png", "a.png", *QUICK, "--json").json["figures"]["subjects"] == 1


def test_the_pictures_of_a_folder_are_subjects(fast):
    Path("deep/er").mkdir(parents=True)
    for name in ("deep/x.png", "deep/er/y.JPG"):
        painted(name)
    Path("deep/notes.txt").write_text("no picture")
    result = fast("report", "deep", "a.png", *QUICK, "--json")
    assert result.json["figures"]["subjects"] == 3
    assert result.json["outputs"][1] == "deep-report"
    assert [row["subject"] for row in tables("deep-report")["subjects"]] == ["y", "x", "a"]


def test_names_are_text_whatever_they_look_like(call):
    """Drawn: neither the page nor a figure takes a name for markup or for a formula."""
    bad = ["<img src=x onerror=alert(1)>&amp;\"'.png", "_$\\frac{1}$ 💥\n**b**.png", "together.png"]
    for seed, name in enumerate(bad):
        painted(name, seed, 24, 24)
    result = call("report", *bad, *QUICK, "--out", "r")
    assert result.code == 0, result.err
    page = assert_self_contained("r")
    assert "<img src=x" not in page and "onerror=alert(1)>" not in page
    shown = [row["subject"] for row in tables("r")["subjects"]]
    assert shown == [bad[0][:-4], bad[1][:-4], "together (2)"]
    assert html.escape(shown[0]).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
    summary = Path("r/summary.md").read_text()
    assert "<img" not in summary and "&lt;img" in summary
    assert summary.splitlines()[0].startswith("# The styles of ")
    keys = {name.removeprefix("styles/") for name in names("r") if name.startswith("styles/")}
    assert keys == {
        f"{key}.style.safetensors"
        for key in ("img-src-x-onerror-alert-1-amp", "frac-1-b", "together-2")
    }


def test_a_texture_is_reported_with_its_making(fast):
    made = fast("texture", "a.png", *SPACE, "--size", "24", "--iterations", "3", "--quiet",
                "--layers", "conv1_1", "--out", "t.png", "--no-figure")  # fmt: skip
    assert made.code == 0, made.err
    assert fast("report", "t.png", *QUICK, "--out", "r").code == 0
    page = assert_self_contained("r")
    assert ">How it was made</h3>" in page and "Its target is not shown" not in page
    for value in ("texture", "a.png", "random:0"):
        assert f"<td>{value}</td>" in page
    assert {"figures/t-trace.png", "figures/t-target.svg"} <= names("r")
    assert len(read_recipe("t.png")["trace"]) == 3
    Path("a.png").unlink()
    assert fast("report", "t.png", *QUICK, "--out", "s").code == 0
    page = assert_self_contained("s")
    assert "Its target is not shown: the recipe reads &#39;a.png&#39;, which is not here" in page
    assert "figures/t-trace.png" in names("s") and "figures/t-target.png" not in names("s")


# Style files.


def style_file(path, layers=("conv1_1", "conv1_2"), **options):
    image = torch.from_numpy(pixels_of("a.png"))
    network = load_network(weights=options.pop("weights", "random:0"), device="cpu", **options)
    Style.capture(network, image, layers, source="a").save(path)
    return path


def test_a_style_file_stands_beside_a_picture(fast):
    name = style_file("s.style.safetensors")
    options = [one for one in QUICK if one not in ("--layers", "conv1_1")]
    result = fast("report", name, "b.png", *options, "--out", "r", "--json")
    assert result.code == 0, result.err
    found = tables("r")
    assert [row["kind"] for row in found["subjects"]] == ["style file", "picture"]
    layers = {row["layer"] for row in found["statistics"]}
    assert layers == {"conv1_1", "conv1_2"}  # those of the style file
    assert len(found["distances"]) == 4 * 3


@pytest.mark.parametrize(
    ("options", "difference"),
    [({"pooling": "max"}, "pooling"), ({"padding": "replicate"}, "padding"),
     ({"weights": "random:1"}, "weights"), ({"name": "alexnet-st"}, "network")],
)  # fmt: skip
def test_styles_of_different_networks_are_refused(call, refused, options, difference):
    painted("a.png")
    good = style_file("good.style.safetensors")
    layers = ("conv1",) if "name" in options else ("conv1_1", "conv1_2")
    other = style_file("other.style.safetensors", layers, **options)
    refused(1, [repr(other), difference, "style space"], "report", good, other, *QUICK)
    refused(1, [repr(other), difference], "report", "a.png", other, *QUICK)


def test_a_style_file_without_the_layer_is_refused(refused, call):
    painted("a.png")
    name = style_file("s.style.safetensors", ("conv1_2",))
    refused(2, [repr(name), "'conv1_1'", "conv1_2"], "report", name, "a.png", *QUICK)


def test_a_damaged_style_file_is_refused(refused, call):
    Path("s.style.safetensors").write_bytes(b"x" * 99)
    refused(1, ["s.style.safetensors", "damaged"], "report", "s.style.safetensors", *QUICK)


# What is refused.


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("god.png",), 1, ["'god.png'", "Did you mean 'good.png'?"]),
        (("good.png", "god.png"), 1, ["'god.png'", "no such file"]),
        (("sample:durer-loin",), 2, ["'durer-loin'", "'durer-lion'?"]),
        (("empty",), 1, ["'empty'", "no pictures in this folder", ".png"]),
        (("poem.png",), 1, ["'poem.png'", "not a picture"]),
        (("cut.png", "poem.png"), 1, ["none of 2 pictures", "'cut.png'", "cut short"]),
        (("good.png", "cut.png", "--contrast", "good,cut"), 2, ["'cut'", "cut short"]),
        ((), 2, ["PICTURES"]),
        (("",), 2, ["no picture", "sample:NAME"]),
        (("good.png", ""), 2, ["no picture"]),
        (("good.png", "--contrast", "good"), 2, ["--contrast takes two different names"]),
        (("good.png", "--contrast", "good,good"), 2, ["two different names"]),
        (("good.png", "--contrast", "good,god"), 2, ["'god'", "'good'?", "Known: good"]),
        (("good.png", "--size", "0"), 2, ["--size", "at least 1"]),
        (("good.png", "--size", "1"), 2, ["'good.png'", "too small for conv2_1"]),
        (("good.png", "--distance", "grm"), 2, ["grm", "gram"]),
        (("good.png", "--workers", "0"), 2, ["--workers", "at least 1"]),
        (("good.png", "--layers", "conv22"), 2, ["'conv22'", "'conv2_2'?"]),
        (("good.png", "--network", "vgg16-hde"), 2, ["'vgg16-hde'", "'vgg16-hed'"]),
        (("good.png", "--preview", "x.png"), 2, ["--preview"]),
        (("good.png", "--out", "r.html"), 2, ["'r.html'", "a report goes into a folder", "'r'"]),
        (("good.png", "--out", "r.PDF"), 2, ["'r.PDF'", "folder"]),
        (("good.png", "--out", "r.png"), 2, ["'r.png'", "folder"]),
        (("good.png", "--out", "no/r"), 1, ["no", "create the folder first"]),
        (("good.png", "--out", "poem.txt"), 1, ["'poem.txt'", "where a folder is needed"]),
        (("good.png", "--out", "full"), 1, ["'full'", "--force"]),
    ],
)  # fmt: skip
def test_bad_requests_are_answered_in_one_line(refused, command, code, words):
    picture_file("good.png", 24, 24)
    Path("cut.png").write_bytes(Path("good.png").read_bytes()[:200])
    Path("poem.png").write_text("a poem\n")
    Path("poem.txt").write_text("a poem\n")
    Path("empty").mkdir()
    Path("full").mkdir()
    Path("full/notes.txt").write_text("mine")
    small = () if "--layers" in command else ("--layers", "conv1_1,conv2_1")
    refused(code, words, "report", *command, *SPACE, "--quiet", *small)


def test_a_report_that_is_there_is_kept_unless_forced(fast):
    assert fast("report", "a.png", *QUICK, "--out", "r").code == 0
    before = listing("r")
    for more in ((), ("--distance", "cosine")):
        result = fast("report", "a.png", *QUICK, "--out", "r", *more)
        assert_refused(result, 1, "r", "--force")
        assert listing("r") == before
    assert fast("report", "b.png", *QUICK, "--out", "r", "--force").code == 0
    assert [row["subject"] for row in tables("r")["subjects"]] == ["b"]
    assert not any("a-" in name or "/a." in name for name in names("r"))


def test_ctrl_c_before_anything_is_written_leaves_nothing(fast, monkeypatch):
    def pressed(*_, **__):
        raise KeyboardInterrupt

    before = listing()
    monkeypatch.setattr("stylespace.reports.making.measured", pressed)
    result = fast("report", "a.png", "b.png", *QUICK)
    assert (result.code, result.out) == (130, "")
    assert result.err == "stylespace: interrupted; nothing was written.\n"
    assert listing() == before and not Path("a-report").exists()


def full_disk(monkeypatch, after):
    """Let the disk be full once so many files are written."""
    from stylespace.files import outputs as files

    fill, written = files._fill, []

    def filled(temporary, write):
        if len(written) == after:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(temporary)
        fill(temporary, write)

    monkeypatch.setattr(files, "_fill", filled)


@pytest.mark.parametrize("after", [0, 3, 12])
def test_a_full_disk_is_one_line_and_the_report_is_gone_on_with(fast, monkeypatch, after):
    with monkeypatch.context() as patch:
        full_disk(patch, after)
        result = fast("report", "a.png", *QUICK)
    assert_refused(result, 1, "a-report/", "no space left on device", "free some space")
    assert not Path("a-report/index.html").exists()
    assert not [path for path in Path().rglob(".stylespace*")]
    again = fast(
        "report", "a.png", *QUICK, *(("--out", "a-report", "--force") if not after else ())
    )
    assert again.code == 0 and Path("a-report/index.html").exists()


def test_a_recipe_whose_picture_is_gone_is_one_line(fast, refused):
    assert fast("report", "a.png", *QUICK, "--out", "r").code == 0
    Path("a.png").unlink()
    refused(1, ["'a.png'", "no such file"], "run", "r/recipe.toml", "--quiet")


def test_two_subjects_are_contrasted_without_being_asked(fast):
    assert fast("report", "a.png", "b.png", *QUICK, "--out", "r").code == 0
    said = results("r")["about"]["findings"]
    assert any(" of a is " in one and "than that of b" in one or " of b is " in one for one in said)
    painted("c.png", 5)
    chosen = ("--contrast", "c,a")
    assert fast("report", "a.png", "b.png", "c.png", *QUICK, *chosen, "--out", "s").code == 0
    said = json.dumps(results("s")["about"]["findings"])
    assert "than that of" in said and " of b " not in said.replace("and b", "")


def test_names_that_are_no_text_are_shown_as_far_as_they_are(fast):
    import os

    Path("odd").mkdir()
    for name in (b"odd/\xff\xfe.png", b"odd/\xff\xfd.png"):
        shutil.copy("a.png", os.fsdecode(name))
    assert fast("report", "odd", *QUICK, "--out", "r").code == 0
    assert_self_contained("r")
    assert [row["subject"] for row in tables("r")["subjects"]] == ["??", "?? (2)"]
    result = fast("report", os.fsdecode(b"odd/\xff\xfe.png"), *QUICK, "--out", "s")
    assert_refused(result, 2, "no UTF-8", "rename the file")
    assert not Path("s").exists()


# --- one way with a bad file, however many there are


def test_a_few_pictures_leave_a_bad_one_out_as_many_do(fast):
    """Named on the page and as a remark; what is shown is what a folder without it shows."""
    Path("few").mkdir()
    for seed in range(3):
        painted(f"few/{seed}.png", seed)
    assert fast("report", "few", *QUICK, "--out", "whole").code == 0
    Path("few/bad.png").write_text("a poem")
    result = fast("report", "few", *QUICK, "--out", "r", "--json")
    assert result.code == 0 and result.json["figures"]["subjects"] == 3
    (line,) = result.err.splitlines()
    assert line.startswith("stylespace: left out few/bad.png: not a picture")
    page = assert_self_contained("r")
    assert "<dt>Left out</dt><dd>few/bad.png: not a picture" in page
    assert tables("r") == tables("whole")


def test_the_only_picture_and_a_style_file_are_not_left_out(refused):
    painted("a.png")
    Path("bad.png").write_text("a poem")
    Path("s.style.safetensors").write_bytes(b"x" * 99)
    refused(1, ["'bad.png'", "not a picture"], "report", "bad.png", *QUICK)
    files = ("a.png", "s.style.safetensors")
    refused(1, ["s.style.safetensors", "damaged"], "report", *files, *QUICK)
