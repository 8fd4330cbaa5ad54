"""Scores: golden numbers of another implementation, references, noise floors, the command."""

import csv
import dataclasses
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from command_line import assert_refused, listing, picture_file
from PIL import Image
from safetensors.torch import save_file

import stylespace as ss
from stylespace.commands.score import making, noise, seeing
from stylespace.commands.score.measures import MEASURES
from stylespace.commands.score.noise import BETWEEN, BEYOND, WITHIN, Floor, floor_of
from stylespace.commands.score.references import DRAWS, POINTS, References, curve, orders
from stylespace.commands.score.seeing import Seen, Sight
from stylespace.errors import PictureError, StyleError, UsageError, WeightsError
from stylespace.images import resize, write_image
from stylespace.images.colour import colour_distance
from stylespace.networks.loading import load_network
from stylespace.settings import protocols, to_toml
from stylespace.settings.score import ScoreSettings
from stylespace.styles.distances import geometric_mean, gram_distances
from stylespace.styles.style import Style

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "scores.json").read_text())
SCORES = GOLDEN["scores"]
RESULT, CONTENT, *STYLES = (
    f"sample:{name}"
    for name in itertools.chain.from_iterable(
        [one] if isinstance(one, str) else one for one in GOLDEN["pictures"].values()
    )
)
TINY = ("conv1_1", "conv2_1")

pytestmark = pytest.mark.usefixtures("one_thread")


def blots(height, width, seed=0):
    """(1, 3, height, width): soft blots."""
    coarse = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")


@pytest.fixture
def random():
    return load_network("vgg16-hed", weights="random:0")


@pytest.fixture
def table(monkeypatch, random):
    """Protocols that are quick: Gram matrices of random filters, pooled or each, and colours."""
    every = ss.protocols()
    small = {"size": 48, "weights": random.sha256, "network": "vgg16-hed", "layers": TINY}
    added = (
        dataclasses.replace(every["gram-vgg16-hed@1"], title="tiny", **small),
        dataclasses.replace(every["gatys-vgg19-norm@1"], title="each", **small),
        dataclasses.replace(every["colours@1"], title="palette", size=12),
        dataclasses.replace(every["ssim@1"], title="alike", size=48),
    )
    for one in added:
        monkeypatch.setitem(protocols._PROTOCOLS, one.name, one)
    return {one.title: one for one in added}


# --- golden


def nothing(sight, references):
    return Floor(math.nan, math.nan)


@pytest.mark.parametrize("name", SCORES)
def test_the_command_agrees_with_another_implementation(name, call, monkeypatch):
    """On torchvision's modules and numpy in float64: tests/golden/make_scores_golden.py."""
    given = ("--style", STYLES[0]) if "both" in SCORES[name] else ("--content", CONTENT)
    if given[0] == "--style":  # noise floors of networks: below, slow
        monkeypatch.setattr(making, "floor_of", nothing)
    said = call("score", RESULT, *given, "--protocol", name, "--json", "--quiet").json
    assert said["figures"]["score"] == pytest.approx(SCORES[name]["score"], rel=1e-4)
    assert said["entries"][0]["definition"] == ss.protocols()[name].sha256[:8]
    if given[0] == "--content":
        assert said["figures"]["noise_floor_crop"] == pytest.approx(SCORES[name]["crop"][0], 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, one in SCORES.items() if "both" in one])
def test_several_references_and_noise_floors_agree_with_it(name):
    found, golden = ss.score(RESULT, STYLES, protocol=name), SCORES[name]
    assert found.figures["score"] == pytest.approx(golden["both"], rel=1e-4)
    assert found.floor.crop == pytest.approx(np.mean(golden["crop"]), rel=1e-4)
    assert found.floor.halves == pytest.approx(np.mean(golden["halves"]), rel=1e-4)


def test_the_style_loss_agrees_with_torchvisions_layers(tmp_path):
    """With random filters, as the file is a download: in float64, unnormalised as in the paper."""
    plan = torchvision.models.vgg.cfgs["E"]
    modules = torchvision.models.vgg.make_layers(plan).double()
    state = {f"features.{name}": one.float() for name, one in modules.state_dict().items()}
    save_file(state, tmp_path / "vgg19.safetensors")
    network = load_network("vgg19", weights=tmp_path / "vgg19.safetensors")
    modules.load_state_dict({name.removeprefix("features."): one for name, one in state.items()})
    layers = protocols.FIRST_OF_BLOCKS
    protocol = dataclasses.replace(ss.protocols()["gatys-vgg19@1"], weights=network.sha256, size=64)
    sight = Sight(protocol, network)
    result, style = (sight.resized(blots(50, 64, seed)) for seed in (1, 2))

    def unnormalised(image):
        mean, std = (
            torch.tensor(one, dtype=torch.float64)[:, None, None]
            for one in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        )
        x, found = (image.double() - mean) / std, []
        for number, module in enumerate(modules):
            x = torch.nn.functional.avg_pool2d(x, 2) if number in (4, 9, 18, 27) else module(x)
            if number in (1, 6, 11, 20, 29):
                flat = x[0].detach().flatten(1).numpy().copy()
                found.append((flat @ flat.T, *flat.shape))
        return found

    pairs = zip(unnormalised(result), unnormalised(style), strict=False)
    expected = sum(((a - b) ** 2).sum() / (4 * c**2 * n**2) / 5 for (a, c, n), (b, _, _) in pairs)
    found = MEASURES["plain-gram"].compare(*(sight.kept(one) for one in (result, style)))
    assert len(layers) == 5 and found == pytest.approx(expected, rel=1e-4)


# --- what a protocol sees


@pytest.mark.parametrize(
    ("resizing", "height", "width", "expected"),
    [
        ("longer", 60, 100, (29, 48)),
        ("longer", 9, 7, (48, 37)),
        ("square", 60, 100, (48, 48)),
        ("square", 9, 7, (48, 48)),
    ],
)
def test_pictures_are_resized_as_it_says(table, random, resizing, height, width, expected):
    sight = Sight(dataclasses.replace(table["tiny"], resizing=resizing), random)
    found = sight.resized(blots(height, width))
    assert tuple(found.shape[2:]) == expected
    if resizing == "square" and width > height:  # the middle, nothing squeezed
        whole = torch.nn.functional.interpolate(
            blots(height, width), (48, 80), mode="bicubic", antialias=True
        )
        assert torch.allclose(found, whole[..., 16:64].clamp(0, 1))


def test_another_network_is_another_protocol(table, random):
    sight = table["tiny"]
    seeing.check_network(sight, random)
    with pytest.raises(WeightsError, match="is defined on the weights .* and these are random:1"):
        seeing.check_network(sight, load_network("vgg16-hed", weights="random:1"))
    with pytest.raises(UsageError, match="not by vgg16-hed max zeros"):
        seeing.check_network(sight, load_network("vgg16-hed", "max", weights="random:0"))


def test_a_file_named_after_its_hash_is_looked_into(tmp_path):
    path = tmp_path / "vgg19-dcbb9e9d.pth"
    path.write_bytes(b"something else")
    assert not seeing._is_file(str(path), protocols.VGG19_FILE)
    assert not seeing._is_file("random:0", protocols.VGG19_FILE)
    assert not seeing._is_file("embedded", protocols.VGG19_NORM)
    own = f"x-{seeing.file_hash(path)[:8]}.pth"
    assert seeing._is_file(str(path), own)
    assert seeing._is_file("https://host/models/vgg19-dcbb9e9d.pth", protocols.VGG19_FILE)


# --- references


def styles(network, count):
    return [Style.capture(network, blots(30 + k, 40, k), TINY) for k in range(count)]


def test_pooled_references_are_one_style(table, random):
    """By blending the styles themselves."""
    result, *kept = styles(random, 5)
    against = References(table["tiny"], MEASURES["relative-gram"], kept).against(result)
    for places in [(0,), (2, 1), (3, 0, 2), range(4)]:
        blend = Style.blend([(kept[k], 1.0) for k in places])
        expected = geometric_mean(gram_distances(result, blend))
        assert against(places) == pytest.approx(expected, rel=1e-5)
    itself = References(table["tiny"], MEASURES["relative-gram"], [result])
    assert itself.against(result)([0]) == 0.0


def test_references_by_themselves_are_averaged(table, random):
    result, *kept = styles(random, 4)
    measure = MEASURES["plain-gram"]
    against = References(table["each"], measure, kept).against(result)
    singles = [measure.compare(result, one) for one in kept]
    assert against([2]) == pytest.approx(singles[2])
    assert against(range(3)) == pytest.approx(np.mean(singles))


def test_a_curve_of_few_references_is_of_all_choices(table, random):
    """By brute force over the subsets of three."""
    result, *kept = styles(random, 4)
    against = References(table["tiny"], MEASURES["relative-gram"], kept).against(result)
    points = curve(against, 3, seed=0)
    assert [one.references for one in points] == [1, 2, 3]
    for point in points:
        values = [against(lot) for lot in itertools.combinations(range(3), point.references)]
        assert point.score == pytest.approx(np.mean(values))
        assert point.deviation == pytest.approx(np.std(values))
    assert points[0].deviation > points[2].deviation == 0


@pytest.mark.parametrize("count", [1, 2, 5, 24, 60])
def test_each_reference_comes_first_equally_often(count):
    drawn = orders(count, seed=3)
    assert len(drawn) >= DRAWS and all(sorted(one) == list(range(count)) for one in drawn)
    first = np.bincount([one[0] for one in drawn], minlength=count)
    assert set(first) <= ({first[0]} if count <= DRAWS else {0, 1})
    assert drawn == orders(count, seed=3)
    assert count < 5 or drawn != orders(count, seed=4)


def test_a_curve_of_many_references_has_few_points_and_both_ends():
    values = np.random.default_rng(0).random(60)
    points = curve(lambda places: float(values[list(places)].mean()), 60, seed=0)
    assert len(points) == POINTS
    assert (points[0].references, points[-1].references) == (1, 60)
    assert points[-1].score == pytest.approx(values.mean()) and points[-1].deviation == 0
    assert points[0].deviation == pytest.approx(values.std(), rel=0.35)
    assert all(one.score == pytest.approx(values.mean(), abs=0.15) for one in points)


# --- noise floors


def test_a_noise_floor_by_hand(table):
    """Of two pictures, colours alone: halves both ways, crops at opposite corners."""
    images = [blots(12, 20, 3), blots(14, 20, 4)]
    sight = Sight(table["palette"], None)
    found = floor_of(sight, [Seen(str(k), one, one) for k, one in enumerate(images)])
    halves, crops = [], []
    for image in images:
        _, _, h, w = image.shape
        halves.append(colour_distance(image[..., : w // 2], image[..., w // 2 :]))
        halves.append(colour_distance(image[..., : h // 2, :], image[..., h // 2 :, :]))
        tall, wide = round(0.8 * h), round(0.8 * w)
        crops.append(colour_distance(image[..., :tall, :wide], image[..., h - tall :, w - wide :]))
    assert found.halves == pytest.approx(np.mean(halves), rel=1e-6)
    assert found.crop == pytest.approx(np.mean(crops), rel=1e-6)
    assert 0 < found.value == min(found.crop, found.halves)


def test_a_content_is_moved_and_has_no_halves(table):
    image = blots(48, 64, 5)
    found = floor_of(Sight(table["alike"], None), [Seen("c", image, image)])
    moved = MEASURES["structure"].compare(image[..., :47, :63], image[..., 1:, 1:])
    assert math.isnan(found.halves) and found.crop == found.value == pytest.approx(moved)
    assert found.higher


@pytest.mark.parametrize(
    ("floor", "score", "expected"),
    [
        (Floor(1, 2), 0.5, WITHIN),
        (Floor(1, 2), 1.0, WITHIN),
        (Floor(1, 2), 1.5, BETWEEN),
        (Floor(2, 1), 1.5, BETWEEN),
        (Floor(1, 2), 3.0, BEYOND),
        (Floor(1, math.nan), 0.5, WITHIN),
        (Floor(1, math.nan), 1.5, BEYOND),
        (Floor(0.9, 0.6, higher=True), 0.95, WITHIN),
        (Floor(0.9, 0.6, higher=True), 0.7, BETWEEN),
        (Floor(0.9, 0.6, higher=True), 0.5, BEYOND),
        (Floor(math.nan, math.nan), 0.5, "no noise floor"),
    ],
)
def test_a_score_is_read_against_the_noise_floor(floor, score, expected):
    assert floor.reading(score) == expected


def test_many_references_cost_a_bounded_noise_floor(table, monkeypatch):
    seen = []
    monkeypatch.setattr(noise, "_between", lambda sight, pairs: seen.append(1) or 1.0)
    image = blots(20, 32)
    floor_of(Sight(table["palette"], None), [Seen("a", image, image)] * 30)
    assert len(seen) == 2 * noise.MOST


# --- in Python


def test_a_style_scores_nothing_against_itself_and_less_the_nearer(table, random):
    style, other = blots(40, 48, 1), blots(44, 48, 2)
    style_like = resize(style, 48) + 0.1 * (blots(40, 48, 2) - style)
    options = {"protocol": "tiny", "weights": "random:0"}
    found = ss.score([style, style_like, other], style, network=random, **options)
    same, near, far = (one.value for one in found.scores)
    assert same == pytest.approx(0, abs=1e-12) and same < near < far
    assert found.scores[0].reading == WITHIN
    assert found.scores[2].reading == found.floor.reading(far)
    assert found.network == random.sha256 and found.protocol.name == "tiny@1"


def test_a_style_file_is_a_reference_where_gram_matrices_are_compared(table, random):
    result, style = blots(40, 48, 1), blots(30, 48, 2)
    kept = Style.capture(random, style, TINY)
    for name in ("tiny", "each"):
        options = {"protocol": name, "network": random}
        pictures = ss.score(result, style, **options)
        files = ss.score(result, kept, **options)
        assert files.scores[0].value == pytest.approx(pictures.scores[0].value, rel=1e-5)
        assert files.scores[0].reading == "no noise floor"
    with pytest.raises(StyleError, match="compares more than Gram matrices: name the picture"):
        ss.score(result, kept, protocol="palette")
    with pytest.raises(StyleError, match=r"was captured at 40x30 pixels, and tiny@1 takes 48"):
        small = Style.capture(random, blots(30, 40), TINY)
        ss.score(result, small, protocol="tiny", network=random)
    other = Style.capture(load_network("vgg16-hed", weights="random:1"), style, TINY)
    with pytest.raises(StyleError, match="captured in another style space .*: name the p"):
        ss.score(result, other, protocol="tiny", network=random)
    with pytest.raises(PictureError, match="a style holds no picture"):
        ss.score(kept, style, protocol="tiny", network=random)


def test_a_content_of_another_aspect_is_laid_on_the_result(table):
    result, content = blots(32, 48, 1), blots(48, 48, 2)
    found = ss.score(result, content=content, protocol="alike")
    laid = torch.nn.functional.interpolate(content, (32, 48), mode="bicubic", antialias=True)
    expected = MEASURES["structure"].compare(result, laid.clamp(0, 1))
    assert found.scores[0].value == pytest.approx(expected)
    assert "1.50 times as wide as high, and the content 1.00 times" in found.remarks[0]
    assert ss.score(content, content=content, protocol="alike").remarks == ()


def test_a_picture_too_narrow_for_the_deepest_layer_says_so(table, random):
    with pytest.raises(PictureError, match="48x1 pixels, as tiny@1 sees it, is too narrow for con"):
        ss.score(blots(2, 96), blots(40, 48), protocol="tiny", network=random)


def test_a_result_too_narrow_for_the_measure_is_a_row(table):
    found = ss.score([blots(2, 96), blots(30, 40)], content=blots(30, 40, 1), protocol="alike")
    assert math.isnan(found.scores[0].value) and "too narrow for alike@1" in found.scores[0].note
    assert found.rows[0]["score"] is None and -1 < found.rows[1]["score"] < 1


def test_python_names_keywords():
    with pytest.raises(UsageError, match="name one by protocol, such as"):
        ss.score("sample:coffee", "sample:gogh-auvers")
    with pytest.raises(UsageError, match="pooling: colours@1 fixes it"):
        ss.score("sample:coffee", "sample:gogh-auvers", protocol="colours", pooling="max")


# --- the command


@pytest.fixture
def pictures(cheap):
    """Three results, two references, one of them twice as a folder, a content."""
    for number, name in enumerate(("a.png", "b.png", "s.png", "t.png", "c.png")):
        write_image(name, blots(30 + number, 40, number))
    Path("references").mkdir()
    write_image("references/u.png", blots(30, 40, 8))
    write_image("references/v.png", blots(36, 40, 9))


def test_a_table_with_noise_floors_and_the_curve(call, table, pictures):
    references = ("--style", "s.png", "--style", "references")
    options = ("--protocol", "tiny", "--weights", "random:0", "--json")
    done = call("score", "a.png", "b.png", *references, *options)
    assert done.code == 0 and done.json["outputs"] == ["a-scores.csv"]
    rows = list(csv.DictReader(Path("a-scores.csv").read_text().splitlines()))
    assert [row["result"] for row in rows] == ["a.png", "b.png"]
    for row, entry in zip(rows, done.json["entries"], strict=True):
        assert row["protocol"] == "tiny@1" and row["definition"] == table["tiny"].sha256[:8]
        assert float(row["score"]) == entry["score"] and row["references"] == "3"
        assert [point["references"] for point in entry["curve"]] == [1, 2, 3]
        assert float(row["score_3"]) == pytest.approx(entry["score"]) == entry["curve"][2]["score"]
        assert float(row["deviation_1"]) == entry["curve"][0]["deviation"] > 0
        assert entry["reading"] in (WITHIN, BETWEEN, BEYOND)
    figures = done.json["figures"]
    assert figures["score"] == pytest.approx(np.mean([float(row["score"]) for row in rows]))
    assert (
        figures["noise_floor"]
        == min(figures["noise_floor_crop"], figures["noise_floor_halves"])
        == float(rows[0]["noise_floor"])
    )
    assert {"score.1", "deviation.2", "score.3"} <= set(figures)
    assert done.json["recipe"]["protocol"] == "tiny@1"


def test_a_json_file_holds_everything(call, table, pictures):
    done = call(
        "score", "references", "--style", "s.png", "--protocol", "palette", "--out", "o.json"
    )
    assert done.code == 0 and "one reference: the curve over their number has one point" in done.err
    found = json.loads(Path("o.json").read_text())
    assert found["protocol"]["hash"] == table["palette"].sha256 and found["weights"] == ""
    assert found["references"] == ["s.png"]
    assert [Path(row["result"]).name for row in found["results"]] == ["u.png", "v.png"]
    assert "u.png" in done.out and "between the noise floors" in done.out


def test_a_bad_picture_is_a_row_of_its_reason(call, table, pictures):
    Path("bad.png").write_text("a poem")
    done = call("score", "bad.png", "a.png", "--style", "s.png", "--protocol", "palette", "--json")
    bad, good = done.json["entries"]
    assert done.code == 0 and good["reached"] and not bad["reached"]
    assert bad["score"] is None and "'bad.png': not a picture" in bad["note"] and not bad["curve"]
    assert done.json["figures"]["results"] == 1
    printed = call("score", "bad.png", "a.png", "--style", "s.png", "--protocol", "palette").out
    assert "not measured" in printed and "not a picture that can be read" in printed


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("bad.png", "--style", "s.png"), 1, "'bad.png': not a picture"),
        (("a.png", "--style", "bad.png"), 1, "'bad.png': not a picture"),
        (("a.png", "--style", "gone.png"), 1, "'gone.png': no such file"),
        (("gone.png", "--style", "s.png"), 1, "'gone.png': no such file"),
        (("empty", "--style", "s.png"), 1, "no pictures in this folder"),
        (("a.png",), 2, "compares with the style, and none is given: name it by --style"),
        (("--style", "s.png"), 2, "no result: name a picture to score"),
        (("a.png", "--style", "s.png", "--protocol", "palete"), 2, "Did you mean 'palette@1'"),
        (("a.png", "--style", "s.png", "--protocol", "palette@2"), 2, "unknown protocol"),
        (("a.png", "--style", "s.png", "--protocol", "ssim"), 2, "compares with the content, and"),
        (("a.png", "--style", "s.png", "--out", "o.txt"), 2, "written as .csv or .json"),
        (("a.png", "--style", "s.png", "--network", "vgg16"), 2, "No such option '--network'"),
        (
            ("a.png", "--style", "s.png", "--protocol", "tiny", "--weights", "random:1"),
            1,
            "tiny@1 is defined on the weights",
        ),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(call, table, pictures, words, code, said):
    Path("bad.png").write_text("a poem")
    Path("empty").mkdir()
    before = listing()
    protocol = () if "--protocol" in words else ("--protocol", "palette")
    assert_refused(call("score", *words, *protocol, "--quiet"), code, said)
    assert listing() == before


def test_what_is_not_looked_at_is_said(call, table, pictures):
    given = ("--style", "s.png", "--content", "c.png")
    done = call("score", "a.png", *given, "--protocol", "alike")
    assert done.code == 0 and "alike@1 compares with the content: --style is not" in done.err
    done = call("score", "a.png", *given, "--protocol", "palette")
    assert done.code == 0 and "palette@1 compares with the style: --content is not" in done.err


def test_nothing_is_overwritten_and_a_recipe_runs_again(call, table, pictures):
    words = ("score", "a.png", "--style", "s.png", "--protocol", "palette")
    assert call(*words, "--out", "o.csv").code == 0
    before = Path("o.csv").read_bytes()
    assert "--force" in call(*words, "--out", "o.csv").err
    settings = ScoreSettings(results=("a.png",), style=("s.png",), protocol="palette")
    Path("r.toml").write_text(to_toml(settings))
    assert call("run", "r.toml", "--out", "again.csv").code == 0
    assert Path("again.csv").read_bytes() == before


def test_ctrl_c_writes_nothing(call, table, pictures, monkeypatch):
    def pressed(self, name):
        raise KeyboardInterrupt

    monkeypatch.setattr(Sight, "picture", pressed)
    before = listing()
    done = call("score", "a.png", "--style", "s.png", "--protocol", "palette")
    assert done.code == 130 and listing() == before


def test_the_list_has_names_hashes_and_sources(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    printed = call("score", "--list").out
    assert max(map(len, printed.splitlines())) <= 80
    for name, one in ss.protocols().items():
        assert name in printed and one.sha256[:8] in printed
    said = call("score", "--list", "--json").json
    assert said["command"] == "score" and said["figures"]["count"] == len(ss.protocols())
    for row in said["protocols"]:
        assert row["source"] and row["formula"] and row["hash"].startswith(row["definition"])


def test_a_grey_and_a_transparent_picture_have_scores(table, pictures):
    grey, alpha = Image.open("a.png").convert("L"), Image.open("a.png").convert("RGBA")
    found = ss.score([grey, alpha, picture_file("n.png")], "s.png", protocol="palette")
    assert all(one.value > 0 for one in found.scores)
    assert found.scores[1].value == ss.score("a.png", "s.png", protocol="palette").scores[0].value
