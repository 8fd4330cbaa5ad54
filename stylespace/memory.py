"""How much memory a run takes, known before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from stylespace import architectures
from stylespace.architectures import Convolution, Inception
from stylespace.errors import MemoryLimitError
from stylespace.networks import Network

HISTORY = 10  # pairs of L-BFGS
SLACK = 1.15  # scratch space of the convolutions


def estimate(network: Network, layers: Sequence[str], height: int, width: int) -> int:
    """Return the bytes of one objective with gradient on a picture of height x width pixels.

    Counts the activations kept for the backward pass, the two largest gradients alive at once,
    the optimiser's copies of the picture, and the Gram matrices; not the process itself.
    """
    kept = [_layer_bytes(network, name, height, width) for name in _evaluated(network, layers)]
    channels = [network.channels(name) for name in network.resolve(layers)]
    pictures = (2 * HISTORY + 10) * 3 * height * width * 4
    return round(
        SLACK * (sum(kept) + 2 * max(kept)) + pictures + sum(8 * c * c * 4 for c in channels)
    )


def _evaluated(network: Network, layers: Sequence[str]) -> tuple[str, ...]:
    """Return the names of all layers up to the deepest asked for."""
    deepest = network.resolve(layers)[-1]
    return network.names[: network.names.index(deepest) + 1]


def _layer_bytes(network: Network, name: str, height: int, width: int) -> int:
    """Return the bytes that one layer's operations keep for the backward pass."""
    layer = next(one for one in network.layers if one.name == name)
    h, w = network.grid(name, height, width)
    size = torch.finfo(network.dtype).bits // 8
    copies = 2 if network.padding != "zeros" else 1
    inner = sum(
        c.outputs
        for operation in layer.operations
        if isinstance(operation, Inception)
        for c in architectures.convolutions((layer,))
    )
    before = sum(_inputs(layer) for op in layer.operations if not isinstance(op, Convolution))
    return copies * size * h * w * (layer.channels + inner + before)


def _inputs(layer: architectures.Layer) -> int:
    return next(architectures.convolutions((layer,))).inputs


def available(device: torch.device) -> int:
    """Return the bytes that a run may take on a device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    import psutil

    free = psutil.virtual_memory().available
    limit, used = (_cgroup(name) for name in ("memory.max", "memory.current"))
    return free if limit is None or used is None else min(free, max(0, limit - used))


def _cgroup(name: str) -> int | None:
    """Return a figure of the container's own memory limit, where there is one."""
    path = Path("/sys/fs/cgroup") / name
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def check_memory(network: Network, layers: Sequence[str], height: int, width: int) -> int:
    """Return the estimate, or refuse a run that would not fit.

    Raises:
        MemoryLimitError: with the figure and the remedies.
    """
    needed, free = estimate(network, layers, height, width), available(network.device)
    if needed > free:
        raise MemoryLimitError(
            f"{width}x{height} pixels need about {_gib(needed)}, and {_gib(free)} are free on "
            f"{network.device}: take a smaller --size, shallower layers or --precision bfloat16."
        )
    return needed


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
