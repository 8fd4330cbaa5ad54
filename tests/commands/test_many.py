"""Surveys: many entries through the command line, their tables, and going on after anything."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import SMALL, listing, picture_file
from PIL import Image

from stylespace.commands.probe.patches import Paintings
from stylespace.commands.probe.tables import COLUMNS
from stylespace.images import read_image, read_recipe, resize
from stylespace.networks.loading import load_network
from stylespace.settings import ProbeSettings, settings_from

FOLDER = Path("probes-conv1_1")
TABLES = {"README.md", "contact-sheet.jpg", "recipe.toml", "table.csv", "table.json"}
COMMAND = ("probe", "--layer", "conv1_1", *SMALL, "--quiet")
BLOCK = ("--entries", "4-6,4-6")
INSIDE = [(4, 4), (4, 5), (4, 6), (5, 5), (5, 6), (6, 6)]


@pytest.fixture
def easy(monkeypatch):
    """Every entry beats the paintings."""
    monkeypatch.setattr("stylespace.commands.probe.patches.Paintings.values", lambda *_: [0.0])


@pytest.fixture
def three(monkeypatch):
    """Three entries a batch."""
    monkeypatch.setattr("stylespace.commands.probe.many.batch_size", lambda *_: 3)


def named(pairs, layer="conv1_1"):
    return [f"{layer}:{i},{j}" for i, j in pairs]


def pictures(folder=FOLDER):
    return {path.name: path for path in sorted(Path(folder).glob("*.png"))}


def unchanged(before, after):
    """The names of the files whose bytes are the same."""
    return {name for name, content in before.items() if after.get(name) == content}


def table(folder=FOLDER):
    with open(folder / "table.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def largest(painting, layers, count, *, diagonal):
    """The largest entries of a painting, by numpy: {layer: [(i, j), ...]}."""
    with torch.no_grad():
        seen = load_network(weights="random:0")(resize(read_image(painting), 32), layers)
    found = {}
    for name in layers:
        x = seen[name][0].flatten(1).double().numpy()
        g = x @ x.T
        shown = np.diag(np.diag(g)) if diagonal else np.triu(g, 1)
        places = np.argsort(-shown, axis=None)[:count]
        found[name] = [tuple(int(k) for k in np.unravel_index(one, g.shape)) for one in places]
    return found


# --- what is made


def test_a_survey_of_a_block_has_tables_sheet_and_pictures(call, easy):
    result = call(*COMMAND, *BLOCK, "--json")
    assert result.code == 0, result.err
    said = result.json
    assert [row["entry"] for row in said["entries"]] == named(INSIDE)
    assert said["figures"] == {"entries": 6, "done": 6, "reached": 6}
    made = [f"probe-conv1_1-{i}-{j}.png" for i, j in INSIDE]
    assert {path.name for path in FOLDER.iterdir()} == TABLES | set(made)
    assert said["outputs"] == [
        str(FOLDER), *(f"{FOLDER}/{name}" for name in made), f"{FOLDER}/contact-sheet.jpg"
    ]  # fmt: skip
    assert (said["stopped"], said["evaluations"]) == ("steps", 12)
    rows = table()
    assert list(rows[0]) == ["layer", "i", "j", "reached", *COLUMNS, "note"]
    assert [(row["layer"], int(row["i"]), int(row["j"])) for row in rows] == [
        ("conv1_1", i, j) for i, j in INSIDE
    ]
    whole = json.loads((FOLDER / "table.json").read_text())
    assert [row["picture"] for row in whole] == made
    for row, full, told in zip(rows, whole, said["entries"], strict=True):
        assert row["reached"] == "True" and row["note"] == ""
        assert row["agreement"] == "" and "agreement" not in full["figures"]
        record = read_recipe(FOLDER / full["picture"])
        assert record["figures"] == full["figures"]
        for name, value in full["figures"].items():
            assert told[name] == value
            assert value is None or float(row[name]) == value
        assert float(row["enhancement"]) == np.inf and full["figures"]["enhancement"] is None
        own = settings_from(record["recipe"])
        assert own.chosen() == ((full["layer"], full["i"], full["j"]),)
        assert read_image(FOLDER / full["picture"]).shape == (1, 3, 32, 32)
    recipe = settings_from(said["recipe"])
    assert isinstance(recipe, ProbeSettings) and recipe.entries == ("4-6,4-6",)


def test_the_values_in_the_table_are_those_of_the_written_pictures(call, easy):
    assert call(*COMMAND, *BLOCK).code == 0
    network = load_network(weights="random:0")
    for row in table():
        image = read_image(FOLDER / f"probe-conv1_1-{row['i']}-{row['j']}.png")
        with torch.no_grad():
            x = network(image, ["conv1_1"])["conv1_1"][0].flatten(1).double().numpy()
        value = (x[int(row["i"])] * x[int(row["j"])]).mean()
        assert float(row["value"]) == pytest.approx(value, rel=1e-4)


def test_the_contact_sheet_holds_every_picture_beside_its_patches(call, easy):
    assert call(*COMMAND, *BLOCK).code == 0
    with Image.open(FOLDER / "contact-sheet.jpg") as sheet:
        sheet.load()
        assert sheet.format == "JPEG"
        width, height = sheet.size
    assert 4 * 2 * 32 < width < 4 * 2.5 * 32  # four a row, as large as the pictures
    assert 2 * 32 < height < 2 * 3 * 32  # six in two rows, each under its label


def test_a_survey_of_the_diagonal_has_every_channel(call, easy):
    fast = ("--iterations", "1", "--parameters", "fourier")
    result = call(*COMMAND, "--entries", "diagonal", *fast, "--json")
    assert result.code == 0, result.err
    assert [row["entry"] for row in result.json["entries"]] == named((i, i) for i in range(64))
    assert len(pictures()) == 64


def test_a_survey_of_random_entries_is_the_same_every_time(call, easy):
    first = call(*COMMAND, "--entries", "random:5", "--json", "--out", "a").json
    again = call(*COMMAND, "--entries", "random:5", "--json", "--out", "b").json
    other = call(*COMMAND, "--entries", "random:5", "--json", "--out", "c", "--seed", "1").json
    assert len({row["entry"] for row in first["entries"]}) == 5
    assert first["entries"] == again["entries"]
    assert {row["entry"] for row in first["entries"]} != {row["entry"] for row in other["entries"]}
    assert listing("a").keys() == {name.replace("b/", "a/") for name in listing("b")}
    for name, path in pictures("a").items():
        assert path.read_bytes() == Path("b", name).read_bytes()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("top", {"diagonal": False}), ("top-diagonal", {"diagonal": True})],
)
def test_a_survey_of_the_largest_entries_of_a_painting_in_several_layers(call, easy, kind, options):
    painting = picture_file("my.png", 256, 176)
    layers = ["conv1_1", "conv1_2"]
    expected = largest(painting, layers, 3, **options)
    result = call("probe", "--layer", ",".join(layers), *SMALL, "--quiet", "--json",
                  "--entries", f"{kind}:3", "--from", painting)  # fmt: skip
    assert result.code == 0, result.err
    names = [row["entry"] for row in result.json["entries"]]
    assert names == [name for layer in layers for name in named(expected[layer], layer)]
    assert [row["layer"] for row in table()] == ["conv1_1"] * 3 + ["conv1_2"] * 3
    assert {name.split("-")[1] for name in pictures()} == set(layers)


def test_several_starts_are_in_the_tables(call, easy, monkeypatch):
    two = ("durer-lion", "gogh-auvers")
    monkeypatch.setattr("stylespace.commands.probe.patches.paintings", lambda: two)
    result = call(*COMMAND, "--entry", "4,4", "--entries", "5-5,6-6", "--seeds", "2", "--json")
    assert result.code == 0, result.err
    null = Paintings(load_network(weights="random:0")).agreement("conv1_1")
    for row, told in zip(table(), result.json["entries"], strict=True):
        assert 0 <= float(row["agreement"]) <= 1
        assert float(row["agreement_null"]) == pytest.approx(null)
        assert told["best_seed"] in (0, 1)
    assert "come to `agreement_null`" in Path(FOLDER, "README.md").read_text()


def test_a_picture_of_a_survey_is_made_again_alone(call, easy):
    assert call(*COMMAND, *BLOCK).code == 0
    made = FOLDER / "probe-conv1_1-4-5.png"
    result = call("run", made, "--out", "again.png", "--json", "--quiet")
    assert result.code == 0, result.err
    assert result.json["outputs"] == ["again.png", "again-figure.png"]
    torch.testing.assert_close(read_image("again.png"), read_image(made), rtol=0, atol=1.1 / 255)
    value = read_recipe(made)["figures"]["value"]
    assert result.json["figures"]["value"] == pytest.approx(value, rel=1e-3)


def test_entries_of_one_layer_share_a_batch_whatever_their_order(call, easy, monkeypatch):
    """Layer by layer, though each --entry names both layers."""
    from stylespace.commands.probe import probes

    true, made = probes.probe_batch, []

    def probe_batch(settings, entries, *arguments, **options):
        made.append(tuple(entries))
        return true(settings, entries, *arguments, **options)

    monkeypatch.setattr(probes, "probe_batch", probe_batch)
    both = ("probe", "--layer", "conv1_1,conv1_2", *SMALL, "--quiet")
    assert call(*both, "--entry", "4,4", "--entry", "6,6", "--entries", "0-0,1-1").code == 0
    assert [len(batch) for batch in made] == [3, 3]


# --- gone on with


def spoiled(path, how):
    if how == "removed":
        path.unlink()
    elif how == "cut short":
        path.write_bytes(path.read_bytes()[:-40])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.write_text("a poem\n")


@pytest.mark.parametrize("how", ["removed", "cut short", "empty", "text"])
def test_only_what_is_missing_or_damaged_is_made_again(call, easy, three, monkeypatch, how):
    from stylespace.commands.probe import probes

    assert call(*COMMAND, *BLOCK, "--json").code == 0
    before = listing()
    times = {name: path.stat().st_mtime_ns for name, path in pictures().items()}
    bad = ["probe-conv1_1-4-6.png", "probe-conv1_1-6-6.png"]
    for name in bad:
        spoiled(FOLDER / name, how)
    true, made = probes.probe_batch, []

    def probe_batch(settings, entries, *arguments, **options):
        made.extend(entries)
        return true(settings, entries, *arguments, **options)

    monkeypatch.setattr(probes, "probe_batch", probe_batch)
    force = () if how == "removed" else ("--out", FOLDER, "--force")  # what is there is kept
    result = call(*COMMAND, *BLOCK, "--json", *force)
    assert result.code == 0, result.err
    assert made == [("conv1_1", 4, 6), ("conv1_1", 6, 6)]
    assert result.json["figures"] == {"entries": 6, "done": 6, "reached": 6}
    after = listing()
    assert after.keys() == before.keys()
    assert {f"{FOLDER}/{name}" for name in times if name not in bad} <= unchanged(before, after)
    for name in times:
        path = FOLDER / name
        assert (path.stat().st_mtime_ns == times[name]) == (name not in bad)
        assert read_image(path).shape == (1, 3, 32, 32)
        assert read_recipe(path)["recipe"]["entry"] == [",".join(name[:-4].split("-")[2:])]


@pytest.mark.parametrize("how", ["empty", "text"])
def test_what_is_no_picture_of_ours_is_not_replaced_without_force(call, easy, how):
    assert call(*COMMAND, *BLOCK).code == 0
    spoiled(FOLDER / "probe-conv1_1-4-6.png", how)
    before = listing()
    result = call(*COMMAND, *BLOCK)
    assert result.code == 1
    assert "probe-conv1_1-4-6.png" in result.err and "--force" in result.err
    assert unchanged(before, listing()) == set(before)


def test_a_finished_survey_makes_nothing_again(call, easy, monkeypatch):
    first = call(*COMMAND, *BLOCK, "--json").json
    before = listing()
    monkeypatch.setattr("stylespace.commands.probe.probes.probe_batch", None)
    again = call(*COMMAND, *BLOCK, "--json")
    assert again.code == 0, again.err
    assert again.json["entries"] == first["entries"]
    assert again.json["outputs"] == first["outputs"]
    assert listing() == before


def pressed_in_batch(monkeypatch, number):
    """Raise Ctrl-C in the watcher of the loop, amid a batch; count the batches."""
    from stylespace.synthesis.progress import Watching

    true, begun = Watching.named, []

    def watcher(self, name, left=""):
        watch = true(self, name, left)
        begun.append(name)
        mine = len(begun) == number

        def look(step):
            if mine and step.number == 2:
                raise KeyboardInterrupt
            return watch(step)

        return look

    monkeypatch.setattr(Watching, "named", watcher)
    return begun


def test_ctrl_c_amid_a_batch_keeps_the_batches_before_and_goes_on(call, easy, three, monkeypatch):
    arguments = (*COMMAND, *BLOCK, "--iterations", "4", "--json")
    whole = call(*arguments, "--out", "whole").json
    with monkeypatch.context() as patch:
        pressed_in_batch(patch, 2)
        first = call(*arguments)
    assert first.code == 130, first.err
    assert first.err == f"stylespace: interrupted; {FOLDER} holds what was done so far.\n"
    assert first.json["figures"] == {"entries": 6, "done": 3, "reached": 3}
    assert first.json["stopped"] == "interrupted"
    assert set(pictures()) == {f"probe-conv1_1-{i}-{j}.png" for i, j in INSIDE[:3]}
    assert {path.name for path in FOLDER.iterdir()} == TABLES | set(pictures())
    assert len(table()) == 3
    times = {name: path.stat().st_mtime_ns for name, path in pictures().items()}
    second = call(*arguments)
    assert second.code == 0, second.err
    assert second.json["entries"] == whole["entries"]
    for name, path in pictures().items():
        assert path.read_bytes() == Path("whole", name).read_bytes()
        assert name not in times or path.stat().st_mtime_ns == times[name]
    assert len(pictures()) == len(table()) == 6


def test_ctrl_c_in_the_first_batch_leaves_nothing(call, easy, three, monkeypatch):
    pressed_in_batch(monkeypatch, 1)
    result = call(*COMMAND, *BLOCK, "--iterations", "4")
    assert (result.code, result.out) == (130, "")
    assert result.err == "stylespace: interrupted; nothing was written.\n"
    assert list(Path().iterdir()) == []


# --- unreached


def out_of_reach(monkeypatch, *channels):
    monkeypatch.setattr(
        "stylespace.commands.probe.patches.Paintings.values",
        lambda self, layer, i, j: [1e9 if i in channels else 0.0],
    )


def test_unreached_entries_are_in_the_tables_and_not_tried_again(call, monkeypatch):
    out_of_reach(monkeypatch, 5)
    first = call(*COMMAND, *BLOCK, "--json")
    assert first.code == 0, first.err
    expected = [i != 5 for i, _ in INSIDE]
    assert [row["reached"] for row in first.json["entries"]] == expected
    assert [row["reached"] for row in table()] == [str(one) for one in expected]
    assert first.json["figures"] == {"entries": 6, "done": 6, "reached": 4}
    for row in table():
        assert ("was not reached" in row["note"]) == (row["i"] == "5")
        assert float(row["value"]) > 0
    page = Path(FOLDER, "README.md").read_text()
    assert "# Probes: 4 of 6 entries reached" in page and page.count("was not reached") == 2
    assert sorted(pictures()) == sorted(f"probe-conv1_1-{i}-{j}.png" for i, j in INSIDE if i != 5)
    before = listing()
    monkeypatch.setattr("stylespace.commands.probe.probes.probe_batch", None)
    again = call(*COMMAND, *BLOCK, "--json")
    assert again.json["entries"] == first.json["entries"]
    assert listing() == before


def test_a_survey_that_reaches_nothing_ends_with_1_again_and_again(call, monkeypatch):
    out_of_reach(monkeypatch, 4, 5, 6)
    for _ in range(2):
        result = call(*COMMAND, *BLOCK, "--json")
        assert result.code == 1, result.err
        assert result.json["figures"] == {"entries": 6, "done": 6, "reached": 0}
        assert result.json["outputs"] == [str(FOLDER)]
        assert not pictures() and not (FOLDER / "contact-sheet.jpg").exists()
        assert len(table()) == 6


def test_an_entry_that_force_no_longer_reaches_leaves_no_old_picture(call, monkeypatch):
    """The folder's picture of other settings would stand beside a table that denies it."""
    with monkeypatch.context() as patch:
        out_of_reach(patch)
        assert call(*COMMAND, *BLOCK, "--seed", "1").code == 0
    out_of_reach(monkeypatch, 5)
    assert call(*COMMAND, *BLOCK, "--out", FOLDER, "--force").code == 0
    again = call(*COMMAND, *BLOCK, "--json")
    assert again.code == 0, again.err
    assert again.json["outputs"][0] == str(FOLDER)
    assert sorted(pictures()) == sorted(f"probe-conv1_1-{i}-{j}.png" for i, j in INSIDE if i != 5)


# --- spread


def test_a_survey_is_spread_over_workers_batch_by_batch(call, easy, three, pickled):
    assert call(*COMMAND, *BLOCK, "--out", "here").code == 0
    result = call(*COMMAND, *BLOCK, "--out", "there", "--executor", "processes", "--workers", "2")
    assert result.code == 0, result.err
    assert pickled == [("serial", None), ("processes", 2)]
    assert listing("there") == {
        name.replace("here/", "there/"): data for name, data in listing("here").items()
    }


def test_a_batch_that_fails_is_tried_once_more_then_named_and_not_kept(
    call, easy, three, monkeypatch
):
    from stylespace.commands.probe import probes

    true, made = probes.probe_batch, []

    def probe_batch(settings, entries, *arguments, **options):
        made.append(entries)
        if ("conv1_1", 4, 4) in entries:
            raise MemoryError
        return true(settings, entries, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(probes, "probe_batch", probe_batch)
        first = call(*COMMAND, *BLOCK, "--json")
    assert first.code == 0, first.err
    assert len(made) == 3 and made[0] == made[2]
    assert first.json["figures"] == {"entries": 6, "done": 3, "reached": 3}
    assert [row["reached"] for row in first.json["entries"]] == [False] * 3 + [True] * 3
    assert all("out of memory" in row["note"] for row in table()[:3])
    again = call(*COMMAND, *BLOCK, "--json")
    assert again.json["figures"] == {"entries": 6, "done": 6, "reached": 6}
    assert [row["note"] for row in table()] == [""] * 6


def test_a_survey_whose_every_batch_fails_ends_as_one_of_them(call, easy, monkeypatch):
    monkeypatch.setattr("stylespace.commands.probe.probes.probe_batch", None)
    result = call(*COMMAND, *BLOCK)
    assert result.code == 1 and result.out == "" and not FOLDER.exists()
    assert result.err == "stylespace: unexpected TypeError: 'NoneType' object is not callable\n"
