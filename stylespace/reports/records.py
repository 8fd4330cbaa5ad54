"""Every number of a report as tables, the same in CSV files and in results.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stylespace.reports.measuring import Measured
from stylespace.reports.pictures import Subject
from stylespace.styles.statistics import Fits, spectrum

DIGITS = 6
"""Significant digits that are written: float32 measures no more."""
PARTS = ("diagonal", "off-diagonal")

Distances = Mapping[str, Mapping[str, np.ndarray]]
"""{kind: {layer or "together": (n, n)}}."""
Records = dict[str, list[dict[str, Any]]]
"""{table: rows}."""


def records(
    found: Sequence[Measured], distances: Distances, coordinates: np.ndarray | None
) -> Records:
    """Return every table of a report on subjects that are shown one by one.

    coordinates: (n, 2) of the map, or None of a single subject.
    """
    subjects = [one.subject for one in found]
    tables = {
        "subjects": [_subject(one) for one in subjects],
        "statistics": [row for one in found for row in _statistics(one)],
        "fits": [row for one in found for row in _fits(one)],
        "pairs": [row for one in found for row in _pairs(one)],
        "spectra": [row for one in found for row in _spectra(one)],
        "orders": [row for one in found for row in _orders(one)],
        "distances": list(_distances([one.name for one in subjects], distances)),
    }
    if coordinates is not None:
        tables["map"] = [
            {"subject": one.name, "x": float(x), "y": float(y)}
            for one, (x, y) in zip(subjects, coordinates, strict=True)
        ]
    return {name: [rounded(row) for row in rows] for name, rows in tables.items() if rows}


def results_json(tables: Records, about: Mapping[str, Any]) -> bytes:
    """Return the tables as one JSON object, a line a row; what is not finite becomes null."""
    parts = [f'"about": {json.dumps(about, allow_nan=False)}']
    for name, rows in tables.items():
        lines = ",\n".join(json.dumps(row, allow_nan=False) for row in rows)
        parts.append(f'"{name}": [\n{lines}\n]')
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as CSV."""
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode()


def gram_csv(gram: np.ndarray) -> bytes:
    """Return a Gram matrix (C, C) as CSV, channels in their own order."""
    return pd.DataFrame(gram).to_csv(float_format=f"%.{DIGITS}g", lineterminator="\n").encode()


def _subject(one: Subject) -> dict[str, Any]:
    pictures = one.style.provenance.get("pictures") or [{}]
    first = pictures[0]
    return {
        "subject": one.name,
        "kind": one.kind,
        "pictures": len(pictures),
        "width": first.get("width"),
        "height": first.get("height"),
        "sha256": first.get("sha256"),
    }


def _statistics(one: Measured) -> Iterator[dict[str, Any]]:
    for layer, numbers in one.numbers.items():
        for name, value in numbers.items():
            row = {"subject": one.subject.name, "layer": layer, "number": name, "value": value}
            stability = one.stability.get(layer, {}).get(name)
            if stability is not None:
                row |= {**stability.changed, "random_phase": stability.null}
                row |= {"change": stability.change, "mark": stability.mark}
            yield row


def _fits(one: Measured) -> Iterator[dict[str, Any]]:
    for layer, pair in one.fits.items():
        for part, found in zip(PARTS, pair, strict=True):
            for candidate in found.candidates:
                yield {
                    "subject": one.subject.name,
                    "layer": layer,
                    "part": part,
                    "entries": found.count,
                    "zero_share": found.zero_share,
                    "distribution": candidate.name,
                    "parameters": " ".join(f"{k}={v:.6g}" for k, v in candidate.parameters.items()),
                    "ks": candidate.ks,
                    "aic": candidate.aic,
                    "fits": is_best(found, candidate.name),
                }


def is_best(found: Fits, name: str) -> bool:
    """Say whether a distribution is the one that fits."""
    return found.best is not None and found.best.name == name


def _pairs(one: Measured) -> Iterator[dict[str, Any]]:
    for layer, pairs in one.pairs.items():
        for rank, pair in enumerate(pairs, 1):
            yield {
                "subject": one.subject.name,
                "layer": layer,
                "rank": rank,
                "i": pair.i,
                "j": pair.j,
                "value": pair.value,
                "cosine": pair.cosine,
            }


def _spectra(one: Measured) -> Iterator[dict[str, Any]]:
    for layer, gram in one.subject.style.grams.items():
        for rank, value in enumerate(spectrum(gram).tolist(), 1):
            yield {"subject": one.subject.name, "layer": layer, "rank": rank, "eigenvalue": value}


def _orders(one: Measured) -> Iterator[dict[str, Any]]:
    for layer, order in one.orders.items():
        for place, channel in enumerate(order):
            yield {
                "subject": one.subject.name,
                "layer": layer,
                "place": place,
                "channel": int(channel),
            }


def _distances(names: Sequence[str], distances: Distances) -> Iterator[dict[str, Any]]:
    for kind, layers in distances.items():
        for layer, matrix in layers.items():
            for a, first in enumerate(names):
                for b, second in enumerate(names):
                    if a < b:
                        yield {
                            "kind": kind,
                            "layer": layer,
                            "subject": first,
                            "other": second,
                            "distance": float(matrix[a, b]),
                        }


def rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its floats to six significant digits, null where they are not finite."""
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it, floats with six significant digits."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.{DIGITS}g}") + 0.0 if np.isfinite(value) else None  # -0.0 becomes 0.0
