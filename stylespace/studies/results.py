"""What studies share: their files in TOML, what they find, and the files that they write."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd

from stylespace.commands.folder import Folder, resume
from stylespace.errors import unknown
from stylespace.figures.tables import columns_of, csv_text
from stylespace.files import parsed_toml, write_files
from stylespace.settings import TransferSettings, recipe_text, settings_from

PAGE, TABLE, RESULTS = "README.md", "table.csv", "results.json"


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a study found.

    table: a row a result that is done. outputs: the folder and the files that show them. figures:
    how many results are done, of how many. recipe: what the file says. interrupted: by Ctrl-C.
    """

    table: pd.DataFrame
    outputs: tuple[Path, ...]
    figures: Mapping[str, float]
    recipe: Mapping[str, Any]
    interrupted: bool


Piece = TypeVar("Piece")


def filled(
    folder: Path,
    recipe: str,
    mark: str,
    pieces: Iterable[Piece],
    fill: Callable[[Piece], bool],
    *,
    force: bool,
) -> bool:
    """Fill the folder of a study piece by piece, and say whether Ctrl-C ended it.

    recipe, mark: text and name of the file by which the folder is known again. fill: makes what is
    missing of a piece, and says whether that is whole. force: use a folder that holds others.

    Raises:
        OutputError: a folder that holds anything else. KeyboardInterrupt: before the first result.
    """

    def make(missing: list[Piece]) -> Iterator[tuple[Piece, None]]:
        """Fill the missing pieces, up to the first that is not whole."""
        for piece in missing:
            whole = fill(piece)
            yield piece, None
            if not whole:
                raise KeyboardInterrupt

    with Folder(folder, recipe, mark, exact=False, force=force).opened():
        return resume(list(pieces), lambda _: None, make)[1]


def result_of(
    folder: Path, table: pd.DataFrame, total: int, recipe: str, interrupted: bool
) -> StudyResult:
    """Return the result of a study with a table, a row each of `total` results."""
    outputs = (folder, *(folder / name for name in (PAGE, TABLE, RESULTS)))
    figures = {"results": total, "done": len(table)}
    return StudyResult(table, outputs, figures, parsed_toml(recipe), interrupted)


def study_values(path: Path, kind: type, what: str) -> dict[str, Any]:
    """Return what a TOML file says of a study, and its own text as `recipe`.

    Args:
        kind: dataclass of the study, whose fields the file may set. what: its name in an error.

    Raises:
        UsageError: not TOML, or what no field is named. PictureError: no such file.
    """
    recipe = recipe_text(path)
    values = parsed_toml(recipe)
    names = tuple(field.name for field in fields(kind))
    for name in values:
        if name not in names:
            raise unknown(f"setting of {what}", name, names)
    return {"base": {}, **values, "recipe": recipe}


def way_settings(
    content: str, style: str, base: Mapping[str, Any], way: Mapping[str, Any]
) -> TransferSettings:
    """Return the settings of a way to transfer: pictures, and what differs from the defaults.

    base: of all ways. way: of this one.

    Raises:
        UsageError: unknown settings, or values out of range.
    """
    values = {"content": content, "styles": [style], **base, **way, "command": "transfer"}
    return cast(TransferSettings, settings_from(values))


def write_study(folder: Path, rows: list[dict[str, Any]], results: str, page: str) -> None:
    """Write results.json, table.csv and README.md, replacing those of an earlier call."""
    table = csv_text(rows, columns_of(rows), digits=6)
    write_files(folder, {RESULTS: results + "\n", TABLE: table, PAGE: page})
