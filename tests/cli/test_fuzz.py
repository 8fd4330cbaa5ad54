"""Seeded fuzz of the command line: whatever is typed, an exit code and at most two lines."""

import os
import random
from pathlib import Path

import pytest
from command_line import picture_file

from stylespace.commands.command import Command, Result
from stylespace.settings import TextureSettings, recipe_of, to_toml

NUMBERS = ["1", "2", "32", "64", "0", "-1", "1.5", "1e3", "nan", "inf", "1e400", "9" * 30, "x", ""]
LISTS = ["32", "16,32", "32,16", "1,1", ",", "1,,2", "16,32,64", "0", "-1", "a,b", "9" * 30]
LAYERS = [
    "conv1_1",
    "conv1_1,conv1_2=2",
    "relu2_1",
    "all",
    "conv9_9",
    "",
    "conv1_1=0",
    "=",
    "conv1",
]
PICTURES = [
    "p.png", "p.png=2", "p.png=x", "p.png=", "=2", "", ".", "gone.png", "text.png", "empty.png",
    "sample:durer-lion", "sample:durer-lion=0.5", "sample:", "sample:x", "folder", "r.toml",
    "s.style.safetensors", "\udcff.png", "a\nb.png", "-", "--", "é.png", "n" * 300, "/dev/null",
]  # fmt: skip
ENTRIES = ["12,40", "0,0", "1,2", "63,63", "256,1", "-1,3", "12", "a,b", "", "conv1_1:3,4", "1, 2"]
OUTS = ["o.png", "o.PNG", "p.png", "gone/o.png", "folder", "o.bmp", "o", "", "o.style.safetensors"]
NETWORKS = ["vgg19-norm", "vgg16-hed", "vgg19", "alexnet", "googlenet", "alexnet-st", "vgg", ""]
WEIGHTS = ["random:0", "random:7", "random:x", "random:", "gone.pth", "text.png", "caffe:", ""]
OPTIONS = {
    "--size": NUMBERS, "--sizes": LISTS, "--iterations": LISTS, "--seed": NUMBERS,
    "--selectivity": NUMBERS, "--style-scale": NUMBERS, "--source-size": LISTS,
    "--tv-weight": NUMBERS, "--mean-weight": NUMBERS, "--content-weight": NUMBERS,
    "--style-weight": NUMBERS, "--layer": LAYERS, "--layers": LAYERS, "--content-layers": LAYERS,
    "--entry": ENTRIES, "--network": NETWORKS, "--weights": WEIGHTS,
    "--pooling": ["average", "max", "x", ""], "--padding": ["zeros", "reflect", "x"],
    "--precision": ["float32", "float64", "auto", "x"], "--device": ["cpu", "meta", "x", "cuda:77"],
    "--optimizer": ["lbfgs", "adam", "sgd"], "--parameters": ["fourier", "pixels", "sigmoid", "x"],
    "--init": ["content", "noise", "style", "nosie", "p.png", ""], "--match": ["gram", "x"],
    "--out": OUTS, "--preview": OUTS, "--trace": ["t.jsonl", "p.png", "gone/t", ""],
    "--force": None, "--json": None, "--quiet": None, "--help": None, "--nonsense": None,
}  # fmt: skip
COMMANDS = {
    "probe": (0, 0), "texture": (1, 3), "transfer": (2, 3), "capture": (1, 3), "run": (1, 1),
    "networks": (0, 0), "samples": (0, 0), "nonsense": (0, 1), "": (0, 0),
}  # fmt: skip


@pytest.fixture
def files(cheap):
    """A folder of good and bad files."""
    picture_file("p.png")
    Path("text.png").write_text("a poem")
    Path("empty.png").touch()
    Path("folder").mkdir()
    Path("s.style.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    sourced = TextureSettings(sources=("p.png",), layers=("conv1_1",), size=32, weights="random:0")
    Path("r.toml").write_text(to_toml(sourced))


def typed(dice):
    """One command line; now and then with a word too many or too few."""
    command = dice.choice([*COMMANDS, "probe", "texture", "transfer", "capture"])
    fewest, most = COMMANDS[command]
    count = max(0, dice.randint(fewest, most) + dice.choice([0] * 8 + [-1, 1]))
    words = [dice.choice(PICTURES[:1] * 12 + PICTURES) for _ in range(count)]
    if command == "probe" and dice.random() < 0.9:
        words += ["--entry", dice.choice(["12,40"] * 6 + ENTRIES)]
    for _ in range(dice.choice([0, 1, 1, 2, 3, 5])):
        option = dice.choice(list(OPTIONS))
        values = OPTIONS[option]
        if values is None:
            words.append(option)
        elif dice.random() < 0.3:
            words.append(f"{option}={dice.choice(values)}")
        else:
            words += [option, dice.choice(values)]
    return [command, *words] if command else words


def check(result, words):
    """Whatever was typed."""
    assert result.code in (0, 1, 2), words
    for never in ("Traceback", "stylespace: unexpected"):
        assert never not in result.err, (words, result.err)
    if result.code:
        lines = [line for line in result.err.splitlines() if not line.count("eval/s")]
        assert len(lines) == result.code, (words, result.err)
        assert lines[0].startswith("stylespace: "), (words, result.err)
        assert result.out == "", words
    else:
        assert result.out, words


def pretended(command, settings, output):
    """Stand in for the making: everything before it is real."""
    return Result((output.path,), {"value": 1.0}, recipe_of(settings))


@pytest.mark.parametrize("seed", range(20))
def test_twenty_command_lines(call, files, monkeypatch, seed):
    monkeypatch.setattr(Command, "run", pretended)
    dice = random.Random(seed)
    before = sorted(os.listdir())
    for _ in range(20):
        words = typed(dice)
        check(call(*words), words)
    assert sorted(os.listdir()) == before


def test_the_fuzz_reaches_every_command_and_every_code(call, files, monkeypatch):
    monkeypatch.setattr(Command, "run", pretended)
    dice, seen = random.Random(99), set()
    for _ in range(1500):
        words = typed(dice)
        seen.add((words[0] if words else "", call(*words).code))
    for command in ("probe", "texture", "transfer", "capture"):
        assert {(command, code) for code in (0, 1, 2)} <= seen, command


VALID = {
    "--pooling": ["average", "max"],
    "--padding": ["zeros", "reflect", "replicate"],
    "--precision": ["float32", "float64", "auto", "bfloat16"],
    "--optimizer": ["lbfgs", "adam"],
    "--seed": ["0", "1", str(2**62)],
    "--size": ["4", "17", "32"],
    "--iterations": ["1", "2"],
    "--layers": ["conv1_1", "conv1_2,conv1_1=0.5"],
    "--json": None,
    "--quiet": None,
}
OWN = {
    "probe": {
        "--parameters": ["fourier", "pixels", "sigmoid"], "--selectivity": ["0", "0.5", "1"],
        "--layers": ["conv1_1"], "--entry": ["0,0", "63,1"], "--out": ["o.png", "o.jpg"],
    },
    "texture": {
        "--mean-weight": ["0", "1e6"], "--tv-weight": ["0", "1e-30"], "--style-scale": ["0.1", "3"],
        "--source-size": ["1", "50"],
    },
    "transfer": {
        "--init": ["content", "noise", "style", "p.png"], "--content-weight": ["0", "1e6"],
        "--content-layers": ["conv1_1", "conv1_2=3"], "--style-weight": ["0", "1e-9"],
    },
    "capture": {"--size": ["1", "40"], "--out": ["o.style.safetensors", "o.png"]},
}  # fmt: skip
FIRST = {
    "probe": ["--entry", "4,4", "--layer", "conv1_1"],
    "texture": ["p.png"],
    "transfer": ["p.png", "p.png=0.1"],
    "capture": ["p.png", "sample:durer-lion=1e6"],
}


@pytest.mark.parametrize("seed", range(28))
def test_command_lines_that_are_really_run(call, files, seed):
    dice = random.Random(seed)
    command = list(OWN)[seed % 4]
    words = [command, *FIRST[command], "--weights", "random:0", "--size", "32", "--device", "cpu"]
    making = command != "capture"
    words += ["--layers", "conv1_1"] if command != "probe" else []
    words += ["--content-layers", "conv1_2"] if command == "transfer" else []
    words += ["--iterations", "2"] if making else []
    options = VALID | OWN[command]
    possible = [o for o in options if making or o not in ("--iterations", "--optimizer")]
    for option in dice.sample(possible, 4):
        values = options[option]
        words += [option] if values is None else [option, dice.choice(values)]
    result = call(*words)
    if command == "probe" and result.code == 1 and result.out:  # several entries, none reached
        return
    check(result, words)
    assert not [name for name in os.listdir() if name.endswith(".part")]
