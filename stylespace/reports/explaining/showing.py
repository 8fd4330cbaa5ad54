"""What a page shows of two groups: thumbnails, maps of differences, entries with their places."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from stylespace.commands.outcome import Outcome
from stylespace.commands.probe.probes import Probed
from stylespace.figures.differences import difference_map_figure, pictures_figure, places_figure
from stylespace.figures.drawing import MAIN, OTHER
from stylespace.figures.formatting import legible, number
from stylespace.figures.heat_maps import boxes
from stylespace.figures.sheets import mosaic
from stylespace.images import resize
from stylespace.networks.network import Network
from stylespace.reports.content.drawings import Drawings
from stylespace.reports.content.parts import PagePart, section_of, table_of
from stylespace.reports.explaining import words
from stylespace.reports.explaining.answering import contrast_key
from stylespace.reports.explaining.contrasts import Contrast, Entry
from stylespace.reports.explaining.trials import Edited
from stylespace.reports.pictures import slug

THUMBNAILS = 12
"""Pictures of each group that are shown at the beginning."""
PLACES = 3
"""Pictures of each group in which the places of an entry are shown."""
SIDE = 320
"""Longer side in pixels of pictures on figures."""
FULL = 0.999
"""Quantile of the sizes of effects from which on a map has its fullest colours."""


@dataclass(frozen=True, eq=False)
class Tried:
    """What was made of an entry: its probe or why there is none, edits, and what failed."""

    probe: Outcome | str = ""
    edits: Sequence[Edited] = ()
    failed: Sequence[str] = field(default=())


def pictures_section(contrast: Contrast, drawings: Drawings) -> PagePart:
    """Return both groups' thumbnails, side by side."""
    shown = []
    for name, colour, group in _sides(contrast):
        chosen = group[:THUMBNAILS]
        subjects = [contrast.subjects[k] for k in chosen]
        pictures = [(one.name, _small(one.image())) for one in subjects]
        more = len(group) - len(chosen)
        note = f"{len(group)} picture{'s' if len(group) > 1 else ''}"
        note += f", the first {len(chosen)} of them" if more else ""
        figure = pictures_figure(
            legible(name, 40), note, pictures, columns=4 if len(chosen) > 1 else 1, colour=colour
        )
        names = ", ".join(one.name for one in subjects)
        shown.append(
            drawings.add(
                f"group-{1 + (colour == OTHER)}",
                figure,
                alt=f"The pictures of {name}: {names}.",
                caption=name,
                wide=False,
            )
        )
    return section_of("pictures", "Pictures", figures=shown)


def maps_section(contrast: Contrast, drawings: Drawings, *, count: int, values: bool) -> PagePart:
    """Return the signed map of each layer; the `count` strongest entries are ringed on them.

    values: the maps answer for each entry.
    """
    limit = float(np.quantile(np.abs(contrast.found.effects), FULL)) or 1.0
    shown = []
    for layer, order in contrast.orders.items():
        ranked = enumerate(contrast.entries[:count], 1)
        marked = {rank: (e.i, e.j) for rank, e in ranked if e.layer == layer}
        figure = difference_map_figure(
            layer,
            contrast.matrix(contrast.found.effects, layer),
            order,
            contrast.names,
            limit=limit,
            marked=marked,
            threshold=contrast.found.threshold,
        )
        rings = "; ringed: " + ", ".join(f"{i},{j}" for i, j in marked.values()) if marked else ""
        part = drawings.add(
            f"differences-{layer}",
            figure,
            alt=words.map_alt(layer, contrast),
            caption=f"{layer}: blue where {contrast.names[0]} has a larger share, red where "
            f"{contrast.names[1]} has{rings}",
            wide=False,
        )
        board = {"layer": layer, "picture": contrast_key(contrast), "ends": [-limit, limit]}
        boxes_ = boxes(figure) if values else []
        shown.append(part | {"boards": [board | {"box": list(box)} for box in boxes_]})
    text = [
        "Each place is a pair of channels, its colour how much more they fire together in one "
        "group than in the other, as a share of the layer. All maps are on one scale; channels "
        "that fire alike stand together."
    ]
    return section_of("differences", "Maps of the differences", text=text, figures=shown)


def places_of(
    contrast: Contrast, entries: Sequence[Entry], network: Network
) -> dict[Entry, dict[str, list[tuple[str, Tensor, np.ndarray]]]]:
    """Return where entries fire in the pictures of each group that have most of them.

    Products F_i F_j are divided by the picture's sum over the layer's Gram matrix, as shares are.
    Each picture is opened and seen by the network once.
    """
    wanted = {entry: _most(contrast, entry) for entry in entries}
    found: dict[tuple[Entry, int], tuple[str, Tensor, np.ndarray]] = {}
    for place in sorted({k for groups in wanted.values() for group in groups for k in group}):
        image = contrast.subjects[place].image()
        own = [e for e, groups in wanted.items() if any(place in group for group in groups)]
        if image is None:
            continue
        with torch.no_grad():
            layers = tuple(dict.fromkeys(entry.layer for entry in own))
            features = network(image.to(network.device), layers)
        for entry in own:
            found[entry, place] = _place(entry, contrast, place, image, features[entry.layer][0])
    return {
        entry: {
            name: [found[entry, k] for k in group if (entry, k) in found]
            for (name, *_), group in zip(_sides(contrast), groups, strict=True)
        }
        for entry, groups in wanted.items()
    }


def entry_section(
    entry: Entry,
    rank: int,
    contrast: Contrast,
    places: dict[str, list[tuple[str, Tensor, np.ndarray]]],
    tried: Tried,
    drawings: Drawings,
) -> PagePart:
    """Return the section of an entry: its places in both groups, its probe, its edits."""
    key = f"{entry.layer}-{entry.i}-{entry.j}"
    label = f"{entry.layer} {entry.i},{entry.j}"
    text, shown = words.entry_text(entry, contrast), []
    if all(places.values()):
        figure = places_figure(legible(label), places)
        alt, caption = words.places_alt(entry, contrast), f"Where {words.channels_of(entry)} fire"
        shown.append(drawings.add(f"places-{key}", figure, alt=alt, caption=caption, wide=False))
    if isinstance(tried.probe, Outcome):
        shown.append(_probe(tried.probe, entry, drawings, key))
    elif tried.probe:
        text.append(f"No probe: {tried.probe}")
    for number_, one in enumerate(tried.edits, 1):
        text.append(words.edit_text(one, contrast.names))
        shown.append(_edit(one, contrast, drawings, f"edit-{key}-{number_}"))
    text += [f"Not edited: {why}" for why in tried.failed]
    title = f"{rank}. {label}: more in {contrast.names[0 if entry.effect > 0 else 1]}"
    return section_of(slug(key), title, text=text, figures=shown)


def tables_section(contrast: Contrast) -> PagePart:
    """Return the listed entries, and the pictures with what the classifier makes of each."""
    one, two = contrast.names
    rows: list[tuple[str, ...]] = [
        (
            f"{e.layer} {e.i},{e.j}",
            number(e.effect),
            "-" if contrast.untestable else f"{e.p:.3f}",
            "yes" if e.significant else "no",
            "-" if np.isnan(e.kept) else f"{100 * e.kept:.0f} %",
            *map(number, e.shares),
        )
        for e in contrast.entries
    ]
    names = ("entry", "effect", "p", "above the threshold", "kept", one, two)
    notes = ["The strongest of each layer that share no channel; the last columns are mean shares."]
    tables = [table_of("Entries that differ most", names, rows, notes)]
    if contrast.decisions is not None:
        told = zip(contrast.subjects, contrast.decisions, strict=True)
        held_out = [
            (s.name, one if s.first else two, f"{value:.2f}", one if value > 0 else two)
            for s, value in told
        ]
        columns = ("picture", "group", "decision value", "taken for")
        notes = [f"1 at the mean of {one}, -1 at that of {two}, by a classifier without it."]
        tables.append(table_of("Pictures held out", columns, held_out, notes))
    return section_of("numbers", "Numbers", text=words.sureness_of(contrast), tables=tables)


def _sides(contrast: Contrast) -> list[tuple[str, str, list[int]]]:
    """Return name, colour and subjects of both groups."""
    members = contrast.first, ~contrast.first
    told = zip(contrast.names, (MAIN, OTHER), members, strict=True)
    return [(name, colour, np.flatnonzero(group).tolist()) for name, colour, group in told]


def _most(contrast: Contrast, entry: Entry) -> list[list[int]]:
    """Return the PLACES subjects of each group that have the largest share of an entry."""
    groups = (group for *_, group in _sides(contrast))
    return [sorted(group, key=lambda k: -entry.values[k])[:PLACES] for group in groups]


def _place(
    entry: Entry, contrast: Contrast, place: int, image: Tensor, features: Tensor
) -> tuple[str, Tensor, np.ndarray]:
    """Return label, picture and product of an entry in one picture; features: (C, h, w)."""
    whole = float(features.sum(0).square().mean()) or 1.0  # the sum over the Gram matrix
    product = (features[entry.i] * features[entry.j]).cpu().double().numpy() / whole
    middle = float(np.mean(entry.values)) or 1.0
    label = f"{number(entry.values[place] / middle, 2)} × the mean"
    return label, image.cpu(), product


def _small(picture: Tensor | None) -> Tensor | None:
    return None if picture is None else resize(picture, SIDE)


def _probe(outcome: Outcome, entry: Entry, drawings: Drawings, key: str) -> PagePart:
    """Return a probe beside the patches of the bundled paintings where its channels fire."""
    probed: Probed = outcome.beside
    shown = [
        ("probe", outcome.image),
        ("patches of paintings", mosaic(probed.patches.bright[0], 300)),
    ]
    told = f"{number(outcome.figures['enhancement'], 2)} times its largest value in paintings"
    title = f"Probe of {legible(entry.layer)} {entry.i},{entry.j}"
    return drawings.add(
        f"probe-{key}",
        pictures_figure(title, told, shown, columns=2),
        alt=f"A picture made so that {words.channels_of(entry)} fire, beside patches of paintings "
        f"where they do; {told}.",
        caption=f"What {words.channels_of(entry)} look for",
        wide=False,
    )


def _edit(one: Edited, contrast: Contrast, drawings: Drawings, key: str) -> PagePart:
    """Return an edited picture between itself before and the difference."""
    difference = (0.5 + 2 * (one.image - one.painting.cpu())).clamp(0, 1)
    shown = [("before", one.painting), ("after", one.image), ("difference × 2", difference)]
    title = f"{legible(one.name)} with the value of {legible(contrast.names[1], 24)}"
    return drawings.add(
        key,
        pictures_figure(title, words.channels_of(one.entry).capitalize(), shown, columns=3),
        alt=f"{one.name} before and after its entry {one.entry.address} was moved, and the "
        "difference.",
        caption=f"{one.name}, {one.entry.address} moved to its value in {contrast.names[1]}",
        wide=False,
    )
