"""The sections that compare several pictures, and that on how a picture was made."""

from __future__ import annotations

from collections.abc import Sequence

from stylespace.figures import drawing, entries, heat_maps, maps, traces, trees
from stylespace.figures.formatting import number
from stylespace.images import resize
from stylespace.reports import alt_texts
from stylespace.reports.content.drawings import Drawings
from stylespace.reports.content.parts import PagePart, metric_name, section_of, table_of
from stylespace.reports.findings import joined
from stylespace.reports.making_of import MakingOf
from stylespace.reports.measuring import Compared, Measured
from stylespace.styles.distances import as_metric, gram_distances

THUMBNAIL = 160


def grams_section(found: Sequence[Measured], drawings: Drawings, *, values: bool) -> PagePart:
    """Return the Gram matrices of all pictures, a figure a layer.

    values: the heat maps answer for each entry.
    """
    shown, columns = [], 5 if len(found) > 8 else 4
    for layer, order in found[0].orders.items():
        grams = {one.picture.name: one.picture.style.grams[layer] for one in found}
        figure = heat_maps.heat_maps_figure(grams, layer, order, columns=columns)
        part = drawings.add(
            f"together-gram-{layer}",
            figure,
            alt=alt_texts.heat_maps_alt(grams, layer),
            caption=f"Gram matrices of {layer} on one scale, channels in the order of "
            f"{found[0].picture.name}",
        )
        shown.append(part | {"boards": _boards(found, layer, figure) if values else []})
    return section_of("matrices", "Gram matrices", figures=shown)


def _boards(found: Sequence[Measured], layer: str, figure: drawing.Figure) -> list[PagePart]:
    """Return where on a figure of heat maps which of them is, in percent of its sides."""
    grams = [one.picture.style.grams[layer].detach().cpu().double().numpy() for one in found]
    ends = list(heat_maps.ends([gram.clip(min=0) for gram in grams]))
    return [
        {"layer": layer, "picture": one.picture.key, "ends": ends, "box": list(box)}
        for one, box in zip(found, heat_maps.boxes(figure), strict=True)
    ]


def distances_section(
    found: Sequence[Measured], compared: Compared, drawings: Drawings
) -> PagePart:
    """Return the distances as a matrix, a map and a table."""
    names, kind = [one.picture.name for one in found], compared.kind
    matrix = as_metric(compared.distances[kind]["together"], kind)
    title = f"{metric_name(kind)}, all layers together"
    shown = []
    if len(found) > 2:
        images = [one.picture.image for one in found]
        thumbnails = [None if image is None else resize(image, THUMBNAIL) for image in images]
        shown.append(
            drawings.add(
                "together-map",
                maps.map_figure(compared.coordinates, thumbnails, names, compared.explained),
                alt=alt_texts.map_alt(compared.coordinates, names, compared.explained),
                caption=f"Map of the styles: classical scaling of the {title}",
            )
        )
    shown.append(
        drawings.add(
            "together-distances",
            trees.distances_figure(names, matrix, title),
            alt=alt_texts.distances_alt(names, matrix, title),
            caption=f"Distances ({title}) beside their dendrogram",
        )
    )
    rows = [
        (a, b, *(number(every["together"][i, j]) for every in compared.distances.values()))
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if i < j
    ]
    columns = ("subject", "other", *(f"{k.capitalize()} distance" for k in compared.distances))
    table = table_of("Distances, all layers together", columns, rows)
    return section_of("distances", "Distances", figures=shown, tables=[table])


def making_section(made: MakingOf | None, drawings: Drawings) -> PagePart | None:
    """Return how a picture of stylespace's own was made; None of any other."""
    if made is None:
        return None
    shown, tables = [], []
    if made.trace:
        shown.append(
            drawings.add(
                f"{made.key}-trace",
                traces.trace_figure(made.trace),
                alt=alt_texts.trace_alt(made.trace),
                caption="Loss of every evaluation that the picture carries",
            )
        )
    if made.recipe:
        tables.append(table_of("Recipe", ("setting", "value"), made.recipe))
    if made.styles is not None:
        target, result = made.styles
        grams = {name: (target.grams[name], result.grams[name]) for name in target.layers}
        shown.append(
            drawings.add(
                f"{made.key}-target",
                entries.target_figure(grams),
                alt=alt_texts.target_alt(grams),
                caption="Sorted entries of the target and of the picture",
            )
        )
        rows = [(layer, number(d)) for layer, d in gram_distances(result, target).items()]
        tables.append(table_of("Relative Gram distance to the target", ("layer", "distance"), rows))
    parts = {"text": made.remarks, "figures": shown, "tables": tables}
    return section_of("made", "How it was made", comparisons=_comparisons(made, drawings), **parts)


def _comparisons(made: MakingOf, drawings: Drawings) -> list[PagePart]:
    """Return the pictures that something was made of and the result, to be slid between."""
    if not made.pictures:
        return []
    pictures = [
        {"src": drawings.picture(image), "alt": f"The {label}", "label": label}
        for label, image in made.pictures.items()
    ]
    return [{"caption": f"Before and after: {joined(list(made.pictures))}", "pictures": pictures}]
