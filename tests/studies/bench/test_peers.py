"""The peer's filters, its objective and the search for its loss, each by a route of its own."""

import io
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import picture_file
from PIL import Image

from stylespace.images import read_image
from stylespace.networks.loading import load_network
from stylespace.networks.weights import load_weights
from stylespace.settings import BenchSettings
from stylespace.studies.bench import peers, scorer
from stylespace.studies.bench.caffe import caffe_state
from stylespace.studies.bench.programs import Run

NAME = "vgg19-norm"


@pytest.fixture(scope="module")
def state():
    return caffe_state(load_weights(NAME, "random:0"))


@pytest.fixture
def pictures(tmp_path):
    """Content, style and a result as files: 48 x 40 pixels, the style 40 x 48."""
    sizes = {"content": (48, 40), "style": (40, 48), "result": (48, 40)}
    for seed, (name, size) in enumerate(sizes.items()):
        picture_file(tmp_path / f"{name}.png", *size, seed=seed)
    return [tmp_path / f"{name}.png" for name in sizes]


def test_the_filters_see_what_ours_see_times_the_channels(state, pictures):
    """Away from the border, which the two pad with colours half a level of 255 apart."""
    network, names = load_network(NAME, weights="random:0"), ("1_1", "2_2", "3_1")
    ours = network(read_image(pictures[0]), [f"conv{name}" for name in names])
    peers_own = scorer.activations(state, scorer.pixels(pictures[0]), {f"relu{n}" for n in names})
    for name, border in zip(names, (1, 4, 4), strict=True):
        inner = (slice(None), slice(None), slice(border, -border), slice(border, -border))
        one, other = ours[f"conv{name}"][inner], peers_own[f"relu{name}"][inner]
        assert one.numel() > 0
        assert torch.allclose(other, one.shape[1] * one, rtol=1e-4, atol=1e-3 * float(other.max()))


def test_the_embedded_filters_see_the_same_at_the_border_as_well_to_a_percent(pictures):
    network, layer = load_network(NAME), "conv4_2"
    state = caffe_state(load_weights(NAME))
    ours = 512 * network(read_image(pictures[0]), layer)[layer]
    theirs = scorer.activations(state, scorer.pixels(pictures[0]), {"relu4_2"})["relu4_2"]
    assert float((ours - theirs).norm() / ours.norm()) < 0.01


def test_a_picture_is_blue_green_red_from_0_to_256_less_the_means(tmp_path):
    Image.fromarray(np.array([[[255, 0, 51]]], dtype=np.uint8)).save(tmp_path / "p.png")
    seen = scorer.pixels(tmp_path / "p.png").flatten().tolist()
    assert seen == pytest.approx([51.2 - 103.939, -116.779, 256 - 123.68], abs=1e-4)


def hand_state():
    """A VGG-19 of one channel: the first filter takes blue, each other one passes it on."""
    numbers = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)
    state = {}
    for number in numbers:
        weight = torch.zeros(1, 1 if number else 3, 3, 3)
        weight[0, 0, 1, 1] = 1
        state |= {f"features.{number}.weight": weight, f"features.{number}.bias": torch.zeros(1)}
    return state


def test_the_loss_of_even_pictures_by_hand(tmp_path):
    """Blue b less the mean is every activation; the Gram matrix is its square."""
    values, paths = {"content": 255, "style": 204, "picture": 153}, []
    for name, blue in values.items():
        pixels = np.zeros((32, 32, 3), dtype=np.uint8)
        pixels[..., 2] = blue
        paths.append(tmp_path / f"{name}.png")
        Image.fromarray(pixels).save(paths[-1])
    loss = scorer.written_loss(hand_state(), *paths, content_weight=2, style_weight=3)
    c, s, p = (blue / 255 * 256 - 103.939 for blue in values.values())
    assert loss == pytest.approx(2 * (c - p) ** 2 + 3 * 5 * (p**2 - s**2) ** 2, rel=1e-4)


def test_the_scorer_is_a_program_that_imports_neither_of_the_two(tmp_path, pictures, state):
    torch.save(state, tmp_path / "vgg19.pth")
    spy = (
        "import runpy, sys\n"
        "runpy.run_path(sys.argv.pop(1), run_name='__main__')\n"
        "assert not {'stylespace', 'neural_style'} & {name.split('.')[0] for name in sys.modules}"
    )
    line = [sys.executable, "-c", spy, scorer.__file__, tmp_path / "vgg19.pth", *pictures]
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True, check=True)
    weights = {"content_weight": 5, "style_weight": 100}
    ours = scorer.written_loss(state, *pictures, **weights)
    assert float(done.stdout) == pytest.approx(ours, rel=1e-5)


def test_a_transfer_with_those_options_minimises_the_peers_objective(call, pictures, state):
    """Their losses of what was written are one number apart, but for borders, in two pictures."""
    content, style, _ = pictures
    network = load_network(NAME, weights="random:0")
    aim = peers.our_objective(network, content, style)
    more = ("--size", 48, "--grey", "never", "--weights", "random:0", "--device", "cpu", "--quiet")
    ratios = []
    for count in (1, 4):
        line = ("transfer", content, style, *aim, *more, "--iterations", count, "--json")
        done = call(*line, "--out", f"{count}.png", "--sizes", 48)
        weights = {"content_weight": peers.CONTENT_WEIGHT, "style_weight": peers.STYLE_WEIGHT}
        theirs = scorer.written_loss(state, content, style, Path(f"{count}.png"), **weights)
        ratios.append(theirs / done.json["figures"]["loss"])
    assert ratios[0] == pytest.approx(ratios[1], rel=0.01)


@pytest.mark.parametrize(("smallest", "most"), [(1, 1000), (16, 1000), (37, 1000), (700, 1000)])
def test_the_fewest_evaluations_are_found_to_a_tenth(smallest, most):
    tried = []

    def reaches(count):
        tried.append(count)
        return count >= smallest

    found = peers.fewest(reaches, most)
    assert smallest <= found <= max(1.1 * smallest, smallest + 1)
    assert found in tried and len(tried) == len(set(tried)) <= 16


def test_what_is_never_reached_is_tried_up_to_the_most_and_no_further():
    tried = []
    assert peers.fewest(lambda count: bool(tried.append(count)), 100) is None
    assert tried == [16, 32, 64, 100]


# --- rows, with programs that write at once


@pytest.fixture
def programs(monkeypatch):
    """Both programs write the content, nearer to the style's mean after more evaluations."""
    called = []

    def run(module, arguments, folder):
        called.append((module, arguments))
        words = dict(zip(arguments, arguments[1:], strict=False))
        peer = module != "stylespace.__main__"
        count = int(words["-num_iterations" if peer else "--iterations"])
        content = words["-content_image"] if peer else arguments[1]
        style = words["-style_image"] if peer else arguments[2]
        seen = [np.asarray(Image.open(path), dtype=float) for path in (content, style)]
        share = min(1.0, (count if peer else 2 * count) / 100)
        mixed = (1 - share) * seen[0] + share * seen[1].mean((0, 1))
        out = words["-output_image" if peer else "--out"]
        Image.fromarray(mixed.astype(np.uint8)).save(out)
        return Run(float(count), 700.0, 200.0, "")

    monkeypatch.setattr(peers, "measured_run", run)
    monkeypatch.setattr(peers, "find_spec", lambda name: name)
    monkeypatch.setattr(peers, "written_loss", spread)
    return called


def spread(state, content, style, picture, **weights):
    """A loss that falls on the way from the content to an even picture."""
    return float(np.asarray(Image.open(picture), dtype=float).std())


VALUES = {"sides": (32,), "pairs": ("chelsea=gogh-auvers",), "iterations": 64}
SETTINGS = BenchSettings(**VALUES, weights="random:0", device="cpu")


def pieces(folder, rows):
    return list(peers.peer_pieces(SETTINGS, folder, rows))


def test_rows_tell_seconds_losses_and_how_much_sooner(programs, tmp_path):
    rows = {}
    for piece in pieces(tmp_path, rows):
        rows[piece.name] = piece.row()
    peer, *ours, mcrpy = rows.values()
    assert [row["section"] for row in rows.values()] == ["peers"] * 5
    assert "TensorFlow" in mcrpy["note"]
    assert peer["value"] == 64 and peer["figures"]["evaluations"] == 64
    assert peer["figures"]["peak MiB"] == 700
    for row in ours:
        count = row["figures"]["evaluations"]
        assert 30 <= count <= 36 and row["value"] == count
        assert row["figures"]["loss"] <= peer["figures"]["loss"]
        assert row["figures"]["times sooner"] == pytest.approx(64 / count)
        assert row["ratio"] == pytest.approx(count / 64)
        assert {trial["evaluations"] for trial in row["trials"]} >= {16, 32, count}
    assert json.dumps(rows)


def test_pictures_that_were_scored_stand_beside_each_other(programs, tmp_path):
    rows = {}
    for piece in pieces(tmp_path, rows):
        rows[piece.name] = piece.row()
        assert bool(peers.strips(SETTINGS, tmp_path)) == (len(rows) >= 4)
    (case,) = peers.cases(SETTINGS, tmp_path)
    for way in case.ways:  # each is that of the evaluations which the row tells, not of a later try
        figures = rows[f"stylespace to its loss, {way}, {case.place}"]["figures"]
        assert case.loss(way) == figures["loss"]
    ((name, sheet),) = peers.strips(SETTINGS, tmp_path).items()
    assert name == "32-chelsea-gogh-auvers-strip.jpg"
    with Image.open(io.BytesIO(sheet)) as picture:
        assert picture.width > picture.height > picture.width / 2  # two rows of three


def test_both_are_given_the_same_pictures_and_what_they_need(programs, tmp_path):
    rows = {}
    for piece in pieces(tmp_path, rows):
        rows[piece.name] = piece.row()
    (module, words), *ours = programs
    theirs = dict(zip(words, words[1:], strict=False))
    assert module == "neural_style.neural_style" and theirs["-model_file"] == "vgg19.pth"
    assert theirs["-tv_weight"] == "0" and theirs["-init"] == "image"
    assert theirs["-pooling"] == "avg" and "-disable_check" in words
    assert (theirs["-gpu"], theirs["-backend"]) == ("c", "mkl")
    for _, words in ours:
        assert words[1:3] == [theirs["-content_image"], theirs["-style_image"]]
    kinds = ["--sizes" in words for _, words in ours]
    assert True in kinds and False in kinds
    backwards = [words[::-1] for _, words in ours]  # of an option given twice the later counts
    precisions = {words[words.index("--precision") - 1] for words in backwards}
    assert precisions == {"auto", "float32"}
    with Image.open(theirs["-content_image"]) as picture:
        assert max(picture.size) == 32


def test_without_the_peer_its_rows_say_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    rows = {}
    for piece in pieces(tmp_path, rows):
        rows[piece.name] = piece.row()
    notes = [row["note"] for row in rows.values()]
    assert "pip install 'stylespace[peers]'" in notes[0]
    assert notes[1:4] == ["its peer was not measured"] * 3


def test_a_loss_that_is_never_reached_is_told(programs, tmp_path):
    rows = {}
    first, second, *_ = pieces(tmp_path, rows)
    rows[first.name] = first.row()
    rows[first.name]["figures"]["loss"] = -math.inf
    assert second.row()["note"].startswith("not -inf")


def test_pairs_and_sizes_are_those_that_are_asked_for(tmp_path):
    for precision, ways in {"float32": 2, "auto": 3}.items():  # its own, and float32 as well
        settings = BenchSettings(sides=(256, 512), device="cpu", precision=precision)
        names = [piece.name for piece in peers.peer_pieces(settings, tmp_path, {})]
        assert len(names) == len(set(names)) == (1 + ways) * (4 + 2) + 1
        assert sum("512 px" in name for name in names) == (1 + ways) * 2
    assert "neural-style, 500 iterations, 256 px, rocket + kandinsky-composition-viii" in names
