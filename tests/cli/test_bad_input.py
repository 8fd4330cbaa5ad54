"""Whatever is wrong, the answer is one clear line, the right exit code, and nothing lost."""

import errno
import json
import os
import pickle
import re
import struct
import zlib
from pathlib import Path

import pytest
import torch
from command_line import (
    RANDOM,
    REACHED,
    SHALLOW,
    SMALL,
    assert_refused,
    listing,
    picture_file,
    program,
)
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from stylespace.networks.catalogue import CATALOGUE
from stylespace.networks.weights import random_weights

TEXTURE = (*SHALLOW, *SMALL)


@pytest.fixture
def refused(call):
    """Run a command that must be refused with nothing written: refused(code, words, *command)."""

    def run(code, words, *command):
        before = listing()
        result = call(*command)
        assert_refused(result, code, *([words] if isinstance(words, str) else words))
        assert listing() == before
        return result

    return run


def bomb(path, side=100_000):
    """A PNG whose header promises side x side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def prepared(kind):
    """Make a bad picture; return its name and what is said about it."""
    name = "bad.png"
    picture = Path(picture_file("good.png"))
    if kind == "missing":
        return "god.png", "no such file. Did you mean 'good.png'?"
    if kind == "folder":
        Path(name).mkdir()
        return name, "this is a folder"
    if kind == "empty":
        Path(name).write_bytes(b"")
        return name, "empty"
    if kind == "truncated":
        Path(name).write_bytes(picture.read_bytes()[:200])
        return name, "cut short"
    if kind == "text":
        Path(name).write_text("a poem\n")
        return name, "not a picture"
    if kind == "gigantic":
        bomb(name)
        return name, "10,000,000,000 pixels, more than"
    if kind == "pipe":
        os.mkfifo(name)
        return name, "not an ordinary file"
    raise AssertionError(kind)


KINDS = ("missing", "folder", "empty", "truncated", "text", "gigantic", "pipe")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["texture", "content", "style", "init", "capture"])
def test_bad_pictures(refused, kind, place):
    name, words = prepared(kind)
    if (kind, place) == ("folder", "content"):
        words = "no pictures in this folder"  # one of contents, each to be transferred
    command = {
        "texture": ("texture", name, *TEXTURE),
        "content": ("transfer", name, "good.png", *TEXTURE),
        "style": ("transfer", "good.png", f"{name}=2", *TEXTURE),
        "init": ("transfer", "good.png", "good.png", "--init", name, *TEXTURE),
        "capture": ("capture", "good.png", name, *SHALLOW, *RANDOM),
    }[place]
    refused(1, [name, words], *command)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_picture(refused):
    picture = Path(picture_file("p.png"))
    picture.chmod(0)
    refused(1, "no permission", "texture", picture, *TEXTURE)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("probe", "--layer", "convv3_1", "--entry", "1,2"), ["'convv3_1'", "'conv3_1'?"]),
        (("probe", "--layer", "", "--entry", "1,2"), ["no layer", "--layer conv3_1"]),
        (("probe", "--layer", "conv1_1,conv22", "--entry", "1,2"), ["'conv22'", "'conv2_2'?"]),
        (("probe", "--entry", "conv9_9:1,2"), ["'conv9_9'", "conv5_3"]),
        (("probe", "--network", "vgg16-hde", "--entry", "1,2"), ["'vgg16-hde'", "'vgg16-hed'"]),
        (("texture", "sample:gogh-auver"), ["'gogh-auver'", "'gogh-auvers'"]),
        (("texture", "sample:"), ["sample ''", "gogh-auvers"]),
        (("transfer", "sample:astronot", "sample:durer-lion"), ["'astronaut'"]),
        (("transfer", "sample:astronaut", "sample:durer=2"), ["'durer-lion'"]),
        (("capture", "sample:hokusai-wave"), ["'hokusai-"]),
        (("texture", "sample:durer-lion", "--layers", "conv1_1,conv22"), ["'conv22'"]),
        (("texture", "sample:durer-lion", "--layers", "conv1_1,"), ["unknown layer", "''"]),
        (("texture", "sample:durer-lion", "--layers", "conv1_1,relu1_1"), ["conv1_1 is named"]),
        (("texture", "sample:durer-lion", "--layers", "all,conv1_1"), ["named twice"]),
        (("texture", "sample:durer-lion", "--layers", "conv1_1=0"), ["above 0"]),
        (("texture", "sample:durer-lion", "--layers", "conv1_1=x"), ["number above 0"]),
        (("transfer", "sample:chelsea", "sample:durer-lion", "--content-layers", "c4"), ["'c4'"]),
        (("probe", "--pooling", "avrage", "--entry", "1,2"), ["avrage", "average"]),
        (("texture", "sample:durer-lion", "--match", "grm"), ["grm", "gram"]),
        (("prob",), ["prob"]),
        (("probe", "--entri", "1,2"), ["--entri", "--entry"]),
        (("probe", "--entry"), ["--entry"]),
        (("probe",), ["--entry 12,40"]),
        (("texture",), ["SOURCES"]),
        (("transfer", "sample:chelsea"), ["STYLES"]),
        (("capture",), ["SOURCES"]),
        (("run",), ["RECIPE"]),
        (("capture", "sample:chelsea", "--preview", "p.png"), ["--preview"]),
    ],
)  # fmt: skip
def test_unknown_names_and_missing_words(refused, command, words):
    refused(2, words, *command)


def test_a_misspelt_start_is_answered_with_the_start(refused):
    start = ("transfer", "sample:chelsea", "sample:durer-lion", "--init", "nosie")
    refused(1, ["'nosie'", "'noise'"], *start)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--entries", ""), ["''", "diagonal", "random:N"]),
        (("--entries", "diagnoal"), ["'diagnoal'", "diagonal", "top:N", "A-B,C-D"]),
        (("--entries", "random:"), ["'random:'", "random:N"]),
        (("--entries", "random:99999"), ["random:99999", "conv3_1 has 32896"]),
        (("--entries", "random:0"), ["random:0", "32896"]),
        (("--entries", "random:-3"), ["'random:-3'", "random:N"]),
        (("--entries", "1,2"), ["'1,2'", "A-B,C-D"]),
        (("--entries", "9-3,0-1"), ["'9-3,0-1'", "3-9,0-1"]),
        (("--entries", "0-256,0-1"), ["outside conv3_1", "256 channels"]),
        (("--entries", "diagonal", "--entries", "0-1,250-999"), ["256 channels"]),
        (("--entries", "diagonal", "--layer", "conv3_1,conv33"), ["'conv33'", "'conv3_3'?"]),
        (("--entries", "0-200,0-0", "--layer", "conv3_1,conv2_1"), ["conv2_1", "128 channels"]),
        (("--entries", "top:3"), ["--from"]),
        (("--entries", "top-diagonal:3"), ["--from"]),
        (("--entries", " top:3"), ["--from"]),
        (("--entries", "top:40000", "--from", "sample:durer-lion"), ["conv3_1 has 32640"]),
        (("--entries", "top-diagonal:257", "--from", "sample:durer-lion"), ["has 256"]),
        (("--entries", "diagonal", "--from", "sample:durer-lion"), ["--from", "top:N"]),
        (("--entry", "1,2", "--from", "sample:durer-lion"), ["--from", "top:N"]),
        (("--entries", "top:3", "--from", "sample:durer-loin"), ["'durer-loin'", "'durer-lion'?"]),
        (("--entries",), ["--entries"]),
        (("--entry", "1,2", "--from"), ["--from"]),
        (("--entry", "1,2", "--goal", "enrgy"), ["enrgy", "energy"]),
        (("--entry", "1,2", "--parameters", "phase"), ["phase", "phases"]),
        (("--entry", "1,2", "--robust", "--optimizer", "lbfgs"), ["--robust", "adam"]),
        (("--entry", "1,2", "--seeds", "65"), ["--seeds 65", "at most 64"]),
        (("--entry", "1,2", "--seeds", "0"), ["--seeds 0", "at least 1"]),
    ],
)
def test_choices_and_goals_that_are_none(refused, monkeypatch, options, words):
    monkeypatch.setattr("stylespace.commands.command.Command.run", None)
    refused(2, words, "probe", *options)


def test_a_painting_that_is_not_there(refused):
    picture_file("good.png")
    refused(1, "Did you mean 'good.png'?", "probe", "--entries", "top:2", "--from", "god.png")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "missing"])
def test_a_bad_painting_leaves_nothing(refused, kind):
    name, words = prepared(kind)
    options = ("--layer", "conv1_1", "--entries", "top:2", "--from", name, *SMALL, "--quiet")
    refused(1, [name, words], "probe", *options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["SOURCE"]),
        (("sample:durer-lion",), ["no entry", "--entry 12,40"]),
        (("sample:durer-lion", "--entry", "12"), ["'12'", "12,40"]),
        (("sample:durer-lion", "--entry", "256,0"), ["256 channels"]),
        (("sample:durer-lion", "--entry", "1,2", "--layer", "conv33"), ["'conv33'", "'conv3_3'?"]),
        (("sample:durer-loin", "--entry", "1,2"), ["'durer-loin'", "'durer-lion'?"]),
        (("sample:durer-lion", "--entry", "1,2", "--init", "nosie"), ["nosie", "noise"]),
        (("sample:durer-lion", "--entry", "1,2", "--layers", "conv1_1,conv22"), ["'conv22'"]),
        (("sample:durer-lion", "--entry", "1,2", "--factor", "10001"), ["--factor", "at most"]),
    ],
)
def test_edits_that_are_none(refused, monkeypatch, arguments, words):
    monkeypatch.setattr("stylespace.commands.command.Command.run", None)
    refused(2, words, "edit", *arguments)


def test_an_edit_of_a_picture_that_is_not_there(refused):
    picture_file("good.png")
    refused(1, "Did you mean 'good.png'?", "edit", "god.png", "--entry", "1,2")


def test_figures_that_would_be_written_over_something(refused, monkeypatch):
    monkeypatch.setattr("stylespace.commands.command.Command.run", None)
    picture_file("p-figure.png")
    refused(1, ["'p-figure.png'", "exists already"], "probe", *REACHED, "--out", "p.png")
    both = ("probe", *REACHED, "--out", "x.png")
    refused(2, "'x-figure.png' is named twice", *both, "--preview", "x-figure.png")
    refused(2, "'x-figure.png' is named twice", *both, "--trace", "./x-figure.png", "--force")
    own = ("texture", "p-figure.png", *TEXTURE, "--out", "p.png", "--force")
    refused(2, "'p-figure.png' is named twice", *own)
    Path("q-figure.png").mkdir()
    refused(1, "this is a folder", "probe", *REACHED, "--out", "q.png", "--force")


@pytest.mark.parametrize("entry", ["256,0", "0,256", "-1,3", "99999999999999999999,1"])
def test_entries_out_of_range_name_the_size_of_the_layer(refused, entry):
    refused(2, ["conv3_1, which has 256 channels", "0 to 255"], "probe", "--entry", entry)
    refused(2, "256 channels", "probe", f"--entry={entry}")


@pytest.mark.parametrize(
    "entry", ["12", "a,b", "", " ", "1,2,3", "1;2", "1.5,2", "1,", "٣,٤", ":1,2"]
)
def test_malformed_entries(refused, entry):
    refused(2, [repr(entry), "12,40"], "probe", "--entry", entry)
    refused(2, "12,40", "probe", f"--entry={entry}")


NUMBERS = {
    "probe": {
        "size": int, "seed": int, "iterations": list, "sizes": list,
        "tile": int, "selectivity": float,
        "seeds": int, "workers": int,
    },
    "edit": {
        "size": int, "seed": int, "iterations": list, "sizes": list,
        "tile": int, "factor": float,
        "hold": float,
    },
    "texture": {
        "size": int, "seed": int, "iterations": list, "sizes": list,
        "tile": int, "source-size": list,
        "style-scale": float, "tv-weight": float, "mean-weight": float, "seeds": int,
        "histogram-weight": float, "spectrum-weight": float, "autocorrelation-weight": float,
    },
    "transfer": {
        "size": int, "seed": int, "iterations": list, "sizes": list,
        "tile": int, "source-size": list,
        "style-scale": float, "tv-weight": float, "content-weight": float, "style-weight": float,
        "layout": float, "keep-weight": float, "detail": float,
        "stride": int, "auto-guides": int, "workers": int,
    },
    "capture": {"size": int, "seed": int},
    "report": {"size": int, "seed": int, "workers": int},
    "similar": {"size": int, "seed": int, "workers": int, "count": int},
}  # fmt: skip
ARGUMENTS = {
    "probe": ("--entry", "1,2"),
    "edit": ("sample:durer-lion", "--entry", "1,2"),
    "texture": ("sample:durer-lion",),
    "transfer": ("sample:chelsea", "sample:durer-lion"),
    "capture": ("sample:durer-lion",),
    "report": ("sample:durer-lion",),
    "similar": ("sample:durer-lion", "--in", "."),
}
ALLOWS_ZERO = (
    *("seed", "selectivity", "factor", "hold", "auto-guides", "tile"),
    *(
        "tv-weight",
        "mean-weight",
        "content-weight",
        "style-weight",
        "layout",
        "keep-weight",
        "detail",
    ),
    *("histogram-weight", "spectrum-weight", "autocorrelation-weight"),
)


@pytest.mark.parametrize(
    "value", ["0", "-1", "nan", "inf", "-inf", "1e308", "1" + "0" * 40, "x", ""]
)
@pytest.mark.parametrize(
    ("command", "option"), [(name, option) for name, found in NUMBERS.items() for option in found]
)
def test_numbers_out_of_range(refused, monkeypatch, command, option, value):
    monkeypatch.setattr(
        "stylespace.commands.command.Command.run", None
    )  # a number that passes starts nothing
    if value == "0" and option in ALLOWS_ZERO:
        pytest.skip("zero is a value")
    number = f"--{option}={value}"
    refused(2, f"--{option}", command, *ARGUMENTS[command], number)


def test_every_numeric_option_is_in_the_list_above(call):
    for command, options in NUMBERS.items():
        shown = call(command, "--help").out
        found = set(re.findall(r"--([a-z-]+) (?:INTEGER|FLOAT)", shown))
        assert found == set(options), command


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--sizes", "64,32"), ["--sizes 64,32", "--size"]),
        (("--sizes", "32,32", "--size", "32"), ["32,32"]),
        (("--sizes", "16,64"), ["--size"]),
        (("--size", "32", "--sizes", "16,32", "--iterations", "1,2,3"), ["2 scales 16,32"]),
        (("--size", "64", "--sizes", "32,64", "--iterations", "1"), ["--iterations 1", "scales"]),
        (("--size", "32", "--iterations", "2,"), ["whole numbers"]),
        (("--weights", "random:x"), ["random:0"]),
        (("--weights", "random:"), ["random:0"]),
        (("--weights", f"random:{10**30}"), ["random:0"]),
    ],
)
def test_scales_and_seeds_that_do_not_fit(refused, options, words):
    refused(2, words, "texture", "sample:durer-lion", *options)


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "x", "", "1e308"])
def test_weights_of_styles(refused, weight):
    refused(2, ["after '='", "above 0"], "texture", f"sample:durer-lion={weight}", *TEXTURE)


def test_all_weights_zero(refused):
    zero = ("--style-weight", "0", "--content-weight", "0")
    refused(2, "--style-weight", "transfer", "sample:chelsea", "sample:durer-lion", *zero)


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("gone/x.png", ["'gone'", "create the folder first"]),
        ("file/x.png", ["'file'"]),
        ("there.png", ["exists already", "--force"]),
        ("folder.png", ["this is a folder"]),
        ("x.bmp", ["'.bmp'", ".png"]),
        ("x.pgn", ["Did you mean '.png'?"]),
        ("x", ["Known: .png"]),
        ("", [""]),
        ("/dev/full", ["Known: .png"]),
        ("n" * 300 + ".png", ["shorter --out"]),
    ],
)
def test_outputs_are_refused_before_torch_is_imported(refused, monkeypatch, out, words):
    monkeypatch.setattr("stylespace.commands.command.Command.run", None)
    Path("file").write_text("")
    Path("folder.png").mkdir()
    picture_file("there.png")
    wrong = out in ("x.bmp", "x.pgn", "x", "", "/dev/full")  # a wrong name, whatever is there
    refused(2 if wrong else 1, words, "probe", *REACHED, "--out", out)
    if out.endswith(".png"):
        refused(1, words, "probe", *REACHED, "--preview", out)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_read_only_folder(refused):
    Path("closed").mkdir(mode=0o500)
    refused(1, "closed", "probe", *REACHED, "--out", "closed/x.png")


def test_outputs_of_other_kinds(refused):
    picture = picture_file("p.png")
    Path("t.jsonl").write_text("mine")
    several = ("probe", *REACHED, "--entry", "1,1")
    refused(2, ".style.safetensors", "capture", picture, "--out", "x.safetensors")
    refused(1, "16383", "probe", "--entry", "1,2", "--size", "20000", "--out", "x.webp")
    refused(1, "where a folder is needed", *several, "--out", "t.jsonl")
    refused(2, ["'new.PNG'", "folder", "'new'"], *several, "--out", "new.PNG")
    refused(2, "name of a picture", *several, "--out", picture, "--force")
    refused(1, "'gone'", *several, "--out", "gone/folder")
    refused(1, "exists already", "probe", *REACHED, "--trace", "t.jsonl")
    refused(2, "named twice", "probe", *REACHED, "--out", "x.png", "--preview", "./x.png")
    refused(2, "named twice", "probe", *REACHED, "--preview", "x.png", "--trace", "x.png")
    refused(2, "named twice", "texture", picture, *TEXTURE, "--preview", picture, "--force")


@pytest.mark.parametrize("call_that_fails", ["fsync", "write"])
@pytest.mark.parametrize("command", ["probe", "capture", "survey"])
def test_disk_full_while_writing(call, monkeypatch, call_that_fails, command):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def __getattr__(self, name):
            return full if name == "write" else getattr(self.file, name)

    arguments = {
        "probe": ("probe", *REACHED, "--quiet"),
        "capture": ("capture", "sample:durer-lion", *SHALLOW, *RANDOM, "--size", "32"),
        "survey": ("probe", *REACHED, "--entry", "6,6", "--quiet"),
    }[command]
    # a checkpoint, which a slow machine would write meanwhile, is kept
    monkeypatch.setattr("stylespace.synthesis.checkpoint.EVERY", 3600.0)
    if call_that_fails == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        true = open
        monkeypatch.setattr(
            "stylespace.files.outputs.open", lambda *a, **k: Full(true(*a, **k)), raising=False
        )
    assert_refused(call(*arguments), 1, "no space left", "free some space")
    assert listing() == {}


def weights_file(name="w.safetensors", network="vgg19-norm", change=None):
    drawn = random_weights(CATALOGUE[network].layers, 0).tensors
    state = {f"{key}.weight": weight for key, (weight, _) in drawn.items()}
    state |= {f"{key}.bias": bias for key, (_, bias) in drawn.items()}
    save_file({**state, **(change or {})}, name)
    return name


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harmed",)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", ["no such file", "Did you mean 'right.safetensors'?"]),
        ("folder", ["is a folder"]),
        ("empty.pth", ["readable"]),
        ("cut.safetensors", ["readable"]),
        ("text.pth", ["damaged"]),
        ("pickle.pth", ["could run code", "safetensors"]),
        ("torch.pth", ["could run code"]),
        ("list.pth", ["list"]),
        ("shape.safetensors", ["features.0.weight", "(2, 2)", "(64, 3, 3, 3)"]),
        ("other.safetensors", ["not weights of vgg19-norm", "It fits: ", "alexnet"]),
        ("nan.safetensors", ["not finite"]),
    ],
)
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_bad_weights(refused, kind, words):
    name = kind
    weights_file("right.safetensors")
    if kind == "missing":
        name = "rihgt.safetensors"
    elif kind == "folder":
        Path("folder").mkdir()
    elif kind == "empty.pth":
        Path(kind).write_bytes(b"")
    elif kind == "cut.safetensors":
        Path(kind).write_bytes(Path("right.safetensors").read_bytes()[:5000])
    elif kind == "text.pth":
        Path(kind).write_text("not weights\n")
    elif kind == "pickle.pth":
        Path(kind).write_bytes(pickle.dumps({"features.0.weight": Harmful()}))
    elif kind == "torch.pth":
        torch.save({"features.0.weight": Harmful()}, kind)
    elif kind == "list.pth":
        torch.save([torch.zeros(1)], kind)
    elif kind == "shape.safetensors":
        weights_file(kind, change={"features.0.weight": torch.zeros(2, 2)})
    elif kind == "other.safetensors":
        weights_file(kind, network="alexnet")
    elif kind == "nan.safetensors":
        weights_file(kind, change={"features.0.bias": torch.full((64,), float("nan"))})
    refused(1, [name, *words], "texture", "sample:durer-lion", *SHALLOW, "--weights", name)
    assert not Path("harmed").exists()


@pytest.fixture
def style(call):
    """A style file of conv1_1 and conv1_2, random filters."""
    options = (*SHALLOW, *RANDOM, "--size", "32", "--out", "s.style.safetensors")
    assert call("capture", "sample:durer-lion", *options).code == 0
    return "s.style.safetensors"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--network", "vgg19"), ["network vgg19-norm instead of vgg19", "--network vgg19-n"]),
        (("--pooling", "max"), ["pooling average instead of max", "add --pooling average,"]),
        (("--padding", "reflect"), ["padding zeros instead of reflect"]),
        (("--weights", "random:1"), ["weights "]),
    ],
)
def test_a_style_of_another_space(refused, style, options, words):
    for command in (("texture", style), ("transfer", "sample:chelsea", style)):
        refused(1, ["another style space", *words], *command, *TEXTURE, *options)


def test_styles_that_do_not_fit_or_are_damaged(refused, style):
    refused(2, ["'conv2_1'", "conv1_1, conv1_2"], "texture", style, *SMALL, "--layers", "conv2_1")
    content = Path(style).read_bytes()
    for length in (0, 5, 100, len(content) - 1):
        Path("cut.style.safetensors").write_bytes(content[:length])
        refused(
            1, ["cut.style.safetensors", "capture"], "texture", "cut.style.safetensors", *TEXTURE
        )
    refused(1, "Did you mean 's.style.safetensors'?", "texture", "s.stile.safetensors", *TEXTURE)
    weights_file("plain.safetensors")
    refused(1, "not a style file", "texture", "plain.safetensors", *TEXTURE)
    only = ("transfer", "sample:chelsea", style, "--init", "style", *TEXTURE)
    refused(2, "--init style needs a style picture", *only)


@pytest.mark.parametrize(
    "change",
    [
        {"provenance": []},
        {"provenance": None},
        {"provenance": {"pictures": 5}},
        {"provenance": {"pictures": [{}]}},
        {"provenance": {"pictures": [{"height": 0, "width": 5, "weight": 1}]}},
        {"provenance": {"pictures": [{"height": "a", "width": 5, "weight": 1}]}},
        {"provenance": {"pictures": [{"height": 4, "width": 5, "weight": "q"}]}},
        {"space": None},
        {"space": {"network": None, "pooling": "", "padding": "", "weights": ""}},
        {"positions": {"conv1_1": -1}},
        {"format": "another"},
    ],
)
def test_a_style_file_with_a_forged_header(refused, style, change):
    with safe_open(style, "pt") as file:
        header = json.loads(file.metadata()["stylespace"])
    text = json.dumps({**header, **change})
    save_file(load_file(style), "forged.style.safetensors", metadata={"stylespace": text})
    for command in ("texture", "capture"):
        options = TEXTURE if command == "texture" else (*SHALLOW, *RANDOM)
        refused(1, "damaged or not a style file", command, "forged.style.safetensors", *options)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('command = "prob"', ["'prob'", "'probe'"]),
        ('entry = ["1,2"]', ["command"]),
        ('command = ["probe"]', ["command"]),
        ('command = "probe"\nentryy = ["1,2"]', ["'entryy'", "'entry'?"]),
        ('command = "probe"\nentri = ["1,2"]', ["'entri'", "'entries'?", "Known: ", "entry"]),
        ('command = "probe"\nentries = "diag"', ["'diag'", "diagonal"]),
        ('command = "probe"\nentries = [1]', ["entries", "a list of texts"]),
        ('command = "probe"\nentries = ["top:3"]', ["--from"]),
        ('command = "probe"\nentry = ["1,2"]\nrobust = "yes"', ["robust"]),
        ('command = "edit"\nentry = "1,2"', ["no painting"]),
        ('command = "probe"\nentry = ["1,2"]\nsize = "large"', ["size", "a whole number"]),
        ('command = "probe"\nentry = ["1,2"]\nsize = true', ["size", "a whole number"]),
        ('command = "probe"\nentry = [1, 2]', ["entry", "a list of texts"]),
        ('command = "probe"\nentry = ["1,2"]\niterations = [1.5]', ["a list of whole numbers"]),
        ('command = "probe"\nentry = ["1,2"]\nselectivity = "x"', ["a number"]),
        ('command = "probe"\nentry = ["1,2"]\nselectivity = nan', ["--selectivity"]),
        ('command = "probe"\nentry = ["1,2"]\nlayer = 1979-05-27', ["a text"]),
        ('command = "probe"\nentry = ["1,2"]\npooling = "x"', ["'x'", "average"]),
        ('command = "probe"\nentry = ["1,2"]\n[size]\na = 1', ["a whole number"]),
        ('command = "texture"\nsources = []', ["no style"]),
        ('command = "texture"\nsources = ["sample:durer"]', ["'durer-lion'"]),
        ('command = "transfer"\nstyles = ["x.png"]', ["no content"]),
        ("not toml", ["not TOML", "line 1"]),
        ("a = 1\na = 2", ["not TOML"]),
        ("", ["command"]),
        ("a = " + "[" * 5000, ["not TOML"]),
        ("\ufeff", ["not TOML"]),
    ],
)
def test_bad_recipes(refused, text, words):
    Path("r.toml").write_text(text)
    refused(2, words, "run", "r.toml")


def test_recipes_that_cannot_be_read(refused):
    picture = picture_file("plain.png")
    Path("bytes.toml").write_bytes(b"\xff\xfe\x00")
    Path("folder.toml").mkdir()
    Path("zero.toml").write_text('command = "texture"\nsources = ["a\\u0000b.png"]')
    refused(1, ["'gone.toml'", "no such file"], "run", "gone.toml")
    refused(1, ["'folder.toml'", "is a directory"], "run", "folder.toml")
    refused(2, "not TOML", "run", "bytes.toml")
    refused(2, "carries no recipe", "run", picture)
    refused(1, "no such file", "run", "gone.png")
    refused(1, "folder", "run", ".")
    refused(1, "not a file name", "run", "zero.toml")
    refused(1, "no such file", "run", "zero.toml", "--out", "x.png")


def test_recipes_beyond_bounds(refused):
    probe = 'command = "probe"\nentry = ["1,2"]\n'
    os.mkfifo("pipe.toml")
    Path("zero.toml").symlink_to("/dev/zero")
    Path("long.toml").write_text(probe + "#" * (1 << 20))
    Path("digits.toml").write_text(f"{probe}seed = {'9' * 400}")
    Path("key.toml").write_text(".".join(["a"] * 20_000) + " = 1")
    for command in ("run", "study"):
        refused(1, ["'pipe.toml'", "not an ordinary file"], command, "pipe.toml")
        refused(1, ["'zero.toml'", "not an ordinary file"], command, "zero.toml")
        refused(1, ["'long.toml'", "more than 1,048,576 bytes"], command, "long.toml")
        refused(2, ["'digits.toml'", "a whole number beyond"], command, "digits.toml")
        refused(2, ["'key.toml'", "nested more than 8 levels"], command, "key.toml")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 9 + "]" * 9,
        '{"recipe": 1}',
        "[]",
        "{",
        '{"recipe": {"command": []}}',
        '{"recipe": {"size": {}}}',
    ],
)
def test_pictures_with_a_damaged_recipe(call, text):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("stylespace", text)
    Image.new("RGB", (4, 4)).save("p.png", pnginfo=info)
    result = call("run", "p.png")
    assert_refused(result, result.code, "recipe")


def test_a_recipe_whose_input_has_changed_or_gone(call, refused):
    picture = Path(picture_file("p.png"))
    assert call("texture", picture, *TEXTURE, "--out", "made.png").code == 0
    picture_file("p.png", seed=1)
    refused(1, ["'p.png'", "restore it"], "run", "made.png")
    picture.unlink()
    refused(1, ["'p.png'", "not here"], "run", "made.png")


def test_a_recipe_whose_weights_have_changed(call, refused):
    weights = weights_file()
    options = (*SHALLOW, "--size", "32", "--iterations", "2", "--device", "cpu")
    call("texture", "sample:durer-lion", *options, "--weights", weights, "--out", "made.png")
    weights_file(change={"features.0.bias": torch.ones(64)})
    refused(1, ["'w.safetensors'", "restore it"], "run", "made.png")


def test_an_input_that_changes_during_the_run_is_recorded_as_it_was(call, monkeypatch):
    from stylespace.commands.texture import textures

    picture = Path(picture_file("p.png"))
    true = textures.open_styles

    def opened(*arguments):
        found = true(*arguments)
        picture.unlink()
        return found

    monkeypatch.setattr(textures, "open_styles", opened)
    result = call("texture", picture, *TEXTURE)
    assert result.code == 0, result.err
    assert Path("texture-p.png").exists()


def test_a_picture_too_small_for_a_layer_names_both_sizes(refused):
    tiny = ("--size", "8", "--iterations", "2", *RANDOM)
    deep = ("--layers", "conv5_1")
    refused(2, ["8x8 pixels", "16x16"], "probe", "--layer", "conv5_1", "--entry", "1,2", *tiny)
    refused(2, ["8x6 pixels", "16x16"], "texture", picture_file("p.png"), *deep, *tiny)
    refused(
        2, ["2x2", "16x16"], "texture", picture_file("q.png", 2, 2), *deep, *RANDOM, "--size", "2"
    )
    long = picture_file("long.png", 400, 1)
    refused(2, ["16x16"], "transfer", long, "p.png", *deep, *RANDOM, "--size", "64")
    refused(2, ["16x16"], "capture", "p.png", *deep, *RANDOM, "--size", "8")


@pytest.mark.parametrize("device", ["cuda:99", "mps", "meta", "hpu", "xla", "gpu", "cpu:x", ""])
def test_devices_that_are_not_there(refused, device):
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("there is one")
    refused(2, [repr(device), "--device cpu"], "probe", *REACHED, "--device", device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_cuda_where_there_is_none(refused):
    refused(2, ["'cuda'", "--device cpu"], "probe", *REACHED, "--device", "cuda")


def test_what_does_not_fit_into_memory_is_refused_with_the_figure(refused, monkeypatch):
    figure = r"GiB"
    big = ("--size", "30000", *RANDOM)
    scales = ("--sizes", "30000", "--iterations", "1")
    picture = picture_file("p.png")
    refused(1, ["30000x30000", figure, "--size"], "probe", "--entry", "1,2", *big)
    refused(1, ["30000x30000", figure], "probe", "--entry", "1,2", *big, *scales)
    refused(1, ["30000x22500", figure], "texture", picture, *SHALLOW, *big, *scales)
    refused(1, ["30000x22500", figure], "transfer", picture, picture, *SHALLOW, *big, *scales)
    monkeypatch.setattr("stylespace.networks.memory.available", lambda device: 2**30)
    refused(1, ["16384x", figure, "--style-scale"], "texture", picture, *SHALLOW, *RANDOM,
            "--size", "256", "--style-scale", "64")  # fmt: skip
    refused(1, ["32768x", figure], "capture", picture, *SHALLOW, *RANDOM, "--size", "32768")


@pytest.mark.parametrize(
    "arguments",
    [
        ("probe", "--json"),
        ("probe", "--entry", "1", "--json"),
        ("texture", "gone.png", "--json"),
        ("capture", "gone.png", "--json"),
        ("run", "gone.toml", "--json"),
        ("networks", "--json", "--more"),
        ("samples", "--jso"),
    ],
)
def test_json_with_an_error_prints_nothing_on_stdout(call, arguments):
    result = call(*arguments)
    assert_refused(result, result.code)
    assert result.code in (1, 2)


def test_an_error_that_nobody_foresaw_is_still_one_line(call, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("line 1\nline 2")

    monkeypatch.setattr("stylespace.commands.command.Command.run", broken)
    result = call("probe", *REACHED)
    assert result.code == 1
    assert result.err == (
        "stylespace: unexpected RuntimeError: line 1 line 2 (STYLESPACE_TRACEBACK=1 shows where).\n"
    )
    monkeypatch.setenv("STYLESPACE_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        call("probe", *REACHED)


def test_out_of_memory_half_way_is_named(call, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr("stylespace.commands.command.Command.run", broken)
    assert_refused(call("probe", *REACHED), 1, "out of memory", "--size")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("probe", "--entry", "12"), 2),
        (("texture", "gone.png"), 1),
        (("probe", "--entry", "1,2", *SMALL, "--device", "meta"), 2),
    ],
)
def test_the_program_answers_alike(tmp_path, arguments, code):
    result = program(*arguments, cwd=tmp_path)
    assert result.returncode == code
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize("option", ["--size", "--seed", "--sizes", "--iterations", "--source-size"])
def test_numbers_of_very_many_digits(refused, option, digits):
    picture_file("p.png")
    refused(2, option, "texture", "p.png", option, "9" * digits)
    refused(2, option, "texture", "p.png", f"{option}=-{'9' * digits}")


@pytest.mark.parametrize("address", ["foo", "tls://foo", "ucx://a:1"])
def test_what_is_no_address_of_a_scheduler(refused, address):
    entries = ("--layer", "conv1_1", "--block", "0-1,0-1", *RANDOM)
    refused(2, ["host and port", "dask:tls://"], "atlas", *entries, "--executor", f"dask:{address}")
