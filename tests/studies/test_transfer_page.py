"""The committed page on ways to transfer says what its results hold."""

import json
from pathlib import Path
from statistics import median

import pandas as pd

from stylespace.studies.trials import trials_of
from stylespace.studies.verdicts import counted_wins, how_claims_are_tested, verdicts

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "reports" / "transfer"
ROWS = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))["rows"]
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
TRIALS = trials_of(ROOT / "probes" / "trials" / "transfer.toml")


def test_every_way_was_tried_on_every_pair():
    assert {(row["pair"], row["way"]) for row in ROWS} == {
        (pair, way) for pair in TRIALS.pairs for way in TRIALS.ways
    }
    assert len(ROWS) == len(TRIALS.pairs) * len(TRIALS.ways) == 54


def test_the_sentences_of_the_page_are_those_of_the_results():
    table = pd.DataFrame(ROWS)
    found = verdicts(TRIALS.claims, table, TRIALS.pairs)
    said = counted_wins(table) + found
    assert len(found) == len(TRIALS.claims)
    assert all(f"- {sentence}" in PAGE for sentence in said)
    assert how_claims_are_tested(TRIALS.claims, table, TRIALS.pairs) in PAGE


def test_the_medians_of_the_page_are_those_of_the_results():
    for way in TRIALS.ways:
        value = median(row["sliced"] for row in ROWS if row["way"] == way)
        (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {way} ")]
        assert f"{value:.3g}" in line


def test_small_windows_copy_the_style_picture():
    """Science of it: at s = 0 the distance is a content loss on the style picture."""
    index = {
        way: median(row["copy_index"] for row in ROWS if row["way"] == way)
        for way in ("local 0", "local 2", "local 8")
    }
    assert index["local 0"] < index["local 2"] < index["local 8"]
