"""The groups of a page: everything together, and every subject by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from stylespace.reports.content.comparing import distance_figures, making, side_by_side
from stylespace.reports.content.drawings import Draughts
from stylespace.reports.content.parts import section_of
from stylespace.reports.content.sections import (
    cosines,
    intensity,
    matrices,
    sparsity,
    spectra,
    stability,
    strongest,
)
from stylespace.reports.explanations import EXPLANATIONS
from stylespace.reports.making_of import MakingOf
from stylespace.reports.measuring import Measured
from stylespace.reports.records import Distances


def single_group(
    one: Measured, draughts: Draughts, *, made: MakingOf | None, values: bool
) -> dict[str, Any]:
    """Return the group of a report's only subject, with everything.

    made: how a picture of stylespace's own was made. values: heat maps answer the pointer.
    """
    key = one.subject.key
    sections = [
        section_of("matrices", "Gram matrices", **matrices(one, draughts, values)),
        section_of("intensity", "Intensity", **intensity(one, draughts)),
        section_of("sparsity", "Sparsity", **sparsity([one], draughts, key)),
        section_of("spectra", "Spectra", **spectra([one], draughts, key)),
        section_of("cosines", "Cosines", **cosines(one, draughts)),
        *strongest(one, draughts),
        *stability(one),
        *making(made, draughts),
    ]
    return _group(one, sections, draughts)


def short_group(one: Measured, draughts: Draughts, *, made: MakingOf | None) -> dict[str, Any]:
    """Return the group of one of several subjects: what is its own."""
    sections = [
        section_of("intensity", "Intensity", **intensity(one, draughts)),
        *strongest(one, draughts, middle=True),
        *stability(one, full=False),
        *making(made, draughts),
    ]
    return _group(one, sections, draughts)


def together_group(
    found: Sequence[Measured],
    distances: Distances,
    kind: str,
    coordinates: np.ndarray,
    explained: float,
    draughts: Draughts,
) -> dict[str, Any]:
    """Return the group that shows several subjects side by side."""
    sections = [
        section_of("matrices", "Gram matrices", figures=side_by_side(found, draughts)),
        section_of("sparsity", "Sparsity", **sparsity(found, draughts, "together")),
        section_of("spectra", "Spectra", **spectra(found, draughts, "together")),
        section_of(
            "distances",
            "Distances",
            **distance_figures(found, distances, kind, coordinates, explained, draughts),
        ),
    ]
    facts = [["Subjects", ", ".join(one.subject.name for one in found)]]
    return {
        "id": "together",
        "title": "Together",
        "picture": None,
        "facts": facts,
        "sections": sections,
    }


def explanations() -> list[dict[str, str]]:
    """Return what the quantities mean."""
    return [asdict(one) for one in EXPLANATIONS]


def _group(one: Measured, sections: list[dict[str, Any]], draughts: Draughts) -> dict[str, Any]:
    subject = one.subject
    picture = None
    if subject.image is not None:
        height, width = subject.image.shape[2:]
        picture = {
            "src": draughts.picture(subject.image),
            "alt": f"The picture itself: {subject.name}, {width} by {height} pixels as measured.",
            "caption": f"{subject.name}, as measured: {width} × {height} pixels",
        }
    return {
        "id": subject.key,
        "title": subject.name,
        "picture": picture,
        "facts": _facts(one),
        "sections": sections,
    }


def _facts(one: Measured) -> list[list[str]]:
    pictures = one.subject.style.provenance.get("pictures") or []
    facts = [["Kind", one.subject.kind]]
    for picture in pictures:
        share = f", weight {picture['weight']:.3g}" if len(pictures) > 1 else ""
        shown = f"{picture['name']} {picture['width']} × {picture['height']} px{share}".strip()
        facts.append(["Measured from", shown])
    for layer, style in one.subject.style.layers.items():
        facts.append([layer, f"{len(style.mean)} channels at {style.positions:,} positions"])
    return facts
