"""The groups of a page: everything together, and every picture by itself."""

from collections.abc import Sequence

from stylespace.reports.content import comparing, sections
from stylespace.reports.content.drawings import Drawings
from stylespace.reports.content.parts import PagePart, group_of
from stylespace.reports.making_of import MakingOf
from stylespace.reports.measuring import Compared, Measured


def single_group(
    one: Measured, drawings: Drawings, *, made: MakingOf | None, values: bool
) -> PagePart:
    """Return the group of a report's only picture, with everything.

    made: how a picture of stylespace's own was made. values: heat maps answer the pointer.
    """
    key = one.picture.key
    shown = [
        sections.gram_section(one, drawings, values=values),
        sections.intensity_section(one, drawings),
        sections.sparsity_section([one], drawings, key),
        sections.spectra_section([one], drawings, key),
        sections.cosines_section(one, drawings),
        sections.pairs_section(one, drawings),
        sections.stability_section(one),
        comparing.making_section(made, drawings),
    ]
    return _picture_group(one, shown, drawings)


def short_group(one: Measured, drawings: Drawings, *, made: MakingOf | None) -> PagePart:
    """Return the group of one of several pictures: what is its own."""
    shown = [
        sections.intensity_section(one, drawings),
        sections.pairs_section(one, drawings, middle=True),
        sections.stability_section(one, full=False),
        comparing.making_section(made, drawings),
    ]
    return _picture_group(one, shown, drawings)


def together_group(found: Sequence[Measured], compared: Compared, drawings: Drawings) -> PagePart:
    """Return the group that shows several pictures side by side."""
    shown = [
        comparing.grams_section(found, drawings),
        sections.sparsity_section(found, drawings, "together"),
        sections.spectra_section(found, drawings, "together"),
        comparing.distances_section(found, compared, drawings),
    ]
    facts = [["Subjects", ", ".join(one.picture.name for one in found)]]
    return group_of("together", "Together", facts, shown)


def _picture_group(one: Measured, shown: Sequence[PagePart | None], drawings: Drawings) -> PagePart:
    name, image, portrait = one.picture.name, one.picture.image, None
    if image is not None:
        height, width = image.shape[2:]
        portrait = {
            "src": drawings.picture(image),
            "alt": f"The picture itself: {name}, {width} by {height} pixels as measured.",
            "caption": f"{name}, as measured: {width} × {height} pixels",
        }
    return group_of(one.picture.key, name, _facts(one), shown, portrait)


def _facts(one: Measured) -> list[list[str]]:
    style = one.picture.style
    pictures = style.provenance.get("pictures") or []
    facts = [["Kind", one.picture.kind]]
    for picture in pictures:
        share = f", weight {picture['weight']:.3g}" if len(pictures) > 1 else ""
        shown = f"{picture['name']} {picture['width']} × {picture['height']} px{share}".strip()
        facts.append(["Measured from", shown])
    for name, layer in style.layers.items():
        facts.append([name, f"{len(layer.mean)} channels at {layer.positions:,} positions"])
    return facts
