"""What a page carries so that every entry of its maps of differences answers."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylespace.figures.differences import two_colours
from stylespace.networks.network import Network
from stylespace.reports.content.drawings import Drawings
from stylespace.reports.content.parts import PagePart
from stylespace.reports.entries import entry_data, packed, packed_places
from stylespace.reports.explaining.contrasts import Contrast, Subject
from stylespace.reports.measuring import field_means
from stylespace.reports.pictures import slug
from stylespace.settings import Measuring

CARRIED = 1
"""Pictures of each group in which a page knows where channels fire."""
FIELDS = 10
"""Fields a side by which it does, so few that a page of all default layers stays below 10 MB."""
MOST = np.iinfo(np.int16).max


def contrast_key(contrast: Contrast) -> str:
    """Return the key of a contrast in addresses, which no picture has."""
    return "--".join(map(slug, contrast.names))


def contrast_data(contrast: Contrast, pictures: Sequence[Sequence[PagePart]]) -> dict[str, Any]:
    """Return what the page needs to answer for every entry of two groups: plain JSON types.

    Args:
        contrast: the two groups.
        pictures: of the first and of the second group, of `_carried_pictures`, or `key` and `name`
            of pictures that the page knows already.

    Returns:
        `key`, `name`; `threshold` of |effect| or None; `palette`: base64 of 256 colours, from the
        lower end of effects to the upper one; `orders` {layer: channels as maps show them};
        `effects` {layer: base64 of little-endian int16}, in hundredths up to 327.67 either way;
        `sides`: of both groups `name`, `count` of its pictures, `pictures`, and `shares` {layer:
        base64 of little-endian float32}, the means. Values are in the order of `packed_values`.
    """
    hundredths = np.rint(100 * contrast.found.effects).clip(-MOST, MOST)
    colours = two_colours()(np.linspace(0, 1, 256))[:, :3]
    sides = zip(contrast.names, contrast.counts, contrast.shares, pictures, strict=True)
    return {
        "key": contrast_key(contrast),
        "name": " against ".join(contrast.names),
        "threshold": contrast.found.threshold,
        "palette": packed(np.rint(255 * colours).astype(np.uint8)),
        "orders": {layer: list(order) for layer, order in contrast.orders.items()},
        "effects": _by_layer(contrast, hundredths.astype("<i2")),
        "sides": [
            {
                "name": name,
                "count": count,
                "pictures": list(seen),
                "shares": _by_layer(contrast, shares.astype("<f4")),
            }
            for name, count, shares, seen in sides
        ],
    }


def contrast_entries(
    contrast: Contrast, settings: Measuring, network: Network, drawings: Drawings
) -> dict[str, Any]:
    """Return `entry_data` of a page that shows two groups alone."""
    pictures = _carried_pictures(contrast, network, drawings)
    return entry_data((), network, settings, contrast_data(contrast, pictures))


def _carried_pictures(
    contrast: Contrast, network: Network, drawings: Drawings
) -> list[list[PagePart]]:
    """Return the first CARRIED pictures of each group, small, and where channels fire in them.

    `key`, `name`, `src`, `side`: the longer one in pixels as measured; `places`: `packed_places`.
    """
    return [
        [
            _carried(subject, image, contrast, network, drawings)
            for subject, image in islice(_opened(contrast, first), CARRIED)
        ]
        for first in (True, False)
    ]


def _opened(contrast: Contrast, first: bool) -> Iterator[tuple[Subject, Tensor]]:
    """Open the pictures of a group, one after the other; style files have none."""
    for subject in contrast.subjects:
        if subject.first is first and (image := subject.image()) is not None:
            yield subject, image


def _carried(
    subject: Subject, image: Tensor, contrast: Contrast, network: Network, drawings: Drawings
) -> PagePart:
    with torch.no_grad():
        features = network(image.to(network.device), tuple(contrast.channels))
    return {
        "key": slug(subject.name),
        "name": subject.name,
        "src": drawings.thumbnail(image),
        "side": max(image.shape[2:]),
        "places": packed_places(field_means(features, FIELDS)),
    }


def _by_layer(contrast: Contrast, values: np.ndarray) -> dict[str, str]:
    """Return values of all entries (P,) as text, layer by layer."""
    return {layer: packed(values[columns]) for layer, columns, _ in contrast.columns()}
