"""The two groups that are compared: named one by one, by folders, or by labels in a table."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stylespace.assets import SAMPLE, source_path
from stylespace.errors import PictureError, UsageError, nearest
from stylespace.files import LONGEST_OWN, read_data
from stylespace.networks.weights import file_hash
from stylespace.reports.pictures import encodable, expanded, picture_name
from stylespace.settings import ExplainSettings

COLUMNS = ("picture", "label")
UNNAMED = ("the first group", "the second group")

LeftOut = tuple[tuple[str, str], ...]
"""(source, why it is left out) each."""


@dataclass(frozen=True)
class Group:
    """Pictures and style files under one name; folders are expanded."""

    name: str
    sources: tuple[str, ...]


def groups_of(settings: ExplainSettings) -> tuple[tuple[Group, Group], LeftOut]:
    """Return the two groups, and what is left out of them, of all that settings name.

    Files of equal content are one picture.

    Raises:
        UsageError: labels that name no file, or not two groups; a picture in both groups; a group
            of one beside a larger one. PictureError: a folder without pictures.
    """
    groups: list[Sequence[str]]
    left_out: LeftOut = ()
    if settings.labels is None:
        pairs = [settings.pictures, settings.against]
        named = [_name_of(*one) for one in zip(pairs, UNNAMED, strict=True)]
        names = named if named[0] != named[1] else list(UNNAMED)
        groups = [expanded(one) for one in pairs]
    else:
        labelled, left_out = _labelled(settings.labels, settings.pictures)
        names, groups = list(labelled), list(labelled.values())
    names = list(settings.names or names)
    kept, twice = _distinct(names, groups)
    check_counts(names, [len(one) for one in kept])
    one, two = (Group(encodable(name), tuple(of)) for name, of in zip(names, kept, strict=True))
    return (one, two), left_out + twice


def check_counts(names: Sequence[str], counts: Sequence[int]) -> None:
    """Refuse groups of so many pictures that nothing can be said of them.

    Raises:
        UsageError: a group of none, or of one beside a larger one.
    """
    for name, count, other in zip(names, counts, reversed(counts), strict=True):
        if count == 0 or (count == 1 and other > 1):
            raise UsageError(
                f"{name!r} has {'no picture' if count == 0 else 'one picture'}, the other group "
                f"{other}: a group needs two or more, or both have one: name more of them."
            )


def _name_of(sources: Sequence[str], unnamed: str) -> str:
    """Return the name of a group that is one picture or one folder; of others the place in line."""
    return picture_name(sources[0].rstrip("/\\")) if len(sources) == 1 else unnamed


def _distinct(
    names: Sequence[str], groups: Sequence[Sequence[str]]
) -> tuple[list[list[str]], LeftOut]:
    """Return the groups without files whose content came before.

    Raises:
        UsageError: the other group has such a file.
    """
    known: dict[str, tuple[int, str]] = {}
    kept: list[list[str]] = [[], []]
    twice = []
    for number, sources in enumerate(groups):
        for source in sources:
            content = _content(source)
            group, same = known.setdefault(content, (number, source))
            if group != number:
                raise UsageError(
                    f"{source!r} of {names[number]!r} is the same picture as {same!r} of "
                    f"{names[group]!r}: a picture belongs to one group: take it out of the other."
                )
            if same is source:
                kept[number].append(source)
            else:
                twice.append((source, f"the same picture as {same!r}"))
    return kept, tuple(twice)


def _content(source: str) -> str:
    """Return a file's SHA-256; of one that cannot be read its name, as it is told later why."""
    path = source_path(source)
    try:
        return file_hash(path)
    except OSError:
        return str(path)


def _labelled(table: str, where: Sequence[str]) -> tuple[dict[str, list[str]], LeftOut]:
    """Return {label: sources} of a table, and the pictures of `where` that it does not name.

    Raises:
        UsageError: see `groups_of`.
    """
    shown, listed = repr(table), expanded(where)
    groups: dict[str, list[str]] = {}
    missing: list[str] = []
    found: dict[str, str] = {}
    for number, (name, label) in enumerate(_rows(table), 2):
        source = _found(name, Path(table).parent, listed)
        if source is None:
            missing.append(f"{name!r} in row {number}")
        elif found.setdefault(source, label) != label:
            raise UsageError(f"{shown} gives {name!r} two labels, {found[source]!r} and {label!r}.")
        elif source not in groups.setdefault(label, []):
            groups[label].append(source)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UsageError(
            f"{shown} names {missing[0]}{more}: no such file beside it or here: correct the name, "
            "or name the folder of its pictures as well."
        )
    if len(groups) != 2:
        told = ", ".join(map(repr, [*groups][:5])) + (", ..." if len(groups) > 5 else "")
        raise UsageError(
            f"{shown} has {len(groups)} labels ({told}), and two groups are compared: keep two."
        )
    rest = (one for one in listed if one not in found)
    return groups, tuple((one, f"has no label in {shown}") for one in rest)


def _rows(table: str) -> Iterator[tuple[str, str]]:
    """Yield picture and label of each row of a table.

    Raises:
        UsageError: it is no such table. PictureError: it cannot be read.
    """
    shown = repr(table)
    try:
        text = read_data(table, LONGEST_OWN).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns, rows = list(reader.fieldnames or ()), list(reader)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise PictureError(f"{shown} cannot be read ({cause}): check the file.") from None
    except (ValueError, csv.Error):
        raise UsageError(f"{shown} is no whole CSV in UTF-8: save it as that.") from None
    for column in COLUMNS:
        if column not in columns:
            hint = nearest(column, columns).replace("Did you mean", "Is it")
            raise UsageError(
                f"{shown} has no column {column!r}, only {', '.join(columns) or 'none'}.{hint} "
                "Name its two columns picture,label in the first row."
            )
    if not rows:
        raise UsageError(f"{shown} has no rows: give each picture a row, as a.jpg,hokusai.")
    for number, row in enumerate(rows, 2):
        name, label = ((row[column] or "").strip() for column in COLUMNS)
        if not (name and label):
            lacks = "picture" if not name else "label"
            raise UsageError(
                f"{shown} has no {lacks} in row {number}: fill it in, or drop the row."
            )
        yield name, label


def _found(name: str, folder: Path, listed: Sequence[str]) -> str | None:
    """Return the source that a table means: a sample, beside it, here, or of those listed."""
    if name.startswith(SAMPLE):
        return name if source_path(name).is_file() else None
    for path in (folder / name, Path(name)):
        if path.is_file():
            return str(path)
    ends = [one for one in listed if Path(one).as_posix().endswith(f"/{Path(name).as_posix()}")]
    return ends[0] if len(ends) == 1 else None
