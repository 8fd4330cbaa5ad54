"""How much memory a transfer's representation of style adds, known before it starts."""

from __future__ import annotations

from stylespace.commands.outcome import fitted
from stylespace.commands.transfer.styling import FEATURES, Styling
from stylespace.losses.covariance import STORED, covariance_memory
from stylespace.losses.guides import guides_memory
from stylespace.losses.local import local_memory
from stylespace.networks.memory import measured_bytes

Grid = tuple[int, int]

COPIES = {"centred": 1, "shifted": 1, "chained": 3, "sliced": 4}
"""Copies of all layers' features that one evaluation takes beyond a Gram matrix's, at 256 px:
.8, .8, 2.4 and 3.6 of them."""
PROJECTED = 3
"""Copies of the style picture's features that "sliced" takes to sort their projections once."""


def styling_memory(styling: Styling, height: int, width: int) -> int:
    """Return the bytes that a representation adds to a global style's objective.

    Args:
        height, width: of the result, in pixels.
    """
    network, settings = styling.network, styling.settings
    kind, count = settings.representation, _measuring(styling)
    grids = {layer: network.grid(layer, height, width) for layer in styling.layers}
    if styling.regions is not None:
        number = len(styling.regions.names)
        count += guides_memory(network, styling.layers, number, height, width)
    if kind == "local":
        count += sum(_bytes(styling, *one) for one in grids.items())  # the style picture's
        count += max(_local(styling, *one) for one in grids.items())
    if kind == "covariance":
        count += max(_covariance(styling, *one) for one in grids.items())
        count += sum(_moments(styling, layer) for layer in grids)
    if kind in COPIES:
        count += COPIES[kind] * sum(_bytes(styling, *one) for one in grids.items())
    return count


def _measuring(styling: Styling) -> int:
    """Return the bytes of the style picture's features, where they are needed, in one piece."""
    kind = styling.settings.representation
    if styling.regions is None and kind not in (*FEATURES, "covariance"):
        return 0
    shape = _style_shape(styling)
    count = measured_bytes(styling.network, styling.layers, *shape)
    if kind == "sliced":
        grids = {layer: styling.network.grid(layer, *shape) for layer in styling.layers}
        count += PROJECTED * sum(_bytes(styling, *one) for one in grids.items())
    return count


def _local(styling: Styling, layer: str, grid: Grid) -> int:
    """Return the bytes of a localised distance."""
    half_width, stride = styling.settings.half_widths()[layer], styling.settings.stride
    shape = (1, styling.network.channels(layer), *grid)
    return local_memory(shape, half_width, stride=stride, itemsize=_itemsize(styling))


def _covariance(styling: Styling, layer: str, grid: Grid) -> int:
    """Return the bytes of a covariance distance."""
    network, style = styling.network, styling.network.grid(layer, *_style_shape(styling))
    sizes = network.channels(layer), styling.settings.reduction()[1]
    positions = grid[0] * grid[1], style[0] * style[1]
    place = {"itemsize": _itemsize(styling), "device": network.device.type}
    return covariance_memory(*sizes, *positions, **place)


def _moments(styling: Styling, layer: str) -> int:
    """Return the bytes of the moments that a covariance term keeps, if it keeps them."""
    count = styling.settings.reduction()[1] * styling.network.channels(layer) ** 2
    kept = count * _itemsize(styling)
    return kept if kept <= STORED else 0


def _style_shape(styling: Styling) -> Grid:
    """Return (H, W) of the style picture at the finest scale."""
    return fitted(*styling.sources[0].image.shape[2:])(styling.largest)


def _bytes(styling: Styling, layer: str, grid: Grid) -> int:
    """Return the bytes of a layer's features."""
    return _itemsize(styling) * styling.network.channels(layer) * grid[0] * grid[1]


def _itemsize(styling: Styling) -> int:
    """Return the bytes of a number in a term, which is never in half precision."""
    return max(4, styling.network.dtype.itemsize)
