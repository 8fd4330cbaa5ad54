"""How much memory a run takes, known before it starts."""

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from stylespace.errors import MemoryLimitError
from stylespace.networks import architectures, winograd
from stylespace.networks.architectures import (
    Blur,
    Convolution,
    Inception,
    Operation,
    Pooling,
    convolutions,
)
from stylespace.networks.network import Network
from stylespace.networks.network_entry import OWN
from stylespace.networks.tiles import halo_of

HISTORY = 10  # pairs of L-BFGS
COPIES = 10  # of the picture that the loop and its optimiser hold beside them
TILES = (704, 544, 352, 192)
"""Sides of tiles to choose from: with what VGG-19 reads around, 864 pixels to 352."""
RESIZED = 4  # copies of a picture that live while it is resized
SLACK = 1.25  # scratch space of the convolutions


def estimate(network: Network, layers: Sequence[str], height: int, width: int) -> int:
    """Return the bytes of one objective with gradient on a picture of height x width pixels.

    Counts the activations kept for the backward pass, of the largest tile where the network has
    tiles, the two largest gradients alive at once, the optimiser's copies of the picture, the Gram
    matrices, and the values of filters; not the process itself.
    """
    kept = kept_bytes(network, layers, *read_shape(network, layers, height, width))
    channels = [network.channels(name) for name in network.resolve(layers)]
    matrices = sum(8 * c * c * 4 for c in channels) + values_bytes(network, layers)
    pictures = optimizer_bytes(height, width, tiled=network.tiled(height, width))
    return round(SLACK * (sum(kept) + 2 * max(kept)) + pictures + matrices)


def values_bytes(network: Network, layers: Sequence[str]) -> int:
    """Return the bytes of the filters' values that the network keeps, see `winograd`."""
    if network.values is None:
        return 0
    deepest = network.names.index(network.resolve(layers)[-1])
    filters = (network.filters[one.key][0] for one in convolutions(network.layers[: deepest + 1]))
    counts = (winograd.SIDE**2 * f.shape[0] * f.shape[1] for f in filters if winograd.wide(f))
    return 4 * sum(counts)


def optimizer_bytes(height: int, width: int, *, tiled: bool = False) -> int:
    """Return the bytes of a picture, its gradient, the best one and the optimiser's history.

    tiled: the history is in half precision, see `LBFGS`.
    """
    return ((HISTORY if tiled else 2 * HISTORY) + COPIES) * 3 * height * width * 4


def read_shape(network: Network, layers: Sequence[str], height: int, width: int) -> tuple[int, int]:
    """Return the (H, W) that the network evaluates at once of a picture: its largest tile's."""
    if not network.tiled(height, width):
        return height, width
    halo = halo_of(network.reads(dict.fromkeys(layers, 0)))
    return min(height, network.tile + 2 * halo), min(width, network.tile + 2 * halo)


def measured_bytes(network: Network, layers: Sequence[str], height: int, width: int) -> int:
    """Return the bytes of measuring a picture once, without gradient, in one piece.

    The features of `layers`, and what two neighbouring layers take while they are computed.
    """
    kept = kept_bytes(network, layers, height, width)
    asked = network.resolve(layers)
    features = sum(count for name, count in zip(network.names, kept, strict=False) if name in asked)
    return round(SLACK * (features + 2 * max(kept)))


def kept_bytes(network: Network, layers: Sequence[str], height: int, width: int) -> list[int]:
    """Return the bytes of activations that each layer keeps for the backward pass.

    Up to the deepest of `layers`, shallow to deep.
    """
    if network.padding == OWN:
        from stylespace.networks.wrapped import WrappedNetwork  # and torchvision: 160 MiB

        assert isinstance(network, WrappedNetwork)
        return network.kept_bytes(layers, height, width)
    asked, shape, result = network.resolve(layers), (3, height, width), []
    for layer in network.layers[: network.names.index(asked[-1]) + 1]:
        count, shape = _chain(network, layer.operations, shape)
        if layer.name in asked and network.dtype.itemsize < 4:
            count += 4 * math.prod(shape)  # widened for its Gram matrix
        result.append(count)
    return result


Shape = tuple[int, int, int]


def _chain(network: Network, operations: Sequence[Operation], shape: Shape) -> tuple[int, Shape]:
    """Return the bytes that operations keep, and the shape (C, h, w) behind them."""
    total = 0
    for operation in operations:
        count, shape = _operation(network, operation, shape)
        total += count
    return total, shape


def _operation(network: Network, operation: Operation, shape: Shape) -> tuple[int, Shape]:
    """Count the result (the next operation's input), a padded copy, the indices of a maximum."""
    size = network.dtype.itemsize
    if isinstance(operation, Inception):
        chains = [_chain(network, branch, shape) for branch in operation.branches]
        joined = (sum(channels for _, (channels, _, _) in chains), *chains[0][1][1:])
        return sum(count for count, _ in chains) + size * math.prod(joined), joined
    c, h, w = shape
    padding, pad = network.padding, operation.padding
    channels = operation.outputs if isinstance(operation, Convolution) else c
    height, width = (architectures.output_length(operation, n, padding=padding) for n in (h, w))
    result = (channels, height, width)
    count = size * math.prod(result)
    if isinstance(operation, Blur) or (pad and network.padding != "zeros"):
        count += size * c * (h + 2 * pad) * (w + 2 * pad)
    if isinstance(operation, Pooling) and network.pooling == "max":
        count += 8 * math.prod(result)
    return count, result


def available(device: torch.device) -> int:
    """Return the bytes that a run may take on a device."""
    if device.type == "cuda":
        reusable = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + reusable
    import psutil

    free = min(psutil.virtual_memory().available, _allowed(psutil.Process().memory_info()))
    try:
        return min(free, _container_free(Path("/sys/fs/cgroup")))
    except (OSError, ValueError, KeyError):  # no container, or one without a limit
        return free


def _allowed(used: Any) -> int:
    """Return the bytes that the limits of this process leave (ulimit -v and -d)."""
    try:
        import resource
    except ImportError:  # not on every system
        return sys.maxsize
    kinds = ((resource.RLIMIT_AS, used.vms), (resource.RLIMIT_DATA, getattr(used, "data", 0)))
    limits = ((resource.getrlimit(kind)[0], count) for kind, count in kinds)
    left = (limit - count for limit, count in limits if limit != resource.RLIM_INFINITY)
    return max(0, min(left, default=sys.maxsize))


def _container_free(folder: Path) -> int:
    """Return what a container's own limit leaves; files that are only cached count as free."""
    limit, used = (int((folder / name).read_text()) for name in ("memory.max", "memory.current"))
    stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return max(0, limit - used + int(stat["inactive_file"]))


BATCH_PIXELS = 2 * 128**2
"""Pixels of a batch on a CPU: at 128 px two entries at once take .97 of one by one, eight 1.10."""


def batch_size(network: Network, layers: Sequence[str], height: int, width: int) -> int:
    """Return how many pictures to optimise at once: half of the free memory, at least one."""
    fitting = available(network.device) // (2 * estimate(network, layers, height, width))
    useful = BATCH_PIXELS // (height * width) if network.device.type == "cpu" else fitting
    return max(1, min(fitting, useful))


def check_memory(
    network: Network,
    layers: Sequence[str],
    height: int,
    width: int,
    *,
    count: int = 1,
    extra: int = 0,
) -> int:
    """Return the estimate for `count` pictures at once, or refuse a run that would not fit.

    extra: bytes that the objective takes beside the network and global Gram matrices.

    Raises:
        MemoryLimitError: with the figure and the remedies.
    """
    needed = count * estimate(network, layers, height, width) + extra
    free = available(network.device)
    if needed > free:
        raise MemoryLimitError(
            f"{width}x{height} pixels need about {gibibytes(needed)}, and {gibibytes(free)} are "
            f"free on {network.device}: take a smaller --size, shallower layers, "
            f"{'fewer --seeds, ' if count > 1 else ''}or --precision bfloat16."
        )
    return needed


def tile_for(
    network: Network,
    layers: Sequence[str],
    height: int,
    width: int,
    *,
    count: int = 1,
    extra: Callable[[Network], int] = lambda network: 0,
) -> int:
    """Return the side of the largest tiles that fit into memory; 0 where no tiles are needed.

    extra: bytes that the objective takes beside, on a network with its tiles. The smallest is
    returned where none fits, which `check_memory` then refuses.
    """
    if network.padding == OWN:
        return 0  # it sees pictures whole
    free = available(network.device)
    for side in (0, *TILES):
        tiled = network.in_tiles(side)
        if count * estimate(tiled, layers, height, width) + extra(tiled) <= free:
            return side
    return TILES[-1]


def check_picture(height: int, width: int) -> None:
    """Refuse a style picture that would not fit when it is resized, whatever is made of it.

    Raises:
        MemoryLimitError: with the figure and the remedy.
    """
    needed, free = RESIZED * 3 * 4 * height * width, available(torch.device("cpu"))
    if needed > free:
        raise MemoryLimitError(
            f"a style picture of {width}x{height} pixels needs about {gibibytes(needed)}, and "
            f"{gibibytes(free)} are free: take a smaller --size, --source-size or --style-scale."
        )


def gibibytes(count: int) -> str:
    """Say how many bytes that are."""
    return f"{count / 2**30:.1f} GiB"
