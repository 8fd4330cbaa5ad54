"""Judges, and transfers side by side in a folder."""

import csv
import json
import math
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import structural_similarity

from stylespace.commands import many
from stylespace.commands.recipes import plain_figures
from stylespace.commands.transfer import partitions as comparison
from stylespace.commands.transfer.metrics import (
    SECOND_JUDGE,
    Judges,
    judge_of,
    transfer_figures,
)
from stylespace.commands.transfer.partitions import LETTERS, compare, partitions
from stylespace.errors import (
    OutputError,
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
from stylespace.networks.loading import load_network
from stylespace.settings import TransferSettings
from stylespace.settings.shared import default_style_layers
from stylespace.styles.style import Style

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


def test_distances_between_results_are_symmetric_and_0_for_the_same(judges):
    one, other = blots(40, 48), blots(40, 48, seed=1)
    there, back = judges.between(one, other), judges.between(other, one)
    assert there == pytest.approx(back, rel=1e-6) and min(there.values()) > 0
    assert set(there) == {"pixels", "style", "perceptual"}
    assert judges.between(one, one) == dict.fromkeys(there, 0)


def test_figures_of_a_transfer_have_their_names(network):
    content, style = blots(40, 48), blots(40, 48, seed=1)
    target = Style.capture(network, style, ["conv1_1", "conv1_2"])
    found = transfer_figures(network, content, content, target)
    assert set(found) == {
        *("gram.conv1_1", "gram.conv1_2", "style_distance", "content_style_distance"),
        *("reduction", "content_similarity"),
    }
    assert found["content_style_distance"] == pytest.approx(found["style_distance"])
    assert found["reduction"] == pytest.approx(1)
