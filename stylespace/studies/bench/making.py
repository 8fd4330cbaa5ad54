"""A benchmark fills a folder row by row; what was measured on the same machine is kept."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePath
from typing import Any

from stylespace.commands.folder import Folder, resume
from stylespace.figures.tables import json_text
from stylespace.files import LONGEST_OWN, parsed_json, read_data, write_files
from stylespace.settings import BenchSettings, option_name, to_toml
from stylespace.studies.bench.commands import command_pieces, small_pieces
from stylespace.studies.bench.machine import machine
from stylespace.studies.bench.page import PAGE, RESULTS, page
from stylespace.studies.bench.parts import part_pieces
from stylespace.studies.bench.peers import STRIP, peer_pieces, strips
from stylespace.studies.bench.rows import Piece, Record
from stylespace.studies.bench.steps import step_pieces


@dataclass(frozen=True)
class Made:
    """What a benchmark holds: its rows by name, also those of earlier calls; whether it ended."""

    rows: Mapping[str, Record]
    interrupted: bool

    @property
    def figures(self) -> dict[str, float]:
        """How many rows there are and were measured, and the ratio of each."""
        ratios = {name: row["ratio"] for name, row in self.rows.items() if row.get("ratio")}
        measured = sum("note" not in row for row in self.rows.values())
        return {"rows": len(self.rows), "measured": measured, **ratios}


def bench(
    settings: BenchSettings,
    folder: Path,
    *,
    force: bool = False,
    watch: Callable[[str, int, int], object] = lambda name, done, total: None,
) -> Made:
    """Measure the rows that are missing, and write results.json and README.md after each.

    Rows of another machine, or of other versions, are dropped.

    force: measure all rows of this call again, and use a folder that holds anything else.
    watch: called with (name of a row, rows done, of how many).

    Raises:
        OutputError: a folder that holds anything else. KeyboardInterrupt: before the first row.
    """
    record = _earlier(folder / RESULTS)
    rows: dict[str, Record] = {row["name"]: row for row in record["rows"]}
    lines = (*record["command_lines"], command_line(settings))
    record["command_lines"] = list(dict.fromkeys(lines))
    pieces = {piece.name: piece for piece in pieces_of(settings, folder, rows)}

    def known(name: str) -> Record | None:
        """Return a row that was measured."""
        row = rows.get(name, {"note": "missing"})
        return None if force or "note" in row else row

    def make(names: list[str]) -> Iterator[tuple[str, Record]]:
        """Measure rows and write each with the others."""
        for number, name in enumerate(names):
            watch(name, number, len(names))
            rows[name] = pieces[name].row()
            _write(folder, record | {"rows": list(rows.values())})
            yield name, rows[name]

    with Folder(folder, to_toml(settings.decisive), force=force).opened():
        _, interrupted = resume(pieces, known, make)
        if settings.peers:
            write_files(folder, strips(settings, folder))
        _write(folder, record | {"rows": list(rows.values())})
    return Made(rows, interrupted)


def pieces_of(settings: BenchSettings, folder: Path, rows: Mapping[str, Record]) -> Iterator[Piece]:
    """Yield all that the settings ask for.

    folder: where pictures of peers go. rows: those that are done, some of which others need.
    """
    yield from step_pieces(settings)
    yield from part_pieces(settings)
    yield from small_pieces()
    if settings.all:
        yield from command_pieces(settings)
    if settings.peers:
        yield from peer_pieces(settings, folder, rows)


def command_line(settings: BenchSettings) -> str:
    """Return the call with the options that are not at their defaults; of files the names alone."""
    words, default = ["stylespace bench"], BenchSettings()
    for one in fields(settings):
        value = getattr(settings, one.name)
        if value != getattr(default, one.name):
            words.append(option_name(one))
            texts = value if isinstance(value, tuple) else (value,)
            words += [] if value is True else [",".join(PurePath(str(v)).name for v in texts)]
    return " ".join(words)


def _earlier(path: Path) -> dict[str, Any]:
    """Return what results.json holds of this machine and these versions, or an empty one."""
    here = machine()
    try:
        record = parsed_json(read_data(path, LONGEST_OWN))
        if record["machine"] == here and all("name" in row for row in record["rows"]):
            return {name: record[name] for name in ("machine", "command_lines", "rows")}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {"machine": here, "command_lines": [], "rows": []}


def _write(folder: Path, record: Mapping[str, Any]) -> None:
    text = page(record, sorted(path.name for path in folder.glob(f"*{STRIP}")))
    write_files(folder, {RESULTS: json_text(record) + "\n", PAGE: text})
