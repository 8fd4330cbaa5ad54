"""Judges, transfers side by side in a folder, and trials of pairs by ways."""

import csv
import json
import math
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import picture_file, pressing
from PIL import Image
from skimage.metrics import structural_similarity

from stylespace.commands import many
from stylespace.commands.recipes import plain_figures
from stylespace.commands.transfer import partitions as comparison
from stylespace.commands.transfer.metrics import SECOND_JUDGE, Judges, judge_of
from stylespace.commands.transfer.partitions import LETTERS, compare, partitions
from stylespace.errors import (
    OutputError,
    PictureError,
    StylespaceError,
    UsageError,
    WeightsError,
)
from stylespace.images import read_image, read_recipe, resize, write_image
from stylespace.losses.guides import Regions, resized
from stylespace.losses.representations.sliced import (
    JUDGE_DIRECTIONS,
    JUDGE_SEED,
    sliced_distance,
    unit_vectors,
)
from stylespace.networks.network import load_network
from stylespace.settings import TransferSettings, to_toml
from stylespace.settings.shared import default_style_layers
from stylespace.studies import trials, verdicts
from stylespace.studies.studies import study
from stylespace.synthesis.progress import Watching

pytestmark = pytest.mark.usefixtures("cheap")

LOWER = ("sliced", "other_style", "alexnet_style", "style_colours")
"""Measures that fall as a picture comes nearer to the style."""
HIGHER = ("other_content", "alexnet_content", "content_colours")
"""Measures that rise as it leaves the content."""


@pytest.fixture
def network(cheap):
    return load_network("vgg16-hed", weights="random:0", device="cpu", precision="float32")


@pytest.fixture
def judges(network):
    return Judges(network)


def blots(height, width, seed=0, low=0.2, high=0.8):
    """(1, 3, height, width): soft blots of few colours."""
    generator = torch.Generator().manual_seed(seed)
    coarse = low + (high - low) * torch.rand(1, 3, 7, 6, generator=generator)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")


def written(path, picture):
    pixels = (255 * picture[0]).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(path)
    return str(path)


# ----------------------------------------------------------------------------------- judging


def test_nothing_is_left_to_say_of_a_picture_against_itself(judges):
    picture = blots(40, 32)
    found = judges.figures(picture, picture, picture)
    assert set(found) == {*LOWER, *HIGHER, "similarity", "placed", "grain", "style_grain"}
    assert found.pop("similarity") == pytest.approx(1)
    assert found.pop("grain") == found.pop("style_grain") > 0
    assert found == pytest.approx(dict.fromkeys(found, 0), abs=1e-9)


def test_every_measure_goes_the_way_that_it_should(judges):
    content, style = blots(48, 40, 1, 0.1, 0.6), blots(48, 40, 2, 0.4, 1.0)
    ways = content, torch.cat([style[..., :20], content[..., 20:]], 3), style
    steps = [judges.figures(one, content, style) for one in ways]
    for name in LOWER:
        assert steps[0][name] > steps[1][name] > steps[2][name], name
        assert steps[2][name] == pytest.approx(0, abs=1e-9)
    for name in HIGHER:
        assert steps[0][name] < steps[1][name] < steps[2][name], name
        assert steps[0][name] == pytest.approx(0, abs=1e-9)
    assert steps[0]["similarity"] > steps[1]["similarity"] > steps[2]["similarity"]


def test_measures_against_direct_computations(judges, network):
    image, content, style = blots(80, 92), blots(80, 92, 1), blots(96, 100, 2)
    found = judges.figures(image, content, style)

    def features(net, picture, layers):
        with torch.no_grad():
            return {
                name: one[0].flatten(1).double().numpy()
                for name, one in net(picture, layers).items()
            }

    layers = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
    a, b = (features(network, one, layers) for one in (image, style))
    distances = []
    for name in layers:
        axes = unit_vectors(len(a[name]), JUDGE_DIRECTIONS, JUDGE_SEED).numpy()
        own, target = np.sort(axes @ a[name], 1), np.sort(axes @ b[name], 1)
        at = (np.arange(own.shape[1]) + 0.5) * target.shape[1] / own.shape[1] - 0.5
        goal = np.stack([np.interp(at, range(target.shape[1]), row) for row in target])
        distances.append(np.square(own - goal).sum() / np.square(goal).sum())
    assert found["sliced"] == pytest.approx(statistics.geometric_mean(distances), rel=1e-6)

    for prefix, judge in judges.others.items():
        seen = default_style_layers(judge.name)
        a, b = (features(judge, one, seen) for one in (image, style))
        grams = [[x @ x.T / x.shape[1] for x in one.values()] for one in (a, b)]
        apart = [np.square(g - h).sum() / np.square(h).sum() for g, h in zip(*grams, strict=True)]
        expected = statistics.geometric_mean(apart)
        assert found[f"{prefix}style"] == pytest.approx(expected, rel=1e-4)
        a, b = (features(judge, one, seen[1:]) for one in (image, content))
        units = [
            {name: x / np.maximum(np.linalg.norm(x, axis=0), 1e-12) for name, x in one.items()}
            for one in (a, b)
        ]
        away = [np.square(units[0][name] - units[1][name]).sum(0).mean() for name in seen[1:]]
        assert found[f"{prefix}content"] == pytest.approx(np.mean(away), rel=1e-4)
    grey = [np.tensordot([0.2125, 0.7154, 0.0721], one[0].double(), 1) for one in (image, content)]
    expected = structural_similarity(*grey, win_size=7, data_range=1)
    assert found["similarity"] == pytest.approx(expected, abs=1e-9)


@pytest.fixture
def halves(monkeypatch):
    """Regions: the content's left third belongs to the style's right half, and the rest."""

    def regions(network, content, style, **_):
        masks = []
        for picture, share, flip in ((content, 3, False), (style, 2, True)):
            mask = torch.zeros(1, 1, *picture.shape[2:])
            mask[..., : picture.shape[3] // share] = 1
            masks.append(mask.flip(3) if flip else mask)
        content, style = (torch.cat([mask, 1 - mask], 1) for mask in masks)
        return Regions(content, style, ("left", "rest"), (1.0, 1.0))

    monkeypatch.setattr("stylespace.commands.transfer.metrics.matched_regions", regions)


def test_placed_is_a_sliced_distance_region_by_region(judges, halves):
    image, style = blots(48, 96), blots(48, 64, 2)
    judge = judges.others["other_"]
    seen = default_style_layers(judge.name)
    with torch.no_grad():
        a, b = (judge(one, seen) for one in (image, style))
    expected = []
    for name in seen:
        own, target, total, area = a[name], b[name], 0, 0
        left = resized((torch.arange(96) < 32).float().expand(1, 1, 48, 96), *own.shape[2:])
        right = resized((torch.arange(64) >= 32).float().expand(1, 1, 48, 64), *target.shape[2:])
        for inside, partner in ((left > 0.501, right > 0.501), (left < 0.499, right < 0.499)):
            one, two = own[..., inside[0, 0]], target[..., partner[0, 0]]
            if min(one.shape[2], two.shape[2]) >= 100:
                total += one.shape[2] * sliced_distance(one[..., None], two[..., None])
                area += one.shape[2]
        expected += [total / area] if area else []
    assert len(expected) == 2  # the halves of conv3_1 have 96 positions
    found = judges.figures(image, image, style)["placed"]
    assert found == pytest.approx(statistics.geometric_mean(expected), rel=1e-5)


def test_placed_sees_whether_parts_take_after_their_partners(judges, halves):
    soft, rough = blots(48, 48, 1), torch.rand(1, 3, 48, 48, generator=torch.manual_seed(0))
    style = torch.cat([soft, rough], 3)  # rough on the right, as the content's left shall be
    right, wrong = (
        torch.cat([one[..., :24], two], 3) for one, two in ((rough, soft), (soft, rough))
    )
    content = blots(48, 72)
    there, away = (judges.figures(one, content, style) for one in (right, wrong))
    assert there["placed"] < 0.5 * away["placed"]


def test_pictures_without_regions_are_not_placed(judges, monkeypatch):
    def none(*_, **__):
        raise UsageError("too small.")

    monkeypatch.setattr("stylespace.commands.transfer.metrics.matched_regions", none)
    assert math.isnan(judges.figures(blots(40, 32), blots(40, 32), blots(40, 32, 1))["placed"])


def test_a_content_of_another_size_is_resized_first(judges):
    image, content, style = blots(40, 32), blots(80, 64, 1), blots(36, 50, 2)
    small = resize(content, 40)
    assert judges.figures(image, content, style) == judges.figures(image, small, style)


def test_the_judge_is_another_network():
    assert judge_of("vgg19-norm") == judge_of("vgg19") == judge_of("alexnet") == "vgg16-hed"
    assert judge_of("vgg16-hed") == judge_of("vgg16") == "vgg19-norm"


def test_judges_are_named(judges):
    assert judges.sentence == (
        "Made with vgg16-hed, judged by vgg19-norm (`other_...`) and alexnet-st (`alexnet_...`)."
    )
    alone = Judges(load_network(SECOND_JUDGE, device="cpu"))
    assert alone.sentence == "Made with alexnet-st, judged by vgg16-hed (`other_...`)."


def test_judging_without_the_second_networks_weights(monkeypatch, network, judges):
    def missing(name, **options):
        if name == SECOND_JUDGE:
            raise WeightsError(f"{name}: not installed.")
        return load_network(name, **options)

    monkeypatch.setattr("stylespace.commands.transfer.metrics.load_network", missing)
    pictures = blots(40, 32), blots(40, 32, 1), blots(36, 50, 2)
    found, whole = Judges(network).figures(*pictures), judges.figures(*pictures)
    assert set(whole) - set(found) == {"alexnet_style", "alexnet_content"}
    assert found == {name: whole[name] for name in found}


def test_pictures_too_small_for_a_layer_are_judged_by_the_others(judges):
    found = judges.figures(blots(7, 40), blots(7, 40, 1), blots(30, 30, 2))
    assert math.isnan(found["alexnet_style"]) and math.isnan(found["alexnet_content"])
    assert found["other_style"] > 0 and found["other_content"] > 0
    assert found["sliced"] > 0  # conv4_1 has no position, and conv1_1 alone has a hundred
    assert math.isnan(judges.figures(blots(9, 11), blots(9, 11, 1), blots(30, 30, 2))["sliced"])
    assert judges.figures(blots(2, 9), blots(2, 9, 1), blots(2, 9, 1))["content_colours"] > 0


# --------------------------------------------------------------------------------- partitions


def settings(**options):
    given = {"size": 32, "iterations": (2,), "weights": "random:0", "device": "cpu", **options}
    return TransferSettings(content="photo.png", styles=("style.png",), **given)


def test_partitions_keep_one_layer_more_each_and_the_deepest_never():
    found = partitions(settings(partitions=True))
    names = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    assert list(found) == [
        "kept: nothing",
        "kept: conv1_1",
        "kept: conv1_1, conv2_1",
        "kept: conv1_1, conv2_1, conv3_1",
        "kept: conv1_1, conv2_1, conv3_1, conv4_1",
    ]
    for count, one in enumerate(found.values()):
        assert tuple(one.kept_layers()) == names[:count]
        assert tuple(one.style_layers()) == names[count:]
        assert replace(one, keep=(), partitions=True) == settings(partitions=True)


@pytest.mark.parametrize("weighting", ["equal", "geometric"])
def test_partitions_of_named_layers_go_by_depth_and_keep_their_weights(weighting):
    layers = ("conv4_1=0.123456789", "conv1_1=3", "conv2_1")
    found = partitions(settings(partitions=True, layers=layers, weighting=weighting))
    assert [tuple(one.kept_layers()) for one in found.values()] == [
        (),
        ("conv1_1",),
        ("conv1_1", "conv2_1"),
    ]
    double = 2 if weighting == "geometric" else 1
    weights = {"conv1_1": 3 * double**2, "conv2_1": double, "conv4_1": 0.123456789}
    for count, one in enumerate(found.values()):
        assert one.style_layers() == dict(list(weights.items())[count:])


def test_partitions_of_windows_and_chains():
    three = {"layers": ("conv1_1", "conv2_1", "conv3_1"), "partitions": True}
    local = settings(**three, representation="local", window=("5", "conv1_1=1", "relu2_1=2"))
    assert [one.half_widths() for one in partitions(local).values()] == [
        {"conv1_1": 1, "conv2_1": 2, "conv3_1": 5},
        {"conv2_1": 2, "conv3_1": 5},
        {"conv3_1": 5},
    ]
    chained = partitions(settings(**three, representation="chained"))
    assert [len(one.style_layers()) for one in chained.values()] == [3, 2]
    assert len(partitions(settings(layers=("conv1_1",), partitions=True))) == 1


# ------------------------------------------------------------------------------------ compare


@pytest.fixture
def pictures(cheap):
    written("photo.png", blots(30, 40))
    written("style.png", blots(70, 60, 1))


def variants(**more):
    layers = {"layers": ("conv1_1", "conv1_2")}
    local = {"representation": "local", "window": ("15",)}
    return {"whole": settings(**layers), "local: wide": settings(**layers, **local), **more}


def compared(network, found=None, folder="both", **options):
    return compare(
        found or variants(), Path(folder), network, title="Two ways", recipe="two\n", **options
    )


def test_a_comparison_says_the_same_everywhere(pictures, network, judges):
    found = compared(network)
    assert [(row.name, row.label) for row in found.rows] == [("01", "whole"), ("02", "local: wide")]
    assert (found.count, found.interrupted) == (2, False)
    (remark,) = found.remarks
    assert remark.startswith("local: wide: the windows of conv1_1, 31 positions wide")
    folder = Path("both")
    style = resize(read_image("style.png"), 32)
    results = json.loads((folder / "results.json").read_text())
    for row, result in zip(found.rows, results, strict=True):
        picture = folder / f"{row.name}.png"
        carried = read_recipe(picture)["figures"]
        again = judges.figures(read_image(picture), read_image("photo.png"), style)
        own = {name for name in ("style_distance", "copy_index", "loss") if name in carried}
        own |= set([name for name in carried if name.startswith("gram.")][-2:])
        assert row.figures == pytest.approx(
            {name: carried[name] for name in own} | again, nan_ok=True
        )
        written = {name: result[name] for name in row.figures}
        assert written == pytest.approx(plain_figures(row.figures))
        assert (result["picture"], result["label"]) == (row.name, row.label)
    assert "copy_index" not in results[0] and results[1]["copy_index"] > 0
    assert "remark" not in results[0] and results[1]["remark"] == found.rows[1].remark
    with (folder / "table.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    for line, row in zip(table, found.rows, strict=True):
        assert (line["picture"], line["label"]) == (row.name, row.label)
        assert {name: float(line[name]) for name in row.figures} == pytest.approx(
            row.figures, nan_ok=True
        )
    assert table[0]["copy_index"] == ""
    page = (folder / "README.md").read_text()
    assert page.startswith("# Two ways\n") and "](strip.jpg)" in page
    for row in found.rows:
        (line,) = [one for one in page.splitlines() if one.startswith(f"| {row.label} ")]
        assert f" {row.figures['sliced']:.3g} " in line
    with Image.open(folder / "strip.jpg") as strip:
        assert strip.format == "JPEG" and strip.width > 4 * 256 and 256 < strip.height < 400


def test_a_comparison_is_gone_on_with_only_with_the_same_filters(pictures, network):
    first = compared(network)
    times = {path: path.stat().st_mtime_ns for path in Path("both").glob("*.png")}
    again = compared(network)
    assert again == first
    assert {path: path.stat().st_mtime_ns for path in times} == times
    other = load_network("vgg16-hed", weights="random:1", device="cpu", precision="float32")
    with pytest.raises(OutputError, match=r"01\.png': the file exists already"):
        compared(other)
    forced = compared(other, force=True)
    assert forced.rows[0].figures != first.rows[0].figures
    assert read_recipe("both/01.png")["weights"] == other.sha256


def test_a_failure_before_the_first_picture_leaves_no_folder(pictures, network, monkeypatch):
    def fails(*_, **__):
        raise OutputError("no.")

    monkeypatch.setattr("stylespace.commands.transfer.many.transferred", fails)
    with pytest.raises(OutputError):
        compared(network)
    assert not Path("both").exists()


def test_a_picture_that_cannot_be_judged_by_all_has_a_table_all_the_same(pictures, network):
    written("photo.png", blots(6, 40))
    shallow = {"layers": ("conv1_1",), "content_layers": ("conv1_2",)}
    found = compared(network, {"thin": settings(**shallow)})
    assert math.isnan(found.rows[0].figures["alexnet_style"])
    (result,) = json.loads(Path("both/results.json").read_text(), parse_constant=pytest.fail)
    assert result["alexnet_style"] is None and result["content_colours"] >= 0
    page = Path("both/README.md").read_text()
    assert "nan" not in page and " - " in page


def test_labels_are_cut_into_lines_that_fit_their_picture():
    label = "kept: " + ", ".join(f"conv{block}_{n}" for block in range(1, 6) for n in (1, 2, 3))
    lines = comparison._lines(label).splitlines()
    assert lines[0] == "kept:" and len(lines) > 3
    assert max(map(len, lines)) <= LETTERS
    assert " ".join(lines) == label
    assert comparison._lines("content") == "content"


# ------------------------------------------------------------------------------------- trials


TRIALS = """
title = "Small trials"
text = "Some words."
[base]
size = 24
iterations = [2]
weights = "random:0"
device = "cpu"
layers = ["conv1_1"]
content_layers = ["conv1_2"]
[pairs]
first = ["photo.png", "style.png"]
second = ["style.png", "photo.png"]
third = ["photo.png", "other.png"]
[ways.whole]
[ways.noise]
init = "noise"
[ways."local 1"]
representation = "local"
window = ["1"]
"""
WAYS = ("whole", "noise", "local 1")


@pytest.fixture
def trial(pictures):
    written("other.png", blots(50, 50, 2, 0, 0.5))
    Path("t.toml").write_text(TRIALS)
    return trials.trials_of(Path("t.toml"))


def run(trial, out="out"):
    with Watching(quiet=True) as watching:
        return trials.run_trials(trial, Path(out), watching)


def studied(out="out"):
    with Watching(quiet=True) as watching:
        return study(Path("t.toml"), Path(out), watching=watching)


def test_trials_make_a_row_for_every_pair_and_way(trial):
    table = run(trial).table
    results = json.loads(Path("out/results.json").read_text(), parse_constant=pytest.fail)
    rows = results["rows"]
    assert results["title"] == "Small trials"
    places = [(row["pair"], row["way"]) for row in rows]
    assert places == [(pair, way) for pair in ("first", "second", "third") for way in WAYS]
    assert list(zip(table["pair"], table["way"], strict=True)) == places
    for row in rows:
        (own,) = [
            one
            for one in json.loads(Path("out", row["pair"], "results.json").read_text())
            if one["label"] == row["way"]
        ]
        picture = Path("out", row["pair"], f"{own['picture']}.png")
        recipe = read_recipe(picture)["recipe"]
        assert (recipe["content"], *recipe["styles"]) == trial.pairs[row["pair"]]
        assert recipe["init"] == ("noise" if row["way"] == "noise" else "content")
        for name in ("sliced", "similarity", "other_style"):
            assert row[name] == pytest.approx(own[name], rel=1e-9)
    with Path("out/table.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["sliced"]) for line in lines] == pytest.approx(
        [row["sliced"] for row in rows], rel=1e-5
    )

    # The page: medians and wins, recomputed from the rows without pandas.
    page = Path("out/README.md").read_text()
    names = list(verdicts.SUMMARY)
    medians = verdicts.summary(table)
    assert list(medians.index) == list(WAYS)
    for way in WAYS:
        (line,) = [one for one in page.splitlines() if one.startswith(f"| {way} ")]
        cells = [cell.strip() for cell in line.strip("|").split("|")][1:]
        for name, cell in zip(names, cells, strict=True):
            values = [row[name] for row in rows if row["way"] == way and row.get(name) is not None]
            if values:
                assert medians.loc[way, name] == pytest.approx(statistics.median(values))
                assert cell == f"{statistics.median(values):.3g}"
            else:
                assert cell == "-"
    of = {(row["pair"], row["way"]): row for row in rows}
    for way in WAYS[1:]:
        wins = []
        for name in verdicts.SUMMARY[:-1]:
            sign = -1 if name == "similarity" else 1
            pairs = [(of[pair, way][name], of[pair, "whole"][name]) for pair in trial.pairs]
            if pairs[0][0] is None:  # 24 pixels hold no regions with partners
                continue
            wins.append(f"{name} {sum(sign * a < sign * b for a, b in pairs)}")
        assert f"- {way} is better than whole in so many of 3: {', '.join(wins)}." in page
    assert "Some words." in page and page.count("](first/strip.jpg)") == 1
    assert "recipe.toml" not in Path("out/first/README.md").read_text()  # that holds three


@pytest.fixture
def unjudged(monkeypatch):
    """Judges that take no time."""

    class Judges:
        sentence = "Made and judged."

        def __init__(self, network):
            pass

        def figures(self, image, content, style):
            return {"similarity": float(image.mean()), "sliced": float(image.std())}

    monkeypatch.setattr("stylespace.commands.transfer.partitions.Judges", Judges)


@pytest.mark.parametrize(("number", "made"), [(1, 0), (4, 3), (5, 4)])
def test_interrupted_trials_keep_what_is_done_and_go_on(trial, unjudged, monkeypatch, number, made):
    with monkeypatch.context() as patch:
        pressing(patch, number)
        if made:
            first = run(trial)
            assert first.interrupted and first.figures == {"results": 9, "done": made}
        else:
            with pytest.raises(KeyboardInterrupt):
                run(trial)
            assert not Path("out").exists()
    rows = json.loads(Path("out/results.json").read_text())["rows"] if made else []
    assert len(rows) == made
    assert len(list(Path("out").glob("*/*.png"))) == made
    begun = pressing(monkeypatch, 99)
    result = run(trial)
    assert len(begun) == 9 - made and not result.interrupted
    assert len(result.table) == len(json.loads(Path("out/results.json").read_text())["rows"]) == 9
    written_before = {path: path.read_bytes() for path in Path("out").rglob("*.*")}
    run(trial)
    assert len(begun) == 9 - made
    assert {path: path.read_bytes() for path in Path("out").rglob("*.*")} == written_before


def test_a_picture_of_before_a_setting_was_is_kept(pictures, network):
    """Its recipe lacks the setting, which is at its default."""
    out = Path("out")
    one = settings()
    compare({"one": one}, out, network, title="", recipe="")
    record = read_recipe(out / "01.png")
    del record["recipe"]["mask"]
    picture = read_image(out / "01.png")
    write_image(out / "01.png", picture, recipe=record, force=True)
    assert many.known_record(out / "01.png", one, network)
    assert not many.known_record(out / "01.png", replace(one, seed=1), network)
    record["recipe"]["nothing"] = 1
    write_image(out / "01.png", picture, recipe=record, force=True)
    assert not many.known_record(out / "01.png", one, network)


def test_one_objective_shows_losses_and_distances_between_results(trial):
    trial = replace(trial, ways={name: trial.ways[name] for name in WAYS[:2]}, one_objective=True)
    run(trial)
    results = json.loads(Path("out/results.json").read_text(), parse_constant=pytest.fail)
    assert [(row["pair"], row["one"], row["other"]) for row in results["between"]] == [
        (pair, "whole", "noise") for pair in trial.pairs
    ]
    page = Path("out/README.md").read_text()
    for row in results["between"]:
        one, other = (read_image(Path("out", row["pair"], name)) for name in ("01.png", "02.png"))
        gap = (one - other).numpy().astype(float)
        assert row["pixels"] == pytest.approx(np.sqrt((gap**2).mean()), rel=1e-5)
        section = page[page.index(f"## {row['pair']}") :]
        with Image.open(Path("out", row["pair"], "losses.png")) as curves:
            colours = np.unique(np.asarray(curves.convert("RGB")).reshape(-1, 3), axis=0)
        assert curves.size == (1040, 494) and len(colours) > 20
        assert section.index(f"| whole | -       | {row['pixels']:.3g}") < section.index("`style`")
    for pair in trial.pairs:
        losses = [row["loss"] for row in results["rows"] if row["pair"] == pair]
        assert (
            f"Final losses of the written pictures: whole {losses[0]:.4g}, noise {losses[1]:.4g}."
            in page
        )


def test_distances_between_results_are_symmetric_and_0_for_the_same(judges):
    one, other = blots(40, 48), blots(40, 48, seed=1)
    there, back = judges.between(one, other), judges.between(other, one)
    assert there == pytest.approx(back, rel=1e-6) and min(there.values()) > 0
    assert set(there) == set(trials.BETWEEN)
    assert judges.between(one, one) == dict.fromkeys(there, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'t.toml' holds no trials"),
        ("title = ", "not TOML"),
        ("titel = 'a'", "'titel'"),
        ("title = 'a'\n[pairs]\na = ['x']\n[ways.b]\n", "holds no trials"),
        ("title = 'a'\nclaims = [{says = 'x'}]\n[pairs]\n[ways.b]\n", "holds no trials"),
        (
            TRIALS
            + '[[claims]]\nsays = "a"\nway = "whole"\nthan = "noise"\nmeasure = "sliced"\n'
            + "margin = -1\n",
            "margin is -1; choose 0 or more",
        ),
        (
            TRIALS + '[[claims]]\nsays = "a"\nway = "whol"\nthan = "noise"\nmeasure = "sliced"\n',
            "'whol'; did you mean 'whole'",
        ),
        (
            TRIALS + '[[claims]]\nsays = "a"\nway = "whole"\nthan = "noise"\nmeasure = "slice"\n',
            "'slice'; did you mean 'sliced'",
        ),
    ],
)
def test_files_that_hold_no_trials(pictures, text, words):
    Path("t.toml").write_text(text)
    with pytest.raises(StylespaceError) as caught:
        trials.trials_of(Path("t.toml"))
    (line,) = str(caught.value).splitlines()
    assert all(word in line for word in words.split("; did you mean "))
    with pytest.raises(StylespaceError) as caught:
        studied()
    assert not Path("out").exists() and len(str(caught.value).splitlines()) == 1
    if "[pairs]" in text:
        assert str(caught.value) == line
    elif "not TOML" not in words:
        assert "'t.toml' holds no study: name [pairs] and [ways], or scenes" in str(caught.value)


def test_a_missing_file_of_trials(pictures):
    with pytest.raises(PictureError, match="'nothing.toml' is missing"):
        trials.trials_of(Path("nothing.toml"))
    with pytest.raises(PictureError, match="'t.toml' is missing"):
        studied()


def test_trials_leave_folders_and_pictures_of_others_alone(trial, unjudged, capsys):
    Path("mine").mkdir()
    Path("mine/README.md").write_text("my notes")
    with pytest.raises(OutputError, match="--force"):
        run(trial, "mine")
    assert [path.name for path in Path("mine").iterdir()] == ["README.md"]
    run(trial)
    changed = replace(trial, ways={**trial.ways, "whole": {"seed": 1, "init": "noise"}})
    with pytest.raises(OutputError, match="01.png"):
        run(changed)
    more = replace(trial, ways={**trial.ways, "one more": {"seed": 2, "init": "noise"}})
    before = Path("out/first/01.png").read_bytes()
    assert len(run(more).table) == 12  # what was there is kept, and the new way is made
    assert Path("out/first/01.png").read_bytes() == before
    with Watching(quiet=True) as watching:
        trials.run_trials(changed, Path("out"), watching, force=True)
    assert Path("out/first/01.png").read_bytes() != before


@pytest.mark.parametrize(
    "way", [{"pooling": "max"}, {"weights": "random:7"}, {"padding": "reflect"}]
)
def test_ways_of_different_networks_are_not_compared(trial, way):
    (name,) = way
    with pytest.raises(UsageError, match=f"{name} differs between ways"):
        run(replace(trial, ways={**trial.ways, "other": way}))
    assert not Path("out").exists()


def test_one_result_alone_has_no_distances(trial, unjudged, monkeypatch):
    alone = replace(trial, one_objective=True)
    pressing(monkeypatch, 2)
    assert run(alone).interrupted
    page = Path("out/README.md").read_text()
    assert "Final losses of the written pictures: whole" in page and "root mean squared" not in page


def test_trials_as_a_study(trial, unjudged, monkeypatch):
    result = studied()
    assert result.outputs[0] == Path("out") and all(path.exists() for path in result.outputs)
    assert result.figures == {"results": 9, "done": 9} and not result.interrupted
    assert result.recipe["title"] == "Small trials"
    pressing(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        studied("again")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("photo.png", "gone.png"), "'gone.png'"),
        (('init = "noise"', 'inti = "noise"'), "'inti'"),
        (('window = ["1"]', 'window = ["x"]'), "'x'"),
        (("size = 24", 'size = "large"'), "size"),
    ],
)
def test_trials_that_cannot_be_are_one_line(trial, change, words):
    Path("t.toml").write_text(TRIALS.replace(*change))
    with pytest.raises(StylespaceError) as caught:
        studied()
    (line,) = str(caught.value).splitlines()
    assert words in line


def test_a_folder_for_trials_that_cannot_be_is_one_line(trial):
    for out in ("gone/out", picture_file("file.png")):
        with pytest.raises(OutputError) as caught:
            studied(out)
        (line,) = str(caught.value).splitlines()
        assert Path(out).name in line or "gone" in line


@pytest.mark.parametrize(
    "path",
    sorted((Path(__file__).parents[2] / "probes/trials").glob("*.toml")),
    ids=lambda p: p.stem,
)
def test_committed_trials_hold_settings_that_can_be(path):
    found = trials.trials_of(path)
    for pair in found.pairs:
        ways = found.variants(pair)
        assert list(ways) == list(found.ways)
        assert len({to_toml(one) for one in ways.values()}) == len(ways)  # no way twice
        assert len({one.size for one in ways.values()}) == 1
        if path.stem != "defaults":  # which tries these
            assert len({(one.content_weight, one.iterations) for one in ways.values()}) == 1
