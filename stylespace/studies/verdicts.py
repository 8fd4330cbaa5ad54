"""What a table of trials says: medians, how often a way is better, whether a claim holds."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

SUMMARY = (
    *("other_style", "alexnet_style", "sliced", "placed"),
    *("other_content", "alexnet_content", "similarity", "content_colours", "copy_index"),
)
"""Measures of the page: of the style, of the content, and the last of copying."""
HIGHER = ("similarity",)
"""Measures that are better when they are higher."""
MOST = 5 / 6
"""Share of the pairs in which a claim must be seen to hold; it fails in as many."""


@dataclass(frozen=True)
class Claim:
    """Something said of two ways, to be tested: that `way` is better than `than` by `measure`."""

    says: str
    way: str
    than: str
    measure: str


def summary(table: pd.DataFrame, names: Sequence[str] = SUMMARY) -> pd.DataFrame:
    """Return the median over the pairs of every measure, ways down, in their order."""
    kept = [name for name in names if name in table]
    return table.groupby("way", sort=False)[kept].median()


def better(table: pd.DataFrame, way: str, than: str, measure: str) -> tuple[int, int]:
    """Return in how many pairs a way is better than another by a measure, and of how many."""
    wide = table.pivot(index="pair", columns="way", values=measure)
    both = wide[[way, than]].dropna()
    wins = both[way] > both[than] if measure in HIGHER else both[way] < both[than]
    return int(wins.sum()), len(both)


def counted_wins(table: pd.DataFrame) -> list[str]:
    """Return how often each way is better than the first by each measure, a sentence a way."""
    first, *others = table["way"].unique()
    said = []
    for way in others:
        measures = [name for name in SUMMARY[:-1] if name in table]
        wins_of = {name: better(table, way, first, name) for name in measures}
        counts = ", ".join(f"{name} {wins}" for name, (wins, count) in wins_of.items() if count)
        count = max(count for _, count in wins_of.values())
        said.append(f"{way} is better than {first} in so many of {count}: {counts}.")
    return said + _copied(table)


def verdicts(claims: Sequence[Claim], table: pd.DataFrame) -> list[str]:
    """Return whether each claim holds in most pairs, fails in most, or neither: a sentence each."""
    said = []
    for claim in claims:
        if not {claim.way, claim.than} <= set(table["way"]) or claim.measure not in table:
            continue  # not tried yet, or no judge
        wins, count = better(table, claim.way, claim.than, claim.measure)
        if not count:
            said.append(f"*{claim.says}* This could not be tested: no `{claim.measure}`.")
            continue
        verdict = "neither holds nor fails"
        if wins >= MOST * count:
            verdict = "holds"
        elif count - wins >= MOST * count:
            verdict = "fails"
        side = "above" if claim.measure in HIGHER else "below"
        said.append(
            f"*{claim.says}* This {verdict}: `{claim.measure}` of {claim.way} is {side} that of "
            f"{claim.than} in {wins} of {count}."
        )
    return said


def _copied(table: pd.DataFrame) -> list[str]:
    """Return in a sentence how much of the style picture localised results repeat."""
    if "copy_index" not in table:
        return []
    medians = table.groupby("way", sort=False)["copy_index"].median().dropna()
    each = ", ".join(f"{way} {value:.2g}" for way, value in medians.items())
    return [f"Median copy index, 0 for the style picture itself and 1 for the start: {each}."]
