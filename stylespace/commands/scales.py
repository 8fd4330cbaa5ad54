"""The run of a command from coarse to fine: its scales, its memory, the noise it starts from."""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from stylespace.errors import UsageError
from stylespace.networks.memory import check_memory, estimate, gibibytes, tile_for
from stylespace.networks.network import Network
from stylespace.settings import Making
from stylespace.synthesis.loop import ObjectiveFunction, Synthesis, Watch
from stylespace.synthesis.parameters import Grey, parameters_for
from stylespace.synthesis.pyramid import Scale, coarse_to_fine


class Planned(Exception):
    """A run that was only planned: its network and layers, scales, bytes, pictures at once."""

    def __init__(
        self,
        network: Network,
        layers: Sequence[str],
        scales: Sequence[Scale],
        needed: int,
        count: int,
    ) -> None:
        super().__init__("planned")
        self.network, self.layers, self.scales = network, layers, scales
        self.needed, self.count = needed, count


_PLANNING: ContextVar[bool] = ContextVar("planning", default=False)


def plan_of(make: Callable[[], object]) -> Planned:
    """Return what a call that makes a picture would run, without its evaluations.

    Raises:
        UsageError: it makes none. StylespaceError: what the call says before it would begin.
    """
    token = _PLANNING.set(True)
    try:
        make()
    except Planned as plan:
        return plan
    finally:
        _PLANNING.reset(token)
    raise UsageError("nothing is optimised: there is nothing to estimate.")


def run_pyramid(
    network: Network,
    settings: Making,
    objective_at: Callable[[int, int], ObjectiveFunction],
    start: Callable[[int, int], Tensor],
    deepest: tuple[str, ...],
    shape: Callable[[int], tuple[int, int]],
    *,
    parameters: str = "pixels",
    watch: Watch | None,
    count: int = 1,
    extra: int = 0,
    grey: bool = False,
    **options: Any,
) -> Synthesis:
    """Check the memory of the finest scale and climb the pyramid of the settings.

    Scales that the user did not name are left out where they are too small for a layer.
    start: (H, W) -> the `count` pictures to start from. shape: scale in pixels (longer side) ->
    (H, W). parameters: of all scales, or as fourier-pixels, whose second are the last scale's.
    extra: bytes that the objective takes beside the network and global Gram matrices. grey: the
    pictures are.
    """
    needed = check_memory(network, deepest, *shape(settings.size), count=count, extra=extra)
    sizes = settings.pyramid()
    while len(sizes) > 1 and not settings.sizes and not network.fits(deepest, *shape(sizes[0])):
        sizes = sizes[1:]
    schedule = settings.schedule(len(sizes))
    coarse, _, last = parameters.partition("-")
    kinds = [*[coarse] * (len(sizes) - 1), last or coarse]
    planned = zip(sizes, schedule, kinds, strict=True)
    scales = [Scale(*shape(size), steps, kind) for size, steps, kind in planned]
    if grey:
        scales = [_grey_scale(scale, kind) for scale, kind in zip(scales, kinds, strict=True)]
    coarsest = scales[0].height, scales[0].width
    network.check_size(deepest, *coarsest)
    if _PLANNING.get():
        raise Planned(network, deepest, tuple(scales), needed, count)
    return coarse_to_fine(
        objective_at,
        start(*coarsest).to(network.device),
        scales,
        optimizer=settings.optimizer,
        half_history=network.tiled(*shape(settings.size)),
        watch=watch,
        **options,
    )


def in_tiles(
    network: Network,
    settings: Any,
    layers: Sequence[str],
    height: int,
    width: int,
    *,
    count: int = 1,
    extra: Callable[[Network], int] = lambda network: 0,
) -> tuple[Network, Any]:
    """Return a network and settings, in tiles where the settings say so or memory is short.

    Args:
        settings: of a command that makes pictures; the tiles that are chosen become theirs.
        layers: that are measured. height, width: of the finest scale.
        count, extra: see `tile_for`.
    """
    if settings.tile is not None:
        return network.in_tiles(settings.tile), settings
    side = tile_for(network, layers, height, width, count=count, extra=extra)
    return (network.in_tiles(side), replace(settings, tile=side)) if side else (network, settings)


def tile_remark(network: Network, layers: Sequence[str], height: int, width: int) -> list[str]:
    """Say that pictures of that size are evaluated in tiles, and what it saves; else nothing."""
    if not network.tiled(height, width):
        return []
    plain = network.in_tiles(0)
    whole, tiled = (estimate(one, layers, height, width) for one in (plain, network))
    return [
        f"evaluated in tiles of {network.tile} pixels: about {gibibytes(tiled)} instead of "
        f"{gibibytes(whole)}."
    ]


def _grey_scale(scale: Scale, kind: str) -> Scale:
    return replace(scale, parameters=Grey(parameters_for(kind, scale.height, scale.width)))


def noise_picture(
    height: int,
    width: int,
    *,
    colour: Tensor | None = None,
    seed: int,
    spread: float = 0.1,
    grey: bool = False,
) -> Tensor:
    """Return seeded noise around a colour (3,) or grey: (1, 3, H, W) in [0, 1].

    grey: the noise itself is, the same in all three colours.
    """
    generator = torch.Generator().manual_seed(seed)
    middle = torch.full((3,), 0.5) if colour is None else colour.float().cpu()
    noise = spread * torch.randn(1, 1 if grey else 3, height, width, generator=generator)
    return (middle[:, None, None] + noise).clamp(0, 1)
