"""The committed page on season and light says what its results hold."""

import json
from pathlib import Path

import pandas as pd
import pytest

from stylespace.studies.alterations import ALTERATIONS, LOCAL
from stylespace.studies.ground_truth import (
    COLOURS,
    HOW_TESTED,
    UNCHANGED,
    ground_truth_of,
    nearest_ways,
)

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "reports" / "season"
ROWS = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
TRIED = ground_truth_of(ROOT / "probes" / "scenes" / "season.toml")


def mean(way, alteration, score="colour_error"):
    found = [row[score] for row in ROWS if (row["way"], row["alteration"]) == (way, alteration)]
    assert len(found) == len(TRIED.scenes)
    return sum(found) / len(found)


def test_every_way_was_tried_on_every_altered_scene():
    ways = {UNCHANGED, COLOURS, *TRIED.ways}
    assert {(row["scene"], row["alteration"], row["way"]) for row in ROWS} == {
        (scene, alteration, way)
        for scene in TRIED.scenes
        for alteration in ALTERATIONS
        for way in ways
    }


def test_the_sentences_and_the_means_of_the_page_are_those_of_the_results():
    said = nearest_ways(pd.DataFrame(ROWS))
    assert len(said) == len(ALTERATIONS) and all(f"- {sentence}" in PAGE for sentence in said)
    assert HOW_TESTED in PAGE
    for way in (COLOURS, *TRIED.ways):
        lines = [line for line in PAGE.splitlines() if line.startswith(f"| {way} ")]
        for line, score in zip(lines, ("colour_error", "similarity"), strict=True):
            cells = [cell.strip() for cell in line.strip("|").split("|")][1:]
            assert cells == [f"{mean(way, one, score):.3g}" for one in ALTERATIONS]


@pytest.mark.parametrize("alteration", [one for one in ALTERATIONS if one not in LOCAL])
def test_colours_alone_win_where_a_change_is_the_same_everywhere(alteration):
    assert all(mean(COLOURS, alteration) < mean(way, alteration) for way in TRIED.ways)


def test_every_strip_is_there():
    for scene in TRIED.scenes:
        for alteration in ALTERATIONS:
            assert f"({scene}-{alteration}/strip.jpg)" in PAGE
            assert (FOLDER / f"{scene}-{alteration}" / "strip.jpg").is_file()
