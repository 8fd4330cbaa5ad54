"""The committed page on starts says what its results hold."""

import json
from itertools import combinations
from pathlib import Path

import pandas as pd

from stylespace.studies.trials import BETWEEN, trials_of
from stylespace.studies.verdicts import counted_wins, how_claims_are_tested, verdicts

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "reports" / "starts"
RESULTS = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
TRIALS = trials_of(ROOT / "probes" / "trials" / "starts.toml")


def test_every_start_and_every_two_of_them_are_there():
    rows, between = RESULTS["rows"], RESULTS["between"]
    assert [(row["pair"], row["way"]) for row in rows] == [
        (pair, way) for pair in TRIALS.pairs for way in TRIALS.ways
    ]
    assert [(row["pair"], row["one"], row["other"]) for row in between] == [
        (pair, *two) for pair in TRIALS.pairs for two in combinations(TRIALS.ways, 2)
    ]
    assert all(row[name] > 0 for row in between for name in BETWEEN)


def test_the_page_says_what_the_results_hold():
    table = pd.DataFrame(RESULTS["rows"])
    found = verdicts(TRIALS.claims, table, TRIALS.pairs)
    said = counted_wins(table) + found
    assert len(found) == len(TRIALS.claims)
    assert all(f"- {sentence}" in PAGE for sentence in said)
    assert how_claims_are_tested(TRIALS.claims, table, TRIALS.pairs) in PAGE
    for pair in TRIALS.pairs:
        losses = table[table["pair"] == pair].set_index("way")["loss"]
        each = ", ".join(f"{way} {value:.4g}" for way, value in losses.items())
        assert f"Final losses of the written pictures: {each}." in PAGE
