"""Explanations: what tells two groups of styles apart, as a page, figures and tables."""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from stylespace.commands.keywords import keywords, settings_with
from stylespace.commands.probe.patches import Paintings
from stylespace.commands.sight import given_network
from stylespace.files import check_folder, check_output
from stylespace.networks.network import Network
from stylespace.reports.content.drawings import Drawings
from stylespace.reports.content.parts import PagePart, group_of
from stylespace.reports.explaining import showing
from stylespace.reports.explaining.answering import contrast_entries
from stylespace.reports.explaining.contrasts import Contrast, Entry
from stylespace.reports.explaining.glossary import GLOSSARY
from stylespace.reports.explaining.groups import LeftOut, groups_of
from stylespace.reports.explaining.measuring import measured_contrast
from stylespace.reports.explaining.showing import Tried
from stylespace.reports.explaining.trials import edited, probed
from stylespace.reports.explaining.words import lead_sentence
from stylespace.reports.pictures import StepWatch, encodable, file_hashes
from stylespace.reports.records import Records, TableRow, rounded
from stylespace.reports.writing import FIGURES, Made, write
from stylespace.settings import PAGE, RECIPE_FILE, ExplainSettings, recipe_of, to_toml

MOST_SIGNIFICANT = 1000
"""Rows of the table of all entries above the threshold."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """What was found, and where it is written.

    folder: where. sentence: what differs most, and how sure it is. entries: the strongest of each
    layer that share no channel, strongest first. figures: named numbers. tables: {name: rows}, as
    in results.json. skipped: (source, reason) of what was left out.
    """

    folder: Path
    sentence: str
    entries: tuple[Entry, ...]
    figures: Mapping[str, float]
    tables: Records
    skipped: LeftOut = ()


@keywords(ExplainSettings)
def explain(
    pictures: str | Sequence[str] | None = None,
    against: str | Sequence[str] | None = None,
    *,
    out: str | os.PathLike[str],
    settings: ExplainSettings | None = None,
    network: Network | str | None = None,
    force: bool = False,
    watch: StepWatch | None = None,
    **changes: Any,
) -> Explanation:
    """Find the Gram entries that differ most between two groups of pictures, and show them.

    Of two single pictures only their difference is told, and of too few pictures no claim is made.
    More than twelve pictures are measured by workers, which do not run the script that calls this.

    Args:
        pictures, against: the groups: pictures, sample:NAME, style files or folders of pictures.
        out: the folder; made if it is missing.
        settings: or its fields as keywords: explain("a/", "b/", out="a-b", probes=0, edits=0).
        network: loaded already, or its name, or None for the one that the settings name.
        force: replace an explanation that is there.
        watch: told of the progress.

    Raises:
        UsageError: a group of one beside a larger one, a picture in both, labels that name no
            file or not two groups. PictureError: a folder without pictures, or none readable.
        StyleError: a style file that cannot be read, or of another style space.
        OutputError: the folder holds something else and `force` is not given; it cannot be written.

    Source: Westfall & Young 1993 (threshold for all entries at once); see `differences`.

    Example:
        >>> import stylespace as ss
        >>> small = {"size": 64, "layers": "conv1_1", "probes": 0, "edits": 0}
        >>> found = ss.explain("sample:coffee", "sample:gogh-auvers", out="differences", **small)
        >>> found.entries[0].layer
        'conv1_1'
    """
    changes = {"pictures": pictures, "against": against, **changes}
    settings = settings_with(ExplainSettings, settings, changes, network)
    folder = Path(out)
    check_folder(folder, RECIPE_FILE, to_toml(settings), force=force)
    if folder.is_dir():
        check_output(folder / PAGE, force=force)
    groups, left_out = groups_of(settings)
    network = given_network(network, settings)
    hashes = file_hashes([one for group in groups for one in group.sources])
    contrast, unread = measured_contrast(groups, settings, network.precise, watch)
    made = _made(contrast, settings, network, left_out + unread, watch)
    seen = {"space": asdict(network.space), "precision": network.precise.precision}
    about = {"recipe": recipe_of(settings), **seen, "inputs": hashes}
    write(folder, made, recipe=to_toml(settings), about=about)
    told = made.plain, contrast.entries, made.figures, made.tables, made.skipped
    return Explanation(folder, *told)


def _made(
    contrast: Contrast,
    settings: ExplainSettings,
    network: Network,
    left_out: LeftOut,
    watch: StepWatch | None,
) -> Made:
    """Draw what was found, and try the strongest entries out."""
    entries = contrast.entries[: settings.shown]
    total = 2 + len(contrast.channels) + len(entries) + settings.probes + settings.edits
    steps = itertools.count(1)

    def done(name: str) -> None:
        if watch is not None:
            watch(name, min(next(steps), total), total)

    tried = dict(_tried(contrast, settings, network, done))
    drawings = Drawings(network.name, folder=None if settings.compact else FIGURES, tick=done)
    if watch is not None:
        watch("explanation", total, total)
    groups = _groups(contrast, settings, network, tried, drawings)
    groups[-1]["facts"] = _facts(contrast, settings, network)
    return Made(
        title=f"What tells {contrast.names[0]} from {contrast.names[1]}",
        plain=lead_sentence(contrast),
        opening=[],
        findings=[lead_sentence(contrast)],
        groups=groups,
        tables=_tables(contrast, tried),
        figures=_figures(contrast),
        facts=[],
        explanations=GLOSSARY,
        files=drawings.files,
        entries=None
        if settings.compact
        else contrast_entries(contrast, settings, network.precise, drawings),
        skipped=tuple((encodable(source), encodable(why)) for source, why in left_out),
    )


def _tried(
    contrast: Contrast, settings: ExplainSettings, network: Network, done: Callable[[str], None]
) -> Iterator[tuple[Entry, Tried]]:
    """Yield each shown entry with its probe and its edits, as many as are asked for."""
    compared = Paintings(network.precise)
    for rank, entry in enumerate(contrast.entries[: settings.shown]):
        outcome: Any = ""
        if rank < settings.probes:
            outcome = probed(entry, settings, network, compared)
            done(f"probe {entry.address}")
        edits, failed = (
            edited(entry, contrast, settings, network) if rank < settings.edits else ((), ())
        )
        if rank < settings.edits:
            done(f"edit {entry.address}")
        yield entry, Tried(outcome, edits, failed)


def _groups(
    contrast: Contrast,
    settings: ExplainSettings,
    network: Network,
    tried: Mapping[Entry, Tried],
    drawings: Drawings,
) -> list[PagePart]:
    """Return the page's groups: both groups of pictures, maps, entries, numbers."""
    shown = contrast.entries[: settings.shown]
    places = showing.places_of(contrast, shown, network.precise)
    sections = [
        showing.entry_section(entry, rank, contrast, places[entry], tried[entry], drawings)
        for rank, entry in enumerate(shown, 1)
    ]
    pictures = showing.pictures_section(contrast, drawings)
    maps = showing.maps_section(
        contrast, drawings, count=settings.shown, values=not settings.compact
    )
    return [
        group_of("groups", "The two groups", [], [pictures]),
        group_of("maps", "Layer by layer", [], [maps]),
        group_of("entries", "Entries that differ most", [], sections),
        group_of("method", "Numbers and method", [], [showing.tables_section(contrast)]),
    ]


def entry_row(entry: Entry, contrast: Contrast) -> TableRow:
    """Return an entry as a row of results.json."""
    return {
        "layer": entry.layer,
        "i": entry.i,
        "j": entry.j,
        "effect": entry.effect,
        "threshold": contrast.found.threshold,
        "significant": entry.significant,
        "p": None if contrast.untestable else entry.p,
        "kept": entry.kept,
        "first_share": entry.shares[0],
        "second_share": entry.shares[1],
    }


def _tables(contrast: Contrast, tried: Mapping[Entry, Tried]) -> Records:
    decisions = contrast.decisions
    subjects = [
        {
            "picture": subject.name,
            "source": encodable(subject.source),
            "group": contrast.names[0 if subject.first else 1],
            "decision": None if decisions is None else float(decisions[k]),
        }
        for k, subject in enumerate(contrast.subjects)
    ]
    edits = [
        {
            **{"picture": one.name, "layer": entry.layer, "i": entry.i, "j": entry.j},
            **dict(zip(("share_before", "share_after", "share_aimed"), one.shares, strict=True)),
            **dict(zip(("decision_before", "decision_after"), one.decisions or (), strict=False)),
        }
        for entry, every in tried.items()
        for one in every.edits
    ]
    return rounded(
        {
            "entries": [entry_row(entry, contrast) for entry in contrast.entries],
            "significant": _significant(contrast),
            "layers": _layers(contrast),
            "subjects": subjects,
            "edits": edits,
        }
    )


def _significant(contrast: Contrast) -> list[TableRow]:
    """Return all entries above the threshold, strongest first, those that share channels too."""
    sizes = np.abs(contrast.found.effects) * contrast.found.significant
    order = [int(k) for k in np.argsort(-sizes, kind="stable")[:MOST_SIGNIFICANT] if sizes[k] > 0]
    places = [(layer, columns, pairs) for layer, columns, pairs in contrast.columns()]
    rows = []
    for column in order:
        layer, columns, pairs = next(one for one in places if column < one[1].stop)
        i, j = (int(channel) for channel in pairs[column - columns.start])
        effect = float(contrast.found.effects[column])
        rows.append({"layer": layer, "i": i, "j": j, "effect": effect})
    return rows


def _layers(contrast: Contrast) -> list[TableRow]:
    """Return how far each layer's entries differ."""
    found = contrast.found
    return [
        {
            "layer": layer,
            "entries": columns.stop - columns.start,
            "largest": float(np.abs(found.effects[columns]).max()),
            "significant": int(found.significant[columns].sum()),
        }
        for layer, columns, _ in contrast.columns()
    ]


def _figures(contrast: Contrast) -> dict[str, float]:
    """Return the numbers that the command prints."""
    found, decisions = contrast.found, contrast.decisions
    figures = {
        "entries": contrast.table.shape[1],
        "largest_effect": float(np.abs(found.effects).max()),
    }
    if found.threshold is not None:
        figures |= {"threshold": found.threshold, "significant": int(found.significant.sum())}
    if decisions is not None:
        right = (decisions > 0) == contrast.first
        figures["held_out_accuracy"] = float(right.mean())
    return {"first_group": contrast.counts[0], "second_group": contrast.counts[1], **figures}


def _facts(contrast: Contrast, settings: ExplainSettings, network: Network) -> list[list[str]]:
    names = ("stylespace", "torch", "numpy")
    return [
        ["Network", f"{network.name}, {network.pooling} pooling, {network.padding} padding"],
        ["Weights", f"SHA-256 {network.sha256[:16]}…"],
        ["Pictures", f"measured with {settings.size} pixels on the longer side"],
        ["Measured of each", "square roots of the shares of Gram entries in their layer's sum"],
        ["Effect", "difference of means / (pooled deviation + usual deviation of such entries)"],
        ["Versions", ", ".join(f"{name} {version(name)}" for name in names)],
    ]
