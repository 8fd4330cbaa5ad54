"""Tables of features: .npz, .parquet or .csv, filled from rows that wait on the disk."""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from stylespace.errors import OutputError, UsageError
from stylespace.figures.tables import inert
from stylespace.files import write_whole
from stylespace.settings import MOST_COLUMNS

BLOCK = 32 * 2**20
"""Bytes of the rows that are read at once."""
FIRST = ("name", "reason")
"""Columns before the features in a table with names of columns."""


@dataclass(frozen=True)
class Head:
    """What a table says before its rows.

    columns: their names. count: pictures that are opened at once. record: how rows are made.
    """

    columns: Sequence[str]
    count: int
    record: Mapping[str, Any]


class Store:
    """Rows of float32 in a file, in whatever order they come; those that do not are NaN.

    count, length: rows, and numbers of each.
    """

    def __init__(self, file: BinaryIO, count: int, length: int) -> None:
        self.count, self.length, self._file = count, length, file
        self._there = np.zeros(count, bool)

    def put(self, start: int, rows: np.ndarray) -> None:
        """Keep rows (n, length) from number `start` on."""
        self._file.seek(4 * start * self.length)
        self._file.write(rows.astype(np.float32).tobytes())
        self._there[start : start + len(rows)] = True

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield all rows in their order, some at a time: (n, length) float32."""
        step = max(1, BLOCK // (4 * self.length))
        for start in range(0, self.count, step):
            there = self._there[start : start + step]
            self._file.seek(4 * start * self.length)
            data = self._file.read(4 * len(there) * self.length)
            rows = np.full((len(there), self.length), np.nan, np.float32)
            rows.ravel()[: len(data) // 4] = np.frombuffer(data, np.float32)
            rows[~there] = np.nan
            yield rows


@contextmanager
def stored(path: Path, count: int, length: int) -> Iterator[Store]:
    """Open a store in a nameless file beside an output; it goes when the block ends.

    Raises:
        OutputError: no space, or the folder takes no files.
    """
    try:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            yield Store(cast(BinaryIO, file), count, length)
    except OSError as error:
        raise OutputError(
            f"{str(path)!r}: {(error.strerror or str(error)).lower()} while {count:,} rows of "
            f"{length:,} numbers were kept: free some space, or choose another --out."
        ) from error


@dataclass(frozen=True, eq=False)
class Table:
    """Features of pictures.

    names, reasons: of each row, the reason empty where it was measured. columns: their names.
    record: how it was made.
    """

    names: Sequence[str]
    reasons: Sequence[str]
    columns: Sequence[str]
    rows: Store
    record: Mapping[str, Any]

    @property
    def record_text(self) -> str:
        """The record as JSON."""
        return json.dumps(self.record, indent=1, allow_nan=False)

    def write(self, path: Path, *, force: bool = False) -> tuple[Path, ...]:
        """Write it whole or not at all, in the format that the suffix says; return the files.

        A CSV has its record beside it, in NAME.record.json.

        Raises:
            OutputError: it cannot be written.
        """
        kind = path.suffix.lower()
        write_whole(path, lambda file: _WRITERS[kind](self, file), force=force)
        if kind != ".csv":
            return (path,)
        write_whole(record_path(path), self.record_text.encode(), force=True)
        return path, record_path(path)


def record_path(path: Path) -> Path:
    """Return where the record of a CSV is."""
    return path.with_name(f"{path.stem}.record.json")


def check_columns(path: Path, columns: int) -> None:
    """Refuse a table with more columns than programs open.

    Raises:
        UsageError: see above.
    """
    if path.suffix.lower() != ".npz" and columns > MOST_COLUMNS:
        raise UsageError(
            f"{str(path)!r}: {columns:,} columns, more than the {MOST_COLUMNS:,} that such a table "
            "holds: write .npz, or take --kind sketch or fewer --layers."
        )


def _write_npz(table: Table, file: BinaryIO) -> None:
    """Write an archive that numpy.load reads, the features block by block."""
    texts = {"names": table.names, "reasons": table.reasons, "record": table.record_text}
    with zipfile.ZipFile(file, "w") as archive:
        with archive.open("features.npy", "w", force_zip64=True) as member:
            shape = (table.rows.count, table.rows.length)
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, header)
            for rows in table.rows.blocks():
                member.write(rows.astype("<f4", copy=False).data)
        for name, text in texts.items():
            buffer = io.BytesIO()
            np.save(buffer, np.array(text, dtype=np.str_))
            archive.writestr(f"{name}.npy", buffer.getvalue())


def _write_parquet(table: Table, file: BinaryIO) -> None:
    """Write a column for name and reason and one for each feature; the record is its metadata."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    fields = [*((name, pa.string()) for name in FIRST), *((c, pa.float32()) for c in table.columns)]
    schema = pa.schema(fields, metadata={"stylespace": table.record_text})
    with ParquetWriter(file, schema) as writer:
        for names, reasons, rows in _blocks(table):
            texts = [pa.array(names), pa.array([why or None for why in reasons], pa.string())]
            arrays = [*texts, *(pa.array(column) for column in rows.T)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _write_csv(table: Table, file: BinaryIO) -> None:
    """Write the same columns as text, with the nine digits that keep a float32."""
    import pandas as pd

    header = True
    for names, reasons, rows in _blocks(table):
        frame = pd.DataFrame(rows, columns=list(table.columns))
        for place, (name, texts) in enumerate(zip(FIRST, (names, reasons), strict=True)):
            frame.insert(place, name, [inert(text) for text in texts])
        text = frame.to_csv(index=False, header=header, float_format="%.9g", lineterminator="\n")
        file.write(text.encode())
        header = False


def _blocks(table: Table) -> Iterator[tuple[Sequence[str], Sequence[str], np.ndarray]]:
    """Yield names, reasons and rows, some at a time."""
    start = 0
    for rows in table.rows.blocks():
        stop = start + len(rows)
        yield table.names[start:stop], table.reasons[start:stop], rows
        start = stop


_WRITERS: dict[str, Callable[[Table, BinaryIO], None]] = {
    ".npz": _write_npz,
    ".parquet": _write_parquet,
    ".csv": _write_csv,
}
