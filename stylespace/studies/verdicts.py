"""What a table of trials says: medians, how often a way is better, whether a claim holds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from stylespace.studies.paired import (
    LEVEL,
    SignTest,
    fewest,
    holm,
    independent_groups,
    sign_test,
    verdict,
)

SUMMARY = (
    *("other_style", "alexnet_style", "sliced", "placed"),
    *("other_content", "alexnet_content", "similarity", "content_colours", "copy_index"),
)
"""Measures of the page: of the style, of the content, and the last of copying."""
HIGHER = ("similarity",)
"""Measures that are better when they are higher."""
Pairs = Mapping[str, tuple[str, str]]
"""{name: content and style} of the pairs of trials."""


@dataclass(frozen=True)
class Claim:
    """Something said of two ways, to be tested: that `way` is better than `than` by `measure`.

    margin: in units of the measure; where it is above 0, the claim is that `way` is not worse by
    more than that, which is what "as good as" means.

    Raises:
        ValueError: a margin that is negative or not finite.
    """

    says: str
    way: str
    than: str
    measure: str
    margin: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.margin < math.inf:
            raise ValueError(f"margin is {self.margin}; choose 0 or more, in units of the measure")


def summary(table: pd.DataFrame, names: Sequence[str] = SUMMARY) -> pd.DataFrame:
    """Return the median over the pairs of every measure, ways down, in their order."""
    kept = [name for name in names if name in table]
    return table.groupby("way", sort=False)[kept].median()


def gains(table: pd.DataFrame, way: str, than: str, measure: str) -> pd.Series:
    """Return by how much a way is better than another, a pair that has both."""
    wide = table.pivot(index="pair", columns="way", values=measure)
    gain = wide[than] - wide[way]
    return (-gain if measure in HIGHER else gain).dropna()


def counted_wins(table: pd.DataFrame) -> list[str]:
    """Return how often each way is better than the first by each measure, a sentence a way."""
    first, *others = table["way"].unique()
    measures = [name for name in SUMMARY[:-1] if name in table]
    said = []
    for way in others:
        found = {name: gains(table, way, first, name) for name in measures}
        count = max(len(gain) for gain in found.values())
        counts = ", ".join(_count(name, gain, count) for name, gain in found.items() if len(gain))
        said.append(f"{way} is better than {first} in so many of {count}: {counts}.")
    return said + _copied(table)


def _count(name: str, gain: pd.Series, count: int) -> str:
    """Return how many gains of a measure are above 0, and what else keeps them from `count`."""
    apart = [f"{ties} the same"] if (ties := int((gain == 0).sum())) else []
    apart += [f"of {len(gain)}"] if len(gain) < count else []
    return f"{name} {(gain > 0).sum()}" + (f" ({', '.join(apart)})" if apart else "")


def verdicts(claims: Sequence[Claim], table: pd.DataFrame, pairs: Pairs) -> list[str]:
    """Return whether each claim holds, fails or is undecided, a sentence each.

    Pairs that share a picture are not independent: their gains are averaged, so that a group of
    them counts once. A claim is decided where the sign test over the groups, corrected for the
    number of claims (Holm), is at most LEVEL, and the mean gain lies on the same side.
    """
    found = _tests(claims, table, pairs)
    tested = {claim: test for claim, test in found.items() if test}
    corrected = dict(zip(tested, holm([test.p for test in tested.values()]), strict=True))
    return [
        _verdict(claim, test, corrected[claim], len(tested))
        if test
        else f"*{claim.says}* This could not be tested: no `{claim.measure}`."
        for claim, test in found.items()
    ]


def how_claims_are_tested(claims: Sequence[Claim], table: pd.DataFrame, pairs: Pairs) -> str:
    """Return how `verdicts` come about, and what so few pairs can decide: a paragraph."""
    of_pair, there = independent_groups(pairs), table["pair"].unique()
    count = len({of_pair[pair] for pair in there})
    tests = sum(test is not None for test in _tests(claims, table, pairs).values())
    needed = fewest(tests)
    decides = "some can be decided" if count >= needed else "**none can be decided by these**"
    return (
        "The counts above only describe. A claim is tested over groups of pairs that share no "
        "picture with another group: within a group pairs are not independent, and their gains (by "
        "how much the one way is better than the other) are averaged. A claim holds, or fails, "
        f"where an exact sign test, two-sided and corrected for {tests} claims (Holm), is at most "
        f"{LEVEL:g} and the mean gain lies on the same side; all else is undecided. An interval is "
        "of the median gain and stands for itself. A claim of being as good names a margin, and "
        f"holds where the loss is shown to be smaller. The {len(there)} pairs here make {count} "
        f"groups; a first claim takes {needed} that agree, so {decides}."
    )


def _tests(
    claims: Sequence[Claim], table: pd.DataFrame, pairs: Pairs
) -> dict[Claim, SignTest | None]:
    """Return the test of each claim whose ways and measure the table has; None without a value."""
    of_pair, found = independent_groups(pairs), {}
    for claim in claims:
        if {claim.way, claim.than} <= set(table["way"]) and claim.measure in table:
            gain = gains(table, claim.way, claim.than, claim.measure).groupby(of_pair).mean()
            found[claim] = sign_test(gain.tolist(), claim.margin) if len(gain) else None
    return found


def _verdict(claim: Claim, test: SignTest, p: float, tests: int) -> str:
    side, sign = ("above", "-") if claim.measure in HIGHER else ("below", "+")
    bound = f" {sign} {claim.margin:g}" if claim.margin else ""
    on_it = f", on it in {ties}" if (ties := test.count - test.above - test.below) else ""
    return (
        f"*{claim.says}* This {verdict(test, p)}: `{claim.measure}` of {claim.way} is {side} that "
        f"of {claim.than}{bound} in {test.above} of {test.count} groups{on_it} "
        f"(p = {test.p:.3g}, {p:.3g} for {tests} claims); "
        f"median gain {test.median:.3g} ({test.interval})."
    )


def _copied(table: pd.DataFrame) -> list[str]:
    """Return in a sentence how much of the style picture localised results repeat."""
    if "copy_index" not in table:
        return []
    medians = table.groupby("way", sort=False)["copy_index"].median().dropna()
    each = ", ".join(f"{way} {value:.2g}" for way, value in medians.items())
    return [f"Median copy index, 0 for the style picture itself and 1 for the start: {each}."]
