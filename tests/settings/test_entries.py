"""Choices of many entries: every form against brute force, refusals, the same ones every time."""

import re
import subprocess
import sys
from itertools import product

import pytest

from stylespace.errors import UsageError
from stylespace.settings import ProbeSettings
from stylespace.settings.entries import (
    FORMS,
    check_choice,
    needs_painting,
    pairs_of,
    split_block,
    split_entry,
)

CHANNELS = 64  # of conv1_1
NETWORK = "vgg16-hed"


def pairs(text, layer="conv1_1", channels=CHANNELS, *, seed=0, top=None):
    check_choice(text, layer, channels, NETWORK)
    return pairs_of(text, layer, channels, seed=seed, top=top)


def refused(**values):
    with pytest.raises(UsageError) as caught:
        ProbeSettings(**{"layer": "conv1_1", **values})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def unordered(found):
    return {tuple(sorted(pair)) for pair in found}


# --- every form


def test_the_diagonal_is_every_channel_with_itself():
    assert pairs("diagonal") == [(i, i) for i in range(CHANNELS)]
    assert pairs("diagonal", "conv2_1", 128)[-1] == (127, 127)


@pytest.mark.parametrize(
    ("text", "rows", "columns"),
    [
        ("0-3,10-12", (0, 3), (10, 12)),
        ("10-12,0-3", (10, 12), (0, 3)),
        ("5-5,7-7", (5, 5), (7, 7)),
        ("0-63,0-63", (0, 63), (0, 63)),
        ("2-9,6-20", (2, 9), (6, 20)),
        (" 2 - 9 , 6 - 20 ", (2, 9), (6, 20)),
        ("60-63,0-63", (60, 63), (0, 63)),
    ],
)
def test_a_block_holds_every_entry_once_of_an_entry_and_its_mirror_image(text, rows, columns):
    every = [
        (i, j)
        for i, j in product(range(CHANNELS), repeat=2)
        if rows[0] <= i <= rows[1] and columns[0] <= j <= columns[1]
    ]
    found = pairs(text)
    assert set(found) <= set(every)
    assert unordered(found) == unordered(every)
    assert len(found) == len(unordered(every))
    assert found == sorted(found, key=every.index)
    assert split_block(text) == (range(rows[0], rows[1] + 1), range(columns[0], columns[1] + 1))


def test_random_entries_are_distinct_and_of_the_upper_triangle():
    found = pairs("random:500")
    assert len(found) == len(unordered(found)) == 500
    assert all(0 <= i <= j < CHANNELS for i, j in found)
    rows = [i + j for i, j in found]
    assert 50 < sum(rows) / len(rows) < 76  # not the first 500 of 2080: their mean is 34


def test_all_random_entries_are_all_entries():
    every = {(i, j) for i, j in product(range(CHANNELS), repeat=2) if i <= j}
    found = pairs("random:2080")
    assert set(found) == every and len(found) == 2080


def test_random_entries_depend_on_seed_and_layer_alone():
    first = pairs("random:20", seed=3)
    assert pairs("random:20", seed=3) == first
    assert pairs("random:20", seed=4) != first
    assert pairs("random:20", "conv1_2", seed=3) != first
    code = (
        "from stylespace.settings.entries import pairs_of\n"
        "print(pairs_of('random:20', 'conv1_1', 64, seed=3))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == str(first)  # in another process as well


@pytest.mark.parametrize(("text", "diagonal"), [("top:2", False), ("top-diagonal:2", True)])
def test_the_largest_are_asked_of_the_painting(text, diagonal):
    asked = []

    def top(layer, count, of_the_diagonal):
        asked.append((layer, count, of_the_diagonal))
        return [(5, 5), (1, 1)]

    assert pairs(text, top=top) == [(5, 5), (1, 1)]
    assert asked == [("conv1_1", 2, diagonal)]
    assert pairs(text) == []
    assert needs_painting(text)


@pytest.mark.parametrize("text", ["diagonal", "random:3", "0-1,2-3"])
def test_the_others_need_no_painting(text):
    assert not needs_painting(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12,40", ("", 12, 40)),
        (" 12 , 40 ", ("", 12, 40)),
        ("conv3_1:12,40", ("conv3_1", 12, 40)),
        ("-1,3", ("", -1, 3)),
    ],
)
def test_an_entry_is_split(text, expected):
    assert split_entry(text) == expected


# --- of the settings


def test_choices_follow_the_named_entries_layer_by_layer():
    settings = ProbeSettings(
        layer="conv1_1,conv2_1", entry=("3,3",), entries=("0-1,1-1", "diagonal")
    )
    found = settings.chosen()
    assert found[:2] == (("conv1_1", 3, 3), ("conv2_1", 3, 3))
    first = [entry for entry in found if entry[0] == "conv1_1"]
    second = [entry for entry in found if entry[0] == "conv2_1"]
    assert first[1:3] == [("conv1_1", 0, 1), ("conv1_1", 1, 1)]
    assert len(first) == 64 + 1 and len(second) == 128 + 1  # 1,1 and 3,3 once each
    assert len(set(found)) == len(found)
    assert found[2:] == (*first[1:], *second[1:])
    assert settings.several and settings.first == ("conv1_1", 3, 3)


@pytest.mark.parametrize(
    ("entry", "entries"),
    [(("5,3",), ("0-9,0-9",)), ((), ("4-6,1-3", "1-3,4-6")), ((), ("5-6,3-4", "random:2080"))],
)
def test_an_entry_and_its_mirror_image_are_chosen_once(entry, entries):
    settings = ProbeSettings(layer="conv1_1", entry=entry, entries=entries)
    found = [pair for _, *pair in settings.chosen()]
    assert len(unordered(found)) == len(found)


def test_one_choice_of_one_entry_is_still_several():
    settings = ProbeSettings(layer="conv1_1", entries=("5-5,7-7",))
    assert settings.chosen() == (("conv1_1", 5, 7),)
    assert settings.several


def test_entries_of_a_painting_are_left_out_until_there_is_one():
    settings = ProbeSettings(layer="conv1_1,conv1_2", entries=("top:3",), painting="a.png")
    assert settings.chosen() == ()
    assert settings.first[0] == "conv1_1"
    found = settings.chosen(lambda layer, count, diagonal: [(0, k) for k in range(1, count + 1)])
    assert found == tuple((layer, 0, k) for layer in ("conv1_1", "conv1_2") for k in (1, 2, 3))


# --- refusals


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("random:2081", 2080),
        ("random:0", 2080),
        ("random:999999999", 2080),
        ("top:2017", 2016),
        ("top:0", 2016),
        ("top-diagonal:65", 64),
        ("top-diagonal:0", 64),
    ],
)
def test_more_than_a_layer_has_is_refused_with_its_number(text, most):
    message = refused(entries=("diagonal", text), painting="a.png")
    assert text in message and re.search(rf"conv1_1 has {most}\b", message)
    number = {"random": "2080", "top": "2016", "top-diagonal": "64"}[text.partition(":")[0]]
    assert pairs(f"{text.partition(':')[0]}:{number}", top=lambda *_: [(0, 0)])


def test_the_smallest_of_several_layers_decides():
    values = {"layer": "conv2_1,conv1_1", "entries": ("random:3000",)}
    assert "conv1_1 has 2080" in refused(**values)
    assert ProbeSettings(layer="conv2_1", entries=("random:3000",)).several


@pytest.mark.parametrize(
    ("text", "instead"),
    [("5-3,0-1", "3-5,0-1"), ("0-1,9-2", "0-1,2-9"), ("7-6,5-4", "6-7,4-5")],
)
def test_a_backwards_block_is_refused_with_what_was_meant(text, instead):
    message = refused(entries=(text,))
    assert repr(text) in message and instead in message
    assert pairs(instead)


@pytest.mark.parametrize("text", ["0-64,0-1", "0-1,0-64", "64-64,64-64", "0-999999999,0-1"])
def test_a_block_outside_its_layer_is_refused_with_the_layers_size(text):
    message = refused(entries=(text,))
    assert "outside conv1_1, which has 64 channels" in message and "from 0 to 63" in message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "diag",
        "Diagonal",
        "random",
        "random:",
        "random:x",
        "random:-1",
        "random:1.5",
        "random:" + "9" * 40,
        "top",
        "top-diagonal",
        "bottom:3",
        "1,2",
        "1-2",
        "1-2,3",
        "1-2,3-4,5-6",
        "a-b,c-d",
        "٣-٤,٥-٦",
    ],
)
def test_what_is_no_choice_is_refused_with_the_forms(text):
    message = refused(entries=("diagonal", text), painting="a.png")
    assert repr(text) in message and FORMS in message


@pytest.mark.parametrize("text", ["top:3", "top-diagonal:3", " top:3"])
def test_the_largest_entries_are_refused_without_a_painting(text):
    message = refused(entries=("diagonal", text))
    assert "--from" in message
    assert ProbeSettings(layer="conv1_1", entries=(text,), painting="a.png").painting


@pytest.mark.parametrize("values", [{"entry": ("1,2",)}, {"entries": ("diagonal", "random:2")}])
def test_a_painting_that_nothing_reads_is_refused(values):
    assert "--from" in refused(**values, painting="a.png")
    assert ProbeSettings(layer="conv1_1", **values)


def test_no_entry_and_no_layer_are_refused():
    assert "no entry" in refused()
    assert "no layer" in refused(layer="", entries=("diagonal",))
    assert "no layer" in refused(layer=" , ", entries=("diagonal",))


# --- no torch


def test_choosing_needs_no_torch():
    code = (
        "import sys\n"
        "from stylespace.settings import ProbeSettings\n"
        "for text in ('diagonal', 'random:9', 'top:9', '0-3,2-9'):\n"
        "    painting = 'a.png' if text == 'top:9' else None\n"
        "    ProbeSettings(layer='conv1_1', entries=(text,), painting=painting).chosen()\n"
        "print(*sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "" == done.stderr
