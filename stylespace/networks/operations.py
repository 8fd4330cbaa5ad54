"""The operations of a network on tensors: what `architectures` only names."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.networks import winograd
from stylespace.networks.architectures import (
    Blur,
    Convolution,
    Inception,
    Operation,
    Window,
    circular_border,
)

Filters = Mapping[str, tuple[Tensor, ...]]
"""{convolution key: (weight, bias)}."""


class Ways(NamedTuple):
    """How a network's operations are carried out.

    filters: {convolution key: (weight, bias)}. pooling, padding: see `load_network`. values: of
    filters, to convolve with by fewer multiplications, filled as they are needed; None for never.
    """

    filters: Filters
    pooling: str
    padding: str
    values: dict[str, Tensor] | None = None


def applied(operation: Operation, x: Tensor, ways: Ways) -> Tensor:
    """Return an operation's output: (B, C, h, w) -> (B, D, h', w'), before the layer's ReLU."""
    if isinstance(operation, Inception):
        return torch.cat([_branch(chain, x, ways) for chain in operation.branches], 1)
    x, zeros = _padded(x, operation, ways.padding)
    if isinstance(operation, Convolution):
        weight, bias = ways.filters[operation.key]
        if ways.values is None or operation.stride != 1 or not winograd.suits(x, weight):
            return F.conv2d(x, weight, bias, operation.stride, zeros)
        if operation.key not in ways.values:
            ways.values[operation.key] = winograd.transformed(weight)
        return winograd.convolved(x, ways.values[operation.key], bias, zeros)
    if isinstance(operation, Blur):
        return _blurred(x, operation.stride)
    pool = F.avg_pool2d if ways.pooling == "average" else F.max_pool2d
    ceil = operation.ceil and ways.padding != "circular"  # nothing lies beyond a period
    return pool(x, operation.kernel, operation.stride, zeros, ceil_mode=ceil)


def _branch(operations: Sequence[Operation], x: Tensor, ways: Ways) -> Tensor:
    for number, operation in enumerate(operations):
        x = applied(operation, x, ways)
        inside = number < len(operations) - 1  # the last ReLU is the whole block's
        x = F.relu_(x) if inside and isinstance(operation, Convolution) else x
    return x


def _padded(x: Tensor, operation: Window, padding: str) -> tuple[Tensor, int]:
    """Return the input with its border, and the zero padding left to the operation."""
    border = (operation.padding,) * 4
    if padding == "circular":
        border = circular_border(operation) * 2
        return F.pad(x, border, "circular") if any(border) else x, 0
    if isinstance(operation, Blur):
        return F.pad(x, border, "reflect"), 0
    if not operation.padding or padding == "zeros":
        return x, operation.padding
    return F.pad(x, border, padding), 0


def _blurred(x: Tensor, stride: int) -> Tensor:
    line = torch.tensor([1.0, 2.0, 1.0], device=x.device, dtype=x.dtype) / 4
    kernel = (line[:, None] * line).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, stride=stride, groups=x.shape[1])
