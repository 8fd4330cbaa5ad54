"""Reports: what the Gram matrices of paintings hold, as a page, figures and tables in a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from stylespace.distances import as_metric, distance_matrix
from stylespace.errors import UsageError, unknown
from stylespace.files import check_folder, check_output, write_whole
from stylespace.networks import Network
from stylespace.outcomes import judge_for, network_for, settings_with
from stylespace.reports.content import (
    Draughts,
    explanations,
    short_group,
    single_group,
    together_group,
)
from stylespace.reports.figures import classical_scaling
from stylespace.reports.findings import sentences
from stylespace.reports.making_of import making_of
from stylespace.reports.measuring import Measured, measured
from stylespace.reports.overview import overview
from stylespace.reports.page import page
from stylespace.reports.records import Records, csv, gram_csv, records, results_json
from stylespace.reports.subjects import Subject, expanded, opened
from stylespace.settings import (
    DISTANCES,
    MOST_DETAILED,
    RECIPE_FILE,
    ReportSettings,
    recipe_of,
    source_path,
    to_toml,
)
from stylespace.sources import is_style_file
from stylespace.style import Style

PAGE, RESULTS, SUMMARY = "index.html", "results.json", "summary.md"
FIGURES, TABLES, STYLES = "figures", "tables", "styles"
LARGE = ("spectra", "orders")
"""Tables that a compact report leaves out: thousands of rows."""

Watch = Callable[[str, int, int], None]
"""(what is done, pieces done, pieces in all)."""


@dataclass(frozen=True, eq=False)
class Report:
    """A report that was written.

    folder: where. figures: named numbers. sentences: what it says. tables: {name: rows}, every
    number of results.json. skipped: (path, reason) of pictures that could not be read.
    """

    folder: Path
    figures: Mapping[str, float]
    sentences: Sequence[str]
    tables: Records
    skipped: tuple[tuple[str, str], ...] = ()


def report(
    pictures: str | Sequence[str] | None = None,
    *,
    out: str | os.PathLike[str],
    settings: ReportSettings | None = None,
    network: Network | None = None,
    force: bool = False,
    watch: Watch | None = None,
    **changes: Any,
) -> Report:
    """Write a report on paintings into a folder; nothing is written before all is measured.

    Args:
        pictures: pictures, sample:NAME, style files or folders of pictures, one or several.
        out: the folder; made if it is missing.
        settings: or its fields as keywords: report("a.jpg", out="a-report", size=256).
        network: loaded already, or None to load the one that the settings name.
        force: replace a report that is there.
        watch: told of the progress.

    Raises:
        PictureError, StyleError: a source that cannot be read, a folder without pictures, or a
            style file of another style space.
        OutputError: the folder holds a report, or other files, and `force` is not given.
    """
    settings = settings_with(ReportSettings, settings, {"pictures": pictures, **changes})
    folder = Path(out)
    check_folder(folder, RECIPE_FILE, to_toml(settings), force=force)
    if folder.is_dir():
        check_output(folder / PAGE, force=force)
    sources = expanded(settings.pictures)
    network = judge_for(network or network_for(settings), settings)
    make = _detailed if len(sources) <= MOST_DETAILED else _collected
    made = make(settings, network, sources, watch)
    _write(folder, made, settings)
    return Report(folder, made.figures, made.lead, made.tables, made.skipped)


@dataclass(frozen=True, eq=False)
class Made:
    """A report before it is written. files: {relative path: bytes}, the page apart."""

    title: str
    lead: list[str]
    groups: list[dict[str, Any]]
    tables: Records
    figures: Mapping[str, float]
    facts: list[list[str]]
    files: Mapping[str, bytes]
    styles: Mapping[str, Style] = field(default_factory=dict)
    skipped: tuple[tuple[str, str], ...] = ()


def _collected(
    settings: ReportSettings, network: Network, sources: Sequence[str], watch: Watch | None
) -> Made:
    """Return the report on many pictures, shown together."""
    files = [source for source in sources if is_style_file(source)]
    if files:
        raise UsageError(
            f"{files[0]!r}: more than {MOST_DETAILED} subjects are shown as a collection, which "
            "is made of pictures: leave style files out."
        )
    draughts = Draughts(folder=None if settings.compact else FIGURES, tick=lambda name: None)
    found = overview(settings, network, [source_path(one) for one in sources], draughts, watch)
    return Made(
        title=f"The styles of {found.count:,} pictures",
        lead=found.lead,
        groups=[found.group],
        tables=found.tables,
        figures={"pictures": found.count, "left_out": len(found.skipped)},
        facts=_about(network, tuple(settings.style_layers()), settings),
        files={} if settings.compact else draughts.files(FIGURES),
        skipped=found.skipped,
    )


def _detailed(
    settings: ReportSettings, network: Network, sources: Sequence[str], watch: Watch | None
) -> Made:
    """Return the report on a few subjects, each shown by itself."""
    layers = _layers(settings, sources, network)
    subjects = opened(sources, network, layers, settings.size)
    _check_contrast(settings, subjects)
    steps = _Steps(watch, len(subjects) + _drawn(len(subjects), len(layers)))
    found = []
    for subject in subjects:
        found.append(measured(subject, network, stability=settings.stability))
        steps.done(f"measured {subject.name}")
    styles = [subject.style for subject in subjects]
    distances = {
        kind: distance_matrix(styles, kind, layers) for kind in DISTANCES if len(styles) > 1
    }
    coordinates, explained = _scaled(distances, settings.distance)
    tables = records(found, distances, coordinates)
    draughts = Draughts(folder=None if settings.compact else FIGURES, tick=steps.done)
    groups = _groups(settings, network, found, distances, coordinates, explained, draughts)
    names = [subject.name for subject in subjects]
    return Made(
        title=f"The style of {names[0]}" if len(names) == 1 else f"The styles of {_few(names)}",
        lead=sentences(tables, contrast=settings.contrast),
        groups=groups,
        tables={k: v for k, v in tables.items() if not (settings.compact and k in LARGE)},
        figures={"subjects": len(names), **_headline(found[0])},
        facts=_about(network, layers, settings),
        files={} if settings.compact else draughts.files(FIGURES),
        styles={} if settings.compact else {one.key: one.style for one in subjects},
    )


def _groups(
    settings: ReportSettings,
    network: Network,
    found: Sequence[Measured],
    distances: Mapping[str, Mapping[str, np.ndarray]],
    coordinates: np.ndarray | None,
    explained: float,
    draughts: Draughts,
) -> list[dict[str, Any]]:
    made = [making_of(one.subject, network) for one in found]
    if len(found) == 1:
        return [single_group(found[0], draughts, made=made[0], values=not settings.compact)]
    together = together_group(found, distances, settings.distance, coordinates, explained, draughts)
    own = [short_group(one, draughts, made=how) for one, how in zip(found, made, strict=True)]
    return [together, *own]


def _scaled(
    distances: Mapping[str, Mapping[str, np.ndarray]], kind: str
) -> tuple[np.ndarray | None, float]:
    """Return the coordinates of the map and the share that it explains."""
    if not distances:
        return None, 0.0
    return classical_scaling(as_metric(distances[kind]["together"], kind))


def _layers(settings: ReportSettings, sources: Sequence[str], network: Network) -> tuple[str, ...]:
    """Return the layers to show: those of style files, where nothing else says which.

    Raises:
        StyleError: a file that cannot be read.
    """
    if settings.layers or not all(map(is_style_file, sources)):
        return network.resolve(settings.style_layers())
    held = [set(Style.load(source).layers) for source in sources]
    common = set.intersection(*held)
    if not common:
        raise UsageError("the style files have no layer in common: name files that do.")
    return network.resolve(common)


def _check_contrast(settings: ReportSettings, subjects: Sequence[Subject]) -> None:
    names = [one.name for one in subjects]
    for name in settings.contrast:
        if name not in names:
            raise unknown("name in --contrast", name, names)


def _headline(one: Measured) -> dict[str, float]:
    """Return the numbers that the command prints: of the first subject, a row a layer."""
    kinds = ("off_diagonal.near_zero", "effective_rank", "dead_channels")
    return {
        f"{kind.split('.')[-1]}.{layer}": numbers[kind]
        for kind in kinds
        for layer, numbers in one.numbers.items()
    }


def _about(network: Network, layers: Sequence[str], settings: ReportSettings) -> list[list[str]]:
    facts = [
        ["Network", f"{network.name}, {network.pooling} pooling, {network.padding} padding"],
        ["Weights", f"SHA-256 {network.sha256[:16]}…"],
        ["Layers", ", ".join(layers)],
        ["Pictures", f"measured with {settings.size} pixels on the longer side"],
        ["Versions", ", ".join(f"{n} {version(n)}" for n in ("stylespace", "torch", "scipy"))],
    ]
    if settings.timestamp:
        facts.append(["Made", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")])
    return facts


def _few(names: Sequence[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _drawn(subjects: int, layers: int) -> int:
    """Return how many figures a report has, as nearly as can be said before."""
    return 4 + 2 * layers if subjects == 1 else 4 + layers + 2 * subjects


class _Steps:
    """Counts what is done, and tells."""

    def __init__(self, watch: Watch | None, total: int) -> None:
        self._watch, self._total, self._count = watch, total, 0

    def done(self, name: str) -> None:
        """One piece more is done."""
        self._count += 1
        if self._watch is not None:
            self._watch("report", min(self._count, self._total), self._total)


def _write(folder: Path, made: Made, settings: ReportSettings) -> None:
    """Write everything, the page last: where it is, the report is whole."""
    about = {"recipe": recipe_of(settings), "facts": dict(made.facts), "findings": made.lead}
    files: dict[str, bytes] = dict(made.files)
    files |= {f"{TABLES}/{name}.csv": csv(rows) for name, rows in made.tables.items()}
    files[RESULTS] = results_json(made.tables, about)
    files[SUMMARY] = _summary(made).encode()
    for key, style in made.styles.items():
        for layer, gram in style.grams.items():
            files[f"{TABLES}/grams/{key}-{layer}.csv"] = gram_csv(gram.double().cpu().numpy())
    folder.mkdir(exist_ok=True)
    write_whole(folder / RECIPE_FILE, to_toml(settings).encode(), force=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, data, force=True)
    for key, style in made.styles.items():
        (folder / STYLES).mkdir(exist_ok=True)
        style.save(folder / STYLES / f"{key}.style.safetensors", force=True)
    write_whole(folder / PAGE, page(_page_content(made, list(files))).encode(), force=True)


def _page_content(made: Made, files: Sequence[str]) -> dict[str, Any]:
    tables = [name for name in files if name.startswith(f"{TABLES}/") and name.count("/") == 1]
    matrices = [name for name in files if name.startswith(f"{TABLES}/grams/")]
    downloads = [{"label": "every number as JSON", "path": RESULTS}]
    downloads += [{"label": f"table {Path(name).stem} (CSV)", "path": name} for name in tables]
    downloads += [{"label": f"matrix {Path(name).stem} (CSV)", "path": name} for name in matrices]
    downloads += [
        {"label": f"style file {key}", "path": f"{STYLES}/{key}.style.safetensors"}
        for key in made.styles
    ]
    return {
        "title": made.title,
        "language": "en",
        "lead": made.lead,
        "facts": made.facts + [["Left out", f"{path}: {why}"] for path, why in made.skipped],
        "groups": made.groups,
        "explanations": explanations(),
        "downloads": downloads,
    }


def _summary(made: Made) -> str:
    """Return the findings as Markdown, for a reader who does not open the page."""
    lines = "\n".join(f"- {sentence}" for sentence in made.lead)
    facts = "\n".join(f"- {label}: {value}" for label, value in made.facts)
    return (
        f"# {made.title}\n\nEvery sentence is made from the numbers of {RESULTS}; the figures are "
        f"in {PAGE}, and `stylespace run {RECIPE_FILE}` makes the report again.\n\n{lines}\n\n"
        f"Measured with:\n\n{facts}\n"
    )
