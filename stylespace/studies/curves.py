"""Ways to transfer as curves, style against content, and what one gains over another."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from stylespace.studies.claims import Claim
from stylespace.studies.measures import HIGHER

POINTS = 33
"""Contents at which two curves are compared."""
SHARED = 0.2
"""Share of the shorter curve, in contents, that the two must have in common."""


def gains(table: pd.DataFrame, claim: Claim) -> pd.Series:
    """Return by how much `claim.way` is better than `claim.than`, a pair of pictures each.

    Distances to style or content gain by the logarithm of their quotient, so that .1 is a tenth
    nearer; all else by its difference. Without `claim.along` the means are compared, over the
    weights of the content that both have, where they have such. Pairs where the two cannot be
    compared are left out.

    Args:
        table: rows of one part, of `pair`, `way`, `content_weight` and the measures.
    """
    if claim.measure not in table or (claim.along and claim.along not in table):
        return pd.Series(dtype=float)
    found = {}
    for pair, rows in table.groupby("pair", sort=False):
        one, other = (rows[rows["way"] == way] for way in (claim.way, claim.than))
        if len(one) and len(other):
            found[pair] = _gain(one, other, claim)
    return pd.Series(found, dtype=float).replace([np.inf, -np.inf], np.nan).dropna()


def logarithmic(measure: str) -> bool:
    """Say whether a measure is a distance whose quotients count."""
    return measure.startswith(("style.", "content."))


def _gain(one: pd.DataFrame, other: pd.DataFrame, claim: Claim) -> float:
    """Return the gain of one way's rows over the other's, of one pair."""
    sign = 1 if claim.measure in HIGHER else -1
    if not claim.along:
        shared = set(one["content_weight"]) & set(other["content_weight"])
        if shared:
            one, other = (rows[rows["content_weight"].isin(shared)] for rows in (one, other))
        means = [_values(rows, claim.measure).mean() for rows in (one, other)]
        return float(sign * (means[0] - means[1]))
    curves = [_curve(rows, claim) for rows in (one, other)]
    return sign * area_between(*curves)


def _curve(rows: pd.DataFrame, claim: Claim) -> tuple[np.ndarray, np.ndarray]:
    """Return content and measure of a way on one pair, by rising content."""
    points = rows.groupby("content_weight")[[claim.along, claim.measure]].mean().dropna()
    x, y = (_values(points, name).to_numpy() for name in (claim.along, claim.measure))
    order = np.argsort(x, kind="stable")
    return x[order], y[order]


def _values(rows: pd.DataFrame, measure: str) -> pd.Series:
    """Return the values of a measure, or the logarithms of distances above 0."""
    values = rows[measure]
    return np.log(values.where(values > 0)) if logarithmic(measure) else values


def area_between(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the mean height of one curve over another where they have contents in common.

    Args:
        one, other: (x, y), (n,) each, x ascending. Between points both are straight.

    Returns:
        Not a number where they share less than SHARED of the shorter one's range.
    """
    (a, _), (b, _) = one, other
    if min(len(a), len(b)) < 2:
        return math.nan
    low, high = max(a[0], b[0]), min(a[-1], b[-1])
    if high - low <= SHARED * min(a[-1] - a[0], b[-1] - b[0]):
        return math.nan
    places = np.linspace(low, high, POINTS)
    return float(np.mean(np.interp(places, *one) - np.interp(places, *other)))
