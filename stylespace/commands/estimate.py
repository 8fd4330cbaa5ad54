"""What a command would take, before it is run: memory, and time by a short calibration."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import psutil
import torch

from stylespace.commands.command import Result
from stylespace.commands.outcome import Outcome
from stylespace.commands.scales import Planned, plan_of
from stylespace.commands.sight import network_for
from stylespace.errors import OutputError, UnreachedError
from stylespace.files import read_data, write_whole
from stylespace.networks.memory import gibibytes
from stylespace.networks.network import Network
from stylespace.networks.tiles import wider
from stylespace.settings import Making, Settings, recipe_of
from stylespace.synthesis.loop import Step
from stylespace.synthesis.pyramid import Scale

WORKING = 64 * 2**20
"""Bytes of what a run imports and draws with, beside the network and the pictures."""
SIDES = (128, 256)
"""Longer sides in pixels of the pictures by which the machine is calibrated."""
STEPS = 4
"""Evaluations of each; the first, which prepares, is not counted."""
FORWARD = 1 / 2
"""What a forward pass takes of an evaluation, whose backward one goes to the picture alone: tiles
have one more."""
COUNTED = {one.name for one in fields(Making)}
PICTURES = {"seed", "layer", "entry", "entries", "content", "styles", "sources", "source"}
"""Settings that do not change the time of a pixel, or that are counted."""


class Line(NamedTuple):
    """Seconds as a function of pixels: at none, and of each."""

    fixed: float
    each: float

    def __call__(self, pixels: float) -> float:
        """Return the seconds of so many pixels."""
        return max(0.0, self.fixed + self.each * pixels)


@dataclass(frozen=True)
class Calibration:
    """What a machine takes for a kind of run: of an evaluation, and of all that is none."""

    step: Line
    aside: Line


def estimate(settings: Settings, make: Callable[..., Outcome]) -> Result:
    """Return `peak_bytes` of the whole process and `seconds`, start-up included, of a command.

    Args:
        settings: of a command that makes pictures. make: the function that it calls, from settings
            and network to an outcome.

    Returns:
        The figures, with the parts of the seconds, the number of `evaluations` and the side of
        `tile`; on another device than the processor `device_bytes` as well.

    Raises:
        StylespaceError: the run could not begin.
    """
    network = network_for(settings)
    loaded = time.time() - psutil.Process().create_time()
    resident = psutil.Process().memory_info().rss
    plan = plan_of(partial(make, settings=settings, network=network, watch=None, checkpoint=None))
    known = calibrated(settings, network, make, plan.layers)
    steps = sum(scale.steps * known.step(_pixels(plan, scale)) for scale in plan.scales)
    last = plan.scales[-1]
    seconds = {
        "start_seconds": loaded,
        "step_seconds": steps,
        "other_seconds": known.aside(plan.count * last.height * last.width),
    }
    figures = {
        "peak_bytes": resident + WORKING + (plan.needed if network.device.type == "cpu" else 0),
        "seconds": sum(seconds.values()),
        **seconds,
        "evaluations": sum(scale.steps for scale in plan.scales),
        "width": last.width,
        "height": last.height,
        "tile": plan.network.tile,
    }
    if network.device.type != "cpu":
        figures["device_bytes"] = plan.needed
    total = str(timedelta(seconds=round(figures["seconds"])))
    said = f"about {gibibytes(round(figures['peak_bytes']))} and {total} (hours:minutes:seconds)."
    return Result((), figures, recipe_of(settings), remarks=(said,))


def _pixels(plan: Planned, scale: Scale) -> float:
    """Return the pixels that an evaluation of a scale goes through, tiles and halos counted."""
    whole = scale.height * scale.width
    if not plan.network.tiled(scale.height, scale.width):
        return plan.count * whole
    blank, read = torch.empty(1, 1, scale.height, scale.width), 0.0
    for share, side in ((1, plan.network.tile), (FORWARD, wider(plan.network.tile))):
        tiles = plan.network.in_tiles(side).tiles(blank, dict.fromkeys(plan.layers, 0))
        read += share * sum(tile.image[0, 0].numel() for tile in tiles)
    return plan.count * read


def calibrated(
    settings: Settings, network: Network, make: Callable[..., Outcome], layers: Sequence[str]
) -> Calibration:
    """Return what the machine takes for runs of these settings: kept, or measured now.

    layers: that are measured, which small pictures may be too small for.
    """
    file = _folder() / f"{_kind(settings, network, layers)}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(read_data(file))
        return Calibration(Line(*kept["step"]), Line(*kept["aside"]))
    least = max(network.minimum_side(layer) for layer in layers)
    points = [
        _measured(settings, network, make, max(side, least * side // SIDES[0])) for side in SIDES
    ]
    found = Calibration(*(_line([(x, values[k]) for x, *values in points]) for k in range(2)))
    with suppress(OSError, OutputError):  # it is only measured again then
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(asdict(found)).encode(), force=True)
    return found


def _measured(
    settings: Any, network: Network, make: Callable[..., Outcome], side: int
) -> tuple[float, float, float]:
    """Return the pixels of a short run, the seconds of its evaluations and of all else."""
    ends: list[float] = []
    pixels = 0

    def watch(step: Step) -> None:
        """Note when a step ends."""
        nonlocal pixels
        pixels = len(step.losses) * step.size[0] * step.size[1]
        ends.append(time.perf_counter())

    small = replace(settings, size=side, sizes=(side,), iterations=(STEPS,), tile=0)
    began = time.perf_counter()
    with suppress(UnreachedError):  # so few evaluations reach no entry
        make(settings=small, network=network, watch=watch, checkpoint=None)
    step = median(after - before for before, after in pairwise(ends))
    return pixels, step, max(0.0, time.perf_counter() - began - STEPS * step)


def _line(points: Sequence[tuple[float, float]]) -> Line:
    """Return the line through two points; one that falls is flat."""
    (x, y), (further, higher) = points
    each = max(0.0, (higher - y) / (further - x))
    return Line(y - each * x, each)


def _kind(settings: Settings, network: Network, layers: Sequence[str]) -> str:
    """Return what runs take the same time for a pixel by, as a hash."""
    values = {name: v for name, v in recipe_of(settings).items() if name not in COUNTED | PICTURES}
    here: list[Any] = [version(name) for name in ("stylespace", "torch")]
    here += [platform.processor() or platform.machine(), platform.node()]
    device = network.device
    if device.type == "cuda":
        here.append(torch.cuda.get_device_name(device))
    made = [
        values,
        sorted(map(str, layers)),
        here,
        torch.get_num_threads(),
        network.precision,
        network.sha256,
    ]
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:32]


def _folder() -> Path:
    """Return the folder of calibrations, beside the downloaded weights."""
    return Path(torch.hub.get_dir()) / "stylespace" / "calibrations"
