"""The page of a study, from a table; the committed one is what its table gives."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stylespace.studies.analyses import noise_of, told
from stylespace.studies.claims import Claim
from stylespace.studies.page import claims_tested, digest, page, shown_place, shown_weight, summary
from stylespace.studies.plans import Pair, Part, Plan, Way, plan_of
from stylespace.studies.rows import read_rows
from stylespace.studies.study import again, retold

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "reports" / "paper"
NAMES = [f"p{number:02d}" for number in range(12)]
CLAIM = Claim("One is nearer.", "one", "two", "style.vgg16-hed", along="content.vgg16-hed")
UNTESTED = Claim("Three is nearer.", "one", "two", "style.vgg16-hed", untested="it is not there")


def plan_with(*claims, **more):
    """A plan of one part: two ways, twelve pairs, four weights."""
    pairs = {name: Pair(f"sample:{name}", "sample:x") for name in NAMES}
    ways = {"one": Way(), "two": Way()}
    weights = (0.02, 0.06, 0.2, 0.6)
    part = Part(
        "part", "A part", "Text.", ("It says so.",), pairs, ways=ways, content_weights=weights,
        along="content.vgg16-hed", shown=("style.vgg16-hed",), claims=claims, **more,
    )  # fmt: skip
    return Plan("All", "What.", (part,), "recipe")


def table_with(gain, spread=0.01):
    """Rows in which way one is nearer by a logarithm of `gain`, at the same contents."""
    rng = np.random.default_rng(0)
    rows = []
    for pair in NAMES:
        own = gain + spread * rng.normal()
        for weight in (0.02, 0.06, 0.2, 0.6):
            for way, shift in (("one", -own), ("two", 0.0)):
                row = {"part": "part", "way": way, "pair": pair, "content_weight": weight}
                row |= {"seed": 0, "content.vgg16-hed": 1 - weight, "seconds": 2.0}
                rows.append(row | {"style.vgg16-hed": float(np.exp(shift - weight))})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("gain", "verdict"), [(0.2, "holds"), (-0.2, "does not hold"), (0.0, "undecided")]
)
def test_a_claim_is_told_with_its_figures(gain, verdict):
    plan, table = plan_with(CLAIM), table_with(gain)
    (line,) = [
        one
        for one in summary(plan, claims_tested(plan, table)).splitlines()
        if "One is nearer" in one
    ]
    assert f"| {verdict} " in line
    text = page(plan, table, {})
    assert f"*One is nearer.* This {'is ' * (verdict == 'undecided')}{verdict}: by" in text
    assert "at equal `content.vgg16-hed`" in text and "- The paper: It says so." in text
    assert ("in 12 of 12 pairs" in text) == (gain > 0)


def test_what_was_not_tested_is_told_as_such():
    text = page(plan_with(CLAIM, UNTESTED), table_with(0.2), {})
    assert "*Three is nearer.* This is not tested here: it is not there." in text
    text = page(plan_with(CLAIM), table_with(0.2).drop(columns="style.vgg16-hed"), {})
    assert "*One is nearer.* This has no results to compare yet." in text


def test_runs_that_are_not_there_are_counted_first():
    table = table_with(0.2)
    text = page(plan_with(CLAIM), table[table["pair"] != "p00"], {})
    assert text.index("## What was run") < text.index("## Claim by claim")
    assert "**8 results are not there yet**" in text and "in 11 of 11 pairs" in text
    assert "Nothing of this part has been run yet." in page(plan_with(), table[:0], {})


def test_only_pictures_that_are_there_are_shown():
    plan, table = plan_with(CLAIM), table_with(0.2)
    assert "![" not in page(plan, table, {})
    shown = page(plan, table, {}, ["part-strip.jpg", "part-curves.png", "table.csv"])
    assert shown.count("![") == 2 and "](part-strip.jpg)" in shown and "](part-curves.png)" in shown


def test_rows_that_failed_count_for_nothing():
    table = table_with(0.2).assign(failed=[np.nan] * 95 + ["no."])
    assert "in 12 of 12 pairs" in page(plan_with(CLAIM), table, {})
    assert "**1 results are not there yet**" in page(plan_with(CLAIM), table, {})


def test_pictures_are_those_of_the_median_gain():
    plan, table = plan_with(CLAIM), table_with(0.2, spread=0.1)
    place = shown_place(plan.parts[0], table)
    assert place is not None
    pair, seed = place
    wide = table[table["content_weight"] == 0.02].pivot(
        index="pair", columns="way", values="style.vgg16-hed"
    )
    gains = np.log(wide["two"] / wide["one"]).sort_values()
    assert pair in gains.index[5:7] and seed == 0


def test_ways_with_weights_of_their_own_are_shown_at_their_own_second():
    part = plan_with(CLAIM).parts[0]
    ways = {"one": Way(), "two": Way(content_weights=(6.0, 20.0)), "three": Way()}
    part = replace(part, ways=ways)
    assert [shown_weight(part, way) for way in ("one", "two")] == [0.06, 20]
    assert shown_weight(replace(part, content_weights=()), "three") is None


def test_medians_are_of_the_same_weights_where_a_way_has_more():
    plan, table = plan_with(CLAIM), table_with(0.2)
    more = table[table["content_weight"] == 0.6].assign(content_weight=9.0)
    more["style.vgg16-hed"] *= 100
    plain = page(plan, table, {})
    ways = {"one": Way(), "two": Way(content_weights=(0.02, 0.06, 0.2, 0.6, 9.0))}
    plan = replace(plan, parts=(replace(plan.parts[0], ways=ways),))
    wide = page(plan, pd.concat([table, more[more["way"] == "two"]]), {})
    start = "Medians over 12 pairs and the weights of the content (0.02, 0.06, 0.2, 0.6; "
    medians = [text[text.index(start) :].partition("## ")[0] for text in (plain, wide)]
    assert medians[0] == medians[1]
    own = {"one": Way(), "two": Way(content_weights=(9.0, 20.0))}
    plan = replace(plan, parts=(replace(plan.parts[0], ways=own),))
    rows = pd.concat([table[table["way"] == "one"], more[more["way"] == "two"]])
    assert f"{100 * np.exp(-0.6):.3g}" in page(plan, rows, {})  # its own, where it has no usual one


def test_noise_is_the_difference_of_seeds_and_of_crops():
    rows = pd.DataFrame(
        {
            "pair": ["a", "a", "b", "b"],
            "seed": [0, 1, 0, 1],
            "style.vgg16-hed": [1.0, np.e, 1.0, np.e**3],
            "crops.style.vgg16-hed": [0.1, 0.3, 0.1, 0.3],
        }
    )
    (found,) = noise_of(rows).values()
    assert found["seeds"] == pytest.approx(2) and found["crops"] == pytest.approx(0.2)


def test_knobs_are_told_in_units_of_the_noise():
    table = table_with(0.2, spread=0)
    part = plan_with().parts[0]
    figure, text = told("knobs", part, table, {"style.vgg16-hed": 0.05})
    assert "part-knobs.png" in figure
    assert "| two " in text and "0.2" in text and " 4 " in text


def test_a_digest_has_a_line_for_every_claim():
    plan = plan_with(CLAIM, UNTESTED)
    first, *lines = digest(plan, claims_tested(plan, table_with(0.2))).splitlines()
    assert first == "- **A part** (one seed). The paper: It says so."
    assert lines[0].startswith("  - One is nearer. *This holds: 0.2, 0.2 to 0.2")
    assert lines[0].endswith(", 12 of 12.*")
    assert lines[1:] == ["  - Three is nearer. *This is not tested here.*"]


RECIPE = ROOT / "probes" / "paper" / "study.toml"


def test_the_committed_page_is_what_its_table_gives():
    assert again(RECIPE, PAPER) == (PAPER / "README.md").read_text()
    rows = read_rows(PAPER)
    assert rows and not any(row.get("failed") for row in rows)


def test_the_summary_of_the_readme_is_what_the_table_gives():
    text = (ROOT / "README.md").read_text()
    assert retold(RECIPE, PAPER, text) == text and "- **Networks** (one seed). The paper: " in text
    claims = sum(len(part.claims) for part in plan_of(RECIPE).parts)
    assert retold(RECIPE, PAPER, text.replace("*This ", "*That ")).count("*This ") == claims > 30
