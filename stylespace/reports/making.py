"""Reports: what the Gram matrices of paintings hold, as a page, figures and tables in a folder."""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stylespace.assets import source_path
from stylespace.commands.keywords import keywords, settings_with
from stylespace.commands.sight import given_network
from stylespace.errors import UsageError, unknown
from stylespace.files import check_folder, check_output
from stylespace.networks.network import Network
from stylespace.reports.content.drawings import Drawings
from stylespace.reports.content.groups import (
    measured_from,
    positions_of,
    short_group,
    single_group,
    together_group,
)
from stylespace.reports.content.opening import findings_section, opening
from stylespace.reports.content.parts import PagePart, folded
from stylespace.reports.entries import entry_data
from stylespace.reports.explaining.contrasts import Contrast
from stylespace.reports.explaining.pairs import pair_contrast, pair_data, pair_sections
from stylespace.reports.findings import joined, plain_sentence, sentences
from stylespace.reports.making_of import making_of
from stylespace.reports.measuring import (
    FIELDS,
    MANY_FIELDS,
    Compared,
    Measured,
    compared,
    measured,
)
from stylespace.reports.overview import overview
from stylespace.reports.pictures import (
    Picture,
    StepWatch,
    encodable,
    expanded,
    file_hashes,
    layers_of,
    names_of,
    readable,
)
from stylespace.reports.records import Records, records
from stylespace.reports.writing import FIGURES, PAGE, Made, write
from stylespace.settings import MOST_DETAILED, RECIPE_FILE, ReportSettings, recipe_of, to_toml
from stylespace.styles.sources import is_style_file

LARGE = ("spectra", "orders")
"""Tables that a compact report leaves out: thousands of rows."""


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


@keywords(ReportSettings)
def report(
    pictures: str | Sequence[str] | None = None,
    *,
    out: str | os.PathLike[str],
    settings: ReportSettings | None = None,
    network: Network | str | None = None,
    force: bool = False,
    watch: StepWatch | None = None,
    **changes: Any,
) -> Report:
    """Write a report on paintings into a folder; nothing is written before all is measured.

    More than twelve pictures are measured by workers, which do not run the script that calls this:
    it needs no `if __name__ == "__main__":`.

    Args:
        pictures: pictures, sample:NAME, style files or folders of pictures, one or several.
        out: the folder; made if it is missing.
        settings: or its fields as keywords: report("a.jpg", out="a-report", size=256).
        network: loaded already, or its name, or None for the one that the settings name.
        force: replace a report that is there.
        watch: told of the progress.

    Raises:
        PictureError: a folder without pictures, or not one picture that can be measured; of
            several, those that cannot be are left out and told in `skipped`.
        StyleError: a style file that cannot be read, or of another style space.
        UsageError: an unknown name to contrast, or the only picture too small for a layer.
        OutputError: the folder holds a report, or other files, and `force` is not given; or it
            cannot be written to.

    Example:
        >>> import stylespace as ss
        >>> small = {"size": 64, "layers": "conv1_1", "compact": True}
        >>> made = ss.report("sample:gogh-auvers", out="a-report", **small)
        >>> made.sentences[0]
        'Share of off-diagonal Gram entries near zero, up to 1 % of the mean energy: conv1_1 ... %.'
    """
    settings = settings_with(ReportSettings, settings, {"pictures": pictures, **changes}, network)
    folder = Path(out)
    check_folder(folder, RECIPE_FILE, to_toml(settings), force=force)
    if folder.is_dir():
        check_output(folder / PAGE, force=force)
    sources = expanded(settings.pictures)
    network = given_network(network, settings).precise
    make = _detailed if len(sources) <= MOST_DETAILED else _collected
    hashes = file_hashes(sources)  # of the files as they are read, not as they end up
    made = make(settings, network, sources, watch)
    space = asdict(network.space)
    seen = {"space": space, "precision": network.precision}
    about = {"recipe": recipe_of(settings), **seen, "inputs": hashes}
    write(folder, made, recipe=to_toml(settings), about=about)
    return Report(folder, made.figures, made.findings, made.tables, made.skipped)


def _collected(
    settings: ReportSettings, network: Network, sources: Sequence[str], watch: StepWatch | None
) -> Made:
    """Return the report on many pictures, shown together."""
    files = [source for source in sources if is_style_file(source)]
    if files:
        raise UsageError(
            f"{files[0]!r}: more than {MOST_DETAILED} subjects are shown as a collection, which "
            "is made of pictures: leave style files out."
        )
    if settings.contrast:
        raise UsageError(
            f"--contrast compares two of at most {MOST_DETAILED} subjects; here are "
            f"{len(sources)}: name fewer."
        )
    made = overview(settings, network, [source_path(one) for one in sources], watch)
    return replace(made, facts=_about(network, tuple(settings.style_layers()), settings))


def _detailed(
    settings: ReportSettings, network: Network, sources: Sequence[str], watch: StepWatch | None
) -> Made:
    """Return the report on a few pictures, each shown by itself."""
    names = names_of(sources)
    for name in settings.contrast:
        if name not in names:
            raise unknown("name in --contrast", name, names)
    layers = layers_of(settings, sources, network)
    pictures, skipped = _pictures(settings, network, sources, layers)
    total, steps = len(pictures) + _drawn(len(pictures), len(layers)), itertools.count(1)

    def done(name: str) -> None:
        if watch is not None:
            watch(name, min(next(steps), total), total)

    found = []
    side = FIELDS if len(pictures) == 1 else MANY_FIELDS
    for picture in pictures:
        found.append(measured(picture, network, stability=settings.stability, side=side))
        done(f"measured {picture.name}")
    together = compared(pictures, settings.distance, layers)
    tables = records(found, together)
    drawings = Drawings(network.name, folder=None if settings.compact else FIGURES, tick=done)
    findings = sentences(tables, contrast=settings.contrast, distance=settings.distance)
    contrast = _contrast(settings, pictures)
    groups = _groups(settings, network, found, together, drawings, contrast)
    said = findings_section(findings)
    groups[0]["sections"].append(said if together is None else folded(said))
    if watch is not None:
        watch("report", total, total)
    return Made(
        title=_title(pictures),
        plain=plain_sentence(tables, settings.distance),
        opening=opening(pictures, drawings),
        findings=findings,
        groups=groups,
        tables={k: v for k, v in tables.items() if not (settings.compact and k in LARGE)},
        figures={"subjects": len(pictures), **_headline(found[0])},
        facts=_about(network, layers, settings) + (_own_facts(found[0]) if len(found) == 1 else []),
        files=drawings.files,
        entries=None
        if settings.compact
        else entry_data(found, network, settings, pair_data(contrast) if contrast else None),
        styles={} if settings.compact else {one.key: one.style for one in pictures},
        skipped=tuple((encodable(source), encodable(why)) for source, why in skipped),
    )


def _pictures(
    settings: ReportSettings, network: Network, sources: Sequence[str], layers: Sequence[str]
) -> tuple[tuple[Picture, ...], tuple[tuple[str, str], ...]]:
    """Return the pictures that can be measured, those to contrast among them, and what cannot."""
    pictures, skipped = readable(sources, network, layers, settings.size)
    names = [picture.name for picture in pictures]
    for name in settings.contrast:
        if name not in names:
            reasons = "; ".join(f"{source!r}: {why}" for source, why in skipped)
            raise UsageError(f"--contrast {name!r} could not be measured: {reasons}")
    return pictures, skipped


def _title(pictures: Sequence[Picture]) -> str:
    titles = [picture.title for picture in pictures]
    few = titles if len(titles) <= 4 else [*titles[:3], f"{len(titles) - 3} more"]
    return f"The {'style' if len(titles) == 1 else 'styles'} of {joined(few)}"


def _contrast(settings: ReportSettings, pictures: Sequence[Picture]) -> Contrast | None:
    """Compare the two pictures that settings contrast; None of none."""
    named = {picture.name: picture for picture in pictures}
    pair = [named[name] for name in settings.contrast]
    return pair_contrast(*pair) if pair else None


def _groups(
    settings: ReportSettings,
    network: Network,
    found: Sequence[Measured],
    together: Compared | None,
    drawings: Drawings,
    contrast: Contrast | None,
) -> list[PagePart]:
    made = [making_of(one.picture, network) for one in found]
    if together is None:
        return [single_group(found[0], drawings, made=made[0], values=not settings.compact)]
    values = not settings.compact
    shared = together_group(found, together, drawings, values=values)
    if contrast:
        shared["sections"] += pair_sections(contrast, network, drawings, values=values)
    each = zip(found, made, strict=True)
    return [shared, *(short_group(one, drawings, made=how) for one, how in each)]


def _headline(one: Measured) -> dict[str, float]:
    """Return the numbers that the command prints: of the first picture, a row a layer."""
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
        ["Precision", f"features in {network.precision}"],
        ["Layers", ", ".join(layers)],
        ["Pictures", f"measured with {settings.size} pixels on the longer side"],
        ["Versions", ", ".join(f"{n} {version(n)}" for n in ("stylespace", "torch", "scipy"))],
    ]
    if settings.timestamp:
        facts.append(["Made", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")])
    return facts


def _own_facts(one: Measured) -> list[list[str]]:
    style = one.picture.style
    return [["Kind", one.picture.kind], *measured_from(style), *positions_of(style)]


def _drawn(pictures: int, layers: int) -> int:
    """Return how many figures a report has, as nearly as can be said before."""
    return 4 + 2 * layers if pictures == 1 else 4 + layers + 2 * pictures
