"""The sections of one subject, or of several side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stylespace import figures
from stylespace.figures.formatting import number, share
from stylespace.reports import alt_texts
from stylespace.reports.content.drawings import Draughts
from stylespace.reports.content.parts import section_of, table_of
from stylespace.reports.heat_maps import heat_map_data
from stylespace.reports.measuring import SHOWN_PAIRS, Measured
from stylespace.reports.records import PARTS
from stylespace.reports.stability import Stability
from stylespace.styles.statistics import Fits, LayerStatistics, spectrum


def matrices(one: Measured, draughts: Draughts, values: bool) -> dict[str, Any]:
    """Return heat maps: static figures, and those that answer the pointer."""
    maps, shown = [], []
    for layer, gram in one.subject.style.grams.items():
        order = one.orders[layer]
        alt = alt_texts.heat_map(layer, gram)
        figure = draughts.of(
            f"{one.subject.key}-gram-{layer}",
            figures.heat_map(layer, gram, order),
            alt=alt,
            caption=f"Gram matrix of {layer}, diagonal apart, channels by similarity",
            wide=False,
        )
        if values:
            wide = gram.double().cpu().numpy().clip(min=0)
            maps.append({**heat_map_data(layer, wide, order, alt=alt), "file": figure["file"]})
        else:
            shown.append(figure)
    text = [
        "Each entry says how strongly two channels fire at the same places; rows and columns are "
        "ordered so that channels that fire alike stand together."
    ]
    return {"text": text, "figures": shown, "heat_maps": maps}


def intensity(one: Measured, draughts: Draughts) -> dict[str, Any]:
    """Return the sorted entries, with the distributions fitted to them."""
    grams, key = one.subject.style.grams, one.subject.key
    figure = draughts.of(
        f"{key}-intensity",
        figures.intensity(grams, one.fits),
        alt=alt_texts.intensity(grams, one.fits),
        caption="Entries in the order of their size, with the distribution that fits",
    )
    rows = [
        (
            layer,
            part,
            f"{found.count:,}",
            share(found.zero_share),
            *(_ks(found, name) for name in _NAMES),
            _fitting(found),
        )
        for layer, pair in one.fits.items()
        for part, found in zip(PARTS, pair, strict=True)
    ]
    columns = ("layer", "entries", "number", "exactly zero", *_NAMES, "fits")
    table = table_of(
        "Distributions fitted to the entries above zero",
        columns,
        rows,
        [
            "Below each distribution: its Kolmogorov-Smirnov distance in %, an effect size. "
            "Entries are not independent, so there is no test and no p-value."
        ],
    )
    verdicts = [
        f"{layer}, {part} entries: {found.verdict}."
        for layer, pair in one.fits.items()
        for part, found in zip(PARTS, pair, strict=True)
        if part == PARTS[1]
    ]
    return {"text": verdicts, "figures": [figure], "tables": [table]}


def _fitting(found: Fits) -> str:
    """Return the distribution that fits, or why none is named."""
    if found.best is not None:
        return found.best.name
    return "undecided" if found.undecided else "none"


_NAMES = ("log-normal", "gamma", "Weibull", "exponential")


def _ks(found: Any, name: str) -> str:
    return next((f"{100 * fit.ks:.1f}" for fit in found.candidates if fit.name == name), "-")


def sparsity(found: Sequence[Measured], draughts: Draughts, key: str) -> dict[str, Any]:
    """Return how sparse the Gram matrices are; of a single subject with a table."""
    numbers = {one.subject.name: one.statistics for one in found}
    figure = draughts.of(
        f"{key}-sparsity",
        figures.sparsity(numbers),
        alt=alt_texts.sparsity(numbers),
        caption="Sparsity by layer, energies and pairs apart",
    )
    columns = ("layer", "entries", "exactly zero", "near zero", "Hoyer", "Gini", "dead channels")
    tables = [
        table_of(f"Sparsity of {name}", columns, _sparsity_rows(layers))
        for name, layers in numbers.items()
        if len(found) == 1
    ]
    return {"figures": [figure], "tables": tables}


def _sparsity_rows(layers: Mapping[str, LayerStatistics]) -> Iterator[tuple[str, ...]]:
    for layer, one in layers.items():
        for part, entries in zip(PARTS, (one.diagonal, one.off_diagonal), strict=True):
            yield (
                layer,
                part,
                share(entries.exactly_zero),
                share(entries.near_zero),
                number(entries.hoyer),
                number(entries.gini),
                str(one.dead_channels) if part == PARTS[0] else "",
            )


def spectra(found: Sequence[Measured], draughts: Draughts, key: str) -> dict[str, Any]:
    """Return the eigenvalues, and the numbers that sum them up."""
    values = {
        one.subject.name: {layer: spectrum(g) for layer, g in one.subject.style.grams.items()}
        for one in found
    }
    figure = draughts.of(
        f"{key}-spectra",
        figures.spectra(values),
        alt=alt_texts.spectra(values),
        caption="Eigenvalues of the Gram matrices, largest first; the effective rank is marked",
    )
    rows = [
        (
            one.subject.name,
            layer,
            number(numbers.effective_rank),
            share(numbers.largest_share),
            number(numbers.power_law_slope),
            number(numbers.activation_entropy),
            number(numbers.mean_cosine),
        )
        for one in found
        for layer, numbers in one.statistics.items()
    ]
    columns = (
        "subject",
        "layer",
        "effective rank",
        "largest eigenvalue",
        "power-law slope",
        "activation entropy",
        "mean cosine",
    )
    first = slice(1, None) if len(found) == 1 else slice(None)
    table = table_of("Spectra in numbers", columns[first], [row[first] for row in rows])
    return {"figures": [figure], "tables": [table]}


def cosines(one: Measured, draughts: Draughts) -> dict[str, Any]:
    """Return how the cosines of pairs of channels are distributed."""
    grams = one.subject.style.grams
    figure = draughts.of(
        f"{one.subject.key}-cosines",
        figures.cosines(grams),
        alt=alt_texts.cosines(grams),
        caption="Cosines of pairs of channels: 1 where their maps are proportional",
    )
    return {"figures": [figure]}


def strongest(one: Measured, draughts: Draughts, *, middle: bool = False) -> list[dict[str, Any]]:
    """Return where the strongest pairs fire together, as a section; none without a picture.

    middle: of the middle layer alone, to be short.
    """
    layers = list(one.products)
    if not layers:
        return []
    shown = [
        draughts.of(
            f"{one.subject.key}-pairs-{layer}",
            figures.strongest_pairs(
                layer, one.subject.image, one.pairs[layer][:SHOWN_PAIRS], one.products[layer]
            ),
            alt=alt_texts.strongest_pairs(
                layer, one.pairs[layer][:SHOWN_PAIRS], one.products[layer]
            ),
            caption=f"Where the strongest pairs of {layer} fire together",
        )
        for layer in ([layers[len(layers) // 2]] if middle else layers)
    ]
    rows = [
        (layer, str(rank), f"{pair.i},{pair.j}", number(pair.value), number(pair.cosine))
        for layer, pairs in one.pairs.items()
        for rank, pair in enumerate(pairs, 1)
    ]
    table = table_of(
        f"Strongest pairs of {one.subject.name}",
        ("layer", "rank", "channels", "value", "cosine"),
        rows,
        ["Values are in squared units of activation."],
    )
    tables = [] if middle else [table]
    return [section_of("pairs", "Strongest pairs", figures=shown, tables=tables)]


def stability(one: Measured, *, full: bool = True) -> list[dict[str, Any]]:
    """Return how stable the numbers are, as a section; none where it was not measured."""
    if not one.stability:
        return []
    each = [(layer, name, s) for layer, all_ in one.stability.items() for name, s in all_.items()]
    stable = sum(not s.mark for _, _, s in each)
    text = [
        f"{stable} of {len(each)} numbers change by at most 10 % when the picture is resized to "
        "two thirds of its sides, cropped to the middle three quarters, or saved as JPEG of "
        f"quality 75. {_MARKED if full else 'tables/statistics.csv has each of them.'}"
    ]
    rows = [
        (
            name,
            layer,
            number(s.value),
            *(number(s.changed[key]) if key in s.changed else "-" for key in _CHANGED),
            _change(s),
            s.mark or "stable",
            number(s.null),
        )
        for layer, name, s in sorted(each, key=lambda row: _order(each, row[1]))
    ]
    columns = (
        "number",
        "layer",
        "value",
        *_CHANGED.values(),
        "change",
        "stability",
        "random phase",
    )
    tables = [table_of("Every number under changes of the picture", columns, rows)] if full else []
    return [section_of("stability", "Stability", text=text, tables=tables)]


def _change(one: Stability) -> str:
    """Return the largest relative change of a number as a percentage."""
    if one.value == 0 and one.change:
        return "from zero"
    return share(one.change) if one.change < 1 else f"{100 * one.change:,.0f} %"


_MARKED = (
    "What changes more is marked. The last column is a null: a picture with the same power "
    "spectrum and random phases."
)
_CHANGED = {"two_thirds": "at two thirds", "crop": "cropped", "jpeg": "JPEG 75"}


def _order(each: Sequence[tuple], name: str) -> int:
    return next(place for place, row in enumerate(each) if row[1] == name)
