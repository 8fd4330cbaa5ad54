"""What studies share, trials and scenes: their command, their file in TOML, their results."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from stylespace.errors import StylespaceError, unknown
from stylespace.files import write_whole
from stylespace.settings import toml_of
from stylespace.synthesis.progress import Watching


def study_command(
    name: str,
    text: str,
    example: str,
    read: Callable[[Path], Any],
    run: Callable[..., object],
    arguments: Sequence[str] | None,
) -> None:
    """Run the study of a file into a folder; what went wrong is a line and an exit code.

    Args:
        name: of the module that is run. text: of its help. example: a file that it takes.
        read: file -> study. run: (study, folder, watching, force) -> anything.
    """
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("file", type=Path, help=f"a file such as {example}")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--force", action="store_true", help="Replace what is in the way.")
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args(arguments)
    try:
        with Watching(quiet=given.quiet) as watching:
            run(read(given.file), given.out, watching, force=given.force)
    except StylespaceError as error:
        parser.exit(1, f"{name}: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130, f"{name}: interrupted; the same call goes on.\n")


def study_values(path: Path, kind: type, what: str) -> dict[str, Any]:
    """Return what a TOML file says of a study, and its own text as `recipe`.

    Args:
        kind: dataclass of the study, whose fields the file may set. what: its name in an error.

    Raises:
        UsageError: not TOML, or what no field is named. PictureError: no such file.
    """
    values = toml_of(path)
    names = tuple(one.name for one in fields(kind))
    for name in values:
        if name not in names:
            raise unknown(f"setting of {what}", name, names)
    return {"base": {}, **values, "recipe": path.read_text(encoding="utf-8")}


def write_study(folder: Path, table: pd.DataFrame, results: str, page: str) -> None:
    """Write results.json, table.csv and README.md, replacing those of an earlier call."""
    csv = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    for name, text in (("results.json", results + "\n"), ("table.csv", csv), ("README.md", page)):
        write_whole(folder / name, text.encode(), force=True)
