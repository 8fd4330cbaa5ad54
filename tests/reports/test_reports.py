"""Reports: what is measured, what is written, and that every sentence follows from the numbers."""

import io
import itertools
import json
import math
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from report_files import (
    LAYERS,
    SPACE,
    Tables,
    assert_self_contained,
    contents,
    csv_rows,
    gram_of,
    names,
    painted,
    pixels_of,
    results,
    tables,
    undrawn,
)
from report_sentences import (
    Numbers,
    check_alive,
    check_contrast,
    check_dead,
    check_fits,
    check_kinds,
    check_nearest,
    check_ranks,
    check_sparsity,
    check_stable,
    check_strongest,
    checked,
    holds,
)

from stylespace.commands.recipes import write_outcome
from stylespace.commands.texture.textures import texture
from stylespace.commands.transfer.transfer import transfer
from stylespace.errors import OutputError, PictureError, StyleError, UsageError
from stylespace.images import read_recipe, resize
from stylespace.networks.loading import load_network
from stylespace.reports.content.drawings import LARGEST
from stylespace.reports.findings import COMPARED, collection_sentences, contrasts, sentences
from stylespace.reports.making import report
from stylespace.reports.making_of import making_of
from stylespace.reports.measuring import measured
from stylespace.reports.pictures import (
    Picture,
    distinct,
    expanded,
    layers_of,
    opened,
    picture_name,
    slug,
)
from stylespace.reports.records import csv, results_json, rounded
from stylespace.reports.stability import (
    Stability,
    as_jpeg,
    cropped,
    random_phase,
    stabilities,
    two_thirds,
)
from stylespace.settings import ReportSettings, StyleLayers
from stylespace.styles.distances import gram_distances, symmetric_distances
from stylespace.styles.statistics.layers import flattened, statistics
from stylespace.styles.style import Style

pytestmark = pytest.mark.usefixtures("one_thread")

COARSE = {"size": 40, "layers": LAYERS, **SPACE}
QUICK = {"size": 24, "layers": ("conv1_1",), "stability": False, **SPACE}


@pytest.fixture(scope="module")
def network():
    return load_network(weights="random:0", device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures a, b, c of different shapes, and the style file of c."""
    root = tmp_path_factory.mktemp("pictures")
    for seed, (name, size) in enumerate({"a": (48, 36), "b": (30, 44), "c": (40, 40)}.items()):
        painted(root / f"{name}.png", seed, *size)
    return root


@pytest.fixture(scope="module")
def kept(folder, network):
    """The style file of c, of two layers."""
    path = folder / "c.style.safetensors"
    image = torch.from_numpy(pixels_of(folder / "c.png"))
    Style.capture(network, image, LAYERS[:2], source="c").save(path)
    return str(path)


@pytest.fixture(scope="module")
def single(folder, network, tmp_path_factory):
    """A whole report on one picture, drawn."""
    out = tmp_path_factory.mktemp("single") / "report"
    report(str(folder / "a.png"), out=out, network=network, **COARSE)
    return out


@pytest.fixture(scope="module")
def several(folder, kept, network, tmp_path_factory):
    """A report on a painting, a photograph, a picture and a style file; two are contrasted."""
    out = tmp_path_factory.mktemp("several") / "report"
    sources = ["sample:durer-lion", "sample:astronaut", str(folder / "a.png"), kept]
    options = {**COARSE, "layers": LAYERS[:2], "contrast": ("durer-lion", "a")}
    with undrawn():
        report(sources, out=out, network=network, **options)
    return out


@pytest.fixture(scope="module")
def plain(folder, network, tmp_path_factory):
    """A small report on a, its figures not rendered."""
    out = tmp_path_factory.mktemp("plain") / "report"
    with undrawn():
        report(folder / "a.png", out=out, network=network, **QUICK)
    return out


@pytest.fixture
def fast():
    """Figures are not rendered."""
    with undrawn():
        yield


# Subjects.


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/b/The Wave.jpg", "The Wave"),
        ("sample:gogh-auvers", "gogh-auvers"),
        ("x/mine.style.safetensors", "mine"),
        ("x/other.safetensors", "other"),
        (".png", ".png"),
        ("a" * 90 + ".png", "a" * 50),
        ("<b>bold.png", "<b>bold"),
    ],
)
def test_sources_are_shown_by_their_names(source, name):
    assert picture_name(source) == name


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a (2)", "a (3)"]),
        (["a", "A", "a (2)"], ["a", "A (2)", "a (2) (2)"]),
        (["雪", "月"], ["雪", "月 (2)"]),
        (["together"], ["together (2)"]),
    ],
)
def test_names_are_told_apart(given, shown):
    assert distinct(given) == shown


def test_no_two_keys_are_alike_whatever_the_names():
    given = ["".join(one) for one in itertools.product("aA-(2", repeat=3)]
    keys = [slug(name) for name in distinct(given)]
    assert len(set(keys)) == len(given) and "together" not in keys
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key) for key in keys)


def test_folders_stand_for_their_pictures_each_once(tmp_path):
    for name in ("b.png", "a.png", "deep/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        painted(tmp_path / name)
    inside = [str(tmp_path / name) for name in ("a.png", "b.png", "deep/c.jpg")]
    assert expanded([inside[1], str(tmp_path), "sample:chelsea"]) == (
        inside[1], inside[0], inside[2], "sample:chelsea",
    )  # fmt: skip
    (tmp_path / "empty").mkdir()
    with pytest.raises(PictureError, match="no pictures in this folder"):
        expanded([str(tmp_path / "empty")])


def test_subjects_are_measured_as_by_hand(folder, kept, network):
    found = opened(["sample:durer-lion", str(folder / "b.png"), kept], network, LAYERS[:2], 32)
    assert [one.kind for one in found] == ["painting", "picture", "style file"]
    image = resize(torch.from_numpy(pixels_of(folder / "b.png")), 32)
    torch.testing.assert_close(found[1].image, image, rtol=0, atol=1e-6)
    assert found[1].image.shape == (1, 3, 32, 22)
    own = Style.capture(network, image, LAYERS[:2])
    torch.testing.assert_close(found[1].style.grams, own.grams)
    torch.testing.assert_close(found[2].style.grams, Style.load(kept).grams)
    assert found[2].image is None and all(one.made is None for one in found)


def test_layers_are_those_that_the_style_files_share(folder, kept, network, tmp_path):
    image = torch.from_numpy(pixels_of(folder / "c.png"))
    other = str(tmp_path / "other.style.safetensors")
    Style.capture(network, image, LAYERS[1:]).save(other)
    plain = StyleLayers(**SPACE)
    assert layers_of(plain, [kept], network) == LAYERS[:2]
    assert layers_of(plain, [kept, other, "a.png"], network) == ("conv1_2",)
    assert layers_of(StyleLayers(layers=("conv2_1",)), [kept], network) == ("conv2_1",)
    assert layers_of(plain, ["a.png"], network) == tuple(f"conv{k}_1" for k in range(1, 6))
    lonely = str(tmp_path / "lonely.style.safetensors")
    Style.capture(network, image, LAYERS[2:]).save(lonely)
    with pytest.raises(UsageError, match="no layer in common"):
        layers_of(plain, [kept, lonely], network)
    with pytest.raises(StyleError, match=r"kept.*pooling average here, max there|pooling") as error:
        layers_of(plain, [kept], load_network(weights="random:0", pooling="max", device="cpu"))
    assert repr(kept) in str(error.value)


def test_what_is_wrong_with_one_of_several_names_it(folder, kept, network, tmp_path):
    strip = painted(tmp_path / "strip.png", width=40, height=1)
    with pytest.raises(UsageError, match=r"strip\.png.*32x1 pixels is too small for conv3_1"):
        opened([str(folder / "a.png"), strip], network, ("conv3_1",), 32)
    with pytest.raises(UsageError, match=r"c\.style\.safetensors'.*'conv2_1'"):
        opened([kept], network, LAYERS, 32)


# Stability.


@pytest.mark.parametrize("shape", [(30, 45), (45, 30), (7, 5), (1, 1)])
def test_two_thirds_is_what_pillow_makes_of_it(shape):
    image = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(0))
    small = two_thirds(image)
    longer = max(1, round(max(shape) * 2 / 3))
    sides = [max(1, round(side * longer / max(shape))) for side in shape]
    assert list(small.shape[2:]) == sides
    for channel, shown in zip(image[0], small[0], strict=True):
        planned = Image.fromarray(channel.numpy()).resize(sides[::-1], Image.Resampling.BICUBIC)
        expected = np.clip(np.asarray(planned), 0, 1)
        np.testing.assert_allclose(shown, expected, atol=2e-3)


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [((40, 32), (5, 35), (4, 28)), ((8, 20), (1, 7), (2, 17)), ((1, 1), (0, 1), (0, 1))],
)
def test_the_crop_is_the_middle(shape, rows, columns):
    image = torch.rand(1, 3, *shape)
    expected = image.numpy()[:, :, slice(*rows), slice(*columns)]
    np.testing.assert_array_equal(cropped(image), expected)


def test_a_jpeg_is_that_of_quality_75(tmp_path):
    image = torch.from_numpy(pixels_of(painted(tmp_path / "p.png", 3, 33, 21)))
    stream = io.BytesIO()
    Image.open(tmp_path / "p.png").save(stream, "JPEG", quality=75)
    expected = np.asarray(Image.open(stream), np.float32).transpose(2, 0, 1)[None] / 255
    np.testing.assert_allclose(as_jpeg(image), expected, atol=1e-7)
    assert 0.001 < float((as_jpeg(image) - image).abs().mean()) < 0.1
    grey = torch.full((1, 3, 8, 8), 128 / 255)
    torch.testing.assert_close(as_jpeg(grey), grey, rtol=0, atol=1.1 / 255)


@pytest.mark.parametrize("shape", [(12, 17), (16, 9), (1, 8), (1, 1)])
def test_random_phase_keeps_the_spectrum_the_mean_and_what_relates_the_colours(shape):
    image = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(1))
    null = random_phase(image)
    assert null.shape == image.shape and null.dtype == image.dtype
    before, after = (np.fft.fft2(x.double().numpy()[0]) for x in (image, null))
    np.testing.assert_allclose(np.abs(after), np.abs(before), atol=1e-4)
    np.testing.assert_allclose(null.mean((2, 3)), image.mean((2, 3)), atol=1e-6)
    cross = [spectrum[:, None] * spectrum[None].conj() for spectrum in (before, after)]
    np.testing.assert_allclose(cross[1], cross[0], atol=1e-3)
    torch.testing.assert_close(random_phase(image), null, rtol=0, atol=0)
    if max(shape) > 8:
        assert float((null - image).abs().mean()) > 0.05
        assert float((random_phase(image, seed=1) - null).abs().mean()) > 0.05


def test_stability_is_that_of_the_changed_picture(network):
    image = torch.rand(1, 3, 24, 16, generator=torch.Generator().manual_seed(2))
    values = numbers_of(network, image, LAYERS[:2])
    found = stabilities(network, image, LAYERS[:2], values)
    middle = numbers_of(network, image[:, :, 3:21, 2:14], LAYERS[:2])
    null = numbers_of(network, random_phase(image), LAYERS[:2])
    assert list(found) == list(LAYERS[:2])
    for layer, stability in found.items():
        left_out = {"diagonal.count", "off_diagonal.count", "eigenvalue_ratio"}
        assert set(stability) == set(values[layer]) - left_out
        for name, one in stability.items():
            assert set(one.changed) == {"two_thirds", "crop", "jpeg"}
            assert one.value == values[layer][name]
            assert one.changed["crop"] == pytest.approx(middle[layer][name], rel=1e-5, abs=1e-9)
            assert one.null == pytest.approx(null[layer][name], rel=1e-5, abs=1e-9)


def test_a_change_that_leaves_too_little_for_a_layer_is_left_out(network):
    image = torch.rand(1, 3, 2, 2)
    values = numbers_of(network, image, ("conv2_1",))
    one = stabilities(network, image, ("conv2_1",), values)["conv2_1"]["effective_rank"]
    assert set(one.changed) == {"crop", "jpeg"}


@pytest.mark.parametrize(
    ("value", "changed", "change", "mark"),
    [
        (2.0, (2.1, 1.9, 2.0), 0.05, ""),
        (2.0, (2.3, 1.9, 2.0), 0.15, "depends on size"),
        (-2.0, (-2.0, -1.0, -4.0), 1.0, "depends on the crop, depends on compression"),
        (0.0, (0.0, 0.0, 0.02), math.inf, "depends on compression"),
        (0.0, (0.0, 0.0, 0.0), 0.0, ""),
    ],
)
def test_what_is_not_stable_is_marked(value, changed, change, mark):
    names = ("two_thirds", "crop", "jpeg")
    one = Stability(value, dict(zip(names, changed, strict=True)), 0.0)
    assert one.change == pytest.approx(change) and one.mark == mark


def numbers_of(network, image, layers):
    return {k: flattened(v) for k, v in statistics(Style.capture(network, image, layers)).items()}


# Measuring.


def test_what_is_measured_agrees_with_numpy(folder, network):
    (subject,) = opened([str(folder / "a.png")], network, LAYERS[:2], 24)
    found = measured(subject, network, stability=False)
    assert found.stability == {}
    with torch.no_grad():
        seen = network(subject.image, LAYERS[:2])
    for layer in LAYERS[:2]:
        x = seen[layer][0].double().numpy()
        flat = x.reshape(len(x), -1)
        gram = flat @ flat.T / flat.shape[1]
        upper = np.sort(gram[np.triu_indices(len(x), 1)])[::-1]
        pairs = found.pairs[layer]
        assert len(pairs) == 8 and all(pair.i < pair.j for pair in pairs)
        np.testing.assert_allclose([pair.value for pair in pairs], upper[:8], rtol=1e-4)
        assert sorted(found.orders[layer]) == list(range(len(x)))
        shown = found.shown_pairs[layer]
        assert len({channel for pair in shown for channel in (pair.i, pair.j)}) == 8
        assert shown[0] == pairs[0]
        for pair, product in zip(shown, found.products[layer], strict=True):
            np.testing.assert_allclose(product, x[pair.i] * x[pair.j], atol=1e-5)
            norm = math.sqrt(gram[pair.i, pair.i] * gram[pair.j, pair.j])
            assert pair.cosine == pytest.approx(gram[pair.i, pair.j] / norm, rel=1e-4)
        assert found.products[layer].shape == (4, *x.shape[1:])


def test_a_style_file_has_no_places_and_no_stability(kept, network):
    (subject,) = opened([kept], network, LAYERS[:1], 24)
    found = measured(subject, network, stability=True)
    assert found.products == {} and found.stability == {}


# Tables.


def same(text, value):
    """Whether a cell of a CSV file says what results.json says."""
    if value is None or value == "":
        return text == ""
    if isinstance(value, bool):
        return text == str(value)
    return float(text) == value if isinstance(value, int | float) else text == value


@pytest.mark.parametrize("which", ["single", "several"])
def test_every_number_is_the_same_in_json_and_in_csv(which, request):
    out = request.getfixturevalue(which)
    found = tables(out)
    expected = {"subjects", "statistics", "fits", "pairs", "spectra", "orders"}
    expected |= {"distances", "map"} if which == "several" else set()
    assert set(found) == expected
    assert {path.stem for path in (out / "tables").glob("*.csv")} == expected
    for name, rows in found.items():
        cells = csv_rows(out / "tables" / f"{name}.csv")
        assert len(cells) == len(rows) > 0
        for cell, row in zip(cells, rows, strict=True):
            assert set(row) <= set(cell)
            for key, text in cell.items():
                assert same(text, row.get(key)), (name, key, text, row.get(key))


def test_statistics_are_those_of_an_independent_capture(folder, single, network):
    image = resize(torch.from_numpy(pixels_of(folder / "a.png")), 40)
    expected = numbers_of(network, image, LAYERS)
    rows = tables(single)["statistics"]
    assert len(rows) == sum(map(len, expected.values()))
    for row in rows:
        value = expected[row["layer"]][row["number"]]
        assert row["value"] == pytest.approx(value, rel=1e-3, abs=1e-6), row
        bare = row["number"].endswith(".count") or row["number"] == "eigenvalue_ratio"
        assert ("mark" in row) == (not bare)
        if not bare:
            moved = [row[key] for key in ("two_thirds", "crop", "jpeg")]
            gaps, size = [abs(one - row["value"]) for one in moved], abs(row["value"])
            change = max(gap / size if size else math.inf if gap else 0.0 for gap in gaps)
            written = math.inf if row["change"] is None else row["change"]
            assert written == pytest.approx(change, rel=1e-3, abs=2e-5)
            if abs(change - 0.1) > 1e-4:
                assert (row["mark"] == "") == (change < 0.1)


def test_matrices_spectra_and_pairs_agree(folder, single, network):
    image = resize(torch.from_numpy(pixels_of(folder / "a.png")), 40)
    grams = Style.capture(network, image, LAYERS).grams
    found = tables(single)
    for layer, gram in grams.items():
        written = gram_of(single, "a", layer)
        np.testing.assert_allclose(written, gram, rtol=1e-4, atol=1e-7)
        values = [row["eigenvalue"] for row in found["spectra"] if row["layer"] == layer]
        expected = np.linalg.eigvalsh(written)[::-1]
        np.testing.assert_allclose(values, expected, atol=1e-4 * expected[0])
        order = [row["channel"] for row in found["orders"] if row["layer"] == layer]
        assert sorted(order) == list(range(len(gram)))
        upper = np.triu(written, 1)
        rows = [row for row in found["pairs"] if row["layer"] == layer]
        assert [row["rank"] for row in rows] == list(range(1, 9))
        places = np.argsort(-upper, axis=None, kind="stable")[:8]
        np.testing.assert_allclose([row["value"] for row in rows], upper.flat[places], rtol=1e-4)
        assert upper[rows[0]["i"], rows[0]["j"]] == pytest.approx(upper.max(), rel=1e-4)


def test_all_within_5_percent_fit_and_at_most_one_is_best(single):
    groups = {}
    for row in tables(single)["fits"]:
        groups.setdefault((row["layer"], row["part"]), []).append(row)
    assert len(groups) == 2 * len(LAYERS)
    for rows in groups.values():
        assert {row["distribution"] for row in rows} == {
            "log-normal", "gamma", "Weibull", "exponential",
        }  # fmt: skip
        good = [row for row in rows if row["ks"] <= 0.05]
        best = min(good, key=lambda row: row["aic"])["distribution"] if good else None
        assert [row for row in rows if row["fits"]] == good
        assert [row["distribution"] for row in rows if row["best"]] == [best] * bool(good)


def test_distances_are_those_of_the_styles(several):
    rows = tables(several)["distances"]
    keys = [row["subject"] for row in tables(several)["subjects"]]
    styles = {
        name: Style.load(several / "styles" / f"{slug(name)}.style.safetensors") for name in keys
    }
    kinds = ("gram", "cosine", "bures", "wasserstein")
    assert len(rows) == 4 * 3 * math.comb(4, 2)
    for kind, (a, b) in itertools.product(kinds, itertools.combinations(keys, 2)):
        said = {
            row["layer"]: row["distance"]
            for row in rows
            if (row["kind"], row["subject"], row["other"]) == (kind, a, b)
        }
        expected = symmetric_distances(styles[a], styles[b], kind)
        assert set(said) == {*expected, "together"}
        for layer, value in expected.items():
            assert said[layer] == pytest.approx(value, rel=1e-4, abs=1e-7)
        assert said["together"] == pytest.approx(np.mean(list(expected.values())), rel=1e-4)


def test_the_map_keeps_the_distances_as_far_as_a_plane_can(several):
    found = tables(several)
    places = {row["subject"]: np.array([row["x"], row["y"]]) for row in found["map"]}
    together = [
        row for row in found["distances"] if (row["kind"], row["layer"]) == ("gram", "together")
    ]
    for row in together:
        shown = np.linalg.norm(places[row["subject"]] - places[row["other"]])
        assert shown <= math.sqrt(row["distance"]) * (1 + 1e-3)  # a projection brings nearer


def test_numbers_are_plain(tmp_path):
    row = {
        "a": 1.23456789,
        "b": math.inf,
        "c": math.nan,
        "d": -1e-20 * 0,
        "e": 3,
        "f": "x",
        "g": True,
    }
    assert rounded({"t": [row]})["t"][0] == {
        "a": 1.23457,
        "b": None,
        "c": None,
        "d": 0.0,
        "e": 3,
        "f": "x",
        "g": True,
    }
    assert math.copysign(1, rounded({"t": [{"d": -0.0}]})["t"][0]["d"]) == 1
    assert csv([{"a": 1.5, "b": None}]) == b"a,b\n1.5,\n"
    assert json.loads(results_json({"t": [{"a": 1}]}, {"k": "é"})) == {
        "about": {"k": "é"}, "t": [{"a": 1}],
    }  # fmt: skip
    with pytest.raises(ValueError, match="JSON"):
        results_json({"t": [{"a": math.nan}]}, {})


# Findings: every sentence again, from results.json alone, by another route.


def test_printed_numbers_are_read_back():
    assert holds("6.2 %", 0.0621) and not holds("6.2 %", 0.0631)
    assert holds("22.9 %", 0.22896) and not holds("22.9 %", 0.2284)
    assert holds("less than 0.1 %", 0.0004) and not holds("less than 0.1 %", 0.002)
    assert holds("1.23 × 10⁻⁷", 1.2301e-7) and not holds("1.23 × 10⁻⁷", 1.25e-7)
    assert holds("12,300", 12345) and not holds("12,300", 12400)
    assert holds("-1.3", -1.302) and not holds("-1.3", 1.3)


SAID = {
    "single": {check_sparsity, check_fits, check_ranks, check_strongest, check_stable},
    "several": {check_sparsity, check_fits, check_ranks, check_stable, check_nearest,
                check_contrast, check_kinds},
}  # fmt: skip


@pytest.mark.parametrize("which", ["single", "several"])
def test_every_sentence_follows_from_the_numbers(which, request):
    out = request.getfixturevalue(which)
    found, said = Numbers(tables(out)), results(out)["about"]["findings"]
    kinds = {checked(sentence, found) for sentence in said}
    assert kinds - {check_dead, check_alive} == SAID[which]
    assert kinds & {check_dead, check_alive}
    summary = (out / "summary.md").read_text()
    assert [line[2:] for line in summary.splitlines() if line.startswith("- ")][: len(said)] == said


def made_up(values, number="effective_rank", kinds=("painting", "photograph")):
    """Tables of two subjects p and q with one interesting number: {layer: (p's, q's)}."""
    plain = dict.fromkeys([*COMPARED, "dead_channels"], 0.5)
    rows = [
        {"subject": name, "layer": layer, "number": key, "value": value}
        for layer, pair in values.items()
        for name, own in zip("pq", pair, strict=True)
        for key, value in {**plain, number: own}.items()
    ]
    subjects = [{"subject": n, "kind": k} for n, k in zip("pq", kinds, strict=True)]
    return {"subjects": subjects, "statistics": rows}


@pytest.mark.parametrize(
    ("number", "values", "sentence"),
    [
        ("effective_rank", {"conv1_1": (2.0, 1.0), "conv1_2": (3.0, 4.0)},
         "The effective rank of p is higher than that of q in 1 of 2 layers, most clearly at "
         "conv1_1: 2 against 1."),
        ("effective_rank", {"conv1_1": (2.0, 2.5), "conv1_2": (3.0, 2.9)},
         "The effective rank of q is higher than that of p in 1 of 2 layers, most clearly at "
         "conv1_1: 2.5 against 2."),
        ("power_law_slope", {"conv1_1": (-2.0, -1.0), "conv1_2": (-1.0, -1.0)},
         "The power-law slope of the spectrum of p is steeper than that of q in 1 of 2 layers, "
         "most clearly at conv1_1: -2 against -1."),
        ("off_diagonal.near_zero", {"conv1_1": (0.5, 0.1), "conv1_2": (0.0, 0.01)},
         "The share of off-diagonal entries near zero of q is larger than that of p in 1 of 2 "
         "layers, most clearly at conv1_2: 0.01 against 0."),
        ("effective_rank", {"conv1_1": (2.0, 2.0), "conv1_2": (3.0, 3.0)},
         "No number that is compared tells p from q in three digits."),
        ("effective_rank", {"conv1_1": (2.0, 2.0), "conv1_2": (3.0, 3.0001)},
         "No number that is compared tells p from q in three digits."),
    ],
)  # fmt: skip
def test_two_subjects_are_compared_fairly(number, values, sentence):
    numbers = pd.DataFrame(made_up(values, number)["statistics"])
    assert contrasts(numbers, "p", "q") == [sentence]


def test_zeros_everywhere_make_sentences_all_the_same():
    """Black layers: no entry above zero, no distribution, nothing to divide by."""
    found = made_up({"conv1_1": (0.0, 0.0)}, "off_diagonal.near_zero")
    for row in found["statistics"]:
        row["value"] = 0.0
    said = sentences(found)
    numbers = Numbers(found)
    plain = [one for one in said if not one.startswith("No number that is compared")]
    assert len(plain) == len(said) - 1
    kinds = [checked(one, numbers) for one in plain]
    assert check_fits not in kinds and kinds.count(check_kinds) == 3


def test_one_of_a_kind_is_counted_in_the_singular():
    said = sentences(made_up({"conv1_1": (1.0, 2.0)}))
    assert any(" sets 1 painting and 1 photograph apart in conv1_1;" in one for one in said)
    same_kind = sentences(made_up({"conv1_1": (1.0, 2.0)}, kinds=("painting", "painting")))
    assert not any("photograph" in one for one in same_kind)


def test_a_collection_of_one_has_no_neighbours():
    rows = [{"picture": "a", "layer": "conv1_1", "off_diagonal.near_zero": 0.2,
             "effective_rank": 3.0}]  # fmt: skip
    said = collection_sentences({"statistics": rows}, 1, "gram")
    assert len(said) == 2 and "conv1_1 20 % to 20 %" in said[0] and "conv1_1 3 to 3" in said[1]


# What is written.


def test_every_file_is_there_and_listed(single):
    expected = {"index.html", "recipe.toml", "results.json", "summary.md"}
    expected |= {"styles/a.style.safetensors"}
    expected |= {f"tables/grams/a-{layer}.csv" for layer in LAYERS}
    expected |= {f"tables/{name}.csv" for name in tables(single)}
    figures = ("intensity", "sparsity", "spectra", "cosines")
    figures += tuple(f"{kind}-{layer}" for kind in ("gram", "pairs") for layer in LAYERS)
    expected |= {f"figures/a-{name}.{kind}" for name in figures for kind in ("png", "svg")}
    assert names(single) == expected
    listed = results(single)["about"]["files"]
    assert listed == sorted(expected - {"index.html", "recipe.toml"})


def test_the_page_is_self_contained_and_shows_what_was_drawn(single):
    page = assert_self_contained(single)
    assert page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>")
    assert len(page) < 10_000_000
    for sentence in results(single)["about"]["findings"]:
        assert sentence in page
    for title in ("Gram matrices", "Intensity", "Sparsity", "Spectra",
                  "Which features fire together, and where",
                  "Stability", "What the quantities mean"):  # fmt: skip
        assert f">{title}</h" in page, title
    import base64

    large = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB"), float)
        for one in re.findall(r'src="data:image/webp;base64,([^"]+)"', page)
    ]
    for path in sorted((single / "figures").glob("*.png")):
        if "-gram-" in path.name:  # matrices answer the pointer instead
            continue
        with Image.open(path) as drawn:
            assert drawn.size[0] > 300
            if path.stat().st_size <= LARGEST:
                assert base64.b64encode(path.read_bytes()).decode() in page
                continue
            pixels = np.asarray(drawn.convert("RGB"), float)
        others = [one for one in large if one.shape == pixels.shape]
        assert min(np.abs(one - pixels).mean() for one in others) < 4


def test_the_tables_of_the_page_show_the_numbers(single):
    found = tables(single)
    values = {(row["layer"], row["number"]): row for row in found["statistics"]}
    shown = Tables((single / "index.html").read_text()).found
    for layer, part, zero, near, hoyer, gini, dead in shown["Sparsity of a"][1:]:
        name = part.replace("-", "_")
        for text, number in (
            (zero, "exactly_zero"),
            (near, "near_zero"),
            (hoyer, "hoyer"),
            (gini, "gini"),
        ):
            assert holds(text, values[layer, f"{name}.{number}"]["value"]), (text, layer, number)
        if part == "diagonal":
            assert int(dead) == values[layer, "dead_channels"]["value"]
    keys = (
        "effective_rank",
        "largest_share",
        "power_law_slope",
        "activation_entropy",
        "mean_cosine",
    )
    for layer, *cells in shown["Spectra in numbers"][1:]:
        for text, key in zip(cells, keys, strict=True):
            assert holds(text.replace("−", "-"), values[layer, key]["value"]), (text, layer, key)
    rows = shown["Every number under changes of the picture"][1:]
    assert len(rows) == sum("mark" in row for row in found["statistics"])
    for number, layer, value, small, middle, jpeg, change, mark, null in rows:
        row = values[layer, number]
        pairs = ((value, "value"), (small, "two_thirds"), (middle, "crop"), (jpeg, "jpeg"))
        for text, key in (*pairs, (null, "random_phase")):
            assert holds(text, row[key]), (number, layer, text, key)
        assert mark == (row["mark"] or "stable")
        if change == "from zero":
            assert row["value"] == 0 != row["change"]
        else:
            assert holds(change, row["change"]), (change, row)
    assert any(row["change"] > 1 for row in found["statistics"] if "mark" in row)
    fits = {(row["layer"], row["part"], row["distribution"]): row for row in found["fits"]}
    head, *rows = shown["Distributions fitted to the entries above zero"]
    assert len(rows) == 2 * len(LAYERS)
    for layer, part, count, zero, *distances, best in rows:
        own = [fits[layer, part, name] for name in head[4:8]]
        assert int(count.replace(",", "")) == own[0]["entries"] and holds(
            zero, own[0]["zero_share"]
        )
        for text, fit in zip(distances, own, strict=True):
            assert float(text) == pytest.approx(100 * fit["ks"], abs=0.051)
        assert [best] in (
            [[name] for name in [fit["distribution"] for fit in own if fit["best"]]]
            or [["none"], ["undecided"]]
        )


def test_progress_goes_up_to_all(folder, network, tmp_path, fast):
    told = []
    pictures = [folder / "a.png", folder / "b.png"]
    watch = lambda *one: told.append(one)  # noqa: E731
    report(pictures, out=tmp_path / "r", network=network, watch=watch, **QUICK)
    names, done, totals = zip(*told, strict=True)
    assert names[:2] == ("measured a", "measured b") and names[-1] == "report"
    assert len(set(totals)) == 1
    assert list(done) == sorted(done) and done[-1] == totals[0]


def test_what_was_read_is_named_with_its_hash(folder, single, network):
    import hashlib

    about = results(single)["about"]
    path = folder / "a.png"
    assert about["inputs"] == {str(path): hashlib.sha256(path.read_bytes()).hexdigest()}
    assert about["space"] == asdict(network.space) and about["precision"] == network.precision
    assert about["recipe"]["command"] == "report" and about["recipe"]["size"] == 40
    (row,) = tables(single)["subjects"]
    assert (row["width"], row["height"], row["kind"]) == (40, 30, "picture")


def order_of_writing(monkeypatch, *, stop=None):
    """Record the names that are written, in order; Ctrl-C before the one named `stop`."""
    from stylespace.files import outputs as files
    from stylespace.reports import writing
    from stylespace.styles import style

    written = []

    def recorded(path, data, *, force=False):
        if Path(path).name == stop:
            raise KeyboardInterrupt
        written.append(Path(path).name)
        files.write_whole(path, data, force=force)

    monkeypatch.setattr(writing, "write_whole", recorded)
    monkeypatch.setattr(style, "write_whole", recorded)
    return written


def test_the_page_is_written_last(folder, network, tmp_path, fast, monkeypatch):
    written = order_of_writing(monkeypatch)
    report(folder / "a.png", out=tmp_path / "r", network=network, **QUICK)
    assert written[0] == "recipe.toml" and written[-1] == "index.html"
    assert sorted(written) == sorted(Path(name).name for name in names(tmp_path / "r"))


@pytest.mark.parametrize("stop", ["results.json", "pairs.csv", "index.html"])
def test_an_interrupted_report_is_gone_on_with(
    folder, plain, network, tmp_path, fast, monkeypatch, stop
):
    arguments = {"network": network, **QUICK}
    with monkeypatch.context() as patch:
        order_of_writing(patch, stop=stop)
        with pytest.raises(KeyboardInterrupt):
            report(folder / "a.png", out=tmp_path / "r", **arguments)
    assert "recipe.toml" in names(tmp_path / "r") and "index.html" not in names(tmp_path / "r")
    report(folder / "a.png", out=tmp_path / "r", **arguments)
    assert contents(tmp_path / "r") == contents(plain)


def test_a_report_is_replaced_by_force_alone_and_nothing_else_is_touched(
    folder, network, tmp_path, fast
):
    out = tmp_path / "r"
    arguments = {"out": out, "network": network, **QUICK}
    report([folder / "a.png", folder / "b.png"], **arguments)
    for own in ("notes.txt", "figures/mine.png", "tables/mine.csv"):
        (out / own).write_text("mine")
    before = contents(out)
    for pictures in (["a.png", "b.png"], ["c.png"]):  # the same call, and another
        with pytest.raises(OutputError, match="force"):
            report([folder / name for name in pictures], **arguments)
        assert contents(out) == before
    report(folder / "c.png", force=True, **arguments)
    report(folder / "c.png", out=tmp_path / "fresh", network=network, **QUICK)
    fresh, after = contents(tmp_path / "fresh"), contents(out)
    assert after == {**fresh, "notes.txt": b"mine", "figures/mine.png": b"mine",
                     "tables/mine.csv": b"mine"}  # fmt: skip


@pytest.mark.parametrize(
    "listed",
    [["../victim.csv", "tables/../../victim.csv", "notes.txt", 3, None], "notes.txt", None],
)
def test_a_list_of_files_that_is_not_ours_removes_nothing(folder, network, tmp_path, fast, listed):
    out = tmp_path / "r"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (tmp_path / "victim.csv").write_text("mine")
    (out / "results.json").write_text(json.dumps({"about": {"files": listed}}))
    report(folder / "a.png", out=out, network=network, force=True, **QUICK)
    assert (out / "notes.txt").exists() and (tmp_path / "victim.csv").exists()


def test_a_file_in_the_place_of_a_folder_is_one_line(folder, network, tmp_path, fast):
    out = tmp_path / "r"
    out.mkdir()
    (out / "figures").write_text("mine")
    with pytest.raises(OutputError, match=r"figures': file exists") as error:
        report(folder / "a.png", out=out, network=network, force=True, **QUICK)
    assert "\n" not in str(error.value)
    assert (out / "figures").read_text() == "mine"


def test_a_compact_report_leaves_out_what_is_large(folder, network, tmp_path, fast):
    options = {**QUICK, "network": network, "compact": True}
    report([folder / "a.png"], out=tmp_path / "one", **options)
    report([folder / "a.png", folder / "b.png"], out=tmp_path / "two", **options)
    for name, more in (("one", set()), ("two", {"distances", "map"})):
        kept = {"subjects", "statistics", "fits", "pairs"} | more
        plain = {"index.html", "recipe.toml", "results.json", "summary.md"}
        assert names(tmp_path / name) == plain | {f"tables/{table}.csv" for table in kept}
        assert set(tables(tmp_path / name)) == kept
        page = assert_self_contained(tmp_path / name)
        assert 'class="file"' not in page and '<script type="application/json">' not in page


def test_a_time_is_named_only_where_it_is_asked_for(folder, plain, network, tmp_path, fast):
    report(folder / "a.png", out=tmp_path / "timed", network=network, timestamp=True, **QUICK)
    moment = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
    for name in ("index.html", "summary.md", "results.json"):
        assert not moment.search((plain / name).read_text())
        assert moment.search((tmp_path / "timed" / name).read_text())
    assert "Made" in results(tmp_path / "timed")["about"]["facts"]


def test_style_files_alone_are_reported_in_their_own_layers(kept, network, tmp_path, fast):
    report(kept, out=tmp_path / "r", network=network, size=24, **SPACE)
    found = tables(tmp_path / "r")
    assert list(dict.fromkeys(row["layer"] for row in found["statistics"])) == list(LAYERS[:2])
    assert "mark" not in found["statistics"][0]
    numbers = Numbers(found)
    for sentence in results(tmp_path / "r")["about"]["findings"]:
        checked(sentence, numbers)
    page = assert_self_contained(tmp_path / "r")
    assert ">Stability</h" not in page and ">Strongest pairs</h" not in page
    assert contents(tmp_path / "r")["styles/c.style.safetensors"] == Path(kept).read_bytes()


def test_an_unknown_name_to_contrast_is_refused_before_anything_is_measured(folder, monkeypatch):
    monkeypatch.setattr("stylespace.reports.making.readable", None)
    with pytest.raises(UsageError, match=r"'bb'.*Did you mean 'b'.*Known: a, b"):
        report([folder / "a.png", folder / "b.png"], out="r", contrast=("a", "bb"), **QUICK)
    assert not Path("r").exists()


def test_settings_that_make_no_report_are_refused():
    with pytest.raises(UsageError, match="no picture"):
        ReportSettings()
    for contrast in (("a",), ("a", "a"), ("a", "b", "c")):
        with pytest.raises(UsageError, match="two different names"):
            ReportSettings(pictures=("a.png",), contrast=contrast)


# How a picture was made.


@pytest.fixture(scope="module")
def woven(folder, network, tmp_path_factory):
    """A texture of b with its recipe, in a folder of its own; its outcome."""
    path = tmp_path_factory.mktemp("made") / "woven.png"
    settings = {"size": 32, "iterations": 4, "layers": LAYERS[:2], **SPACE}
    outcome = texture(str(folder / "b.png"), network=network, **settings)
    write_outcome(path, outcome)
    return path, outcome


def made_of(path, network, layers=LAYERS[:1]):
    (subject,) = opened([str(path)], network, layers, 24)
    return making_of(subject, network)


def test_a_texture_is_shown_with_recipe_trace_and_target(woven, network):
    path, outcome = woven
    made = made_of(path, network)
    rows = dict(made.recipe)
    assert rows["command"] == "texture" and rows["size"] == "32"
    assert rows["layers"] == "conv1_1, conv1_2"
    assert [row[0] for row in made.trace] == [1, 2, 3, 4]
    losses = [step.loss for step in outcome.synthesis.steps]
    np.testing.assert_allclose([row[2] for row in made.trace], losses, rtol=1e-4)
    assert made.remarks == []
    # what the command measured on the written picture
    for layer, value in gram_distances(*made.styles[::-1]).items():
        assert value == pytest.approx(outcome.figures[f"gram.{layer}"], rel=1e-3)


def test_the_page_shows_how_a_picture_was_made(woven, network, tmp_path, fast):
    path, outcome = woven
    report(path, out=tmp_path / "r", network=network, **QUICK)
    page = assert_self_contained(tmp_path / "r")
    assert ">How it was made</h3>" in page and "Relative Gram distance to the target" in page
    assert {"figures/woven-trace.svg", "figures/woven-target.png"} <= names(tmp_path / "r")
    value = outcome.figures["gram.conv1_1"]
    row = r"<tr><th scope=\"row\">%s</th><td class=\"number\">([\d.]+)</td></tr>\s*"
    told = re.search(row % "conv1_1" + row % "conv1_2" + "</tbody>", page)
    assert holds(told.group(1), value)


@pytest.fixture
def copied(woven):
    """Write a copy of the texture whose record is changed: copied(change) -> path."""
    path, _ = woven

    def change(folder, edit):
        from stylespace.images import read_image, write_image

        record = read_recipe(path)
        edit(record)
        write_image(folder / "copy.png", read_image(path), recipe=record, force=True)
        return folder / "copy.png"

    return change


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda r: r["inputs"].update({name: "0" * 64 for name in r["inputs"]}),
         "is not the file that the recipe was made with"),
        (lambda r: r["recipe"].update(sources=["gone.png"]), "'gone.png', which is not here"),
        (lambda r: r.update(weights="f" * 64), "(weights ffffffffffff... instead of "),
        (lambda r: r["recipe"].update(pooling="max"), "instead of average): add --pooling max to"),
    ],
)  # fmt: skip
def test_a_target_that_cannot_be_shown_is_a_word_and_no_error(
    network, tmp_path, copied, edit, words
):
    made = made_of(copied(tmp_path, edit), network)
    assert made.styles is None
    assert len(made.remarks) == 1 and words in made.remarks[0]
    assert made.remarks[0].startswith("Its target is not shown: ")
    assert len(made.trace) == 4 and made.recipe


def test_a_record_that_is_damaged_is_a_word_and_no_error(network, tmp_path, copied):
    made = made_of(copied(tmp_path, lambda r: r["recipe"].update(command="wave")), network)
    assert made.recipe == [] and made.trace == () and "not understood" in made.remarks[0]
    rows = [[1, 32, 0.5], [2, 32, None], [3, 32], "x", [4, 32, True], [5, 32, 0.25]]
    made = made_of(copied(tmp_path, lambda r: r.update(trace=rows)), network)
    assert [row[0] for row in made.trace if row[0] != 4] == [1, 5]
    made = made_of(copied(tmp_path, lambda r: r.update(trace="none")), network)
    assert made.trace == [] and made.styles is not None
    plain = copied(tmp_path, lambda r: r.update(recipe="none"))
    assert made_of(plain, network) is None


def test_a_damaged_recipe_still_gives_a_page(network, tmp_path, copied, fast):
    path = copied(tmp_path, lambda r: r["recipe"].update(command="wave"))
    report(path, out=tmp_path / "r", network=network, **QUICK)
    page = assert_self_contained(tmp_path / "r")
    assert "Its recipe is not understood" in page and "<caption>Recipe</caption>" not in page


@pytest.mark.parametrize(
    ("options", "words"),
    [({}, None), ({"representation": "mean"}, "the mean representation"),
     ({"colour": "match-before"}, None), ({"colour": "match-style"}, None)],
)  # fmt: skip
def test_a_transfer_is_shown_against_its_own_target(folder, network, tmp_path, options, words):
    pictures = (str(folder / "a.png"), str(folder / "b.png"))
    settings = {"size": 24, "iterations": 2, "layers": LAYERS[:1], "content_layers": ("conv1_2",)}
    outcome = transfer(*pictures, network=network, **settings, **SPACE, **options)
    write_outcome(tmp_path / "t.png", outcome)
    made = made_of(tmp_path / "t.png", network)
    (value,) = gram_distances(*made.styles[::-1]).values()
    assert value == pytest.approx(outcome.figures["gram.conv1_1"], rel=1e-3)
    assert [words in one for one in made.remarks] == ([] if words is None else [True])


def test_pictures_of_others_say_nothing_of_their_making(folder, network):
    assert made_of(folder / "a.png", network) is None
    style = Style.capture(network, torch.rand(1, 3, 24, 24), LAYERS[:1])
    assert making_of(Picture("x", "x", "x", "style file", style), network) is None
