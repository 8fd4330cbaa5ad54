"""Representations of style: what of a picture's features a transfer matches, a module each.

Each is relative to its target and 0 where the features are the target's.

| name | what is matched |
|---|---|
| gram | F F^T / N, which channels fire together |
| local | the Gram matrices of windows, place by place |
| covariance | which channels fire together where the content shows what |
| centred | the Gram matrix of F - mean, how channels vary together, whatever their level |
| mean | F 1 / N, how much each channel fires, alone |
| shifted | the Gram matrix of F + shift, which also sees channels that are silent together |
| chained | up(F_deep) F_shallow^T / N, what in a layer goes with what in the next |
| sliced | the whole distribution of F over positions, along single directions |
| softened | the Gram matrix of softmax(F), whose peaks are lower |

A new one is a module here, whose class stands in its REPRESENTATION, and a line of
`stylespace.settings.representations`. A tenth, `guided`, takes the place of gram where regions
guide the style.
"""

import importlib
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from stylespace.errors import unknown
from stylespace.images.colour import match_colours
from stylespace.losses.representations.base import Representation
from stylespace.losses.representations.pictures import Pictures, picture_of
from stylespace.networks.network import Network
from stylespace.settings import TransferSettings
from stylespace.settings.representations import REPRESENTATIONS
from stylespace.styles.sources import StyleSource

GUIDED = "guided"
"""Module of the representation by regions, which no setting names."""


def represented_style(
    settings: TransferSettings, network: Network, content: Tensor, sources: Sequence[StyleSource]
) -> Representation:
    """Return the style of a transfer in the representation that its settings ask for.

    Args:
        settings: of the transfer. network: that sees the pictures.
        content: (1, 3, H, W). sources: the styles. Either is recoloured after the other first,
            where the settings say so.

    Raises:
        UsageError: a style of statistics alone where its picture is needed, or one that is smaller
            than the windows.
        MemoryLimitError: the style pictures, or the guides, would not fit.
    """
    if settings.colour == "match-before":
        sources = [_recoloured(source, content, settings.content) for source in sources]
    if settings.colour == "match-style":
        content = match_colours(content, picture_of(sources[0])).clamp(0, 1)
    pictures = Pictures(settings, network, content, sources)
    name = GUIDED if settings.guided() else settings.representation
    return representation_class(name)(pictures)


def _recoloured(source: StyleSource, content: Tensor, name: str) -> StyleSource:
    """Return a style with the colours of the content of that name."""
    image = match_colours(picture_of(source), content).clamp(0, 1)
    return replace(source, image=image, colours_of=name)


def representation_class(name: str) -> type[Representation]:
    """Return the class of a representation by its name.

    Raises:
        UsageError: an unknown name, the nearest named.
    """
    if name not in (*REPRESENTATIONS, GUIDED):
        raise unknown("representation", name, tuple(REPRESENTATIONS))
    return importlib.import_module(f"{__name__}.{name}").REPRESENTATION
