"""The groups of a page: everything together, and every picture by itself."""

from collections.abc import Sequence

from stylespace.reports.content import comparing, sections
from stylespace.reports.content.drawings import Drawings
from stylespace.reports.content.opening import portrait
from stylespace.reports.content.parts import PagePart, folded, group_of
from stylespace.reports.making_of import MakingOf
from stylespace.reports.measuring import Compared, Measured
from stylespace.styles.style import Style


def single_group(
    one: Measured, drawings: Drawings, *, made: MakingOf | None, values: bool
) -> PagePart:
    """Return the group of a report's only picture, with everything.

    made: how a picture of stylespace's own was made. values: heat maps answer for each entry.
    """
    key = one.picture.key
    shown = [
        sections.pairs_section(one, drawings),
        sections.gram_section(one, drawings, values=values),
        sections.spectra_section([one], drawings, key),
        sections.sparsity_section([one], drawings, key),
        sections.intensity_section(one, drawings),
        sections.cosines_section(one, drawings),
        sections.stability_section(one),
        comparing.making_section(made, drawings),
    ]
    return group_of(key, one.picture.title, [], shown)


def short_group(one: Measured, drawings: Drawings, *, made: MakingOf | None) -> PagePart:
    """Return the group of one of several pictures: what is its own."""
    shown = [
        sections.pairs_section(one, drawings, middle=True),
        comparing.making_section(made, drawings),
        folded(sections.intensity_section(one, drawings)),
        folded(sections.stability_section(one, full=False)),
    ]
    return _picture_group(one, shown, drawings)


def together_group(
    found: Sequence[Measured], compared: Compared, drawings: Drawings, *, values: bool
) -> PagePart:
    """Return the group that shows several pictures side by side; values: see `single_group`."""
    shown = [
        comparing.distances_section(found, compared, drawings),
        comparing.grams_section(found, drawings, values=values),
        sections.sparsity_section(found, drawings, "together"),
        sections.spectra_section(found, drawings, "together"),
    ]
    return group_of("together", "Together", [], shown)


def _picture_group(one: Measured, shown: Sequence[PagePart | None], drawings: Drawings) -> PagePart:
    picture = one.picture
    facts = measured_from(picture.style) if picture.image is None else []
    return group_of(picture.key, picture.title, facts, shown, portrait(picture, drawings))


def measured_from(style: Style) -> list[list[str]]:
    """Return from which pictures a style was measured, as facts."""
    pictures = style.provenance.get("pictures") or []
    facts = []
    for picture in pictures:
        share = f", weight {picture['weight']:.3g}" if len(pictures) > 1 else ""
        shown = f"{picture['name']} {picture['width']} × {picture['height']} px{share}".strip()
        facts.append(["Measured from", shown])
    return facts


def positions_of(style: Style) -> list[list[str]]:
    """Return how many channels each layer has, at how many positions, as facts."""
    return [
        [name, f"{len(layer.mean)} channels at {layer.positions:,} positions"]
        for name, layer in style.layers.items()
    ]
