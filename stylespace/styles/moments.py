"""The moments of a picture, which may be larger than memory: tile by tile, each position once."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from stylespace.networks.network import Network
from stylespace.styles.gram import gram, mean


@dataclass(frozen=True, eq=False)
class LayerStyle:
    """Raw moments of one layer's activations.

    mean: (C,). gram: (C, C), F F^T / N. positions: N = h w.
    """

    mean: Tensor
    gram: Tensor
    positions: int


def moments_in_tiles(
    network: Network, image: Tensor, names: Sequence[str]
) -> dict[str, LayerStyle]:
    """Sum the moments of a picture (1, 3, H, W) over the network's tiles."""
    sums: dict[str, tuple[Tensor, Tensor, int]] = {}
    for tile in network.tiles(image, dict.fromkeys(names, 0)):
        for name, features in network.whole(tile.image, names).items():
            owned = tile.own_of(name, features)
            if owned.numel():
                _add(sums, name, owned)
    return {name: LayerStyle(m / count, g / count, count) for name, (m, g, count) in sums.items()}


def _add(sums: dict[str, tuple[Tensor, Tensor, int]], name: str, owned: Tensor) -> None:
    count = owned.shape[2] * owned.shape[3]
    m, g, before = sums.get(name, (0, 0, 0))
    sums[name] = (m + count * mean(owned)[0], g + count * gram(owned)[0], before + count)
