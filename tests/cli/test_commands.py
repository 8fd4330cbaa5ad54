"""Every command from end to end, in process and as a program, at sizes that take no time."""

import os
import pkgutil
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from command_line import (
    ONE_THREAD,
    RANDOM,
    REACHED,
    SHALLOW,
    SMALL,
    listing,
    picture_file,
    program,
    strict_json,
)
from PIL import Image

from stylespace.images import read_image, read_recipe
from stylespace.networks.devices import known_precision

AUTO = known_precision("auto", torch.device("cpu"))

PROBES = ("probe", "--layer", "conv1_1", *SMALL)


def assert_figure(path):
    """A whole PNG, large enough for pictures and text beside each other."""
    content = Path(path).read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and content[-8:-4] == b"IEND"
    with Image.open(path) as figure:
        figure.load()
        assert figure.format == "PNG"
        assert figure.width >= 800 and figure.height >= 300 and figure.width != figure.height


def test_a_probe_has_its_default_name_and_never_overwrites(call):
    first = call("probe", *REACHED)
    second = call("probe", *REACHED)
    assert (first.code, second.code) == (0, 0)
    assert first.paths == ["probe-conv1_1-4-4.png", "probe-conv1_1-4-4-figure.png"]
    assert second.paths == ["probe-conv1_1-4-4-2.png", "probe-conv1_1-4-4-2-figure.png"]
    assert set(listing()) == {*first.paths, *second.paths}
    for one, other in zip(first.paths, second.paths, strict=True):
        assert Path(one).read_bytes() == Path(other).read_bytes()
    assert_figure(first.paths[1])
    assert read_image(first.paths[0]).shape == (1, 3, 32, 32)
    assert re.search(r"^  value +[\d.]+$", first.out, re.MULTILINE)


def test_progress_is_on_stderr_with_time_left_unless_quiet(call):
    loud, quiet = call("probe", *REACHED), call("probe", *REACHED, "--quiet")
    assert re.search(r"probe conv1_1-4-4: 100%.*2/2 \[\d\d:\d\d<\d\d:\d\d", loud.err)
    assert "loss" in loud.err
    assert quiet.err == ""
    assert quiet.code == 0


def test_json_is_one_object_of_the_contract(call):
    result = call("probe", *REACHED, "--json", "--quiet").json
    contract = {"command", "outputs", "seconds", "figures", "recipe"}
    assert set(result) == contract | {"stopped", "evaluations"}
    assert (result["stopped"], result["evaluations"]) == ("steps", 2)
    assert result["command"] == "probe"
    assert result["outputs"] == ["probe-conv1_1-4-4.png", "probe-conv1_1-4-4-figure.png"]
    assert result["seconds"] > 0
    assert result["figures"]["value"] > result["figures"]["painting_max"]
    assert result["recipe"]["entry"] == ["4,4"]
    carried = read_recipe(result["outputs"][0])
    assert carried["recipe"] == result["recipe"]
    assert carried["figures"] == result["figures"]


def test_an_infinite_enhancement_is_null_in_json(call, monkeypatch):
    monkeypatch.setattr("stylespace.commands.probe.patches.Paintings.values", lambda *_: [0.0])
    assert call("probe", *REACHED, "--json", "--quiet").json["figures"]["enhancement"] is None
    assert re.search(r"enhancement +inf", call("probe", *REACHED).out)


def test_out_is_used_and_replaced_only_with_force(call):
    written = ["mine.png", "mine-figure.png"]
    assert call("probe", *REACHED, "--out", "mine.png").paths == written
    before = listing()
    assert sorted(before) == sorted(written)
    assert call("probe", *REACHED, "--out", "mine.png", "--seed", "1").code == 1
    assert listing() == before
    assert call("probe", *REACHED, "--out", "mine.png", "--seed", "1", "--force").code == 0
    after = listing()
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in written)


@pytest.mark.parametrize("command", ["probe", "texture", "edit"])
def test_a_figure_that_is_there_is_never_overwritten(call, command):
    arguments = {
        "probe": ("probe", *REACHED),
        "texture": ("texture", "sample:durer-lion", *SHALLOW, *SMALL),
        "edit": ("edit", "sample:durer-lion", "--layer", "conv1_1", "--entry", "4,4", *SMALL),
    }[command]
    Path("mine-figure.png").write_bytes(b"mine")
    result = call(*arguments, "--out", "mine.png", "--quiet")
    assert (result.code, result.out) == (1, "")
    assert "'mine-figure.png': the file exists already" in result.err
    assert listing() == {"mine-figure.png": b"mine"}
    assert call(*arguments, "--out", "mine.png", "--quiet", "--no-figure").paths == ["mine.png"]
    assert Path("mine-figure.png").read_bytes() == b"mine"
    again = call(*arguments, "--out", "mine.png", "--quiet", "--force")
    assert again.paths == ["mine.png", "mine-figure.png"]
    assert_figure("mine-figure.png")


def test_a_name_is_free_only_if_that_of_its_figure_is(call):
    Path("probe-conv1_1-4-4-figure.png").write_bytes(b"mine")
    Path("probe-conv1_1-4-4-3.png").write_bytes(b"mine")
    first, second = call("probe", *REACHED), call("probe", *REACHED)
    assert first.paths == ["probe-conv1_1-4-4-2.png", "probe-conv1_1-4-4-2-figure.png"]
    assert second.paths == ["probe-conv1_1-4-4-4.png", "probe-conv1_1-4-4-4-figure.png"]
    assert Path("probe-conv1_1-4-4-figure.png").read_bytes() == b"mine"
    assert Path("probe-conv1_1-4-4-3.png").read_bytes() == b"mine"


def test_without_a_figure_the_picture_is_the_same(call):
    with_figure = call("probe", *REACHED, "--out", "a.png")
    without = call("probe", *REACHED, "--out", "b.png", "--no-figure")
    assert (with_figure.code, without.code) == (0, 0)
    assert without.paths == ["b.png"]
    assert sorted(listing()) == ["a-figure.png", "a.png", "b.png"]
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_the_figure_is_of_this_picture(call):
    """Another picture, another figure; the same one, the same."""
    for name, seed in (("a", 0), ("b", 1), ("c", 0)):
        assert call("probe", *REACHED, "--seed", seed, "--out", f"{name}.png").code == 0
    figures = [Path(f"{name}-figure.png").read_bytes() for name in "abc"]
    assert figures[0] != figures[1]
    assert figures[0] == figures[2]


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".PNG"])
def test_every_picture_format_is_written_with_its_recipe(call, suffix):
    assert call("probe", *REACHED, "--out", f"x{suffix}").code == 0
    assert read_recipe(f"x{suffix}")["recipe"]["command"] == "probe"
    assert sorted(listing()) == sorted([f"x{suffix}", "x-figure.png"])
    assert_figure("x-figure.png")


def test_an_unreached_entry_leaves_no_picture(call, monkeypatch):
    monkeypatch.setattr("stylespace.commands.probe.patches.Paintings.values", lambda *_: [1e9])
    result = call("probe", *REACHED, "--json")
    assert (result.code, result.out) == (1, "")
    assert "conv1_1 4,4 was not reached" in result.err.splitlines()[-1]
    assert listing() == {}


def test_several_entries_make_a_folder_that_is_gone_on_with(call):
    arguments = (*PROBES, "--entry", "4,4", "--entry", "conv1_2:0,0", "--entry", "4,4", "--json")
    first = call(*arguments)
    assert first.code == 0
    result = first.json
    assert [row["entry"] for row in result["entries"]] == ["conv1_1:4,4", "conv1_2:0,0"]
    folder = Path("probes-conv1_1")
    expected = {"README.md", "contact-sheet.jpg", "recipe.toml", "table.csv", "table.json"}
    assert expected <= {path.name for path in folder.iterdir()}
    assert result["outputs"][:2] == [str(folder), f"{folder}/probe-conv1_1-4-4.png"]
    picture = folder / "probe-conv1_1-4-4.png"
    before = picture.stat().st_mtime_ns
    again = call(*arguments, "--quiet")
    assert picture.stat().st_mtime_ns == before
    assert again.json["entries"] == result["entries"]
    assert [path.name for path in Path().iterdir()] == [folder.name]
    assert len((folder / "table.csv").read_text().splitlines()) == 3


def test_a_folder_of_other_settings_is_refused_or_gets_another_name(call):
    both = (*PROBES, "--entry", "4,4", "--entry", "0,0", "--quiet")
    call(*both)
    before = listing()
    refused = call(*both, "--seed", "1", "--out", "probes-conv1_1")
    assert refused.code == 1
    assert "--force" in refused.err
    assert listing() == before
    assert call(*both, "--seed", "1").paths[0] == "probes-conv1_1-2"
    kept = Path("probes-conv1_1/probe-conv1_1-4-4.png")
    assert call(*both, "--seed", "1", "--out", "probes-conv1_1", "--force").code == 0
    assert read_recipe(kept)["recipe"]["seed"] == 1


def test_a_survey_keeps_pictures_of_others_in_its_folder(call):
    both = (*PROBES, "--entry", "4,4", "--entry", "0,0", "--quiet")
    call(*both)
    picture = Path("probes-conv1_1/probe-conv1_1-4-4.png")
    picture_file(picture)
    mine = picture.read_bytes()
    assert call(*both).code == 1
    assert picture.read_bytes() == mine
    assert call(*both, "--out", "probes-conv1_1", "--force").code == 0
    assert picture.read_bytes() != mine


def test_other_filters_in_the_same_file_are_measured_again(call):
    from safetensors.torch import save_file

    from stylespace.networks.catalogue import CATALOGUE
    from stylespace.networks.weights import random_weights

    def write(seed):
        drawn = random_weights(CATALOGUE["vgg19-norm"].layers, seed).tensors
        weights = {f"{key}.weight": weight for key, (weight, _) in drawn.items()}
        save_file(
            weights | {f"{key}.bias": bias for key, (_, bias) in drawn.items()}, "w.safetensors"
        )

    both = (*PROBES, "--entry", "4,4", "--entry", "6,6", "--quiet", "--weights", "w.safetensors")
    write(0)
    call(*both)
    first = listing("probes-conv1_1")
    write(0)
    call(*both)
    assert listing("probes-conv1_1") == first
    write(1)
    refused = call(*both)
    assert refused.code == 1
    assert "--force" in refused.err


def test_a_survey_of_unreached_entries_ends_with_1_and_says_why(call, monkeypatch):
    both = (*PROBES, "--entry", "4,4", "--entry", "0,0")
    monkeypatch.setattr("stylespace.commands.probe.patches.Paintings.values", lambda *_: [1e9])
    result = call(*both, "--json")
    assert result.code == 1
    assert [row["reached"] for row in result.json["entries"]] == [False, False]
    assert all("was not reached" in row["note"] for row in result.json["entries"])
    assert not list(Path().rglob("*.png"))
    assert len(Path("probes-conv1_1/table.csv").read_text().splitlines()) == 3
    said = call(*both, "--quiet")
    assert said.code == 1
    assert said.out.count("was not reached") == 2


def test_one_reached_entry_is_enough(call, monkeypatch):
    from stylespace.commands.probe.patches import Paintings

    true = Paintings.values
    monkeypatch.setattr(
        "stylespace.commands.probe.patches.Paintings.values",
        lambda self, layer, i, j: [1e9] if i == 0 else true(self, layer, i, j),
    )
    result = call(*PROBES, "--entry", "0,0", "--entry", "4,4", "--json")
    assert result.code == 0
    assert [row["reached"] for row in result.json["entries"]] == [False, True]
    assert result.json["figures"] == {"entries": 2, "done": 2, "reached": 1}


def interrupting(monkeypatch, number):
    """Make one entry a batch, and press Ctrl-C before batch `number` begins."""
    from stylespace.commands.probe import probes

    true, made = probes.probe_batch, []

    def probe_batch(*arguments, **options):
        made.append(1)
        if len(made) == number:
            raise KeyboardInterrupt
        return true(*arguments, **options)

    one_a_batch(monkeypatch)
    monkeypatch.setattr("stylespace.commands.probe.probes.probe_batch", probe_batch)


def one_a_batch(monkeypatch):
    monkeypatch.setattr("stylespace.commands.probe.many.batch_size", lambda *_: 1)


def test_an_interrupted_survey_goes_on_where_it_stopped(call, monkeypatch):
    both = (*PROBES, "--entry", "4,4", "--entry", "6,6", "--quiet", "--json")
    with monkeypatch.context() as patch:
        interrupting(patch, 2)
        first = call(*both)
    assert first.code == 130
    assert first.json["figures"] == {"entries": 2, "done": 1, "reached": 1}
    assert first.err == "stylespace: interrupted; probes-conv1_1 holds what was done so far.\n"
    picture = Path("probes-conv1_1/probe-conv1_1-4-4.png")
    before = picture.stat().st_mtime_ns
    assert call(*both).code == 0
    assert picture.stat().st_mtime_ns == before
    assert Path("probes-conv1_1/probe-conv1_1-6-6.png").is_file()


def test_a_survey_interrupted_at_once_says_that_nothing_is_there(call, monkeypatch):
    interrupting(monkeypatch, 1)
    result = call(*PROBES, "--entry", "4,4", "--entry", "6,6", "--quiet")
    assert (result.code, result.out) == (130, "")
    assert result.err == "stylespace: interrupted; nothing was written.\n"
    assert list(Path().iterdir()) == []


def test_a_survey_interrupted_at_once_leaves_what_was_there(call, monkeypatch):
    interrupting(monkeypatch, 1)
    folder = Path("mine")
    folder.mkdir()
    both = (*PROBES, "--entry", "4,4", "--entry", "6,6", "--out", "mine")
    assert call(*both).code == 130
    assert list(folder.iterdir()) == []
    (folder / "notes.txt").write_text("mine")
    interrupting(monkeypatch, 1)
    assert call(*both, "--force").code == 130
    assert (folder / "notes.txt").exists()


def test_an_infinite_figure_is_told_from_an_undefined_one_also_when_gone_on_with(call, monkeypatch):
    monkeypatch.setattr("stylespace.commands.probe.patches.Paintings.values", lambda *_: [0.0])
    both = (*PROBES, "--entry", "4,4", "--entry", "6,6", "--quiet", "--json")
    first = call(*both)
    tables = listing("probes-conv1_1")
    assert first.json["entries"][0]["enhancement"] is None
    assert " inf " in Path("probes-conv1_1/README.md").read_text()
    assert call(*both).json["entries"] == first.json["entries"]
    assert listing("probes-conv1_1") == tables


def test_texture(call):
    result = call("texture", "sample:gogh-auvers", *SHALLOW, *SMALL, "--json")
    assert result.code == 0
    assert result.json["outputs"] == ["texture-gogh-auvers.png", "texture-gogh-auvers-figure.png"]
    assert set(result.json["figures"]) >= {"gram.conv1_1", "gram.conv1_2", "style_distance", "loss"}
    assert read_image("texture-gogh-auvers.png").shape == (1, 3, 25, 32)
    assert_figure("texture-gogh-auvers-figure.png")


def test_texture_of_pictures_and_a_style_file_by_weight(call):
    picture = picture_file("my.picture.png")
    assert call("capture", picture, *SHALLOW, *RANDOM, "--size", "32").code == 0
    style = "my.picture.style.safetensors"
    result = call("texture", f"{picture}=2", f"{style}=0.5", *SHALLOW, *SMALL, "--json")
    assert result.code == 0
    outputs = ["texture-my.picture.png", "texture-my.picture-figure.png"]
    assert result.json["outputs"] == outputs
    assert_figure(outputs[1])
    only = call("texture", style, *SHALLOW, *SMALL, "--out", "only.png")
    assert only.paths == ["only.png", "only-figure.png"]
    assert_figure("only-figure.png")  # without a source picture
    assert result.json["recipe"]["sources"] == [f"{picture}=2", f"{style}=0.5"]


def test_an_equals_sign_in_the_name_of_a_file_is_no_weight(call):
    picture = picture_file("a=b.png")
    first = call("texture", picture, *SHALLOW, *SMALL)
    second = call("texture", f"{picture}=2", *SHALLOW, *SMALL)
    assert first.paths == ["texture-a=b.png", "texture-a=b-figure.png"]
    assert second.paths == ["texture-a=b-2.png", "texture-a=b-2-figure.png"]
    assert set(listing()) == {picture, *first.paths, *second.paths}


@pytest.mark.parametrize("start", ["content", "noise", "style", "start.png", "sample:chelsea"])
def test_transfer_from_every_start(call, start):
    picture_file("photo.png")
    picture_file("start.png", seed=1)
    styles = ("sample:gogh-auvers=3", "sample:durer-lion=0.5")
    result = call("transfer", "photo.png", *styles, "--init", start, *SHALLOW, *SMALL, "--json")
    assert result.code == 0, result.err
    figures = result.json["figures"]
    assert result.json["outputs"] == ["transfer-photo-gogh-auvers.png"]
    assert set(figures) >= {"style_distance", "reduction", "content_similarity", "loss"}
    assert read_image(result.json["outputs"][0]).shape == (1, 3, 24, 32)


def test_transfer_with_scales_weights_and_style_scale(call):
    picture_file("photo.png")
    picture_file("start.png", seed=1)
    result = call(
        *("transfer", "photo.png", "sample:gogh-auvers", *RANDOM, "--size", "32"),
        *("--sizes", "16,32", "--iterations", "3,2", "--style-scale", "1.5"),
        *("--layers", "conv1_1=2,relu1_2", "--content-layers", "conv1_2=1,conv2_1=0.5"),
        *("--content-weight", "0.1", "--style-weight", "2", "--tv-weight", "0.01"),
        *("--trace", "trace.jsonl", "--preview", "preview.png"),
    )
    assert result.code == 0, result.err
    trace = [strict_json(line) for line in Path("trace.jsonl").read_text().splitlines()]
    assert [row["size"] for row in trace] == [[12, 16]] * 3 + [[24, 32]] * 2
    terms = {"gram.conv1_1", "gram.conv1_2", "content.conv1_2", "content.conv2_1"}
    assert terms <= set(trace[0]["terms"])
    assert not Path("preview.png").exists()  # its turn did not come in five evaluations


def test_transfer_into_a_style_file(call):
    picture = picture_file("photo.png")
    call("capture", "sample:durer-lion", "--out", "d.style.safetensors", *SHALLOW, *RANDOM)
    result = call("transfer", picture, "d.style.safetensors", *SHALLOW, *SMALL)
    assert result.paths == ["transfer-photo-d.png"]


def test_preview_is_the_best_picture_so_far(call, monkeypatch):
    monkeypatch.setattr("stylespace.synthesis.progress.EVERY", 2)
    arguments = ("probe", *REACHED, "--preview", "p.png")
    assert call(*arguments).code == 0
    assert read_image("p.png").shape == (1, 3, 32, 32)
    refused = call(*arguments)
    assert refused.code == 1
    assert "'p.png': the file exists already" in refused.err
    assert call(*arguments, "--force").code == 0


def test_a_preview_or_trace_that_fails_does_not_cost_the_picture(call, monkeypatch):
    from stylespace.errors import OutputError

    def full(*_, **__):
        raise OutputError("disk full.")

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stylespace.images.write_image", full)
    monkeypatch.setattr("stylespace.synthesis.progress.trace_line", no_space)
    monkeypatch.setattr("stylespace.synthesis.progress.EVERY", 1)
    more = ("--preview", "p.png", "--trace", "t.jsonl")
    result = call("probe", *REACHED, *more)
    assert result.code == 0
    assert "disk full. No more previews." in result.err
    assert result.err.count("no more trace") == 1


def test_one_trace_holds_all_runs_of_a_survey(call, monkeypatch):
    one_a_batch(monkeypatch)
    call(*PROBES, "--entry", "4,4", "--entry", "6,6", "--trace", "t.jsonl", "--quiet")
    rows = [strict_json(line) for line in Path("t.jsonl").read_text().splitlines()]
    assert [(row["run"], row["step"]) for row in rows] == [
        (name, step) for name in ("1/2 conv1_1 4,4", "2/2 conv1_1 6,6") for step in (1, 2)
    ]


def test_the_trace_of_a_batch_says_which_entries_it_holds(call):
    three = ("--entry", "4,4", "--entry", "6,6", "--entry", "conv1_2:0,0")
    call(*PROBES, *three, "--trace", "t.jsonl", "--quiet")
    rows = [strict_json(line) for line in Path("t.jsonl").read_text().splitlines()]
    assert list(dict.fromkeys(row["run"] for row in rows)) == ["1-2/3 conv1_1", "3/3 conv1_2 0,0"]


def test_capture_of_several_with_weights(call):
    from stylespace.styles.style import Style

    result = call("capture", "sample:gogh-auvers", "sample:durer-lion=3", *SHALLOW, *RANDOM,
                  "--size", "32", "--out", "both.style.safetensors", "--json")  # fmt: skip
    assert result.code == 0
    assert set(result.json["figures"]) == {"norm.conv1_1", "norm.conv1_2"}
    style = Style.load("both.style.safetensors")
    pictures = style.provenance["pictures"]
    assert [round(one["weight"], 3) for one in pictures] == [0.25, 0.75]
    assert max(pictures[0]["width"], pictures[0]["height"]) == 32


def test_capture_does_not_depend_on_half_precision(call):
    for precision in ("bfloat16", "float32"):
        out = f"{precision}.style.safetensors"
        options = (*SHALLOW, *RANDOM, "--size", "32", "--precision", precision, "--out", out)
        assert call("capture", "sample:durer-lion", *options).code == 0
    contents = {path.read_bytes() for path in Path().glob("*.style.safetensors")}
    assert len(contents) == 1


def test_a_recipe_in_toml_runs_and_gives_the_same_bytes(call):
    from stylespace.settings import TextureSettings, to_toml

    picture = picture_file("p.png")
    settings = TextureSettings(
        sources=(picture,), layers=("conv1_1",), size=32, iterations=(2,), weights="random:0"
    )
    Path("r.toml").write_text(to_toml(settings))
    first, second = call("run", "r.toml"), call("run", "texture-p.png")
    assert first.paths == ["texture-p.png", "texture-p-figure.png"]
    assert second.paths == ["texture-p-2.png", "texture-p-2-figure.png"]
    for one, other in zip(first.paths, second.paths, strict=True):
        assert Path(one).read_bytes() == Path(other).read_bytes()


def test_a_probe_and_a_transfer_are_made_again_from_their_pictures(call):
    picture = picture_file("p.png")
    call("probe", *REACHED, "--out", "a.png")
    call("transfer", picture, "sample:durer-lion", *SHALLOW, *SMALL, "--init", "noise",
         "--out", "b.webp")  # fmt: skip
    for made, again in (("a.png", "again.png"), ("b.webp", "again.webp")):
        assert call("run", made, "--out", again, "--json").code == 0
        assert Path(made).read_bytes() == Path(again).read_bytes()


def test_a_survey_runs_again_from_its_recipe(call):
    call(*PROBES, "--entry", "4,4", "--entry", "6,6")
    result = call("run", "probes-conv1_1/recipe.toml", "--out", "again")
    assert result.code == 0
    assert listing("again").keys() == {
        path.replace("probes-conv1_1", "again") for path in listing("probes-conv1_1")
    }


@pytest.mark.parametrize("name", ["networks", "samples"])
def test_listings(call, name):
    table, listed = call(name), call(name, "--json").json
    assert listed["command"] == name
    assert (listed["outputs"], listed["recipe"]) == ([], {})
    assert listed["figures"] == {"count": len(listed[name])}
    assert listed["seconds"] >= 0
    assert call(name, "--quiet").out == table.out
    for row in listed[name]:
        assert row["name"] in table.out


def test_networks_tell_layers_and_channels(call):
    first = call("networks", "--json").json["networks"][0]
    assert first["name"] == "vgg19-norm"
    assert dict(zip(first["layers"], first["channels"], strict=True))["conv3_1"] == 256


def test_help_is_shown_without_a_command(call):
    result = call()
    assert result.code == 0
    assert "stylespace probe --layer conv3_1 --entry 12,40" in result.out
    order = ["probe", "edit", "atlas", "texture", "transfer", "capture", "run"]
    order += ["networks", "samples"]
    places = [result.out.index(f"\n  {name} ") for name in order]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "name", ["probe", "edit", "atlas", "texture", "transfer", "capture", "run"]
)
def test_help_of_a_command_has_example_and_defaults(call, name):
    shown = call(name, "--help").out
    heading = "Examples" if name == "run" else "Example"  # of a picture, and of a grid
    assert f"{heading}:\n  stylespace {name} " in shown
    assert "--out" in shown
    assert name == "run" or "[default: vgg19-norm]" in shown
    assert ("--preview" in shown) == (name not in ("atlas", "capture"))


def test_the_arguments_of_transfer_are_shown_as_one_and_several(call):
    assert "CONTENT STYLES..." in call("transfer", "--help").out


def test_the_program_end_to_end_with_embedded_weights(tmp_path):
    result = program(
        *("texture", "sample:durer-lion", "--layers", "conv1_1", "--size", "32"),
        *("--iterations", "2", "--json", "--device", "cpu"),
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    outputs = ["texture-durer-lion.png", "texture-durer-lion-figure.png"]
    assert strict_json(result.stdout)["outputs"] == outputs
    assert "2/2" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(outputs)
    assert_figure(tmp_path / outputs[1])


def started(*arguments, cwd):
    command = [sys.executable, "-m", "stylespace", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=cwd, env=ONE_THREAD, **pipes)


LONG = ("probe", "--layer", "conv1_1", "--entry", "4,4", *RANDOM, "--size", "32")


def test_ctrl_c_in_the_middle_writes_the_best_picture_whole(tmp_path):
    process = started(*LONG, "--iterations", "100000", "--trace", "t.jsonl", cwd=tmp_path)
    trace = tmp_path / "t.jsonl"
    deadline = time.monotonic() + 300  # on a busy machine
    while not (trace.exists() and trace.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = (text.decode() for text in process.communicate(timeout=300))
    assert process.returncode == 130, err
    assert "Traceback" not in err
    said = err.splitlines()[-1]
    assert said == "stylespace: interrupted; probe-conv1_1-4-4.png holds what was done so far."
    names = ["probe-conv1_1-4-4.png", "probe-conv1_1-4-4-figure.png"]
    assert out.splitlines()[:2] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "t.jsonl"])
    carried = read_recipe(tmp_path / names[0])
    assert carried["stopped"] == "interrupted"
    assert read_image(tmp_path / names[0]).shape == (1, 3, 32, 32)
    assert_figure(tmp_path / names[1])


@pytest.mark.parametrize("module", ["click", "torch", "stylespace.commands.probe.probes"])
def test_ctrl_c_during_start_up_is_one_line(module, tmp_path):
    """The signal comes while a module is imported, wherever the start-up is slow."""
    code = (
        "import builtins, os, signal, sys\n"
        f"sys.argv = ['stylespace', *{list(LONG)!r}]\n"
        "true = builtins.__import__\n"
        "def slow(name, *rest, **more):\n"
        f"    if name == {module!r}:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return true(name, *rest, **more)\n"
        "builtins.__import__ = slow\n"
        "from stylespace.__main__ import main\n"
        "sys.exit(main())\n"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert result.returncode == 130, result.stderr
    assert result.stderr == "stylespace: interrupted; nothing was written.\n"
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_between_two_scales_keeps_the_picture(call, monkeypatch):
    from stylespace.commands.texture.textures import TextureProblem

    true = TextureProblem.objective

    def objective(self, network, height, width):
        if max(height, width) == 32:
            monkeypatch.setattr(TextureProblem, "objective", true)
            raise KeyboardInterrupt
        return true(self, network, height, width)

    monkeypatch.setattr(TextureProblem, "objective", objective)
    scales = ("--sizes", "16,32", "--iterations", "2,2")
    result = call("texture", "sample:durer-lion", *SMALL, "--layers", "conv1_1", *scales)
    assert result.code == 130, result.err
    assert result.paths == ["texture-durer-lion.png", "texture-durer-lion-figure.png"]
    assert max(read_image("texture-durer-lion.png").shape) == 32
    assert read_recipe("texture-durer-lion.png")["stopped"] == "interrupted"
    assert read_recipe("texture-durer-lion.png")["evaluations"] == 2
    assert_figure("texture-durer-lion-figure.png")


def pressing(monkeypatch, place, count=1):
    """Press Ctrl-C when a function is called."""
    owner, _, name = place.rpartition(".")
    true = getattr(pkgutil.resolve_name(owner), name)

    def pressed(*arguments, **options):
        for _ in range(count):
            os.kill(os.getpid(), signal.SIGINT)
        return true(*arguments, **options)

    monkeypatch.setattr(place, pressed)


AFTER = (
    "stylespace.commands.probe.probes.as_written",
    "stylespace.commands.recipes.write_image",
    "stylespace.commands.probe.figure.probe_figure",
)


@pytest.mark.parametrize("place", AFTER)
def test_ctrl_c_while_the_picture_is_finished_keeps_it(call, monkeypatch, place):
    before = signal.getsignal(signal.SIGINT)
    pressing(monkeypatch, place)
    result = call("probe", *REACHED, "--quiet")
    assert result.code == 130, result.err
    assert result.paths == ["probe-conv1_1-4-4.png", "probe-conv1_1-4-4-figure.png"]
    assert_figure(result.paths[1])
    assert result.err.count("the picture is done and being written") == 1
    assert read_recipe(result.paths[0])["stopped"] == "steps"
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("place", AFTER)
def test_ctrl_c_after_a_run_that_ended_early_keeps_the_picture(call, monkeypatch, place):
    from stylespace.synthesis.loop import _Run

    def note(self, *arguments):
        if len(self.steps) == 2:
            self.failures = self.failures + 99
        true(self, *arguments)

    true = _Run._note
    monkeypatch.setattr(_Run, "_note", note)
    pressing(monkeypatch, place)
    result = call("probe", *REACHED, "--iterations", "50", "--json")
    assert result.code == 130, result.err
    assert result.json["stopped"] == "not finite" and result.json["evaluations"] == 3
    assert read_recipe("probe-conv1_1-4-4.png")["stopped"] == "not finite"
    assert "ended early (not finite)" in result.err


def test_ctrl_c_before_an_entry_is_reached_is_one_line(call, monkeypatch):
    monkeypatch.setattr("stylespace.commands.probe.patches.Paintings.values", lambda *_: [1e9])
    pressing(monkeypatch, "stylespace.synthesis.progress.tqdm.update")
    result = call("probe", *REACHED, "--iterations", "50")
    assert (result.code, result.out) == (130, "")
    said = "interrupted before conv1_1 4,4 was reached; nothing was written."
    assert result.err.splitlines()[-1] == f"stylespace: {said}"
    assert listing() == {}


def test_ctrl_c_in_the_first_entry_of_a_survey_leaves_nothing(call, monkeypatch):
    monkeypatch.setattr("stylespace.commands.probe.patches.Paintings.values", lambda *_: [1e9])
    pressing(monkeypatch, "stylespace.synthesis.progress.tqdm.update")
    result = call(*PROBES, "--entry", "4,4", "--entry", "6,6", "--iterations", "50")
    assert (result.code, result.out) == (130, "")
    assert list(Path().iterdir()) == []


def test_a_run_that_went_wrong_says_so_in_one_line_also_quietly(call, monkeypatch):
    from stylespace.synthesis.loop import _Run

    true = _Run._evaluate
    monkeypatch.setattr(_Run, "_evaluate", lambda self, z: 0 * true(self, z))
    result = call("probe", *REACHED, "--iterations", "9", "--quiet", "--json")
    assert result.code == 0
    assert result.json["stopped"] == "zero gradient"
    assert result.err == "stylespace: of 1 evaluations: the run ended early (zero gradient).\n"


def test_evaluations_that_do_not_move_are_told():
    from stylespace.commands.recipes import remark
    from stylespace.synthesis.loop import Step, Synthesis

    def steps(moves, size=(8, 8)):
        return [Step(1, 9, size, (1.0,), {}, 1.0, moved, 0.0) for moved in moves]

    def said(moves):
        return remark(Synthesis(None, (1.0,), tuple(moves), "steps"))

    assert said(steps([0, 1, 1])) == ""
    assert said([one for k in range(9) for one in steps([0, 1], (k, k))]) == ""
    assert said(steps([0, 1, 0, 0, 0, 0])) == "of 6 evaluations: 4 did not move the picture."


def changed(path, **changes):
    """Write a picture again whose record says something else."""
    from stylespace.images import write_image

    record = {**read_recipe(path), **changes}
    write_image(path, read_image(path), recipe=record, force=True)


def test_a_picture_carries_where_and_how_it_was_made(call):
    call("probe", *REACHED, "--out", "a.png")
    record = read_recipe("a.png")
    assert (record["device"], record["precision"]) == ("cpu", AUTO)


def test_other_weights_than_a_picture_promises_are_refused(call):
    call("probe", *REACHED, "--out", "a.png")
    changed("a.png", weights="0" * 64)
    result = call("run", "a.png", "--out", "b.png", "--quiet")
    assert result.code == 1
    assert "other weights of vgg19-norm" in result.err
    assert len(result.err.splitlines()) == 1
    assert not Path("b.png").exists()


def test_other_versions_and_an_interrupted_run_are_warned_of(call):
    call("probe", *REACHED, "--out", "a.png")
    changed("a.png", versions={"torch": "0.1"}, stopped="interrupted")
    result = call("run", "a.png", "--out", "b.png", "--quiet")
    assert result.code == 0
    assert len(result.err.splitlines()) == 2
    assert "made with torch 0.1 (here " in result.err
    assert "was interrupted" in result.err
    changed("a.png", versions=[], stopped=3, weights=None, device={})
    assert call("run", "a.png", "--out", "c.png", "--quiet").err == ""


def test_a_closed_pipe_is_no_traceback(tmp_path):
    command = f"'{sys.executable}' -m stylespace networks | true"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert "Traceback" not in result.stderr
    assert "unexpected" not in result.stderr


def test_names_that_the_terminal_cannot_show(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.png"
    picture_file(tmp_path / "p.png")
    os.rename(tmp_path / "p.png", name)
    command = [sys.executable, "-m", "stylespace", "texture", name, *SHALLOW, *SMALL]
    environment = {**ONE_THREAD, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(b"texture-caf")
    stem = b"texture-caf\xe9"
    made = {b"caf\xe9.png", stem + b".png", stem + b"-figure.png"}
    assert {os.fsencode(path.name) for path in tmp_path.iterdir()} == made


# --- names that steer a terminal


def test_no_control_character_of_a_name_reaches_the_terminal(call):
    """Paths that were written, names in errors, in remarks, in the bar and in a style's header."""
    name = "a\x1b]0;owned\x07\x9b\x7f"
    Path(name).mkdir()
    picture = picture_file(f"{name}/b\x1b[31m.png")
    Path(f"{name}/c\x1b[31m.png").write_text("a poem")
    style = f"{name}/s.style.safetensors"
    small = (*SHALLOW, "--weights", "random:0", "--device", "cpu", "--size", "32")
    results = [
        call("capture", picture, *small, "--out", style),
        call("texture", picture, *small, "--iterations", "1", "--out", f"{name}/t\x1b[2J.png"),
        call("texture", f"{name}/c\x1b[31m.png", *small),
        call("texture", f"{name}/gone\x1b.style.safetensors", *small),
        call("report", name, *small, "--out", f"{name}-report"),
        call("probe", f"--\x1b[31m{name}"),
        call("similar", picture, "--in", name, *small, "--json"),
    ]
    assert [result.code for result in results] == [0, 0, 1, 1, 0, 2, 0]
    for result in results:
        steering = {c for c in result.out + result.err if not c.isprintable()} - set("\n\r")
        assert not steering, result
    assert r"\x1b]0;owned\x07\x9b\x7f" in results[0].out


@pytest.mark.parametrize("name", ["samples", "networks"])
def test_listings_fit_80_columns_and_break_no_name(call, name):
    lines = call(name).out.splitlines()
    assert max(map(len, lines)) <= 80
    names = [row["name"] for row in strict_json(call(name, "--json").out)[name]]
    first = [line.split("  ")[0] for line in lines[2:] if not line.startswith(" ")]
    assert [one for one in first if one] == names


def test_a_missing_picture_is_not_mistaken_for_any_other(call):
    picture_file("painting.png")
    for command in (("run", "missing.png"), ("texture", "missing.png")):
        said = call(*command)
        assert said.code == 1 and "'missing.png': no such file. Check the name" in said.err
    assert "Did you mean 'painting.png'?" in call("run", "paintng.png").err
