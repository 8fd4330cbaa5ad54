"""Atlases at tiny sizes: cells, tables, sheets, and going on where a run stopped."""

import csv
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from worker_calls import workers

from stylespace.commands.atlas import cells, runs
from stylespace.commands.atlas.cells import full_settings
from stylespace.commands.atlas.making import atlas, spread
from stylespace.commands.atlas.runs import Progress, duration, groups_of
from stylespace.commands.atlas.sheets import (
    MOST,
    _Board,
    log_grid,
    name_of,
    parts,
    sheet,
    value_map,
)
from stylespace.commands.atlas.store import Store, mark_of
from stylespace.commands.atlas.tables import MAP, Agreement
from stylespace.commands.probe import patches
from stylespace.errors import OutputError, UnreachedError, UsageError
from stylespace.images import read_image, read_recipe
from stylespace.networks.loading import load_network
from stylespace.settings import recipe_of
from stylespace.settings.atlas import AtlasSettings
from stylespace.synthesis.loop import Step

SMALL = AtlasSettings(
    layer="conv1_1", block="0-4,2-6", size=24, iterations=3, weights="random:0", check=0
)
PAIRS = 5 * 5 - 3  # channels 2, 3 and 4 are on both sides: three cells are mirror images


@pytest.fixture(scope="module")
def network():
    return load_network(weights="random:0")


@pytest.fixture(autouse=True)
def cheaply(monkeypatch, tmp_path, one_thread):
    """An empty current folder, batches of eight, one small painting to beat."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "BATCH", 8)
    monkeypatch.setattr(patches, "paintings", lambda: ("durer-lion",))
    monkeypatch.setattr(patches, "PAINTING_SIDE", 32)


@pytest.fixture
def quick_probes(monkeypatch):
    """Full probes of two evaluations."""

    def quick(settings, pair):
        return replace(full_settings(settings, pair), iterations=(2,))

    monkeypatch.setattr(cells, "full_settings", quick)


def made(network, folder="a", settings=SMALL, **options):
    return atlas(settings, Path(folder), network, **options)


def table(folder="a"):
    return list(csv.DictReader(Path(folder, "table.csv").read_text().splitlines()))


def contents(folder="a"):
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def stopping(count):
    """A watcher that asks for the end at its count-th evaluation, as Ctrl-C does."""
    seen = []

    def watch(step):
        seen.append(step)
        if len(seen) == count:
            raise KeyboardInterrupt

    return lambda name: watch


# Settings


def test_the_whole_layer_is_the_default():
    settings = AtlasSettings()
    assert (settings.place, settings.stem) == ("conv2_1", "atlas-conv2_1")
    assert len(settings.pairs()) == 128 * 129 // 2
    assert (settings.rows, settings.columns) == (range(128), range(128))


def test_a_block_has_rows_and_columns_and_each_pair_once():
    settings = AtlasSettings(layer="relu1_1", block=" 2-4 , 3-63")
    assert settings.stem == "atlas-conv1_1-2-4-3-63"
    expected = {tuple(sorted((i, j))) for i in range(2, 5) for j in range(3, 64)}
    assert set(settings.pairs()) == expected
    assert len(settings.pairs()) == len(expected)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("", "write it as 0-15,0-15"),
        ("3", "write it as 0-15,0-15"),
        ("0-15", "write it as 0-15,0-15"),
        ("0-15,0-15,0-15", "write it as 0-15,0-15"),
        ("a-b,c-d", "write it as 0-15,0-15"),
        ("-1-4,0-3", "write it as 0-15,0-15"),
        ("0-3,0-99999999999", "write it as 0-15,0-15"),
        ("9-3,0-3", "write 3-9,0-3"),
        ("0-3,9-3", "write 0-3,3-9"),
        ("0-3,0-64", "has 64 channels: both numbers go from 0 to 63"),
        ("60-70,0-3", "has 64 channels"),
    ],
)
def test_wrong_blocks_are_refused_with_the_remedy(block, words):
    with pytest.raises(UsageError) as error:
        AtlasSettings(layer="conv1_1", block=block)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"layer": "conv9_1"}, "Did you mean"),
        ({"executor": "procesess"}, "Did you mean 'processes'"),
        ({"executor": "dask:"}, "lacks the address"),
        ({"workers": 2}, "leave it out"),
        ({"executor": "dask:tcp://1.2.3.4:5", "workers": 2}, "leave it out"),
        ({"executor": "processes", "workers": 0}, "at least 1"),
        ({"size": 0}, "at least 1"),
        ({"selectivity": 1.5}, "at most 1"),
        ({"check": -1}, "at least 0"),
    ],
)
def test_wrong_settings_are_refused(values, words):
    with pytest.raises(UsageError, match=words):
        AtlasSettings(**values)


def test_where_it_is_computed_does_not_decide_the_result():
    remote = replace(SMALL, executor="processes", workers=2)
    assert remote.decisive == SMALL.decisive == SMALL
    assert mark_of(remote, "w") == mark_of(SMALL, "w")
    assert "workers" not in recipe_of(remote.decisive)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"block": "0-1,0-1"}, True),
        ({"check": 3}, True),
        ({"layer": "relu1_1"}, True),
        ({"layer": "conv1_2"}, False),
        ({"size": 25}, False),
        ({"seed": 1}, False),
        ({"iterations": 4}, False),
        ({"selectivity": 0.5}, False),
    ],
)
def test_the_mark_of_cells_holds_what_decides_them(changes, same):
    assert (mark_of(replace(SMALL, **changes), "w") == mark_of(SMALL, "w")) == same
    assert mark_of(SMALL, "other") != mark_of(SMALL, "w")


# A whole atlas


def test_every_entry_is_there_once_with_its_picture_and_figures(network, quick_probes):
    settings = replace(SMALL, check=3, check_size=24)
    result = made(network, settings=settings)
    assert [(row.i, row.j) for row in result.rows] == list(settings.pairs())
    assert len(result.rows) == result.total == PAIRS
    figures = result.figures
    assert (figures["entries"], figures["done"], figures["checked"]) == (PAIRS, PAIRS, 3)
    assert -1 <= figures["rank_correlation"] <= 1
    folder = Path("a")
    names = {
        "index.html",
        "README.md",
        "recipe.toml",
        "table.csv",
        "table.json",
        MAP,
        "atlas-0-4-2-6.png",
    }
    assert {path.name for path in folder.iterdir()} == names | {"cells", "index.html"}
    record = json.loads((folder / "table.json").read_text())
    assert record["figures"]["rank_correlation"] == pytest.approx(figures["rank_correlation"])
    assert len(record["entries"]) == PAIRS
    assert sum(row["full_value"] is not None for row in record["entries"]) == 3
    rows = table()
    assert [(int(row["i"]), int(row["j"])) for row in rows] == list(settings.pairs())
    page = (folder / "README.md").read_text()
    assert f"**{figures['rank_correlation']:.3f}**" in page
    assert "![Cells of the channels in atlas-0-4-2-6.png](atlas-0-4-2-6.png)" in page
    assert read_recipe(folder / "atlas-0-4-2-6.png")["recipe"] == recipe_of(settings)


def test_values_are_those_of_the_written_pictures(network):
    result = made(network)
    store = Store(Path("a"), mark_of(SMALL, network.sha256), network.sha256)
    pictures = store.pictures(SMALL.pairs())
    for row in result.rows:
        image = torch.from_numpy(pictures[row.i, row.j]).permute(2, 0, 1)[None] / 255
        features = network(image, ["conv1_1"])["conv1_1"][0].flatten(1)
        value = float((features[row.i] * features[row.j]).mean())
        assert row.value == pytest.approx(value, rel=1e-5)
        gram = features @ features.T / features.shape[1]
        share = (1 if row.i == row.j else 2) * value / float(gram.norm())
        assert row.figures["selectivity"] == pytest.approx(share, rel=1e-4)


def test_mirrored_cells_are_the_same_picture(network):
    made(network)
    pixels = np.asarray(Image.open("a/atlas-0-4-2-6.png"))
    board = _Board(SMALL.rows, SMALL.columns, 24, "")
    assert pixels.shape[0] == board.size[1] and pixels.shape[1] >= board.size[0]

    def cell(i, j):
        x, y = board.corner(i, j)
        return pixels[y : y + 24, x : x + 24]

    assert (cell(2, 4) == cell(4, 2)).all()
    assert (cell(3, 4) == cell(4, 3)).all()
    assert (cell(2, 3) != cell(4, 2)).any()


def test_a_finished_atlas_is_only_written_again(network, quick_probes):
    settings = replace(SMALL, check=2, check_size=24)
    made(network, settings=settings)
    before = contents()
    stamps = {path: path.stat().st_mtime_ns for path in Path("a/cells").iterdir()}
    steps = []
    made(network, settings=settings, watch=lambda name: steps.append)
    assert steps == []
    assert contents() == before
    assert {path: path.stat().st_mtime_ns for path in Path("a/cells").iterdir()} == stamps


def damaged(path, how):
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[:-100])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        content[-5] ^= 1
        path.write_bytes(content)


@pytest.mark.parametrize("how", ["missing", "cut", "empty", "one wrong bit"])
def test_missing_and_damaged_batches_are_made_again_alone(network, how):
    made(network)
    before = contents()
    names = sorted(path.name for path in Path("a/cells").iterdir())
    assert len(names) == 3
    stamp = Path("a/cells", names[0]).stat().st_mtime_ns
    damaged(Path("a/cells", names[1]), how)
    made(network)
    assert contents() == before
    assert Path("a/cells", names[0]).stat().st_mtime_ns == stamp


def test_an_interrupted_atlas_shows_what_is_done_and_goes_on(network):
    made(network, "whole")
    result = made(network, watch=stopping(8))  # in the third batch of three evaluations each
    assert result.interrupted
    assert (len(result.rows), result.figures["done"]) == (16, 16)
    assert len(table()) == 16
    assert "6 entries are not done yet" in Path("a/README.md").read_text()
    result = made(network)
    assert not result.interrupted
    assert contents("a") == contents("whole")


def test_interrupted_before_the_first_batch_nothing_is_left(network):
    with pytest.raises(KeyboardInterrupt):
        made(network, watch=stopping(2))
    assert list(Path().iterdir()) == []


def test_interrupted_full_probes_are_kept_one_by_one(network, quick_probes):
    settings = replace(SMALL, check=3, check_size=24)
    result = made(network, settings=settings, watch=stopping(9 + 3))
    assert result.interrupted
    assert result.figures["done"] == PAIRS
    assert result.figures["checked"] == 1
    assert made(network, settings=settings).figures["checked"] == 3


def test_a_folder_of_other_settings_is_refused_or_replaced_by_force(network):
    made(network)
    before = contents()
    other = replace(SMALL, seed=1)
    with pytest.raises(OutputError, match="force=True"):
        made(network, settings=other)
    assert contents() == before
    made(network, settings=other, force=True)
    made(network, "b", settings=other)
    assert contents() == contents("b")


def test_cells_of_other_weights_do_not_count(network):
    made(network)
    store = Store(Path("a"), mark_of(SMALL, "other"), "other")
    assert store.figures == {}


def test_unreached_cells_are_marked_and_told(network, monkeypatch):
    true = cells.batch_of

    def batch_of(settings, tools, pairs, watch=None):
        batch = true(settings, tools, pairs, watch)
        batch.figures["value"][[pair == (2, 3) for pair in pairs]] = 0
        return batch

    monkeypatch.setattr(cells, "batch_of", batch_of)
    result = made(network)
    assert result.figures["reached"] == PAIRS - 1
    rows = {(row["i"], row["j"]): row for row in table()}
    assert (rows["2", "3"]["reached"], rows["2", "3"]["note"]) == ("False", "never fired together")
    assert "## Not reached\n\n2,3: never fired together." in Path("a/README.md").read_text()


def test_no_entry_reached_is_an_error_with_its_tables(network, monkeypatch):
    monkeypatch.setattr(cells, "gram", lambda x: torch.zeros(len(x), 64, 64))
    with pytest.raises(UnreachedError, match="none of 22 entries was reached"):
        made(network)
    assert len(table()) == PAIRS


def test_too_small_cells_and_probes_are_refused_before_anything(network):
    deep = replace(SMALL, layer="conv4_1", size=4)
    with pytest.raises(UsageError, match="needs 8x8"):
        made(network, settings=deep)
    with pytest.raises(UsageError, match="check_size=4 is too small for conv4_1, which needs 8"):
        made(network, settings=replace(deep, size=8, check=1, check_size=4))
    assert list(Path().iterdir()) == []


def test_time_is_estimated_and_progress_counts_all_entries(network):
    said, steps = [], []
    made(network, watch=stopping(8), say=said.append)
    made(network, watch=lambda name: steps.append, say=said.append)
    assert re.fullmatch(r"about \d+ s for 22 entries \(0 done\)\.", said[0])
    assert re.fullmatch(r"about \d+ s for 22 entries \(16 done\)\.", said[1])
    assert [step.number for step in steps] == [6, 12, 18]
    assert {step.total for step in steps} == {18}


def test_progress_of_results_from_elsewhere():
    steps = []
    progress = Progress(steps.append, 4, 10, 24)
    progress.tick()
    progress.finished([1.0, 0.0], tell=True)
    progress.finished([math.e], tell=True)
    progress.tick()
    assert [step.number for step in steps] == [20, 30, 30]
    assert steps[1].best == pytest.approx(-1)
    with pytest.raises(KeyboardInterrupt):
        asked = Progress(lambda step: True, 4, 10, 24)
        asked.finished([1.0], tell=True)
    assert isinstance(steps[0], Step)


# On worker processes


@pytest.mark.usefixtures("quick_probes")
def test_folders_are_byte_equal_whatever_ends_first(network, monkeypatch):
    """Every result in the other order, as workers may return them: the checks too."""
    settings = replace(SMALL, check=3)
    made(network, "serial", settings)
    true = runs.completed

    def backwards(*arguments, **options):
        yield from reversed(list(true(*arguments, **options)))

    monkeypatch.setattr(runs, "completed", backwards)
    made(network, "backwards", settings)
    assert contents("backwards") == contents("serial")
    rows = json.loads(contents("serial")["cells/checks.json"])["values"]
    assert len(rows) == 3 and rows == sorted(rows)


@pytest.mark.slow
def test_processes_give_the_same_cells_though_a_worker_is_killed(network):
    """A real worker, once the first batch has come back; the checks are the same too."""
    checked = replace(SMALL, check=1, check_size=16)
    made(network, "serial", checked)
    killed = []

    def kill_one(step):
        living = workers()
        if living and not killed:
            killed.append(living[0].pid)
            living[0].kill()

    settings = replace(checked, executor="processes", workers=2)
    result = made(network, settings=settings, watch=lambda name: kill_one)
    assert killed
    assert [(row.i, row.j) for row in result.rows] == list(SMALL.pairs())
    assert contents("a") == contents("serial")


# Parts


def test_groups_keep_whole_batches():
    pairs = [(0, number) for number in range(10)]
    groups = [tuple(pairs[:4]), tuple(pairs[4:8]), tuple(pairs[8:])]
    assert groups_of(pairs, 4, [pair for pair in pairs if pair != (0, 5)]) == groups
    assert groups_of(pairs, 4, pairs[4:]) == groups[1:]
    assert groups_of(pairs, 4, []) == []


def test_large_blocks_have_several_sheets():
    found = list(parts(range(0, 128), range(10, 80)))
    assert [(rows[0], rows[-1], columns[0], columns[-1]) for rows, columns in found] == [
        (0, 63, 10, 73), (0, 63, 74, 79), (64, 127, 10, 73), (64, 127, 74, 79),
    ]  # fmt: skip
    assert max(len(one) for part in found for one in part) == MOST
    assert name_of(*found[1]) == "atlas-0-63-74-79.png"


def test_a_small_sheet_is_as_wide_as_its_title():
    title = "conv2_1 of vgg19-norm, 4 of 4 entries reached, evaluations 200"
    board, named = (_Board(range(2), range(2), 8, text) for text in ("", title))
    assert named.size[0] - 2 * named.margin >= named.font.getlength(title)
    assert board.size[0] < named.size[0] and board.size[1] == named.size[1]
    pixels = sheet({}, range(2), range(2), 8, title)
    line = pixels[: named.margin - 2].max(-1).max(0) > 150
    right = named.size[0] - named.margin
    assert line[right - 20 : right].any() and not line[right + 1 :].any()


@pytest.mark.parametrize("side", [8, 24, 48])
def test_a_sheet_has_its_cells_where_its_indices_are(side):
    rows, columns = range(3, 6), range(4, 12)
    red = np.full((side, side, 3), (255, 0, 0), np.uint8)
    pixels = sheet({(3, 4): red, (5, 9): None}, rows, columns, side, "title")
    board = _Board(rows, columns, side, "title")
    assert pixels.shape == (*board.size[::-1], 3)
    x, y = board.corner(3, 4)
    assert (pixels[y : y + side, x : x + side] == (255, 0, 0)).all()
    assert (pixels == (255, 0, 0)).all(-1).sum() == side**2
    x, y = board.corner(5, 9)
    assert len(np.unique(pixels[y : y + side, x : x + side].reshape(-1, 3), axis=0)) == 2
    x, y = board.corner(4, 10)  # not done: the bare board
    assert len(np.unique(pixels[y : y + side, x : x + side].reshape(-1, 3), axis=0)) == 1
    above = pixels[board.top - board.margin // 2 : board.top, board.margin : -board.margin]
    assert above.max() > 150


def test_the_value_map_is_symmetric_and_dark_where_nothing_is(tmp_path):
    values = {(0, 0): 100.0, (0, 1): 10.0, (1, 1): 0.0}
    grid = log_grid(values, range(2), range(3))
    np.testing.assert_allclose(grid, [[2, 1, np.nan], [1, np.nan, np.nan]])
    path = tmp_path / "map.png"
    path.write_bytes(value_map(values, range(2), range(3), "title"))
    assert min(read_image(path).shape[2:]) > 500


def test_rank_correlation_of_known_answers():
    def rho(cells, full):
        rows = zip([(0, 0)] * len(cells), cells, full, strict=True)
        return Agreement(tuple(rows), 128).correlation

    assert rho([1, 2, 3], [10, 20, 90]) == pytest.approx(1)
    assert rho([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rho([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(0.8)
    assert math.isnan(rho([1], [2]))
    assert math.isnan(rho([1, 1], [2, 3]))
    assert math.isnan(rho([], []))


def test_checked_entries_are_spread_seeded_and_never_twice():
    pairs = [(0, number) for number in range(100)]
    chosen = spread(pairs, 8, 0)
    assert chosen == spread(pairs, 8, 0) != spread(pairs, 8, 1)
    assert [j * 8 // 100 for _, j in chosen] == list(range(8))
    assert spread(pairs[:3], 8, 0) == tuple(pairs[:3])
    assert spread(pairs, 0, 0) == spread([], 8, 0) == ()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (40, "40 s"), (180, "3 min"), (9000, "2.5 h")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
