"""Measuring two groups: every picture's shares, a few at a time in this process, many in others."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from stylespace.assets import source_path
from stylespace.errors import MemoryLimitError, UsageError
from stylespace.images import resize
from stylespace.networks.memory import available, gibibytes
from stylespace.networks.network import Network
from stylespace.reports.explaining.contrasts import Contrast, Subject, contrast, style_row
from stylespace.reports.explaining.groups import Group, LeftOut, check_counts
from stylespace.reports.pictures import (
    StepWatch,
    layers_of,
    measured_collection,
    names_of,
    opened,
    readable,
)
from stylespace.settings import MOST_DETAILED, ExplainSettings
from stylespace.styles.sources import is_style_file, open_picture
from stylespace.styles.style import Style


@dataclass(frozen=True, eq=False)
class _Row:
    """One measured source: its shares, and the hashes of the pixels that they come from."""

    row: np.ndarray
    pixels: frozenset[str]

    @staticmethod
    def of(style: Style, layers: Sequence[str]) -> "_Row":
        """Measure a style."""
        pictures = style.provenance.get("pictures") or []
        seen = (one.get("sha256") for one in pictures)
        return _Row(style_row(style, layers), frozenset(one for one in seen if one))


def measured_contrast(
    groups: tuple[Group, Group],
    settings: ExplainSettings,
    network: Network,
    watch: StepWatch | None,
) -> tuple[Contrast, LeftOut]:
    """Measure two groups and compare them; pictures that cannot be measured are left out.

    Raises:
        UsageError: a picture in both groups, also as a style file; groups that are too small once
            what cannot be read is left out. PictureError: none could be measured.
        StyleError: a style file that cannot be read, or of another style space.
        MemoryLimitError: more pictures than fit.
    """
    sources = [source for group in groups for source in group.sources]
    layers = layers_of(settings, sources, network)
    channels = {layer: network.channels(layer) for layer in layers}
    _check_fits(len(sources), channels.values())
    measure = _few if len(sources) <= MOST_DETAILED else _many
    rows, left_out = measure(sources, replace(settings, layers=layers), network, watch)
    kept, same = _without_copies(groups, rows)
    names = groups[0].name, groups[1].name
    counts = [sum(source in kept for source in group.sources) for group in groups]
    try:
        check_counts(names, counts)
    except UsageError as error:
        reasons = "; ".join(f"left out {source!r}: {why}" for source, why in left_out)
        raise UsageError(f"{error} {reasons}".strip()) from None
    shown = zip(kept, names_of(kept), strict=True)
    subjects = [
        Subject(name, source, source in groups[0].sources, _image_of(source, settings.size))
        for source, name in shown
    ]
    if watch is not None:
        watch("comparing", 0, 1)
    chances = {"permutations": settings.permutations, "seed": settings.seed}
    found = contrast(names, subjects, [rows[one].row for one in kept], channels, **chances)
    return found, left_out + same


def _few(
    sources: Sequence[str], settings: ExplainSettings, network: Network, watch: StepWatch | None
) -> tuple[dict[str, _Row], LeftOut]:
    """Measure pictures and style files here."""
    layers = settings.layers
    pictures, left_out = readable(sources, network, layers, settings.size)
    return {one.source: _Row.of(one.style, layers) for one in pictures}, left_out


def _many(
    sources: Sequence[str], settings: ExplainSettings, network: Network, watch: StepWatch | None
) -> tuple[dict[str, _Row], LeftOut]:
    """Measure many pictures into kept styles, in other processes; read one style at a time."""
    layers, rows = settings.layers, {}
    paths = {source_path(one): one for one in sources if not is_style_file(one)}
    for source in set(sources) - set(paths.values()):
        (one,) = opened([source], network, layers, settings.size)
        rows[source] = _Row.of(one.style, layers)
    if not paths:
        return rows, ()
    found = measured_collection(list(paths), settings, network, watch)
    for path, file in found.styles.items():
        rows[paths[path]] = _Row.of(Style.load(file), layers)
    return rows, tuple((paths[one.picture], one.reason) for one in found.skipped)


def _without_copies(
    groups: tuple[Group, Group], rows: dict[str, _Row]
) -> tuple[list[str], LeftOut]:
    """Return the sources of which no other has the same pixels, and the others.

    Raises:
        UsageError: the same pixels in both groups.
    """
    known: dict[str, tuple[Group, str]] = {}
    kept, same = [], []
    for group in groups:
        for source in (one for one in group.sources if one in rows):
            before = [known[one] for one in rows[source].pixels if one in known]
            other = next((one for one in before if one[0] is not group), None)
            if other:
                raise UsageError(
                    f"{source!r} of {group.name!r} holds the same picture as {other[1]!r} of "
                    f"{other[0].name!r}: a picture belongs to one group: take it out of the other."
                )
            if before and rows[source].pixels <= known.keys():
                same.append((source, f"holds the same picture as {before[0][1]!r}"))
                continue
            kept.append(source)
            known |= dict.fromkeys(rows[source].pixels, (group, source))
    return kept, tuple(same)


def _check_fits(count: int, channels: Iterable[int]) -> None:
    """Refuse more pictures than the table, and its rows beside it, have room for in memory."""
    needed = 2 * 4 * count * sum(c * (c + 1) // 2 for c in channels)
    free = available(torch.device("cpu"))
    if needed > free:
        raise MemoryLimitError(
            f"{count:,} pictures need about {gibibytes(needed)}, and {gibibytes(free)} are free: "
            "name fewer pictures, or fewer --layers."
        )


def _image_of(source: str, size: int) -> Callable[[], Tensor | None]:
    """Return what opens a picture as it was measured, or nothing for a style file."""
    return (lambda: None) if is_style_file(source) else partial(_resized, source, size)


def _resized(source: str, size: int) -> Tensor:
    return resize(open_picture(source), size)
