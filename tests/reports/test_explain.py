"""The command `explain` and `ss.explain`: what they find, write, say, and refuse."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
import torch
from command_line import assert_refused, called, listing
from report_files import (
    Tables,
    assert_self_contained,
    csv_rows,
    names,
    painted,
    pixels_of,
    results,
    tables,
    undrawn,
)

import stylespace as ss
from stylespace.cli.groups import spread
from stylespace.errors import UsageError
from stylespace.images import resize
from stylespace.networks.loading import load_network
from stylespace.settings import COMMANDS, settings_from, toml_of
from stylespace.styles.moments import LayerStyle
from stylespace.styles.style import Style

SPACE = ("--weights", "random:0", "--device", "cpu")
TINY = (*SPACE, "--size", "24", "--layers", "conv1_1", "--quiet")
QUICK = (*TINY, "--probes", "0", "--edits", "0", "--shown", "1")
CHANNELS = 64


@pytest.fixture
def fast(call):
    """Figures are not rendered; the folders one/ and two/ hold four pictures each."""
    for folder, seed in (("one", 0), ("two", 10)):
        Path(folder).mkdir()
        for number in range(4):
            painted(f"{folder}/{folder}-{number}.png", seed + number, 30 + number, 24)
    with undrawn():
        yield call


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A drawn explanation with a probe and an edit, by a call with --json: (folder, call)."""
    root = tmp_path_factory.mktemp("whole")
    for number in range(4):
        painted(root / f"a<b>{number}.png", number, 40, 30)
        painted(root / f"c{number}.png", 20 + number, 30, 44)
    files = sorted(path.name for path in root.iterdir())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stylespace.commands.probe.patches.paintings", lambda: ("durer-lion",))
        patch.setattr("stylespace.commands.probe.patches.PAINTING_SIDE", 32)
        small = {"size": 32, "sizes": (32,), "iterations": (8,)}
        patch.setattr("stylespace.reports.explaining.trials.PROBE", small)
        patch.setattr("stylespace.reports.explaining.trials.EDIT_STEPS", 20)
        options = ("--size", "32", "--layers", "conv1_1,conv2_1", "--shown", "3", "--probes", "1")
        names_ = ("--names", "<i>first</i>,second", "--quiet", "--json", "--out", "e")
        result = called(
            root, "explain", *files[:4], "--against", *files[4:], *SPACE, *options, *names_
        )
    torch.set_num_threads(threads)
    return root / "e", result


def gram_style(gram, network):
    """A style of conv1_1 alone, with this Gram matrix (64, 64)."""
    layer = LayerStyle(torch.ones(CHANNELS), torch.as_tensor(gram, dtype=torch.float32), 100)
    return Style({"conv1_1": layer}, network.space)


def planted(i, j, count=5):
    """Style files of two groups; in the first, channel j fires where i does, as much as ever.

    Returns the names of both groups' files, and G_ij's mean share in each.
    """
    generator, groups, shares = np.random.default_rng(0), ([], []), ([], [])
    network = load_network(weights="random:0", device="cpu")
    for number in range(2 * count):
        features = np.exp(generator.normal(size=(CHANNELS, 400)))
        if number < count:
            features[j, features[i].argsort()] = np.sort(features[j])
        gram = features @ features.T / 400
        name, group = f"s{number}.style.safetensors", int(number >= count)
        gram_style(gram, network).save(name)
        groups[group].append(name)
        shares[group].append(gram[i, j] / gram.sum())
    return *groups, [np.mean(one) for one in shares]


# What is found.


def test_a_planted_entry_is_found_first_and_is_above_the_threshold(fast):
    first, second, shares = planted(5, 17)
    result = fast("explain", *first, "--against", *second, *QUICK, "--out", "e", "--json")
    assert result.code == 0, result.err
    entries = tables("e")["entries"]
    assert (entries[0]["layer"], entries[0]["i"], entries[0]["j"]) == ("conv1_1", 5, 17)
    assert entries[0]["significant"] and entries[0]["effect"] > entries[0]["threshold"] > 0
    assert {"layer", "i", "j", "effect", "threshold", "significant"} <= set(entries[0])
    sizes = [abs(row["effect"]) for row in entries]
    assert sizes == sorted(sizes, reverse=True)
    channels = [channel for row in entries for channel in {row["i"], row["j"]}]
    assert len(channels) == len(set(channels)) and len(entries) == 8
    assert result.json["figures"]["significant"] == len(tables("e")["significant"]) == 1
    found = [entries[0]["first_share"], entries[0]["second_share"]]
    assert found == pytest.approx(shares, rel=1e-4)
    (sentence,) = results("e")["about"]["findings"]
    assert "channels 5 and 17 of conv1_1 fire together" in sentence.lower()
    assert "as much in the first group as in the second group" in sentence
    reversed_ = fast("explain", *second, "--against", *first, *QUICK, "--out", "r")
    assert reversed_.code == 0
    assert tables("r")["entries"][0]["effect"] == pytest.approx(-entries[0]["effect"], rel=1e-4)


def test_shares_are_those_of_the_gram_matrices(fast):
    assert fast("explain", "one", "--against", "two", *QUICK, "--out", "e").code == 0
    network = load_network(weights="random:0", device="cpu")
    means = []
    for folder in ("one", "two"):
        shares = []
        for path in sorted(Path(folder).iterdir()):
            with torch.no_grad():
                image = resize(ss.read_image(path), 24)
                gram = ss.gram(network(image, ["conv1_1"])["conv1_1"])[0].double()
            shares.append(gram / gram.sum())
        means.append(torch.stack(shares).mean(0))
    for row in tables("e")["entries"]:
        place = row["i"], row["j"]
        assert row["first_share"] == pytest.approx(float(means[0][place]), rel=1e-3)
        assert row["second_share"] == pytest.approx(float(means[1][place]), rel=1e-3)
    groups = [(row["picture"], row["group"]) for row in tables("e")["subjects"]]
    assert groups == [(f"{g}-{k}", g) for g in ("one", "two") for k in range(4)]
    assert all(row["decision"] is not None for row in tables("e")["subjects"])


def test_two_single_pictures_differ_and_nothing_is_claimed(fast):
    pair = ("one/one-0.png", "--against", "two/two-0.png")
    result = fast("explain", *pair, *QUICK, "--out", "e", "--json")
    assert result.code == 0, result.err
    entries = tables("e")["entries"]
    assert {row["threshold"] for row in entries} == {None}
    assert not any(row["significant"] for row in entries) and "significant" not in tables("e")
    (sentence,) = results("e")["about"]["findings"]
    assert "two single pictures" in sentence and "says nothing about who painted them" in sentence
    page = assert_self_contained("e")
    assert "no threshold, no claim" in page and "held out" not in page
    assert "held_out_accuracy" not in result.json["figures"]


def test_few_pictures_are_told_their_stability_and_no_claim(fast):
    few = ("one/one-0.png", "one/one-1.png", "--against", "two/two-0.png", "two/two-1.png")
    assert fast("explain", *few, *QUICK, "--out", "e").code == 0
    assert "too few for a claim" in results("e")["about"]["findings"][0]
    rows = tables("e")["entries"]
    assert {row["threshold"] for row in rows} == {None}
    assert all(row["kept"] is not None and row["kept"] <= 1 for row in rows)


def test_many_pictures_are_measured_in_processes_and_say_the_same(fast, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "kept"))
    assert fast("explain", "one", "--against", "two", *QUICK, "--out", "few").code == 0
    with monkeypatch.context() as patch:
        patch.setattr("stylespace.reports.explaining.measuring.MOST_DETAILED", 3)
        many = fast("explain", "one", "--against", "two", *QUICK, "--workers", "1", "--out", "many")
    assert many.code == 0, many.err
    few, many = (tables(name)["entries"] for name in ("few", "many"))
    assert [(row["i"], row["j"]) for row in few] == [(row["i"], row["j"]) for row in many]
    for one, two in zip(few, many, strict=True):
        assert one["effect"] == pytest.approx(two["effect"], rel=1e-3)


# What is written.


def test_one_json_object_and_a_page_that_needs_nothing_else(whole):
    folder, result = whole
    assert (result.code, result.err) == (0, "")
    said = result.json
    assert said["command"] == "explain" and said["outputs"] == ["e/index.html", "e"]
    assert said["figures"]["first_group"] == said["figures"]["second_group"] == 4
    assert said["recipe"] == results(folder)["about"]["recipe"]
    page = assert_self_contained(folder)
    assert page.index("The pictures of") < page.index("Map of the differences in conv1_1")
    assert {"recipe.toml", "summary.md", "tables/entries.csv", "tables/subjects.csv"} <= names(
        folder
    )
    assert "figures/differences-conv2_1.svg" in names(folder)
    assert len([one for one in names(folder) if "/places-" in one]) == 6
    assert len(csv_rows(folder / "tables/entries.csv")) == len(tables(folder)["entries"])


def test_names_with_markup_stay_text(whole):
    page = assert_self_contained(whole[0])
    assert "<i>first</i>" not in page and "&lt;i&gt;first&lt;/i&gt;" in page
    assert "a<b>" not in page and "a&lt;b&gt;0" in page


def test_an_edit_moves_the_entry_and_the_classifier_has_not_seen_the_picture(whole):
    folder, _ = whole
    (row,) = tables(folder)["edits"]
    strongest = tables(folder)["entries"][0]
    assert (row["layer"], row["i"], row["j"]) == tuple(strongest[k] for k in ("layer", "i", "j"))
    aim = row["share_aimed"]
    assert aim == pytest.approx(strongest["second_share"], rel=1e-5)
    assert abs(row["share_after"] - aim) < 0.5 * abs(row["share_before"] - aim)
    subject = next(one for one in tables(folder)["subjects"] if one["picture"] == row["picture"])
    assert row["decision_before"] == pytest.approx(subject["decision"], abs=1e-3)  # 32 px each
    assert subject["group"] == "<i>first</i>"
    held_out = Tables(assert_self_contained(folder)).found["Pictures held out"]
    assert len(held_out) == 9


def test_the_recipe_makes_it_again(whole, call):
    folder, _ = whole
    for path in folder.parent.glob("*.png"):
        shutil.copy(path, path.name)
    settings = settings_from(toml_of(folder / "recipe.toml"))
    assert settings.against == ("c0.png", "c1.png", "c2.png", "c3.png") and settings.shown == 3
    with undrawn():
        made = ss.explain(settings=settings, probes=0, edits=0, out="again")
    assert tables("again")["entries"] == tables(folder)["entries"]
    assert made.sentence == results(folder)["about"]["findings"][0]
    assert [(e.layer, e.i, e.j) for e in made.entries] == [
        (row["layer"], row["i"], row["j"]) for row in tables(folder)["entries"]
    ]


def test_a_contrast_of_a_report_shows_what_differs_and_claims_nothing(fast):
    pair = ("one/one-0.png", "two/two-0.png")
    options = (*TINY, "--no-stability", "--contrast", "two-0,one-0")
    assert fast("report", *pair, *options, "--out", "r").code == 0
    page = assert_self_contained("r")
    assert "What differs between two-0 and one-0" in page and "two single pictures" in page
    assert "figures/differences-conv1_1.png" in names("r")
    assert fast("report", *pair, *options[:-2], "--out", "s").code == 0
    assert "What differs between" not in assert_self_contained("s")


# Labels.


def labelled(rows, columns="picture,label", name="labels.csv"):
    Path(name).write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
    return name


def test_labels_name_the_groups(fast):
    rows = [
        f"{g}/{g}-{k}.png, {'Zed' if g == 'two' else 'Amy'} "
        for g in ("two", "one")
        for k in range(4)
    ]
    result = fast("explain", "--labels", labelled(rows), *QUICK, "--json")
    assert result.code == 0, result.err
    assert result.json["outputs"][1] == "labels-explained"
    groups = [row["group"] for row in tables("labels-explained")["subjects"]]
    assert groups == ["Zed"] * 4 + ["Amy"] * 4
    assert fast("explain", "two", "--against", "one", *QUICK, "--out", "e").code == 0
    assert tables("e")["entries"] == tables("labels-explained")["entries"]


def test_labels_find_pictures_beside_them_and_in_folders_that_are_named(fast):
    Path("deep").mkdir()
    rows = [f"{g}-{k}.png,{g},1900" for g in ("one", "two") for k in range(3)]
    table = labelled(rows, "picture,label,year", "deep/labels.csv")
    result = fast("explain", "one", "two", "--labels", table, *QUICK, "--out", "e", "--json")
    assert result.code == 0, result.err
    assert len(tables("e")["subjects"]) == 6
    assert "left out one/one-3.png: has no label in 'deep/labels.csv'" in result.err
    for path in Path("one").iterdir():
        shutil.copy(path, "deep")
    for path in Path("two").iterdir():
        shutil.copy(path, "deep")
    assert fast("explain", "--labels", table, *QUICK, "--out", "f").code == 0
    assert tables("f")["entries"] == tables("e")["entries"]


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (["one/one-0.png,a", "god.png,b", "gud.png,b"], None,
         ["'god.png' in row 3 and 1 more", "no such file"]),
        (["one/one-0.png,a", "one/one-1.png,a"], None, ["1 labels ('a')", "keep two"]),
        ([f"one/one-{k}.png,{k}" for k in range(3)], None,
         ["3 labels", "'0', '1', '2'", "keep two"]),
        (["one/one-0.png,a"], "picture,lable",
         ["no column 'label'", "picture, lable", "Is it 'lable'?"]),
        (["one/one-0.png,a"], "file,label", ["no column 'picture'", "file, label"]),
        (["one/one-0.png,a", "one/one-0.png,b"], None, ["two labels", "'a' and 'b'"]),
        (["one/one-0.png,a", "one/one-1.png,"], None, ["no label in row 3"]),
        ([], None, ["has no rows"]),
        (["one/one-0.png,a", "two/two-0.png,b", "two/two-1.png,b"], None, ["'a' has one picture"]),
        (['"one/one-0.png,a'], None, ["no whole CSV in UTF-8"]),
        (["sample:durer-loin,a"], None, ["'durer-loin'", "'durer-lion'?"]),
    ],
)  # fmt: skip
def test_bad_labels_are_answered_in_one_line(fast, rows, columns, words):
    table = labelled(rows, columns or "picture,label")
    before = listing()
    assert_refused(fast("explain", "--labels", table, *QUICK), 2, *words)
    assert listing() == before


def test_labels_that_are_no_table_are_refused(fast):
    Path("labels.csv").write_bytes(b"\xff\xfe\x00")
    assert_refused(fast("explain", "--labels", "labels.csv", *QUICK), 2, "no whole CSV in UTF-8")
    assert_refused(fast("explain", "--labels", "one", *QUICK), 1, "'one' cannot be read")
    assert_refused(
        fast("explain", "--labels", "lables.csv", *QUICK), 1, "Did you mean 'labels.csv'?"
    )


# What is refused.


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("one",), 2, ["no second group", "--against"]),
        (("--against", "two"), 2, ["no picture"]),
        ((), 2, ["no picture"]),
        (("one", "--against"), 2, ["--against", "requires an argument"]),
        (("one", "--against", "--shown", "2"), 2, ["--against"]),
        (("one", "--against", "twoo"), 1, ["'twoo'", "'two'"]),
        (("one", "--against", "empty"), 1, ["'empty'", "no pictures"]),
        (("one", "--against", "two/two-0.png"), 2, ["'two-0' has one picture", "two or more"]),
        (("one", "--against", "two", "one/one-1.png"), 2,
         ["one-1.png'", "the same picture", "one group"]),
        (("one", "--against", "two", "copy.png"), 2, ["'copy.png'", "'one/one-0.png'", "'one'"]),
        (("one", "--against", "two", "--labels", "l.csv"), 2, ["--labels", "--against"]),
        (("one", "--against", "two", "--names", "a"), 2, ["--names takes two"]),
        (("one", "--against", "two", "--names", "a,a"), 2, ["--names takes two"]),
        (("one", "--against", "two", "--layers", "conv1_1=2"), 2, ["conv1_1=2", "no weight"]),
        (("one", "--against", "two", "--permutations", "5"), 2, ["--permutations", "at least 19"]),
        (("one", "--against", "two", "--out", "e.html"), 2, ["'e.html'", "'e'"]),
    ],
)  # fmt: skip
def test_bad_requests_are_answered_in_one_line(fast, command, code, words):
    shutil.copy("one/one-0.png", "copy.png")
    Path("empty").mkdir()
    before = listing()
    layers = ("--layers", "conv1_1") if "--layers" not in command else ()
    assert_refused(fast("explain", *command, *SPACE, "--quiet", *layers), code, *words)
    assert listing() == before


def test_styles_of_different_spaces_and_the_same_picture_as_style_file_are_refused(fast):
    image = torch.from_numpy(pixels_of("one/one-0.png"))
    for name, weights in (("here", "random:0"), ("there", "random:1")):
        network = load_network(weights=weights, device="cpu")
        Style.capture(network, resize(image, 24), ["conv1_1"]).save(f"{name}.style.safetensors")
    before = listing()
    asked = ("explain", "one", "--against", "two")
    other = fast(*asked, "there.style.safetensors", *QUICK)
    assert_refused(other, 1, "there.style.safetensors", "weights", "style space")
    same = fast(*asked, "here.style.safetensors", *QUICK)
    assert_refused(same, 2, "here.style.safetensors", "holds the same picture as 'one/one-0.png'")
    assert listing() == before


def test_bad_pictures_and_copies_are_left_out_and_said(fast):
    Path("one/bad.png").write_text("a poem")
    shutil.copy("two/two-0.png", "two/two-9.png")
    result = fast("explain", "one", "--against", "two", *QUICK, "--out", "e", "--json")
    assert result.code == 0
    assert "left out one/bad.png: not a picture" in result.err
    assert "left out two/two-9.png: the same picture as 'two/two-0.png'" in result.err
    assert len(tables("e")["subjects"]) == 8
    assert "one/bad.png: not a picture" in assert_self_contained("e")
    few = ("one/one-0.png", "one/bad.png", "--against", "two", *QUICK)
    assert_refused(fast("explain", *few), 2, "one picture", "left out 'one/bad.png': not a picture")


def test_what_is_there_is_kept_unless_forced(fast):
    asked = ("explain", "one", "--against", "two", *QUICK, "--out", "e")
    assert fast(*asked).code == 0
    before = listing("e")
    assert_refused(fast(*asked), 1, "'e/index.html'", "--force")
    assert listing("e") == before
    assert fast(*asked, "--force", "--names", "x,y").code == 0
    assert {row["group"] for row in tables("e")["subjects"]} == {"x", "y"}


@pytest.mark.parametrize("name", ["probe", "edit"])
def test_ctrl_c_in_a_probe_or_an_edit_ends_everything(fast, monkeypatch, name):
    from stylespace.reports.explaining import trials

    made = SimpleNamespace(synthesis=SimpleNamespace(stopped="interrupted"))
    monkeypatch.setattr(trials, name, lambda **_: made)
    asked = ("explain", "one", "--against", "two", *TINY, "--probes", "1", "--out", "e")
    if name == "edit":
        asked = (*asked, "--probes", "0")
    before = listing()
    result = fast(*asked)
    assert result.code == 130 and "nothing was written" in result.err and listing() == before


def test_python_says_it_in_its_own_terms(fast):
    with pytest.raises(UsageError, match="name it by against"):
        ss.explain("one", out="e")
    with pytest.raises(UsageError, match="labels names both groups"):
        ss.explain("one", "two", labels="l.csv", out="e")
    made = ss.explain("one", ["two/two-0.png", "two/two-1.png"], out="e", layers="conv1_1", size=24,
                      weights="random:0", probes=0, edits=0, compact=True)  # fmt: skip
    assert made.folder == Path("e") and made.figures["second_group"] == 2
    assert not [one for one in names("e") if one.startswith("figures/")]
    assert json.loads(Path("e/results.json").read_text())["about"]["findings"] == [made.sentence]


def test_words_after_an_option_of_many_belong_to_it():
    flags = {"--against"}
    assert spread(["a", "--against", "b", "c", "--out", "d"], flags) == [
        "a", "--against", "b", "--against", "c", "--out", "d"
    ]  # fmt: skip
    for alone in (["--against"], ["a", "--against", "--out", "d"]):
        with pytest.raises(click.UsageError, match="requires an argument"):
            spread(alone, flags)
    assert spread(["--against", "b", "--", "a"], flags) == ["--against", "b", "--", "a"]
    assert spread(["a", "b"], set()) == ["a", "b"] and spread([], flags) == []
    assert "explain" in COMMANDS
