"""Two pictures of a report, contrasted entry by entry."""

from functools import partial
from typing import Any

from stylespace.networks.network import Network
from stylespace.reports.content.drawings import Drawings
from stylespace.reports.content.parts import PagePart
from stylespace.reports.explaining import showing
from stylespace.reports.explaining.answering import contrast_data
from stylespace.reports.explaining.contrasts import Contrast, Subject, contrast, style_row
from stylespace.reports.explaining.showing import Tried
from stylespace.reports.explaining.words import lead_sentence
from stylespace.reports.pictures import Picture, slug

SHOWN = 3
"""Entries of which the places are shown."""


def pair_contrast(first: Picture, second: Picture) -> Contrast:
    """Compare two pictures entry by entry."""
    layers = list(first.style.layers)
    channels = {name: len(layer.mean) for name, layer in first.style.layers.items()}
    both = (first, second)
    subjects = [
        Subject(one.name, one.source, one is first, partial(getattr, one, "image")) for one in both
    ]
    rows = [style_row(one.style, layers) for one in both]
    return contrast((first.name, second.name), subjects, rows, channels)


def pair_data(found: Contrast) -> dict[str, Any]:
    """Return what the page needs to answer for every difference of two pictures it knows."""
    return contrast_data(found, [[{"key": slug(name), "name": name}] for name in found.names])


def pair_sections(
    found: Contrast, network: Network, drawings: Drawings, *, values: bool
) -> list[PagePart]:
    """Return the maps of the difference of two pictures, and the entries that differ most.

    They are two single pictures: nothing is claimed of anything else, and the text says so.
    values: the maps answer for each entry.
    """
    entries = found.entries[:SHOWN]
    places = showing.places_of(found, entries, network)
    maps = showing.maps_section(found, drawings, count=SHOWN, values=values)
    maps["title"] = f"What differs between {found.names[0]} and {found.names[1]}"
    maps["text"] = [lead_sentence(found), *maps["text"]]
    return [
        maps,
        *(
            showing.entry_section(entry, rank, found, places[entry], Tried(), drawings)
            for rank, entry in enumerate(entries, 1)
        ),
    ]
