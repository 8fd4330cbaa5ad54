"""Tables as files: rows as CSV, and anything that JSON can hold."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def csv_text(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, digits: int | None = None
) -> str:
    """Return rows as CSV under the names of the columns; what a row lacks stays empty.

    digits: of a number that is not whole, and NaN stays empty too; None: as Python writes them.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = {name: _rounded(value, digits) for name, value in row.items()} if digits else row
        writer.writerow(cells)
    return stream.getvalue()


def json_text(content: object) -> str:
    """Return rows, or whatever holds them, as JSON.

    Raises:
        ValueError: a number that JSON cannot hold.
    """
    return json.dumps(content, indent=1, allow_nan=False)


def columns_of(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names that any of the rows has, in the order of their first appearance."""
    return tuple(dict.fromkeys(name for row in rows for name in row))


def _rounded(value: object, digits: int | None) -> object:
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.{digits}g}"
