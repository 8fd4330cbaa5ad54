"""What a page carries so that every entry of its heat maps answers: values, places, channels.

Of each picture the entries as they were measured (1.6 MB of text for the five default layers), and
where its channels fire, as means over a grid of fields in 8 bits (half a megabyte for 16 fields a
side, 2 MB for 32). The place where two channels fire together is computed in the page, as the
product of their means: exact where a field is one position, else an approximation.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylespace.assets import channel_sheet
from stylespace.networks.network import Network
from stylespace.reports.content.drawings import data_uri
from stylespace.reports.heat_maps import palette
from stylespace.reports.measuring import Measured
from stylespace.settings import Measuring

SEEN = ("network", "weights", "pooling", "padding")
"""Settings that decide what the entries of a network show."""
LEVELS = 255
"""Largest code of a mean: a channel's own peak."""


def entry_data(
    found: Sequence[Measured],
    network: Network,
    settings: Measuring,
    contrast: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what the page needs to answer for every entry: plain JSON types.

    Args:
        found: pictures, with the layers of the page; none where it shows a contrast alone.
        network: that measured them. settings: that named it.
        contrast: of `contrast_data`, where maps of differences answer as well.

    Returns:
        `options`: those that a command needs to see with the same network; `palette`: base64 of
        256 colours, those of `heat_maps.palette`; `orders` {layer: channels as heat maps show
        them}; `fields` {layer: side of the receptive field in pixels as measured}; `pictures`
        [{`key`, `name`, `values` {layer: see `packed_values`}, `places`: of `packed_places`}], of
        style files without places; `contrast`; `channels` {`src`, `cell` pixels, `columns`,
        `first` {layer: number of its first cell}}, or None without a sheet.
    """
    layers = found[0].orders if found else (contrast or {})["orders"]
    return {
        "options": _options(settings),
        "palette": base64.b64encode(palette()).decode("ascii"),
        "orders": {layer: list(order) for layer, order in layers.items()},
        "fields": {layer: network.reach(layer).field for layer in layers},
        "pictures": [_picture(one) for one in found],
        "contrast": contrast,
        "channels": _channels(network, tuple(layers)),
    }


def packed_values(gram: Tensor) -> str:
    """Return the upper triangle of a matrix (C, C) with its diagonal, channels in their own order.

    Row by row, in base64 of little-endian float32.
    """
    matrix = gram.detach().cpu().double().numpy()
    return packed(matrix[np.triu_indices(len(matrix))].astype("<f4"))


def packed_places(places: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return where channels fire, {layer: means (C, h, w)}, as the page has it.

    {layer: {`shape` [h, w], `codes`: see `packed_means`}}.
    """
    return {
        layer: {"shape": list(means.shape[1:]), "codes": packed_means(means)}
        for layer, means in places.items()
    }


def packed_means(means: Tensor) -> str:
    """Return means (C, h, w), each channel in 255ths of its own peak: base64 of bytes.

    Negative ones, of layers that are not after a ReLU, count as 0.
    """
    means = means.clamp(min=0)
    peaks = means.amax((1, 2), keepdim=True).clamp(min=torch.finfo(means.dtype).tiny)
    return packed((LEVELS * means / peaks).round().to(torch.uint8).numpy())


def _picture(one: Measured) -> dict[str, Any]:
    return {
        "key": one.picture.key,
        "name": one.picture.name,
        "values": {layer: packed_values(gram) for layer, gram in one.picture.style.grams.items()},
        "places": packed_places(one.places),
    }


def _channels(network: Network, layers: Sequence[str]) -> dict[str, Any] | None:
    """Return the sheet of what the channels of the embedded network look like alone."""
    sheet = channel_sheet(network.sha256)
    if sheet is None:
        return None
    first = {layer: place for layer, place in sheet.first.items() if layer in layers}
    source = data_uri(sheet.path.read_bytes(), "webp")
    return {"src": source, "cell": sheet.cell, "columns": sheet.columns, "first": first}


def _options(settings: Measuring) -> str:
    """Return what a command needs to see with the same network: options that are not the default.

    A space stands before each.
    """
    plain = {one.name: one.default for one in fields(settings)}
    given = {name: getattr(settings, name) for name in SEEN}
    return "".join(f" --{name} {value}" for name, value in given.items() if value != plain[name])


def packed(array: np.ndarray) -> str:
    """Return the bytes of an array as text, in base64."""
    return base64.b64encode(array.tobytes()).decode("ascii")
