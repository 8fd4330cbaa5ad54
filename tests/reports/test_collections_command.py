"""Reports on collections, and the search for similar styles, as they are used."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import assert_refused, called, listing, strict_json
from PIL import Image
from report_files import (
    assert_self_contained,
    contents,
    csv_rows,
    names,
    painted,
    pixels_of,
    results,
    tables,
    undrawn,
)
from report_sentences import NUMBER, SHARE, holds

from stylespace.images import resize
from stylespace.networks.loading import load_network
from stylespace.styles.statistics.layers import flattened, statistics
from stylespace.styles.style import Style

LAYERS = ("conv1_1", "conv2_1")
SPACE = ("--weights", "random:0", "--device", "cpu", "--size", "24")
QUICK = (*SPACE, "--layers", ",".join(LAYERS), "--quiet")
PICTURES = [*(f"{number:02}.png" for number in range(1, 14)), "deep/14.png"]


@contextmanager
def in_this_process():
    """Let collections be measured here, where no worker has to be started."""
    from stylespace.executors.pools import Serial

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stylespace.executors.pools.Processes", lambda workers: Serial())
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with `pics`: fourteen pictures of several shapes, and one that is none."""
    root = tmp_path_factory.mktemp("collection")
    (root / "pics" / "deep").mkdir(parents=True)
    for seed, name in enumerate(PICTURES):
        painted(root / "pics" / name, seed, 24 + seed, 40 - seed)
    (root / "pics" / "bad.png").write_text("a poem\n")
    return root


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where styles are kept, for all tests of this module."""
    return tmp_path_factory.mktemp("torch")


@pytest.fixture(scope="module")
def collection(root, kept):
    """A drawn report on the collection: (its folder, the call)."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with in_this_process(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(kept))
        result = called(root, "report", "pics", *QUICK, "--json")
    torch.set_num_threads(threads)
    return root / "pics-report", result


@pytest.fixture
def fast(call, kept, monkeypatch):
    """Collections in this process, figures not rendered, styles kept in a folder of the tests."""
    monkeypatch.setenv("TORCH_HOME", str(kept))
    with in_this_process(), undrawn():
        yield call


@pytest.fixture(scope="module")
def styles(root):
    """The style of every picture, captured one by one: {name: Style}."""
    network = load_network(weights="random:0", device="cpu")
    return {
        name: Style.capture(
            network, resize(torch.from_numpy(pixels_of(root / "pics" / name)), 24), LAYERS
        )
        for name in PICTURES
    }


def distance(one, two):
    """The mean over the layers of ||G - A||^2 / ((||G||^2 + ||A||^2) / 2), by numpy."""
    shares = []
    for layer in LAYERS:
        g, a = (style.grams[layer].double().numpy() for style in (one, two))
        shares.append(((g - a) ** 2).sum() / (((g**2).sum() + (a**2).sum()) / 2))
    return np.mean(shares)


# Reports.


def test_a_bad_picture_is_left_out_and_named(collection):
    folder, result = collection
    assert result.code == 0
    assert result.json["figures"] == {"pictures": 14, "left_out": 1}
    assert result.json["outputs"] == ["pics-report/index.html", "pics-report"]
    (line,) = result.err.splitlines()
    assert line.startswith("stylespace: left out pics/bad.png: ") and "not a picture" in line
    page = assert_self_contained(folder)
    assert "<dt>Left out</dt><dd>pics/bad.png: " in page
    assert "<title>The styles of 14 pictures</title>" in page


def test_every_file_of_a_collection_is_there(collection):
    folder, _ = collection
    spreads = ("off_diagonal-near_zero", "effective_rank", "mean_cosine", "off_diagonal-gini")
    figures = [f"figures/collection-{name}" for name in (*spreads, "map")]
    expected = {f"{name}.{kind}" for name in figures for kind in ("png", "svg")}
    expected |= {f"tables/{name}.csv" for name in ("statistics", "neighbours", "map")}
    expected |= {"index.html", "recipe.toml", "results.json", "summary.md"}
    assert names(folder) == expected
    for name, rows in tables(folder).items():
        cells = csv_rows(folder / "tables" / f"{name}.csv")
        assert len(cells) == len(rows)
        for cell, row in zip(cells, rows, strict=True):
            assert list(cell) == list(row)
            for key, value in row.items():
                assert (float(cell[key]) if isinstance(value, float) else cell[key]) == (
                    value if isinstance(value, float) else str(value)
                )


def picture_map(folder):
    """The data of the map that a page zooms."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    parts = re.findall(r'<script type="application/json">(.*?)</script>', page, re.S)
    return next(data for data in map(json.loads, parts) if "neighbours" in data)


def test_the_map_that_zooms_has_the_places_and_the_neighbours_of_the_tables(collection):
    data, found = picture_map(collection[0]), tables(collection[0])
    assert data["names"] == PICTURES
    points = np.reshape(data["points"], (-1, 2))
    places = np.array([[row["x"], -row["y"]] for row in found["map"]])
    spread = np.ptp(places, axis=0).max()
    np.testing.assert_allclose(points, (places - places.min(0)) / spread, atol=1e-4)
    near = {(row["picture"], row["rank"]): row for row in found["neighbours"]}
    for name, row in zip(PICTURES, data["neighbours"], strict=True):
        for rank in (1, 2, 3):
            k, distance = row[rank - 1]
            assert data["names"][k] == near[name, rank]["other"]
            assert distance == pytest.approx(near[name, rank]["distance"], rel=1e-5)
    shapes = [pixels_of(collection[0].parent / "pics" / name).shape[2:] for name in PICTURES]
    sizes = np.reshape(data["sizes"], (-1, 2))
    assert [(height, width) for width, height in sizes.tolist()] == shapes
    assert all(one.startswith("data:image/webp;base64,") for one in data["larger"])


def test_of_very_many_pictures_a_sample_is_on_the_map_and_it_says_so(root, fast, monkeypatch):
    monkeypatch.setattr("stylespace.reports.picture_map.MOST", 5)
    monkeypatch.setattr("stylespace.reports.picture_map.FEW", 2)  # by worker processes
    assert fast("report", root / "pics", *QUICK, "--compact", "--out", "r").code == 0
    data = picture_map(Path("r"))
    assert data["names"][:5] == PICTURES[::3] and len(data["points"]) == 10
    assert data["larger"] == [] and {*data["names"]} <= {*PICTURES}
    assert "5 of 14 pictures" in (Path("r", "index.html")).read_text(encoding="utf-8")


def test_numbers_of_a_collection_are_those_of_its_pictures(collection, styles):
    rows = tables(collection[0])["statistics"]
    assert [row["picture"] for row in rows[::2]] == PICTURES
    for row in rows:
        found = flattened(statistics(styles[row["picture"]])[row["layer"]])
        assert set(row) == {"picture", "layer", *found}
        for name, value in found.items():
            assert row[name] == pytest.approx(value, rel=2e-3, abs=1e-5), (row, name)


def test_neighbours_are_nearest(collection, styles):
    rows = tables(collection[0])["neighbours"]
    assert len(rows) == 3 * len(PICTURES)
    for name in PICTURES:
        own = [row for row in rows if row["picture"] == name]
        assert [row["rank"] for row in own] == [1, 2, 3]
        others = sorted(
            distance(styles[name], styles[other]) for other in PICTURES if other != name
        )
        np.testing.assert_allclose([row["distance"] for row in own], others[:3], rtol=1e-3)
        for row in own:
            expected = distance(styles[name], styles[row["other"]])
            assert row["distance"] == pytest.approx(expected, rel=1e-3)


def test_the_map_shows_every_picture(collection, styles):
    places = {
        row["picture"]: np.array([row["x"], row["y"]]) for row in tables(collection[0])["map"]
    }
    assert list(places) == PICTURES
    for one in PICTURES[1:]:
        apart = np.linalg.norm(places[one] - places[PICTURES[0]])
        assert apart <= np.sqrt(distance(styles[one], styles[PICTURES[0]])) * 1.001


def test_sentences_on_a_collection_follow_from_its_numbers(collection):
    import re

    found, said = tables(collection[0]), results(collection[0])["about"]["findings"]
    assert len(said) == 3
    quantiles = {
        "off_diagonal.near_zero": rf"Of 14 pictures, nine in ten have a share of off-diagonal Gram "
        rf"entries near zero of: conv1_1 ({SHARE}) to ({SHARE}), conv2_1 ({SHARE}) to ({SHARE})\.",
        "effective_rank": rf"Nine in ten have an effective rank of: conv1_1 ({NUMBER}) to "
        rf"({NUMBER}), conv2_1 ({NUMBER}) to ({NUMBER})\.",
    }
    for (number, pattern), sentence in zip(quantiles.items(), said[:2], strict=True):
        told = re.fullmatch(pattern, sentence).groups()
        for layer, ends in zip(LAYERS, (told[:2], told[2:]), strict=True):
            values = [row[number] for row in found["statistics"] if row["layer"] == layer]
            for text, level in zip(ends, (5, 95), strict=True):
                assert holds(text, np.percentile(values, level))
    pattern = (
        rf"Nearest to another by the gram distance is (\S+) to (\S+) \(({NUMBER})\); most alone is "
        rf"(\S+), whose nearest is (\S+) \(({NUMBER})\)\."
    )
    told = re.fullmatch(pattern, said[2]).groups()
    first = [row for row in found["neighbours"] if row["rank"] == 1]
    for pick, (one, other, value) in zip((min, max), (told[:3], told[3:]), strict=True):
        row = pick(first, key=lambda row: row["distance"])
        assert (one, other) == (row["picture"], row["other"]) and holds(value, row["distance"])


def test_a_collection_is_measured_once(collection, root, fast, monkeypatch):
    """Elsewhere, later: the same tables, from the styles that were kept."""
    from stylespace.reports.collections import cache

    keep, asked = cache.keep, []

    def counted(picture, *arguments):
        asked.append(str(picture))
        keep(picture, *arguments)

    monkeypatch.setattr(cache, "keep", counted)
    shutil.copytree(root / "pics", "pics")
    assert fast("report", "pics", *QUICK, "--out", "r").code == 0
    assert asked == ["pics/bad.png"]
    before, after = contents(collection[0]), contents("r")
    assert before.keys() == after.keys()
    same = {name for name in before if before[name] == after[name]}
    assert {name for name in before if not name.startswith("figures/")} - same == {"index.html"}


def test_a_compact_collection_has_no_figures(root, fast):
    assert fast("report", root / "pics", *QUICK, "--compact", "--out", "r").code == 0
    assert not [name for name in names("r") if name.startswith("figures/")]
    assert_self_contained("r")


@pytest.fixture
def small(monkeypatch):
    """More than two subjects make a collection."""
    monkeypatch.setattr("stylespace.reports.making.MOST_DETAILED", 2)


def test_few_are_shown_one_by_one_and_more_as_a_collection(root, fast, small):
    pictures = [root / "pics" / name for name in PICTURES[:3]]
    assert fast("report", *pictures[:2], *QUICK, "--out", "two").code == 0
    assert fast("report", *pictures, *QUICK, "--out", "three").code == 0
    assert "subjects" in tables("two") and "subjects" not in tables("three")
    assert [row["picture"] for row in tables("three")["map"]] == PICTURES[:3]


def test_samples_and_pictures_make_a_collection(fast, small):
    painted("own.png")
    result = fast("report", "own.png", "sample:chelsea", "sample:durer-lion", *QUICK, "--out", "r")
    assert result.code == 0, result.err
    shown = [row["picture"] for row in tables("r")["map"]]
    assert len(set(shown)) == 3 and shown[0].endswith("own.png")
    assert list(results("r")["about"]["inputs"]) == [
        "own.png",
        "sample:chelsea",
        "sample:durer-lion",
    ]


@pytest.mark.parametrize("good", [0, 1, 2])
def test_collections_of_which_little_is_left(fast, small, good):
    for number in range(good):
        painted(f"{number}.png", number)
    for number in range(3):
        Path(f"bad{number}.png").write_text("a poem\n")
    before = listing()
    result = fast("report", ".", *QUICK, "--out", "r")
    if good == 0:
        assert_refused(result, 1, "none of 3 pictures could be measured", "bad0.png")
        assert listing() == before
        return
    assert result.code == 0, result.err
    assert "left out bad0.png" in result.err
    assert ("neighbours" in tables("r")) == (good > 1)
    assert len(tables("r")["map"]) == good
    assert_self_contained("r")


def test_style_files_and_contrasts_do_not_belong_to_a_collection(root, fast):
    before = listing()
    pictures = [root / "pics" / name for name in PICTURES[:12]]
    Path("s.style.safetensors").write_bytes(b"x")
    result = fast("report", *pictures, "s.style.safetensors", *QUICK)
    assert_refused(result, 2, "'s.style.safetensors'", "more than 12 subjects", "leave style files")
    Path("s.style.safetensors").unlink()
    result = fast("report", root / "pics", "--contrast", "01,02", *QUICK)
    assert_refused(result, 2, "--contrast", "at most 12", "here are 15")
    assert listing() == before


def test_ctrl_c_while_a_collection_is_measured_leaves_no_report(fast, small, monkeypatch):
    for number in range(3):
        painted(f"{number}.png", 50 + number)

    def pressed(*_, **__):
        raise KeyboardInterrupt

    before = listing()
    monkeypatch.setattr("stylespace.reports.collections.cache.keep", pressed)
    result = fast("report", ".", *QUICK, "--out", "r")
    assert (result.code, result.out) == (130, "")
    assert result.err == "stylespace: interrupted; nothing was written.\n"
    assert listing() == before and not Path("r").exists()


# Similar.


def test_a_copy_finds_its_original(root, styles, fast):
    with Image.open(root / "pics" / "05.png") as image:
        image.save("copy.bmp")  # the same picture, other bytes
    result = fast("similar", "copy.bmp", "--in", root / "pics", *QUICK, "--json")
    assert result.code == 0, result.err
    said = strict_json(result.out)
    assert said["command"] == "similar" and said["outputs"] == ["similar-copy.jpg"]
    assert said["figures"] == {"searched": 14, "found": 10}
    rows = said["neighbours"]
    assert Path(rows[0]["picture"]) == root / "pics" / "05.png"
    assert rows[0]["distance"] == pytest.approx(0, abs=1e-9)
    assert all(set(row) == {"picture", "distance", *LAYERS} for row in rows)
    far = sorted(distance(styles["05.png"], style) for style in styles.values())
    np.testing.assert_allclose([row["distance"] for row in rows], far[:10], rtol=1e-3, atol=1e-9)
    for row in rows:
        assert row["distance"] == pytest.approx(np.mean([row[layer] for layer in LAYERS]))
    with Image.open("similar-copy.jpg") as sheet:
        sheet.load()
        assert sheet.format == "JPEG" and sheet.size[0] > 4 * 224
    assert "left out" in result.err and "bad.png" in result.err


def test_a_picture_does_not_find_itself_nor_files_of_its_content(root, fast):
    shutil.copytree(root / "pics", "pics")
    Path("pics/bad.png").unlink()
    shutil.copy("pics/03.png", "pics/deep/same.png")
    shutil.copy("pics/03.png", "outside.png")
    for query in (
        "pics/03.png",
        Path("pics/03.png").absolute(),
        "outside.png",
        "pics/deep/same.png",
    ):
        result = fast("similar", query, "--in", "pics", "--count", "20", *QUICK, "--json")
        assert (result.code, result.err) == (0, ""), result.err
        found = [Path(row["picture"]).name for row in result.json["neighbours"]]
        assert len(found) == 13 and not {"03.png", "same.png"} & set(found)
        assert result.json["figures"] == {"searched": 13, "found": 13}


def test_a_style_file_finds_its_picture(root, fast):
    network = load_network(weights="random:0", device="cpu")
    image = resize(torch.from_numpy(pixels_of(root / "pics" / "07.png")), 24)
    Style.capture(network, image, LAYERS[:1]).save("s.style.safetensors")
    options = (*SPACE, "--quiet", "--count", "2", "--json")
    result = fast("similar", "s.style.safetensors", "--in", root / "pics", *options)
    assert result.code == 0, result.err
    rows = result.json["neighbours"]
    assert len(rows) == 2 and rows[0]["picture"].endswith("07.png")
    assert set(rows[0]) == {"picture", "distance", "conv1_1"}  # the layers that the file holds
    max_pooling = ("--pooling", "max")
    refused = fast("similar", "s.style.safetensors", "--in", root / "pics", *options, *max_pooling)
    assert_refused(refused, 1, "'s.style.safetensors'", "pooling")


def test_the_kind_of_distance_is_chosen(root, styles, fast):
    query = ("similar", root / "pics" / "01.png", "--in", root / "pics", *QUICK, "--json")
    rows = fast(*query, "--distance", "cosine").json["neighbours"]
    expected = []
    for name in PICTURES[1:]:
        cosines = []
        for layer in LAYERS:
            g, a = (styles[one].grams[layer].double().numpy() for one in ("01.png", name))
            cosines.append(1 - (g * a).sum() / np.sqrt((g**2).sum() * (a**2).sum()))
        expected.append(np.mean(cosines))
    np.testing.assert_allclose([r["distance"] for r in rows], sorted(expected)[:10], rtol=1e-3)


def test_a_table_names_the_nearest(root, fast):
    query = ("similar", root / "pics" / "01.png", "--in", root / "pics", *QUICK, "--count", "3")
    result = fast(*query)
    assert result.code == 0
    assert result.out.splitlines()[0] == "similar-01.jpg"
    assert "searched" in result.out and result.out.count("pics/") == 3
    assert fast(*query, "--json").json["outputs"] == ["similar-01-2.jpg"]
    assert_refused(fast(*query, "--out", "similar-01.jpg"), 1, "exists already", "--force")
    assert fast(*query, "--out", "similar-01.jpg", "--force").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("good.png",), 2, ["--in FOLDER"]),
        (("good.png", "--in", ""), 2, ["--in FOLDER"]),
        (("", "--in", "alone"), 2, ["no picture"]),
        (("god.png", "--in", "alone"), 1, ["'god.png'", "'good.png'?"]),
        (("good.png", "--in", "alon"), 1, ["'alon'", "'alone'?"]),
        (("good.png", "--in", "good.png"), 1, ["'good.png'", "a folder is needed"]),
        (("good.png", "--in", "empty"), 1, ["'empty'", "no pictures"]),
        (("good.png", "--in", "alone"), 1, ["'alone'", "no picture but the one"]),
        (("bad.png", "--in", "alone"), 1, ["'bad.png'", "not a picture"]),
        (("good.png", "--in", "alone", "--out", "s.png"), 2, ["'s.png'", ".jpg"]),
        (("good.png", "--in", "alone", "--out", "s"), 2, ["'s'", ".jpg"]),
        (("good.png", "--in", "alone", "--count", "0"), 2, ["--count", "at least 1"]),
        (("good.png", "--in", "alone", "--distance", "euclid"), 2, ["euclid", "wasserstein"]),
        (("good.png", "--in", "alone", "--size", "1"), 2, ["too small for conv2_1"]),
    ],
)  # fmt: skip
def test_bad_searches_are_answered_in_one_line(fast, arguments, code, words):
    painted("good.png", 1, 24, 24)
    Path("bad.png").write_text("a poem\n")
    Path("empty").mkdir()
    Path("alone").mkdir()
    shutil.copy("good.png", "alone/good.png")
    before = listing()
    assert_refused(fast("similar", *QUICK, *arguments), code, *words)
    assert listing() == before


def test_ctrl_c_in_a_search_leaves_nothing(root, fast, monkeypatch):
    def pressed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("stylespace.reports.searching.neighbours", pressed)
    result = fast("similar", root / "pics" / "01.png", "--in", root / "pics", *QUICK)
    assert (result.code, result.out) == (130, "")
    assert listing() == {}


def test_odd_names_are_on_the_sheet_and_on_the_map(fast, small):
    names = ["$\\frac{1$ 💥_.png", "_x$.png", os.fsdecode(b"\xff\xfe.png"), "a\nb.png"]
    Path("odd").mkdir()
    for seed, name in enumerate(names):
        painted("p.png", 70 + seed)
        shutil.move("p.png", Path("odd", name))
    for query in ("sample:chelsea", Path("odd", names[0])):
        result = fast(
            "similar", query, "--in", "odd", *QUICK, "--out", "s.jpg", "--force", "--json"
        )
        assert result.code == 0, result.err
        assert len(result.json["neighbours"]) == (3 if query != "sample:chelsea" else 4)
    Path("odd/bad\n<b>.png").write_text("a poem\n")
    result = fast("report", "odd", *QUICK, "--out", "r")
    assert result.code == 0 and len(result.err.splitlines()) == 1, result.err
    page = assert_self_contained("r")
    assert "<b>" not in page and "&lt;b&gt;.png" in page
    assert len(tables("r")["map"]) == 4


@pytest.mark.slow
def test_a_plain_script_searches_with_workers(tmp_path):
    """It has no guard, and nothing of it runs twice."""
    for seed in range(4):
        painted(tmp_path / f"{seed}.png", seed)
    script = """
import stylespace as ss
print("once")
options = dict(weights="random:0", layers="conv1_1", size=32, workers=2)
print(len(ss.similar("0.png", ".", **options).neighbours))
"""
    (tmp_path / "plain.py").write_text(script)
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "TORCH_HOME": str(tmp_path / "kept")}
    command = [sys.executable, "plain.py"]
    options = {"capture_output": True, "text": True, "timeout": 120}
    done = subprocess.run(command, cwd=tmp_path, env=environment, **options)
    assert (done.returncode, done.stdout) == (0, "once\n3\n"), done.stderr
