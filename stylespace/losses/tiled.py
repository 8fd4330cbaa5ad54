"""Objectives in tiles: values and exact gradients of pictures that are larger than memory.

What a term measures is a sum over positions, or a function of such sums. The first pass adds up the
sums, tile by tile, without a graph; with them the terms' values and their slopes in the sums are
known. The second pass forwards each tile again, with a graph, and sends the slopes back through its
share of the sums into the tile's pixels; pixels that tiles share add up. Equal to the gradient of
the whole picture up to rounding, as nothing but the order of the sums differs.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from stylespace.errors import UsageError
from stylespace.losses.one_pass import Inputs, Made, Wanted, one_pass
from stylespace.losses.terms import Parts, Term
from stylespace.networks.network import Network
from stylespace.networks.tiles import PICTURE, Tile, wider


def tiled_values(network: Network, terms: Sequence[Term], image: Tensor) -> dict[str, Tensor]:
    """Return the weighted value of every term of a picture, {name: (B,)}, evaluated in tiles.

    Their sum is differentiable in the picture (B, 3, H, W), once; the first carries the gradient
    of all of them.

    Raises:
        UsageError: a term that is no sum over positions, such as a spectrum.
    """
    looking = _Looking(network, terms, image.detach())
    values: dict[str, Tensor] = {}

    def make(inputs: Inputs, wanted: Wanted) -> Made:
        gradients = looking.values_and_gradient(values) if wanted[0] else looking.values(values)
        return torch.stack(list(values.values())).sum(0), gradients

    total = one_pass(make, image)
    first, *_ = values
    return {**values, first: values[first] + (total - total.detach())}


class _Looking:
    """A network that looks at a picture (B, 3, H, W) tile by tile, and what it looks for."""

    def __init__(self, network: Network, terms: Sequence[Term], image: Tensor) -> None:
        self._network, self._image = network, image
        self._terms = {term: _parts_of(term, network) for term in terms}
        self._margins: dict[str, int] = {}
        for term, parts in self._terms.items():
            for layer in term.layers or (PICTURE,):
                self._margins[layer] = max(parts.margin, self._margins.get(layer, 0))

    def values(self, values: dict[str, Tensor]) -> list[Tensor]:
        """Fill in the value of every term; return no gradient."""
        with torch.no_grad():
            sums = self._sums(self._terms)
            for term, parts in self._terms.items():
                value = term.weight * parts.value(sums[term.name])
                values[term.name] = value.to(self._image.dtype)
        return []

    def values_and_gradient(self, values: dict[str, Tensor]) -> list[Tensor]:
        """Fill in the value of every term; return the gradient of their sum in the picture."""
        slopes: dict[str, Tensor] = {}
        with torch.no_grad():
            sums = self._sums({t: parts for t, parts in self._terms.items() if not parts.plain})
        for term, parts in self._terms.items():
            if parts.plain:
                values[term.name] = slopes[term.name] = torch.zeros(())  # known when all is seen
                continue
            held = sums[term.name].requires_grad_()
            with torch.enable_grad():
                value = (term.weight * parts.value(held)).to(self._image.dtype)
                (slopes[term.name],) = torch.autograd.grad(value.sum(), held)
            values[term.name] = value.detach()
        gradient = torch.zeros_like(self._image)
        for tile in self._network.tiles(self._image, self._margins):
            tile.add_to(gradient, self._gradient(tile, slopes, values))
        return [gradient]

    def _sums(self, terms: Mapping[Term, Parts]) -> dict[str, Tensor]:
        """Return what the parts of some terms add up to."""
        sums: dict[str, Tensor] = {}
        network = self._network.in_tiles(wider(self._network.tile))
        for tile in network.tiles(self._image, self._margins) if terms else ():
            seen = self._seen(tile, tile.image)
            for term, parts in terms.items():
                own = parts.part(seen)
                sums[term.name] = sums[term.name] + own if term.name in sums else own
        return sums

    def _gradient(
        self, tile: Tile, slopes: Mapping[str, Tensor], values: dict[str, Tensor]
    ) -> Tensor:
        """Return a tile's share of the gradient, (B, 3, h, w); plain sums add to their values."""
        pixels = tile.image.clone(memory_format=torch.contiguous_format).requires_grad_()
        with torch.enable_grad():
            seen, total = self._seen(tile, pixels), pixels.new_zeros(())
            for term, parts in self._terms.items():
                own = parts.part(seen)
                if parts.plain:
                    own = term.weight * own
                    values[term.name] = values[term.name] + own.detach()
                total = total + (own if parts.plain else slopes[term.name] * own).sum()
            return torch.autograd.grad(total, pixels)[0]

    def _seen(self, tile: Tile, image: Tensor) -> Tile:
        layers = tuple(filter(None, self._margins))
        return tile.seen(image, self._network.whole(image, layers) if layers else {})


def _parts_of(term: Term, network: Network) -> Parts:
    """Return how a term is measured in tiles.

    Raises:
        UsageError: it cannot be.
    """
    parts = term.parts
    if parts is None or (parts.borders and network.padding == "circular"):
        raise UsageError(
            f"{term.name} looks at the whole picture at once, which cannot be done in tiles: leave "
            "it out, or take a smaller size."
        )
    return parts
