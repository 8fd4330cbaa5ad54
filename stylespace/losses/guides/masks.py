"""Masks: read from a picture, shared out where they overlap, brought to the grid of a layer."""

from dataclasses import dataclass, replace
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.assets import source_path
from stylespace.errors import PictureError
from stylespace.images import read_image
from stylespace.networks import architectures
from stylespace.networks.network import Network
from stylespace.networks.network_entry import OWN
from stylespace.networks.weights import Weights

NOTHING = 1e-6
"""Share of a grid up to which a mask has no area: rounding leaves as much."""
BLACK = 1 / 255
"""Grey level below which a pixel of a mask lies outside."""
STRETCHED = 1.02
"""Ratio of aspects above which a mask is said to have been stretched."""


@dataclass(frozen=True, eq=False)
class Guide:
    """A mask read from a file.

    mask: (1, 1, H, W) in [0, 1], 1 inside. remarks: what was changed about it, a sentence each.
    """

    mask: Tensor
    remarks: tuple[str, ...] = ()


def open_guide(path: str, shape: tuple[int, int]) -> Guide:
    """Read a mask: white is inside, black is outside, grey between; colours count by their mean.

    Args:
        path: a picture of any size or sample:NAME; transparent pixels lie outside.
        shape: (H, W) of the picture that it belongs to, to which it is resized.

    Raises:
        PictureError: it cannot be read, or nothing lies inside.
    """
    drawn = read_image(source_path(path), background=(0, 0, 0)).mean(1, keepdim=True)
    mask = resized(drawn, *shape)
    if float(mask.max()) < BLACK:
        raise PictureError(
            f"{path!r}: the mask is black all over, so that nothing lies inside: paint the region "
            "white."
        )
    height, width = drawn.shape[2:]
    return Guide(mask, _size_remarks(path, (height, width), shape))


def _size_remarks(path: str, drawn: tuple[int, int], shape: tuple[int, int]) -> tuple[str, ...]:
    """Say what resizing a mask from `drawn` to `shape`, (H, W) both, did to it."""
    if drawn == tuple(shape):
        return ()
    (height, width), (rows, columns) = drawn, shape
    stretch = width * rows / (height * columns)
    note = f"the mask {path!r} of {width}x{height} pixels was resized to {columns}x{rows}"
    if max(stretch, 1 / stretch) > STRETCHED:
        note += ", which stretches it: its aspect is not the picture's"
    return (f"{note}.",)


def resized(masks: Tensor, height: int, width: int) -> Tensor:
    """Resize masks (1, K, H, W) to (1, K, height, width), antialiased.

    Bilinear, unlike pictures: it neither overshoots [0, 1] nor changes a sum of 1.
    """
    if tuple(masks.shape[2:]) == (height, width):
        return masks
    return torch.nn.functional.interpolate(
        masks, (height, width), mode="bilinear", antialias=True, align_corners=False
    )


def with_rest(masks: Tensor) -> Tensor:
    """Return masks (1, K, H, W) with one more, the rest: (1, K + 1, H, W), sum 1 everywhere.

    They are in [0, 1], and divided by their sum wherever that exceeds 1.
    """
    shared = masks / masks.sum(1, keepdim=True).clamp(min=1)
    return torch.cat([shared, (1 - shared.sum(1, keepdim=True)).clamp(min=0)], 1)


@torch.no_grad()
def propagated(network: Network, layer: str, masks: Tensor) -> Tensor:
    """Bring masks to the grid of a layer: what share of what a position sees lies inside each.

    Every window of the network (convolution, pooling, blur) is walked through, and every path
    through them to a position counts alike, so that pixels in the middle of its receptive field
    count most and those at its rim least. The shares of the masks and of the rest, what no mask
    covers, add up to 1 at every position: borders have neither gaps nor doubles, at any depth.

    Args:
        masks: (1, K, H, W) in [0, 1]; where they add up to more than 1 they are divided by it.

    Returns:
        (1, K, h, w) in [0, 1] on the layer's own grid and device; the rest is 1 - their sum.

    Of a network that is taken as it is, whose windows are not known: the share of the cell.

    Source: G17 section 4 (guidance channels of each layer). Departs: the share of all paths through
    the receptive field, where G17 keeps only positions that see nothing else, or downsamples.
    """
    if network.padding == OWN:
        grid = network.grid(layer, *masks.shape[2:])
        return F.adaptive_avg_pool2d(with_rest(masks)[:, :-1], grid).to(network.device)
    parts = with_rest(masks).transpose(0, 1)  # each a picture of a batch
    ground = torch.ones_like(parts[:1])  # what zero padding takes away at the border
    pictures = torch.cat([parts, ground]).expand(-1, 3, -1, -1)
    seen = _averaging(network)(pictures, [layer])[layer].mean(1, keepdim=True)
    kept = (seen[:-1] / seen[-1:]).transpose(0, 1)
    return (kept / kept.sum(1, keepdim=True))[:, :-1]


def _averaging(network: Network) -> Network:
    """Return a network of the same windows that averages: one channel a convolution."""
    layers = _thin(network.layers)
    tensors = {
        one.key: (
            torch.full((1, one.inputs, one.kernel, one.kernel), 1 / one.inputs / one.kernel**2),
            torch.zeros(1),
        )
        for one in architectures.convolutions(layers)
    }
    weights = Weights(tensors, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "averages", "")
    wide = torch.float64 if network.dtype == torch.float64 else torch.float32
    return Network(
        network.name, layers, weights, padding=network.padding, device=network.device, dtype=wide
    )


def _thin(layers: tuple[architectures.Layer, ...]) -> tuple[architectures.Layer, ...]:
    """Return layers with one channel a convolution; an inception block has one a branch."""
    width, result = 3, []
    for layer in layers:
        operations, width = _thin_chain(layer.operations, width)
        result.append(architectures.Layer(layer.name, width, operations))
    return tuple(result)


Operations = tuple[architectures.Operation, ...]
Plain = tuple[architectures.Convolution | architectures.Pooling, ...]


def _thin_chain(operations: Operations, width: int) -> tuple[Operations, int]:
    """Thin operations that read `width` channels; return how many come out as well."""
    result: list[architectures.Operation] = []
    for operation in operations:
        if isinstance(operation, architectures.Inception):
            branches = [_thin_chain(branch, width) for branch in operation.branches]
            plain = cast(tuple[Plain, ...], tuple(one for one, _ in branches))
            operation = architectures.Inception(plain)
            width = sum(channels for _, channels in branches)
        elif isinstance(operation, architectures.Convolution):
            operation, width = replace(operation, inputs=width, outputs=1), 1
        result.append(operation)
    return tuple(result), width
