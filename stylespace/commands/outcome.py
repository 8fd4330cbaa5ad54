"""What a probe, a texture or a transfer hands back, and how their parts are put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from stylespace.images import written_image
from stylespace.networks.memory import check_memory
from stylespace.networks.network import Network, load_network
from stylespace.settings import Making, Settings
from stylespace.synthesis.loop import Objective, Synthesis, Watch
from stylespace.synthesis.pyramid import Scale, coarse_to_fine

Kind = TypeVar("Kind", bound=Settings)


@dataclass(frozen=True, eq=False)
class Outcome:
    """A picture, and everything that is known about it.

    image: (1, 3, H, W), values that 8 bits hold: what the figures are measured on.
    figures: named numbers of the written picture. synthesis: the run, with its trace.
    weights: SHA-256 of the network's filters. device, dtype: where and in which precision it ran.
    beside: what its figure shows beside the picture, or None where there is no figure.
    remarks: what a user should know about the inputs, a sentence each.
    """

    settings: Settings
    image: Tensor
    figures: Mapping[str, float]
    synthesis: Synthesis
    weights: str
    device: str = ""
    dtype: str = ""
    beside: Any = None
    remarks: tuple[str, ...] = ()


def outcome_of(
    settings: Settings,
    image: Tensor,
    figures: Mapping[str, float],
    synthesis: Synthesis,
    network: Network,
    *,
    beside: Any = None,
    remarks: tuple[str, ...] = (),
) -> Outcome:
    """Put an outcome together from a run and the network that it ran on."""
    device, dtype = network.device.type, str(network.dtype).removeprefix("torch.")
    return Outcome(
        settings,
        image,
        figures,
        synthesis,
        network.sha256,
        device,
        dtype,
        beside,
        remarks,
    )


def settings_with(kind: type[Kind], settings: Kind | None, changes: Mapping[str, Any]) -> Kind:
    """Return `settings` with `changes`, or new ones from `changes` alone; None changes nothing.

    Where a field holds several values, one alone or any sequence will do; entries may be (i, j).
    Paths and numbers will do where a text is meant.

    Raises:
        UsageError: a value out of range. TypeError: an unknown name.
    """
    types = {one.name: str(one.type) for one in fields(kind)}
    changes = {
        name: _typed(name, value, types.get(name, ""))
        for name, value in changes.items()
        if value is not None
    }
    return kind(**changes) if settings is None else replace(settings, **changes)


def _typed(name: str, value: Any, kind: str) -> Any:
    """Return a keyword as its field holds it."""
    if not kind.startswith("tuple"):
        return os.fspath(value) if isinstance(value, os.PathLike) else value
    values = _several(name, value)
    if "str" not in kind:
        return values
    return tuple(str(one) if type(one) in (int, float) else one for one in values)


def _several(name: str, value: Any) -> tuple:
    """Return the values of a field that holds several: "a", 3, Path("a"), (12, 40), [...]."""
    if name == "entry" and not isinstance(value, str):
        pairs = [value] if all(isinstance(one, int) for one in value) else value
        return tuple(one if isinstance(one, str) else ",".join(map(str, one)) for one in pairs)
    values = (value,) if isinstance(value, str | int | float | os.PathLike) else value
    return tuple(os.fspath(one) if isinstance(one, os.PathLike) else one for one in values)


SIGHT = ("network", "weights", "pooling", "padding", "device", "precision")
"""Settings that say which network sees a picture, and where."""


def network_for(settings: Settings, *, progress: bool = False) -> Network:
    """Load the network that settings name, on their device, in their precision.

    Raises:
        WeightsError: see `load_weights`. UsageError: a device that is not there.
    """
    options = {name: getattr(settings, name) for name in SIGHT if name != "network"}
    return load_network(settings.network, **options, progress=progress)


def judge_for(network: Network, settings: Settings) -> Network:
    """Return the network that figures are measured with: never one in half precision."""
    if network.dtype.itemsize >= 4:
        return network
    return network_for(replace(settings, precision="float32"))


def run_ladder(
    network: Network,
    settings: Making,
    objective_at: Callable[[int, int], Objective],
    start: Callable[[int, int], Tensor],
    deepest: tuple[str, ...],
    shape: Callable[[int], tuple[int, int]],
    *,
    watch: Watch | None,
    count: int = 1,
    extra: int = 0,
    **options: object,
) -> Synthesis:
    """Check the memory of the finest scale and climb the ladder of the settings.

    Scales that the user did not name are left out where they are too small for a layer.
    start: (H, W) -> the `count` pictures to start from. shape: scale in pixels (longer side) ->
    (H, W). extra: bytes that the objective takes beside the network and global Gram matrices.
    """
    check_memory(network, deepest, *shape(settings.size), count=count, extra=extra)
    sizes = settings.ladder()
    while len(sizes) > 1 and not settings.sizes and not network.fits(deepest, *shape(sizes[0])):
        sizes = sizes[1:]
    schedule = settings.schedule(len(sizes))
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
