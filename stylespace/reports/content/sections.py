"""The sections of one picture, or of several side by side."""

from collections.abc import Callable, Mapping, Sequence

from stylespace.figures import entries, heat_maps, measures, pairs, spectra
from stylespace.figures.formatting import number, share
from stylespace.reports import alt_texts
from stylespace.reports.content.drawings import Drawings
from stylespace.reports.content.parts import PagePart, section_of, table_of
from stylespace.reports.heat_maps import heat_map_data
from stylespace.reports.measuring import PARTS, Measured
from stylespace.reports.stability import Stability
from stylespace.styles.statistics.fitting import FITS, Fits
from stylespace.styles.statistics.spectra import spectrum

DISTRIBUTIONS = ("log-normal", "gamma", "Weibull", "exponential")
DISJOINT = (
    "One loud channel makes many of them, so the pictures show the strongest pair, then the "
    "strongest of the other channels, and so on."
)
Columns = Mapping[str, tuple[str, Callable[[float], str]]]
"""{heading: (number of a record, how it is written)}."""
SPARSITY: Columns = {
    "exactly zero": ("exactly_zero", share),
    "near zero": ("near_zero", share),
    "Hoyer": ("hoyer", number),
    "Gini": ("gini", number),
}
"""Columns of the table of sparsity, of the entries of a part."""
SPECTRA: Columns = {
    "effective rank": ("effective_rank", number),
    "largest eigenvalue": ("largest_share", share),
    "power-law slope": ("power_law_slope", number),
    "activation entropy": ("activation_entropy", number),
    "mean cosine": ("mean_cosine", number),
}
"""Columns of the table of spectra, of a layer."""
CHANGES = {"two_thirds": "at two thirds", "crop": "cropped", "jpeg": "JPEG 75"}
"""Headings of the changes of a picture."""


def gram_section(one: Measured, drawings: Drawings, *, values: bool) -> PagePart:
    """Return heat maps: static figures, or with `values` those that answer for each entry."""
    maps, shown = [], []
    for layer, gram in one.picture.style.grams.items():
        order, alt = one.orders[layer], alt_texts.heat_map_alt(layer, gram)
        figure = drawings.add(
            f"{one.picture.key}-gram-{layer}",
            heat_maps.heat_map_figure(layer, gram, order),
            alt=alt,
            caption=f"Gram matrix of {layer}, diagonal apart, channels by similarity",
            wide=False,
            shown=not values,
        )
        if values:
            sizes = gram.double().cpu().numpy().clip(min=0)
            shape = heat_map_data(layer, one.picture.key, sizes, order, alt=alt)
            maps.append({**shape, "file": figure["file"]})
        else:
            shown.append(figure)
    text = [
        "Each entry says how strongly two channels fire at the same places; rows and columns are "
        "ordered so that channels that fire alike stand together."
    ]
    return section_of("matrices", "Gram matrices", text=text, figures=shown, heat_maps=maps)


def intensity_section(one: Measured, drawings: Drawings) -> PagePart:
    """Return the sorted entries, with the distributions fitted to them."""
    grams = one.picture.style.grams
    figure = drawings.add(
        f"{one.picture.key}-intensity",
        entries.intensity_figure(grams, one.fits),
        alt=alt_texts.intensity_alt(grams, one.fits),
        caption="Entries in the order of their size, with the distribution that fits best",
    )
    rows = [
        (layer, part, f"{fits.count:,}", share(fits.zero_share), *_distances(fits), fits.answer)
        for layer, part, fits in one.each_fits()
    ]
    table = table_of(
        "Distributions fitted to the entries above zero",
        ("layer", "entries", "number", "exactly zero", *DISTRIBUTIONS, "best fit"),
        rows,
        [
            "Below each distribution: its Kolmogorov-Smirnov distance in %, an effect size. "
            f"Entries are not independent, so there is no test and no p-value. Up to {share(FITS)} "
            "it fits; of those that fit the best is that of the smallest AIC, which takes entries "
            "for independent and so only orders."
        ],
    )
    verdicts = [
        f"{layer}, {part} entries: {fits.verdict}."
        for layer, part, fits in one.each_fits()
        if part == PARTS[1]
    ]
    return section_of("intensity", "Intensity", text=verdicts, figures=[figure], tables=[table])


def _distances(fits: Fits) -> list[str]:
    """Return the Kolmogorov-Smirnov distances of DISTRIBUTIONS in %."""
    told = {fit.name: f"{100 * fit.ks:.1f}" for fit in fits.candidates}
    return [told.get(name, "-") for name in DISTRIBUTIONS]


def sparsity_section(found: Sequence[Measured], drawings: Drawings, key: str) -> PagePart:
    """Return how sparse the Gram matrices are; of a single picture with a table."""
    numbers = {one.picture.name: one.statistics for one in found}
    figure = drawings.add(
        f"{key}-sparsity",
        measures.sparsity_figure(numbers),
        alt=alt_texts.sparsity_alt(numbers),
        caption="Sparsity by layer, energies and pairs apart",
    )
    tables = []
    if len(found) == 1:
        rows = [
            (
                layer,
                part,
                *(written(getattr(values, name)) for name, written in SPARSITY.values()),
                str(one.dead_channels) if part == PARTS[0] else "",
            )
            for layer, one in found[0].statistics.items()
            for part, values in zip(PARTS, (one.diagonal, one.off_diagonal), strict=True)
        ]
        columns = ("layer", "entries", *SPARSITY, "dead channels")
        tables = [table_of(f"Sparsity of {found[0].picture.name}", columns, rows)]
    return section_of("sparsity", "Sparsity", figures=[figure], tables=tables)


def spectra_section(found: Sequence[Measured], drawings: Drawings, key: str) -> PagePart:
    """Return the eigenvalues, and the numbers that sum them up."""
    values = {
        one.picture.name: {layer: spectrum(g) for layer, g in one.picture.style.grams.items()}
        for one in found
    }
    figure = drawings.add(
        f"{key}-spectra",
        spectra.spectra_figure(values),
        alt=alt_texts.spectra_alt(values),
        caption="Eigenvalues of the Gram matrices, largest first; the effective rank is marked",
    )
    rows = [
        (
            one.picture.name,
            layer,
            *(written(getattr(numbers, name)) for name, written in SPECTRA.values()),
        )
        for one in found
        for layer, numbers in one.statistics.items()
    ]
    columns = ("subject", "layer", *SPECTRA)
    first = int(len(found) == 1)
    table = table_of("Spectra in numbers", columns[first:], [row[first:] for row in rows])
    return section_of("spectra", "Spectra", figures=[figure], tables=[table])


def cosines_section(one: Measured, drawings: Drawings) -> PagePart:
    """Return how the cosines of pairs of channels are distributed."""
    grams = one.picture.style.grams
    figure = drawings.add(
        f"{one.picture.key}-cosines",
        entries.cosines_figure(grams),
        alt=alt_texts.cosines_alt(grams),
        caption="Cosines of pairs of channels: 1 where their maps are proportional",
    )
    return section_of("cosines", "Cosines", figures=[figure])


def pairs_section(one: Measured, drawings: Drawings, *, middle: bool = False) -> PagePart | None:
    """Return where the strongest pairs fire together; None without a picture.

    middle: of the middle layer alone, to be short.
    """
    layers, image = list(one.products), one.picture.image
    if not layers or image is None:
        return None
    shown = []
    for layer in [layers[len(layers) // 2]] if middle else layers:
        strongest, products = one.shown_pairs[layer], one.products[layer]
        shown.append(
            drawings.add(
                f"{one.picture.key}-pairs-{layer}",
                pairs.pairs_figure(layer, image, strongest, products),
                alt=alt_texts.pairs_alt(layer, strongest, products),
                caption=f"Where the strongest pairs of {layer} fire together, no channel twice",
            )
        )
    rows = [
        (layer, str(rank), f"{pair.i},{pair.j}", number(pair.value), number(pair.cosine))
        for layer, found in one.pairs.items()
        for rank, pair in enumerate(found, 1)
    ]
    table = table_of(
        f"Strongest pairs of {one.picture.name}",
        ("layer", "rank", "channels", "value", "cosine"),
        rows,
        ["Values are in squared units of activation. " + DISJOINT],
    )
    tables = [] if middle else [table]
    return section_of(
        "pairs", "Which features fire together, and where", figures=shown, tables=tables
    )


def stability_section(one: Measured, *, full: bool = True) -> PagePart | None:
    """Return how stable the numbers are; None where it was not measured."""
    if not one.stability:
        return None
    each = [
        (name, layer, stability)
        for layer, numbers in one.stability.items()
        for name, stability in numbers.items()
    ]
    stable = sum(not stability.mark for *_, stability in each)
    marked = (
        "What changes more is marked. The last column is a null: a picture with the same power "
        "spectrum and random phases."
    )
    text = [
        f"{stable} of {len(each)} numbers change by at most 10 % when the picture is resized to "
        "two thirds of its sides, cropped to the middle three quarters, or saved as JPEG of "
        f"quality 75. {marked if full else 'tables/statistics.csv has each of them.'}"
    ]
    columns = ("number", "layer", "value", *CHANGES.values(), "change", "stability", "random phase")
    names = list(dict.fromkeys(name for name, *_ in each))
    rows = [_stability_row(*row) for row in sorted(each, key=lambda row: names.index(row[0]))]
    tables = [table_of("Every number under changes of the picture", columns, rows)] if full else []
    return section_of("stability", "Stability", text=text, tables=tables)


def _stability_row(name: str, layer: str, one: Stability) -> tuple[str, ...]:
    changed = (number(one.changed[key]) if key in one.changed else "-" for key in CHANGES)
    if one.value == 0 and one.change:
        change = "from zero"
    else:
        change = share(one.change) if one.change < 1 else f"{100 * one.change:,.0f} %"
    mark = one.mark or "stable"
    return (name, layer, number(one.value), *changed, change, mark, number(one.null))
