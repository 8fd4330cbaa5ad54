"""What a probe, a texture or a transfer hands back, and how their parts are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from stylespace.catalogue import layer_names
from stylespace.images import written_image
from stylespace.ladder import Scale, coarse_to_fine
from stylespace.memory import check_memory
from stylespace.networks import Network, load_network
from stylespace.settings import Making, Settings
from stylespace.synthesis import Objective, Synthesis, Watch

Kind = TypeVar("Kind", bound=Settings)


@dataclass(frozen=True)
class Outcome:
    """A picture, and everything that is known about it.

    image: (1, 3, H, W), values that 8 bits hold: what the figures are measured on.
    figures: named numbers of the written picture. synthesis: the run, with its trace.
    weights: SHA-256 of the network's filters.
    """

    settings: Settings
    image: Tensor
    figures: Mapping[str, float]
    synthesis: Synthesis
    weights: str


def settings_with(kind: type[Kind], settings: Kind | None, changes: Mapping[str, Any]) -> Kind:
    """Return `settings` with `changes`, or new ones from `changes` alone.

    Raises:
        UsageError: a value out of range. TypeError: an unknown name.
    """
    changes = {
        name: (value,) if name in _TUPLES and isinstance(value, str | int) else value
        for name, value in changes.items()
    }
    return kind(**changes) if settings is None else replace(settings, **changes)


_TUPLES = ("sources", "styles", "layers", "content_layers", "iterations", "sizes", "entry")


def network_for(settings: Settings, *, progress: bool = False) -> Network:
    """Load the network that settings name, on their device, in their precision.

    Raises:
        WeightsError: see `load_weights`. UsageError: a device that is not there.
    """
    layer_names(settings.network)
    return load_network(
        settings.network,
        pooling=settings.pooling,
        padding=settings.padding,
        weights=settings.weights,
        device=device_for(settings.device),
        precision=settings.precision,
        progress=progress,
    )


def device_for(name: str) -> torch.device:
    """Return a torch device by name; "auto" is CUDA, then MPS, then the CPU.

    Raises:
        UsageError: unknown, or not there on this machine.
    """
    from stylespace.errors import UsageError

    if name == "auto":
        cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).tolist()  # "meta" has no values to give back
    except Exception:  # torch answers an unknown device in many ways, missing modules among them
        raise UsageError(f"device {name!r} is not available here: use --device cpu.") from None
    return device


def run_ladder(
    network: Network,
    settings: Making,
    objective_at: Callable[[int, int], Objective],
    start: Callable[[int, int], Tensor],
    deepest: tuple[str, ...],
    shape: Callable[[int], tuple[int, int]],
    *,
    watch: Watch | None,
    **options: object,
) -> Synthesis:
    """Check the memory of the finest scale and climb the ladder of the settings.

    start: (H, W) -> the picture to start from. shape: scale in pixels (longer side) -> (H, W).
    """
    check_memory(network, deepest, *shape(settings.size))
    sizes, schedule = settings.ladder(), settings.schedule()
    scales = [Scale(*shape(size), steps) for size, steps in zip(sizes, schedule, strict=True)]
    coarsest = scales[0].height, scales[0].width
    network.check_size(deepest, *coarsest)
    return coarse_to_fine(
        objective_at,
        start(*coarsest).to(network.device),
        scales,
        optimizer=settings.optimizer,
        watch=watch,
        **options,
    )


def fitted(height: int, width: int) -> Callable[[int], tuple[int, int]]:
    """Return a function from a longer side to (H, W) with the aspect of height x width."""

    def shape(size: int) -> tuple[int, int]:
        longer = max(height, width)
        return max(1, round(height * size / longer)), max(1, round(width * size / longer))

    return shape


def noise_picture(
    height: int, width: int, *, colour: Tensor | None = None, seed: int, spread: float = 0.1
) -> Tensor:
    """Return seeded noise around a colour (3,) or grey: (1, 3, H, W) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    middle = torch.full((3,), 0.5) if colour is None else colour.float().cpu()
    noise = spread * torch.randn(1, 3, height, width, generator=generator)
    return (middle[:, None, None] + noise).clamp(0, 1)


def total_loss(objective: Objective, image: Tensor) -> float:
    """Return the sum of an objective's terms on a picture."""
    with torch.no_grad():
        return float(sum(objective(image).values()).sum())


def as_written(synthesis: Synthesis, network: Network) -> Tensor:
    """Return the picture that the file will hold, on the network's device."""
    return written_image(synthesis.image).to(network.device)
