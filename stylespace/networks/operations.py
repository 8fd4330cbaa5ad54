"""The operations of a network on tensors: what `architectures` only names."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import BackwardCFunction

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


def placed(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return a tensor where and how convolutions read it: channels innermost."""
    layout = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
    return tensor.to(device, dtype).contiguous(memory_format=layout)


def wide(dtype: torch.dtype) -> torch.dtype:
    """Return the type of what is summed: float64 stays, anything else is float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32


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
    if padding == "circular":
        before, after = circular_border(operation)
        return _Wrapped.apply(x, before, after) if before or after else x, 0
    border = (operation.padding,) * 4
    if isinstance(operation, Blur):
        return F.pad(x, border, "reflect"), 0
    if not operation.padding or padding == "zeros":
        return x, operation.padding
    return F.pad(x, border, padding), 0


class _Wrapped(torch.autograd.Function):
    """A picture continued at its opposite sides, in the layout that convolutions are fast at.

    `F.pad` turns channels last into channels first, and takes ten times as long.
    """

    @staticmethod
    def forward(ctx: BackwardCFunction, x: Tensor, before: int, after: int) -> Tensor:
        """(B, C, h, w) -> (B, C, h + before + after, w + before + after)."""
        ctx.border = before, after  # type: ignore[attr-defined]
        height, width = x.shape[2:]
        last = x.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if last else torch.contiguous_format
        shape = (*x.shape[:2], height + before + after, width + before + after)
        wide = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=layout)
        inside = wide[..., before : before + width]
        inside[..., before : before + height, :] = x
        inside[..., :before, :] = x[..., height - before :, :]
        inside[..., before + height :, :] = x[..., :after, :]
        wide[..., :before] = wide[..., width : width + before]
        wide[..., before + width :] = wide[..., before : before + after]
        return wide

    @staticmethod
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Add what reached the continuation to what it continues."""
        before, after = ctx.border  # type: ignore[attr-defined]
        wide = gradient.clone()
        for axis in (2, 3):
            side = wide.shape[axis] - before - after
            end = wide.narrow(axis, before + side, after)
            wide.narrow(axis, side, before).add_(wide.narrow(axis, 0, before))
            wide.narrow(axis, before, after).add_(end)
            wide = wide.narrow(axis, before, side)
        return wide, None, None


def _blurred(x: Tensor, stride: int) -> Tensor:
    line = torch.tensor([1.0, 2.0, 1.0], device=x.device, dtype=x.dtype) / 4
    kernel = (line[:, None] * line).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, stride=stride, groups=x.shape[1])
