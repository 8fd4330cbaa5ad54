"""`stylespace features`: tables in three formats, bad pictures, workers, memory."""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
import psutil
import pyarrow.parquet as pq
import pytest
from command_line import ONE_THREAD, SHALLOW, assert_refused, listing, picture_file

import stylespace as ss
from stylespace.cli.main import REMARKS
from stylespace.commands.features import making, measurer, measuring, tables
from stylespace.commands.features.measurer import Measurer
from stylespace.commands.features.tables import Store
from stylespace.settings import MOST_COLUMNS, FeaturesSettings

RANDOM = ("--weights", "random:0", "--device", "cpu", "--size", "32")
SMALL = (*RANDOM, *SHALLOW)
TWO = ("--executor", "processes", "--workers", "2")


@pytest.fixture(autouse=True)
def one_painting(monkeypatch):
    """One painting to divide by in place of eight, which take seconds to decode."""
    monkeypatch.setattr(measuring, "paintings", lambda: ("durer-lion",))
    yield
    measuring.painting_norms.cache_clear()


@pytest.fixture
def pictures(tmp_path):
    """A folder of five pictures, of two sizes, in a place of its own."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(5):
        picture_file(folder / f"{k}.png", 40, 30 + 10 * (k % 2), seed=k)
    return folder


def content(path):
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def test_a_table_has_the_rows_of_the_transformer(call, pictures):
    done = call("features", pictures, *SMALL, "--out", "t.npz", "--dimension", 24, "--json")
    assert done.code == 0 and done.json["outputs"] == ["t.npz"]
    assert done.json["figures"] == {"pictures": 5, "measured": 5, "columns": 24}
    found, paths = content("t.npz"), [str(pictures / f"{k}.png") for k in range(5)]
    assert found["names"].tolist() == paths and not any(found["reasons"])
    assert found["features"].dtype == np.float32
    options = {"weights": "random:0", "layers": SHALLOW[1].split(","), "size": 32}
    expected = ss.StyleFeatures(dimension=24, **options).transform(paths)
    assert np.allclose(found["features"], expected, atol=1e-6)


def test_the_record_says_how_the_numbers_were_made(call, pictures):
    options = ("--dimension", 1024, "--seed", 3, "--rotations", "--square")
    assert call("features", pictures, *SMALL, *options, "--out", "t.npz").code == 0
    record = json.loads(content("t.npz")["record"].item())
    assert record["layers"] == ["conv1_1", "conv1_2"]
    assert record["columns"] == {"conv1_1": [0, 512], "conv1_2": [512, 1024]}
    assert (record["seed"], record["rotations"], record["square"]) == (3, 4, True)
    assert record["weights"] == ss.load_network(weights="random:0").sha256
    assert record["sketch_version"] == 1
    assert record["rank_correlation"].startswith("not measured for this table")
    assert "128 px" in record["scaling"] and all(one > 0 for one in record["scales"].values())
    raw = call("features", pictures, *SMALL, "--kind", "mean", "--out", "m.npz")
    record = json.loads(content("m.npz")["record"].item())
    assert raw.code == 0 and record["scaling"] == "none" and set(record["scales"].values()) == {1}


def test_the_three_formats_hold_the_same(call, pictures, tmp_path):
    (pictures / "3.png").write_bytes(b"none")
    for suffix in ("npz", "parquet", "csv"):
        line = ("features", pictures, *SMALL, "--kind", "mean", "--out", f"t.{suffix}", "--quiet")
        done = call(*line)
        assert done.code == 0 and "left out" in done.err and "3.png" in done.err
    found = content("t.npz")
    frames = pd.read_parquet("t.parquet"), pd.read_csv("t.csv", dtype={"reason": str})
    columns = [f"mean.{layer}.{k}" for layer in ("conv1_1", "conv1_2") for k in range(64)]
    for frame in frames:
        assert list(frame.columns) == ["name", "reason", *columns]
        assert frame["name"].tolist() == found["names"].tolist()
        assert frame["reason"].fillna("").tolist() == found["reasons"].tolist()
        rows = frame[columns].to_numpy().astype(np.float32)
        assert np.array_equal(rows, found["features"], equal_nan=True)
    record = json.loads(found["record"].item())
    schema = pq.read_schema("t.parquet")
    assert json.loads(schema.metadata[b"stylespace"])["columns"] == record["columns"]
    assert json.loads((tmp_path / "t.record.json").read_text())["columns"] == record["columns"]


def test_a_bad_picture_is_a_row_of_its_reason_in_its_place(call, pictures, monkeypatch):
    """Read in pieces of two, so that places in a piece and in the table differ."""
    monkeypatch.setattr(measuring, "HELD", 2 * 12 * 32**2)
    (pictures / "1.png").write_bytes(b"none")
    picture_file(pictures / "4.png", 400, 4)
    line = (*RANDOM, "--layers", "conv2_1", "--kind", "mean")
    twice = (pictures / "2.png", pictures, pictures / "2.png")
    assert call("features", *twice, *line, "--out", "t.npz").code == 0
    found = content("t.npz")
    bad = [False, False, True, False, False, True, False]
    assert [bool(why) for why in found["reasons"]] == bad
    assert np.isnan(found["features"]).all(1).tolist() == bad
    assert np.isfinite(found["features"][~np.array(bad)]).all()
    assert "not a picture" in found["reasons"][2] and "too small for conv2_1" in found["reasons"][5]
    for place in (3, 6):  # alone in its batch, or not
        assert np.allclose(found["features"][0], found["features"][place], rtol=1e-5, atol=1e-7)


def test_many_bad_pictures_are_told_in_few_lines(call, pictures):
    for k in range(REMARKS + 3):
        (pictures / f"bad-{k}.png").write_bytes(b"none")
    done = call("features", pictures, *SMALL, "--kind", "mean", "--out", "t.npz", "--quiet")
    assert len(done.err.splitlines()) == REMARKS + 1
    assert "3 more such remarks are with the results" in done.err


def test_without_a_single_good_picture_nothing_is_written(call, tmp_path):
    (tmp_path / "a.png").write_bytes(b"none")
    before = listing()
    done = call("features", "a.png", *SMALL, "--quiet", "--out", "t.npz")
    assert_refused(done, 1, "none of 1 pictures could be measured; 'a.png': not a picture")
    assert listing() == before


@pytest.mark.slow
def test_workers_write_the_same_table(call, pictures):
    """Two calls; not scaled, since `one_painting` is of this process alone."""
    for k in range(30):
        picture_file(pictures / f"more-{k}.png", 40, 30, seed=k)
    line = ("features", pictures, *SMALL, "--dimension", 16, "--scaling", "none", "--quiet")
    assert call(*line, "--out", "one.npz").code == 0
    assert call(*line, *TWO, "--out", "two.npz").code == 0
    one, two = content("one.npz"), content("two.npz")
    assert np.allclose(one["features"], two["features"], rtol=1e-5, atol=1e-6)
    assert one["names"].tolist() == two["names"].tolist()


def test_ctrl_c_keeps_what_is_there(call, pictures, monkeypatch):
    monkeypatch.setattr(measuring, "HELD", 2 * 12 * 32**2)
    true, begun = Measurer.measured, []

    def pressed(self, names, *common):
        begun.append(names)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return true(self, names, *common)

    monkeypatch.setattr(Measurer, "measured", pressed)
    done = call("features", pictures, *SMALL, "--kind", "mean", "--out", "t.npz", "--quiet")
    assert done.code == 130 and "t.npz holds what was done so far" in done.err
    found = content("t.npz")
    assert [bool(why) for why in found["reasons"]] == [False, False, True, True, True]
    assert found["reasons"][4] == making.UNSEEN and "left out" not in done.err
    begun[:] = [None]
    before = listing()
    done = call("features", pictures, *SMALL, "--kind", "mean", "--out", "u.npz", "--quiet")
    assert done.code == 130 and listing() == before


REFUSED = [
    (("--out", "t.parqet"), 2, "'.parqet' is no table format that is written. Did you mean '.par"),
    (("--out", "t.png"), 2, "Known: .npz, .parquet, .csv."),
    (("--kind", "grams", "--out", "t.npz"), 2, "grams"),
    (("--layers", "conv9_1", "--out", "t.npz"), 2, "conv9_1"),
    (("--layers", "conv1_1=2", "--out", "t.npz"), 2, "have no weight"),
    (("--dimension", "0", "--out", "t.npz"), 2, "--dimension 0 must be at least 1."),
    (("--dimension", "3", "--out", "t.npz"), 2, "--dimension 3 leaves none of 5 layers"),
    (("--kind", "gram", "--out", "t.csv"), 2, "305,888 columns, more than the 16,384"),
    (("--kind", "covariance", "--out", "t.parquet"), 2, "305,888 columns"),
    (("--size", "0", "--out", "t.npz"), 2, "--size 0 must be at least 1."),
    (("--workers", "2", "--out", "t.npz"), 2, "--workers 2 belongs to --executor"),
    (("--out", "gone/t.npz"), 1, "create the folder first"),
]


@pytest.mark.parametrize(("options", "code", "words"), REFUSED, ids=range(len(REFUSED)))
def test_wrong_options_are_refused_before_anything_is_measured(call, options, code, words):
    picture_file("a.png")
    before = listing()
    assert_refused(call("features", "a.png", "--weights", "random:0", "--quiet", *options), code)
    assert words in call("features", "a.png", "--weights", "random:0", "--quiet", *options).err
    assert listing() == before


def test_pictures_that_are_not_there_are_refused(call):
    picture_file("lion.png")
    words = "'lino.png': no such file. Did you mean 'lion.png'?"
    assert_refused(call("features", "lino.png", *SMALL), 1, words)
    assert_refused(call("features", "sample:gogh-auver", *SMALL), 2, "Did you mean 'gogh-auvers'")


def test_one_picture_of_several_that_is_not_there_is_a_row(call):
    picture_file("lion.png")
    line = ("features", "lion.png", "lino.png", *SMALL, "--kind", "mean", "--out", "t.npz")
    done = call(*line, "--quiet")
    assert (
        done.code == 0 and "left out lino.png: no such file. Did you mean 'lion.png'?" in done.err
    )
    found = content("t.npz")
    assert found["names"].tolist() == ["lion.png", "lino.png"]
    assert np.isnan(found["features"][1]).all() and np.isfinite(found["features"][0]).all()


def test_nothing_is_replaced_without_force(call):
    picture_file("a.png")
    line = ("features", "a.png", *SMALL, "--kind", "mean", "--quiet", "--out")
    assert call(*line, "t.csv").code == 0
    before = listing()
    assert_refused(call(*line, "t.csv"), 1, "--force")
    (record := tables.record_path(making.Path("u.csv"))).write_text("mine")
    assert_refused(call(*line, "u.csv"), 1, "u.record.json", "--force")
    record.unlink()
    assert listing() == before
    assert call(*line, "t.csv", "--force").code == 0


def test_a_free_name_is_chosen(call):
    picture_file("a.png")
    line = ("features", "a.png", *SMALL, "--kind", "mean", "--quiet")
    assert [call(*line).paths for _ in range(2)] == [["a-features.npz"], ["a-features-2.npz"]]


def test_names_are_inert_in_a_spreadsheet(call):
    picture_file("=1+1.png")
    assert call("features", "=1+1.png", *SMALL, "--kind", "mean", "--out", "t.csv").code == 0
    assert pd.read_csv("t.csv")["name"][0] == "'=1+1.png"


def test_a_store_gives_rows_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "BLOCK", 4 * 3 * 2)
    with (tmp_path / "rows").open("w+b") as file:
        store, rows = Store(file, 7, 3), np.arange(21, dtype=np.float32).reshape(7, 3)
        for start, stop in ((4, 6), (0, 2), (2, 3)):
            store.put(start, rows[start:stop])
        found = list(store.blocks())
    assert [len(block) for block in found] == [2, 2, 2, 1]
    rows[[3, 6]] = np.nan
    assert np.array_equal(np.concatenate(found), rows, equal_nan=True)


def test_only_what_was_measured_is_said_to_be():
    usual, layers = FeaturesSettings(pictures=("a.png",)), ("conv1_1", "conv2_1", "conv3_1")
    assert measurer._is_usual(usual) and measurer._is_usual(replace(usual, size=64, seed=5))
    assert measurer._is_usual(replace(usual, layers=(*layers, "relu4_1", "conv5_1")))
    others = {"layers": layers}, {"weights": "random:0"}, {"scaling": "none"}, {"pooling": "max"}
    assert not any(measurer._is_usual(replace(usual, **other)) for other in others)


def test_tables_have_as_many_columns_as_a_spreadsheet():
    tables.check_columns(making.Path("t.csv"), MOST_COLUMNS)
    tables.check_columns(making.Path("t.npz"), 10 * MOST_COLUMNS)
    with pytest.raises(ss.StylespaceError, match="16,385 columns"):
        tables.check_columns(making.Path("t.csv"), MOST_COLUMNS + 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spread", "size", "count"), [((), 32, 10_000), (TWO, 32, 10_000), (TWO, 224, 80)]
)
def test_ten_thousand_pictures_take_little_memory(tmp_path, spread, size, count):
    """The program and its workers, with the real weights."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(count):
        picture_file(folder / f"{k:05}.png", size, 3 * size // 4, seed=k)
    line = [sys.executable, "-m", "stylespace", "features", str(folder), "--size", str(size)]
    line += [*spread, "--out", str(tmp_path / "t.npz"), "--quiet"]
    with subprocess.Popen(line, env=ONE_THREAD) as running:
        highest = 0
        while running.poll() is None:
            highest = max(highest, tree_bytes(running.pid))
            psutil.time.sleep(0.2)
    print(highest / 2**30)
    assert running.returncode == 0 and highest <= 1.3 * 2**30
    assert content(tmp_path / "t.npz")["features"].shape == (count, 1024)


def tree_bytes(number):
    """Bytes of a process and all below it, those that several share divided among them."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(number)
        for one in (parent, *parent.children(recursive=True)):
            total += one.memory_full_info().pss
    return total
