"""A step against the floor, by size, device and precision.

The floor is what no program on this network can go below: its convolutions, ReLUs and poolings,
forward and backward to the picture, in torch.nn.functional alone.
"""

import functools
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.commands.sight import network_for
from stylespace.errors import UsageError
from stylespace.images import resize_to
from stylespace.losses.objective import Objective, content_term
from stylespace.losses.representations.gram import gram_term
from stylespace.losses.terms import Terms
from stylespace.networks.architectures import Convolution
from stylespace.networks.devices import device_for, known_precision
from stylespace.networks.network import Network
from stylespace.settings import BenchSettings
from stylespace.settings.shared import default_content_layer, default_style_layers
from stylespace.studies.bench.rows import Measured, Piece, UnmeasuredError, compared
from stylespace.styles.sources import open_picture
from stylespace.styles.style import Style
from stylespace.synthesis.loop import synthesize

LOOP = 10
"""Evaluations of the loop that are timed together."""
PASS = "bare network"


def step_pieces(settings: BenchSettings) -> Iterator[Piece]:
    """Yield an objective's call and a step of the loop for every size, device and precision."""
    for device in settings.devices():
        for precision in precisions(settings, device):
            for side in settings.sides:
                place = f"{side} px, {device}, {precision}"
                here = settings.at(device, precision)
                one, many = (functools.partial(f, here, side) for f in (objective_row, loop_row))
                bound = "1.15" if (device, precision, side) == ("cpu", "float32", 256) else ""
                yield Piece("steps", f"objective with gradient, {place}", one, bound)
                yield Piece("steps", f"step of the loop, {place}", many)


def precisions(settings: BenchSettings, device: str) -> tuple[str, ...]:
    """Return the precisions in which steps are measured on a device, which may not be there."""
    if settings.precision != "auto":
        return (settings.precision,)
    if device != "cpu":
        return ("float32", "bfloat16")
    return tuple(dict.fromkeys(("float32", known_precision("auto", torch.device(device)))))


@functools.cache
def network_at(settings: BenchSettings) -> Network:
    """Load the network of some settings once.

    Raises:
        UnmeasuredError: the device is not there.
    """
    try:
        device_for(settings.device)
    except UsageError:
        raise UnmeasuredError(f"no {settings.device} here") from None
    return network_for(settings)


def objective_row(settings: BenchSettings, side: int) -> Measured:
    """One objective call with gradient against the floor, interleaved, the minimum of ten."""
    network = network_at(settings)
    measured = objective(network, side)
    return compared(lambda: objective_call(measured, side), PASS, lambda: floor_call(network, side))


def loop_row(settings: BenchSettings, side: int) -> Measured:
    """A step of L-BFGS on a picture's pixels, all that the loop does with it, against the floor."""
    network = network_at(settings)
    measured, start = objective(network, side), _grey(network, side)
    loop = functools.partial(synthesize, measured, start, steps=LOOP)
    return compared(loop, PASS, lambda: floor_call(network, side), runs=3, steps=LOOP)


def style_layers(network: Network) -> tuple[str, ...]:
    """Return the style layers of a default transfer."""
    return default_style_layers(network.name)


def objective(network: Network, size: int) -> Objective:
    """Return the objective of a default transfer."""
    content, style = (
        resize_to(open_picture(f"sample:{name}"), size, size)
        for name in ("astronaut", "gogh-auvers")
    )
    layers, kept_layer = style_layers(network), default_content_layer(network.name)
    target = Style.capture(network, style, layers)
    terms = Terms(tuple(gram_term(name, target.layers[name].gram) for name in layers))
    with torch.no_grad():
        kept = network(content, [kept_layer])[kept_layer]
    return Objective(network, terms + content_term(kept_layer, kept))


def objective_call(measured: Objective, size: int) -> None:
    """Evaluate an objective and its gradient once."""
    z = _grey(measured.network, size).requires_grad_()
    torch.autograd.grad(torch.stack(list(measured(z).values())).sum(), z)


def floor_call(network: Network, size: int) -> None:
    """Run the bare network to the deepest style layer and back: same weights, precision, layout."""
    z = _grey(network, size).to(network.dtype).contiguous(memory_format=torch.channels_last)
    x = z.requires_grad_()
    for layer in network.layers:
        for operation in layer.operations:
            x = _bare(network, operation, x)
        x = F.relu(x)
        if layer.name == style_layers(network)[-1]:
            break
    torch.autograd.grad(x.sum(), z)


def _grey(network: Network, size: int) -> Tensor:
    return torch.full((1, 3, size, size), 0.5, device=network.device)


def _bare(network: Network, operation: object, x: Tensor) -> Tensor:
    if isinstance(operation, Convolution):
        weight, bias = network.filters[operation.key]
        return F.conv2d(x, weight, bias, padding=1)
    return F.avg_pool2d(x, 2) if network.pooling == "average" else F.max_pool2d(x, 2)
