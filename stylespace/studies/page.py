"""The page of a study, rendered from its table: what was run, claim by claim, part by part."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from stylespace.figures import markdown
from stylespace.figures.formatting import significant
from stylespace.studies.analyses import noise_of, told
from stylespace.studies.claims import LEVEL, Claim, Tested, corrected, paired, verdict
from stylespace.studies.curves import gains, logarithmic
from stylespace.studies.measures import MEASURES, better
from stylespace.studies.plans import Part, Plan

STRIP, CURVES = "-strip.jpg", "-curves.png"
"""What the names of a part's pictures end in."""
HOW = f"""\
A claim is that one way is better than another by a measure. Gains are paired, a pair of pictures \
each, and no picture is in two pairs. Distances to style and content gain by the logarithm of \
their quotient: .1 is a tenth nearer. Where it says *at equal content*, each way is a curve over \
weights of the content, straight between its points, and the gain is the mean height between two \
curves where they have contents in common; pairs where they have none are left out. Where it does \
not, it is the difference of means, over the weights that both ways have. Holds, and does not \
hold: the gain lies above (below) minus the margin that was written down before the run, in mean \
and median, and Fisher's randomisation test, two-sided and corrected for all claims of this page \
(Holm), gives at most {LEVEL:g}. All else is undecided. The interval is of the mean gain (95 %, \
bootstrap) and stands for itself; the effect is the mean gain over its standard deviation between \
pairs."""
NOT_YET = "has no results to compare yet"
Findings = Mapping[str, Any]
"""{name of an analysis: what it found}, see `stylespace.studies.analyses`."""


def page(
    plan: Plan, table: pd.DataFrame, findings: Findings, pictures: Collection[str] = ()
) -> str:
    """Return the page in Markdown.

    Args:
        plan: what was asked. table: rows of what was run, see `stylespace.studies.rows`.
        findings: of the analyses of its parts. pictures: names of the figures and strips that are
            there; the page shows no other.
    """
    tests = claims_tested(plan, table)
    parts = [f"# {plan.title}", plan.text.strip()]
    parts += ["## What was run", _counts(plan, table)]
    if tests:
        parts += ["## Claim by claim", summary(plan, tests), HOW]
    noise = noise_between_seeds(plan, table)
    for part in plan.parts:
        parts += _section(part, table, tests, findings, noise, pictures)
    parts += ["## The measures", _measures(table)]
    return markdown.page(parts)


def claims_tested(plan: Plan, table: pd.DataFrame) -> dict[Claim, Tested | None]:
    """Return the test of every claim of a plan; None where it could not be tested."""
    return {
        claim: _tested(claim, rows_of(table, part)) for part in plan.parts for claim in part.claims
    }


def noise_between_seeds(plan: Plan, table: pd.DataFrame) -> dict[str, float]:
    """Return by how much two seeds differ in each measure, where a part of the plan measures it."""
    measured = [rows_of(table, part) for part in plan.parts if "noise" in part.also]
    return {name: one["seeds"] for rows in measured for name, one in noise_of(rows).items()}


def rows_of(table: pd.DataFrame, part: Part) -> pd.DataFrame:
    """Return the rows of a part that did not fail, in the order of its ways."""
    rows = table[table["part"] == part.name]
    if "failed" in rows:
        rows = rows[rows["failed"].isna()]
    return rows


def _tested(claim: Claim, rows: pd.DataFrame) -> Tested | None:
    found = gains(rows, claim) if not claim.untested else pd.Series(dtype=float)
    return paired(found.to_numpy(), claim.margin) if len(found) else None


def summary(plan: Plan, tests: Mapping[Claim, Tested | None]) -> str:
    """Return the table of all claims, and what became of each. tests: see `claims_tested`."""
    ps = corrected(tests)
    lines = []
    for part in plan.parts:
        for claim in part.claims:
            test = tests[claim]
            told = _verdict(claim, test, ps.get(claim, 1.0)).removeprefix("is ")
            lines.append((claim.says, told, *_numbers(test, ps.get(claim))))
    names = ("claim", "verdict", "mean gain", "interval", "effect", "pairs", "p (Holm)")
    return markdown.table(lines, names)


def digest(plan: Plan, tests: Mapping[Claim, Tested | None]) -> str:
    """Return a line for every claim, under what the paper says: the verdict and its figures."""
    ps = corrected(tests)
    lines = []
    for part in (part for part in plan.parts if part.claims):
        seeds = len({run.seed for run in part.runs()})
        lines.append(f"- **{part.title}** ({_seeds(seeds)}). The paper: {' '.join(part.paper)}")
        for claim in part.claims:
            test = tests[claim]
            told = _verdict(claim, test, ps.get(claim, 1.0))
            if test is not None:
                told += f": {_short(test.mean)}, {_interval(test)}, {test.above} of {test.count}"
            lines.append(f"  - {claim.says} *This {told}.*")
    return "\n".join(lines)


def _seeds(count: int) -> str:
    return "one seed" if count == 1 else f"up to {count} seeds"


def _numbers(test: Tested | None, p: float | None) -> tuple[str, ...]:
    if test is None or p is None:
        return ("-",) * 5
    interval = "-" if math.isnan(test.low) else f"{_short(test.low)} to {_short(test.high)}"
    better_in = f"{test.above} of {test.count}"
    return _short(test.mean), interval, markdown.shown(test.effect), better_in, _short(p)


def _short(value: float) -> str:
    return significant(value, 2)


def _counts(plan: Plan, table: pd.DataFrame) -> str:
    """Return how many runs each part takes, and how long they took: the table that comes first."""
    lines: dict[str, dict[str, float]] = {}
    for part in (part for part in plan.parts if part.ways):
        runs = list(part.runs())
        rows = rows_of(table, part)
        seconds = rows["seconds"] if "seconds" in rows else pd.Series(dtype=float)
        lines[part.title] = {
            "ways": len(part.ways),
            "pairs": len({run.pair for run in runs}),
            "results": len(runs),
            "done": len(rows),
            "seconds each (median)": float(seconds.median()),
        }
    told = (
        "Results that are the same run in two parts are made once. Seconds are by the clock, "
        "whatever else the machine did beside."
    )
    missing = sum(line["results"] - line["done"] for line in lines.values())
    if missing:
        told += f" **{missing:,.0f} results are not there yet**; claims are of those that are."
    columns = list(next(iter(lines.values())))
    return markdown.number_table(lines, columns, "part") + "\n\n" + told


def _section(
    part: Part,
    table: pd.DataFrame,
    tests: Mapping[Claim, Tested | None],
    findings: Findings,
    noise: Mapping[str, float],
    pictures: Collection[str],
) -> list[str]:
    """Return the section of a part. noise: of each measure, between two seeds."""
    rows = rows_of(table, part)
    parts = [f"## {part.title}"]
    parts += [markdown.bullets([f"The paper: {line}" for line in part.paper])]
    parts += [part.text.strip()]
    for name, why in part.unmeasured.items():
        parts.append(f"{markdown.plain(name)}: not measured, {why}.")
    if not len(rows):
        return [*parts, "Nothing of this part has been run yet." if part.ways else ""]
    if part.claims:
        ps = corrected(tests)
        said = [_sentence(claim, tests[claim], ps.get(claim, 1.0)) for claim in part.claims]
        parts.append(markdown.bullets(said))
    if f"{part.name}{CURVES}" in pictures:
        parts.append(f"![Curves, style against content]({part.name}{CURVES})")
    if part.shown:
        parts.append(_medians(part, rows))
    for name in part.also:
        kept = noise if name == "knobs" else findings.get(name)
        parts += told(name, part, rows, kept)
    if f"{part.name}{STRIP}" in pictures:
        caption = strip_caption(part, rows)
        parts += [f"![{caption}]({part.name}{STRIP})", caption]
    return parts


def _sentence(claim: Claim, test: Tested | None, p: float) -> str:
    """Return what became of a claim, with its figures."""
    told = f"*{claim.says}* This {_verdict(claim, test, p)}"
    if test is None:
        return f"{told}: {claim.untested}." if claim.untested else f"{told}."
    where = f" at equal `{claim.along}`" if claim.along else ""
    unit = " (logarithm)" if logarithmic(claim.measure) else ""
    margin = f"; margin {claim.margin:g}" if claim.margin else ""
    return (
        f"{told}: by `{claim.measure}`{where}, {claim.way} gains {_short(test.mean)}{unit} over "
        f"{claim.than} ({_interval(test)}{margin}), in {test.above} of {test.count} pairs"
        f"{' above minus the margin' if claim.margin else ''}; effect "
        f"{markdown.shown(test.effect)}, p = {_short(p)}."
    )


def _verdict(claim: Claim, test: Tested | None, p: float) -> str:
    """Return what became of a claim; one whose results are not there is not decided yet."""
    return NOT_YET if test is None and not claim.untested else verdict(test, p)


def _interval(test: Tested) -> str:
    if math.isnan(test.low):
        return "one pair has no interval"
    return f"{_short(test.low)} to {_short(test.high)}"


def _medians(part: Part, rows: pd.DataFrame) -> str:
    """Return the medians of a part's measures, ways down, at its weights where a way has them."""
    usual = set(part.content_weights)
    more = [way for way in part.ways if usual and usual < set(part.weights_of(way))]
    rows = rows[~rows["way"].isin(more) | rows["content_weight"].isin(usual)]
    kept = [name for name in part.shown if name in rows]
    order = [way for way in part.ways if way in set(rows["way"])]
    medians = rows.groupby("way")[kept].median().loc[order]
    told = f"Medians over {rows['pair'].nunique()} pairs"
    if usual:
        told += f" and the weights of the content ({', '.join(f'{w:g}' for w in sorted(usual))}; "
        told += "of a way that has not all of them its own)"
    return f"{told}:\n\n" + markdown.number_table(medians.to_dict("index"), kept, "way")


def _measures(table: pd.DataFrame) -> str:
    there = [name for name in MEASURES if name in table]
    return markdown.bullets([f"`{n}`: {MEASURES[n]}; {better(n)} is better." for n in there])


def shown_place(part: Part, rows: pd.DataFrame) -> tuple[str, int] | None:
    """Return pair and seed of the pictures of a part, by rule.

    The pair whose gain in the part's first claim is the median; without a claim that could be
    tested the first pair. The first seed.
    """
    if not len(rows):
        return None
    found = gains(rows, part.claims[0]) if part.claims else pd.Series(dtype=float)
    pair = next(iter(rows["pair"]))
    if len(found):
        middle = found.sort_values().iloc[(len(found) - 1) // 2]
        pair = found.index[found == middle][0]
    return str(pair), int(rows[rows["pair"] == pair]["seed"].min())


def shown_weight(part: Part, way: str) -> float | None:
    """Return the weight of the content at which a way is shown: the second of its curve."""
    weights = part.weights_of(way)
    return weights[min(1, len(weights) - 1)] if weights else None


def strip_caption(part: Part, rows: pd.DataFrame) -> str:
    """Return what a part's pictures are, and by which rule."""
    place = shown_place(part, rows)
    if place is None:
        return ""
    why = "the pair with the median gain in the first claim" if part.claims else "the first pair"
    weighed = ", each way at its second weight of the content" if part.content_weights else ""
    return f"Pictures: {markdown.plain(place[0])}, {why}{weighed}."
