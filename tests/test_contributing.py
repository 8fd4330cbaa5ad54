"""CONTRIBUTING.md: its map has every room, and the files that it sends to are there."""

import re
from pathlib import Path

import pytest

import stylespace

PACKAGE = Path(stylespace.__file__).parent
TEXT = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAP, WAYS = (re.split(r"^## ", TEXT, flags=re.M)[k] for k in (1, 2))
ADDITIONS = re.findall(r"^\| an? ([^|]+?) \| ([^|]+?) \|", WAYS, re.M)


def test_the_map_has_every_room_and_nothing_else():
    rooms = {name.rstrip("/") for name in re.findall(r"^\| `([\w/]+)` \| \S", MAP, re.M)}
    entries = {path.stem for path in PACKAGE.iterdir()} - {"data", "py"}
    assert rooms == {name for name in entries if not name.startswith("__")}


def test_six_kinds_of_additions_are_described():
    kinds = [what.partition(":")[0] for what, _ in ADDITIONS]
    expected = ["loss", "network", "option", "statistic of the report", "optimiser", "command"]
    assert kinds == expected


@pytest.mark.parametrize(("what", "where"), ADDITIONS)
def test_an_addition_touches_at_most_two_files_that_are_there(what, where):
    named = re.findall(r"`([\w/.]+)`", where)
    assert 1 <= len(named) <= 2
    for path in named:  # in capitals: what is to be added
        there = re.sub(r"[A-Z]+(\.py|/)?$", "", path)
        assert (PACKAGE / there).exists(), path
