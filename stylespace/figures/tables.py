"""Tables as files: rows as CSV, and anything that JSON can hold."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any


def csv_text(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, digits: int | None = None
) -> str:
    """Return rows as CSV under the names of the columns; what a row lacks stays empty.

    Texts that a spreadsheet would run as formulas are led by an apostrophe; see `inert`.

    digits: of a number that is not whole, and NaN stays empty too; None: as Python writes them.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(inert, columns))
    for row in rows:
        writer.writerow([_rounded(inert(row.get(name)), digits) for name in columns])
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


def inert(value: object) -> object:
    """Return a cell of a table that no spreadsheet runs; a text that is a number stays one.

    A lone carriage return, which the writers leave unquoted, ends no line but in the cell.

    Source: OWASP, CSV injection: texts that begin with = + - @, a tab or an end of line.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r", "\n")
    if text[:1] not in set("=+-@\t\n"):
        return text
    with suppress(ValueError):
        float(text)
        return text
    return f"'{text}"


def _rounded(value: object, digits: int | None) -> object:
    if digits is None or not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.{digits}g}"
