"""Entries tried out: a probe of each, and pictures in which one is moved to the other's value."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from stylespace.commands.edit.edits import edit
from stylespace.commands.outcome import Outcome
from stylespace.commands.probe.patches import Paintings
from stylespace.commands.probe.probes import probe
from stylespace.commands.sight import SIGHT
from stylespace.errors import StylespaceError
from stylespace.images import resize
from stylespace.networks.network import Network
from stylespace.reports.explaining.contrasts import Contrast, Entry, style_row
from stylespace.settings import EditSettings, ExplainSettings, ProbeSettings
from stylespace.styles.statistics.nearest_mean import nearest_mean
from stylespace.styles.style import Style

PROBE: Mapping[str, Any] = {"size": 128, "sizes": (64, 128), "iterations": (24, 8)}
"""Settings of a probe: small and quick."""
EDIT_SIDE, EDIT_STEPS = 128, 60
"""Longer side in pixels of an edited picture, at most, and its evaluations."""
MOST_FACTOR = 1e4
"""Of an edit: what its entry is multiplied by at most."""


@dataclass(frozen=True, eq=False)
class Edited:
    """A picture of the first group with an entry moved to the second group's mean share.

    painting, image: (1, 3, H, W), before and after. shares: of the entry before, after, and as
    aimed at. decisions: before and after, by a classifier that has not seen the picture; None of
    groups too small for one.
    """

    entry: Entry
    name: str
    painting: Tensor
    image: Tensor
    shares: tuple[float, float, float]
    decisions: tuple[float, float] | None


def sight_settings(settings: ExplainSettings) -> dict[str, Any]:
    """Return the settings that name the network, for other commands."""
    return {name: getattr(settings, name) for name in SIGHT} | {"seed": settings.seed}


def probed(
    entry: Entry, settings: ExplainSettings, network: Network, compared: Paintings
) -> Outcome | str:
    """Return the probe of an entry, or why there is none."""
    place: dict[str, Any] = {"layer": entry.layer, "entry": (f"{entry.i},{entry.j}",)}
    chosen = ProbeSettings(**place, **PROBE, **sight_settings(settings))
    try:
        return _whole(probe(settings=chosen, network=network, compared=compared))
    except StylespaceError as error:
        if getattr(error, "interrupted", False):
            raise KeyboardInterrupt from error
        return str(error)


def edited(
    entry: Entry, contrast: Contrast, settings: ExplainSettings, network: Network
) -> tuple[list[Edited], list[str]]:
    """Move an entry in the most usual pictures of the first group; return also what failed.

    Those whose own share is nearest to their group's mean; style files are passed over.
    """
    away = np.abs(np.array(entry.values) - entry.shares[0])
    made: list[Edited] = []
    failed = []
    for place in np.argsort(np.where(contrast.first, away, math.inf), kind="stable"):
        subject = contrast.subjects[place]
        if len(made) == settings.edit_pictures or not subject.first:
            break
        picture = subject.image()
        if picture is None or entry.values[place] <= 0:
            continue
        try:
            made.append(_edited(entry, contrast, int(place), picture, settings, network))
        except StylespaceError as error:
            failed.append(f"{subject.name}: {error}")
    if not made and not failed:
        failed.append(f"no picture of {contrast.names[0]} has it, so that none can be edited")
    return made, failed


def _edited(
    entry: Entry,
    contrast: Contrast,
    place: int,
    picture: Tensor,
    settings: ExplainSettings,
    network: Network,
) -> Edited:
    """Edit one picture at a small size, where it is measured before and after."""
    layers = tuple(contrast.channels)
    size = min(settings.size, EDIT_SIDE)
    small = resize(picture, size)
    before = style_row(Style.capture(network, small, layers), layers)
    own, aim = float(before[entry.column]) ** 2, entry.shares[1]
    chosen = EditSettings(
        source=contrast.subjects[place].source,
        layer=entry.layer,
        entry=f"{entry.i},{entry.j}",
        factor=min(aim / own, MOST_FACTOR) if own else 0.0,
        size=size,
        layers=layers,
        iterations=(EDIT_STEPS,),
        **sight_settings(settings),
    )
    image = _whole(edit(settings=chosen, network=network)).image
    after = style_row(Style.capture(network, image, layers), layers)
    decisions = None
    if min(contrast.counts) > 1:
        learnt = nearest_mean(contrast.table, contrast.first, contrast.sizes, without=place)
        decisions = learnt.decision(before), learnt.decision(after)
    shares = own, float(after[entry.column]) ** 2, aim
    name = contrast.subjects[place].name
    return Edited(entry, name, small, image.cpu(), shares, decisions)


def _whole(outcome: Outcome) -> Outcome:
    """Return an outcome; one that Ctrl-C cut short ends everything."""
    if outcome.synthesis.stopped == "interrupted":
        raise KeyboardInterrupt
    return outcome
