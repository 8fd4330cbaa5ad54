"""Every number of a report as tables, the same in CSV files and in results.json."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stylespace.figures.tables import inert
from stylespace.reports.measuring import Compared, Distances, Measured
from stylespace.reports.pictures import Picture

DIGITS = 6
"""Significant digits that are written: float32 measures no more."""
TableRow = dict[str, Any]
Records = dict[str, list[TableRow]]
"""{table: rows}."""


def records(found: Sequence[Measured], compared: Compared | None) -> Records:
    """Return every table of a report on pictures that are shown one by one.

    compared: None of a single picture.
    """
    tables: dict[str, Iterable[TableRow]] = {"subjects": [_picture(one.picture) for one in found]}
    for name, rows_of in LAYER_TABLES.items():
        tables[name] = [
            {"subject": one.picture.name, **row} for one in found for row in rows_of(one)
        ]
    if compared is not None:
        names = [one.picture.name for one in found]
        tables["distances"] = _distances(names, compared.distances)
        tables["map"] = map_rows("subject", names, compared.coordinates)
    return rounded(tables)


def rounded(tables: Mapping[str, Iterable[TableRow]]) -> Records:
    """Return the tables that have rows, floats to six significant digits, null if not finite."""
    plain = {
        name: [{key: _plain(value) for key, value in row.items()} for row in rows]
        for name, rows in tables.items()
    }
    return {name: rows for name, rows in plain.items() if rows}


def results_json(tables: Records, about: Mapping[str, Any]) -> bytes:
    """Return the tables as one JSON object, a line a row; what is not finite becomes null."""
    parts = [f'"about": {json.dumps(about, allow_nan=False)}']
    for name, rows in tables.items():
        lines = ",\n".join(json.dumps(row, allow_nan=False) for row in rows)
        parts.append(f'"{name}": [\n{lines}\n]')
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as CSV in which no text is a formula."""
    cells = [{name: inert(value) for name, value in row.items()} for row in rows]
    return pd.DataFrame(cells).to_csv(index=False, lineterminator="\n").encode()


def gram_csv(gram: np.ndarray) -> bytes:
    """Return a Gram matrix (C, C) as CSV, channels in their own order."""
    return pd.DataFrame(gram).to_csv(float_format=f"%.{DIGITS}g", lineterminator="\n").encode()


def _picture(one: Picture) -> TableRow:
    pictures = one.style.provenance.get("pictures") or [{}]
    first = {name: pictures[0].get(name) for name in ("width", "height", "sha256")}
    return {"subject": one.name, "kind": one.kind, "pictures": len(pictures), **first}


def _statistics(one: Measured) -> Iterator[TableRow]:
    for layer, numbers in one.numbers.items():
        for name, value in numbers.items():
            row = {"layer": layer, "number": name, "value": value}
            stability = one.stability.get(layer, {}).get(name)
            if stability is not None:
                row |= {**stability.changed, "random_phase": stability.null}
                row |= {"change": stability.change, "mark": stability.mark}
            yield row


def _fits(one: Measured) -> Iterator[TableRow]:
    for layer, part, found in one.each_fits():
        for candidate in found.candidates:
            yield {
                "layer": layer,
                "part": part,
                "entries": found.count,
                "zero_share": found.zero_share,
                "distribution": candidate.name,
                "parameters": " ".join(f"{k}={v:.6g}" for k, v in candidate.parameters.items()),
                "ks": candidate.ks,
                "aic": candidate.aic,
                "fits": candidate.fits,
                "best": candidate is found.best,
            }


def _pairs(one: Measured) -> Iterator[TableRow]:
    for layer, pairs in one.pairs.items():
        yield from ({"layer": layer, "rank": k, **vars(pair)} for k, pair in enumerate(pairs, 1))


def _spectra(one: Measured) -> Iterator[TableRow]:
    for layer, numbers in one.statistics.items():
        for rank, value in enumerate(numbers.spectrum, 1):
            yield {"layer": layer, "rank": rank, "eigenvalue": value}


def _orders(one: Measured) -> Iterator[TableRow]:
    for layer, order in one.orders.items():
        yield from ({"layer": layer, "place": k, "channel": i} for k, i in enumerate(order))


LAYER_TABLES: Mapping[str, Callable[[Measured], Iterable[TableRow]]] = {
    "statistics": _statistics,
    "fits": _fits,
    "pairs": _pairs,
    "spectra": _spectra,
    "orders": _orders,
}
"""{table: its rows of one picture}."""


def _distances(names: Sequence[str], distances: Distances) -> Iterator[TableRow]:
    pairs = list(itertools.combinations(range(len(names)), 2))
    for kind, layers in distances.items():
        for layer, matrix in layers.items():
            for a, b in pairs:
                ends = {"subject": names[a], "other": names[b], "distance": float(matrix[a, b])}
                yield {"kind": kind, "layer": layer, **ends}


def map_rows(column: str, names: Sequence[str], coordinates: np.ndarray) -> list[TableRow]:
    """Return the places (n, 2) of a map as rows; column: the heading of the names."""
    places = zip(names, coordinates.tolist(), strict=True)
    return [{column: name, "x": x, "y": y} for name, (x, y) in places]


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it, floats with six significant digits."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.{DIGITS}g}") + 0.0 if np.isfinite(value) else None  # -0.0 becomes 0.0
