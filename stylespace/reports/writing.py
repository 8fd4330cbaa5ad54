"""The files of a report: written whole, the page last, those of an earlier report removed."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from stylespace.errors import OutputError
from stylespace.figures import markdown
from stylespace.files import LONGEST_OWN, STYLE_SUFFIX, parsed_json, read_data, write_whole
from stylespace.reports.explanations import EXPLANATIONS
from stylespace.reports.page import page
from stylespace.reports.records import Records, csv, gram_csv, results_json
from stylespace.settings import PAGE, RECIPE_FILE
from stylespace.styles.statistics.explanations import Explanation
from stylespace.styles.style import Style

RESULTS, SUMMARY = "results.json", "summary.md"
FOLDERS = FIGURES, TABLES, STYLES = "figures", "tables", "styles"


@dataclass(frozen=True, eq=False)
class Made:
    """A report before it is written.

    plain: what it shows, in one plain sentence. opening: the pictures it begins with, as `page`
    takes them. findings: its sentences of numbers. files: {relative path: bytes} of its figures.
    entries: of `entry_data`, or None where heat maps do not answer.
    """

    title: str
    plain: str
    opening: list[dict[str, Any]]
    findings: list[str]
    groups: list[dict[str, Any]]
    tables: Records
    figures: Mapping[str, float]
    facts: list[list[str]]
    files: Mapping[str, bytes]
    entries: Mapping[str, Any] | None = None
    styles: Mapping[str, Style] = field(default_factory=dict)
    skipped: tuple[tuple[str, str], ...] = ()
    explanations: Sequence[Explanation] = EXPLANATIONS


def write(folder: Path, made: Made, *, recipe: str, about: Mapping[str, Any]) -> None:
    """Write a report into a folder, the page last: where it is, the report is whole.

    Args:
        folder: made if it is missing.
        recipe: that makes the report again, as TOML.
        about: what results.json says beside the tables, the facts and the findings.

    Raises:
        OutputError: something cannot be written.
    """
    files = _files(made)
    styles = {f"{STYLES}/{key}{STYLE_SUFFIX}": style for key, style in made.styles.items()}
    names = sorted([*files, *styles, RESULTS])
    about = {**about, "facts": dict(made.facts), "findings": made.findings, "files": names}
    _make(folder)
    _clear(folder, kept=names)
    write_whole(folder / RECIPE_FILE, recipe.encode(), force=True)
    write_whole(folder / RESULTS, results_json(made.tables, about), force=True)
    for inner in sorted({str(PurePosixPath(name).parent) for name in names}):
        _make(folder / inner)
    for name, data in files.items():
        write_whole(folder / name, data, force=True)
    for name, style in styles.items():
        style.save(folder / name, force=True)
    write_whole(folder / PAGE, page(_page_content(made, names)).encode(), force=True)


def _files(made: Made) -> dict[str, bytes]:
    """Return everything that is bytes already: {path in the folder: bytes}."""
    files: dict[str, bytes] = dict(made.files)
    files |= {f"{TABLES}/{name}.csv": csv(rows) for name, rows in made.tables.items()}
    files[SUMMARY] = _summary(made).encode()
    for key, style in made.styles.items():
        for layer, gram in style.grams.items():
            files[f"{TABLES}/grams/{key}-{layer}.csv"] = gram_csv(gram.double().cpu().numpy())
    return files


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{str(folder)!r}: {(error.strerror or str(error)).lower()}: the folder cannot be "
            "made; choose another --out."
        ) from error


def _clear(folder: Path, kept: Sequence[str]) -> None:
    """Remove the page, and what an earlier report in the folder calls its own and this one lacks.

    Files that no report has written stay.
    """
    with suppress(OSError):
        (folder / PAGE).unlink()
    for name in _written_before(folder):
        parts = PurePosixPath(name).parts
        if name not in kept and ".." not in parts and not {*parts[:1]}.isdisjoint(FOLDERS):
            with suppress(OSError):
                folder.joinpath(*parts).unlink()


def _written_before(folder: Path) -> list[str]:
    """Return the files that the results.json of a folder names as the report's own."""
    try:
        names = parsed_json(read_data(folder / RESULTS, LONGEST_OWN))["about"]["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _page_content(made: Made, files: Sequence[str]) -> dict[str, Any]:
    downloads = [("every number as JSON", RESULTS)]
    downloads += [(f"table {name} (CSV)", f"{TABLES}/{name}.csv") for name in sorted(made.tables)]
    downloads += [(f"matrix {Path(name).stem} (CSV)", name) for name in files if "/grams/" in name]
    downloads += [(f"style file {key}", f"{STYLES}/{key}{STYLE_SUFFIX}") for key in made.styles]
    return {
        "title": made.title,
        "language": "en",
        "lead": made.plain,
        "opening": made.opening,
        "facts": made.facts + [["Left out", f"{path}: {why}"] for path, why in made.skipped],
        "groups": made.groups,
        "entries": made.entries,
        "explanations": [asdict(one) for one in made.explanations],
        "downloads": [{"label": label, "path": path} for label, path in downloads],
    }


def _summary(made: Made) -> str:
    """Return the findings as Markdown, for a reader who does not open the page."""
    lines = "\n".join(f"- {_line(sentence)}" for sentence in made.findings)
    facts = "\n".join(f"- {label}: {_line(value)}" for label, value in made.facts)
    measured = f"\n\nMeasured with:\n\n{facts}" if facts else ""
    return (
        f"# {_line(made.title)}\n\nEvery sentence is made from the numbers of {RESULTS}; the "
        f"figures are in {PAGE}, and `stylespace run {RECIPE_FILE}` makes the report again.\n\n"
        f"{lines}{measured}\n"
    )


def _line(text: str) -> str:
    """Return a text as one line of Markdown in which nothing is a link or HTML."""
    return markdown.plain(" ".join(text.split()))
