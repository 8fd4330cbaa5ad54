"""3 x 3 convolutions by fewer multiplications: 36 where 144 give four by four outputs.

A tile of 6 x 6 inputs and the filter are taken to 36 values each, where convolving is multiplying;
over all channels and tiles that is 36 matrix products. The gradient goes back through the same
values of the filters, read in another order, so that they are kept once.

Source: Lavin & Gray 2016 (arXiv:1509.09308), F(4 x 4, 3 x 3). Departs: the points 0, 1, -1, 2, 1/2
and infinity, which a filter that is turned round takes into one another.
"""

import functools
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, once_differentiable

POINTS = (0.0, 1.0, -1.0, 2.0, 0.5)  # and infinity
TURNED = (5, 1, 2, 4, 3, 0)
"""Of each point the place of its reciprocal."""
SIDE, STEP = len(POINTS) + 1, 4
"""Inputs and outputs of a tile, along a side."""
AT_ONCE = 256
"""Tiles at a time: enough for full speed, and few enough for a processor's cache."""
CHANNELS, TILES = 128, 32
"""Inputs and outputs, and tiles, from which on it is faster than a plain convolution: 1.1 to 1.5
times with 128 channels, 2 times from 256 on, on two cores with AVX2; .9 with 64, where memory
counts."""


class Transforms(NamedTuple):
    """Matrices that take inputs (36 x 36) to values, and values to outputs (16 x 36)."""

    inputs: Tensor
    outputs: Tensor


def transformed(filters: Tensor) -> Tensor:
    """Return the values of filters (D, C, 3, 3): (36, C, D)."""
    taken, (outputs, channels) = _filter_matrix(), filters.shape[:2]
    both = torch.kron(taken, taken).to(filters)
    values = both @ filters.permute(2, 3, 1, 0).reshape(-1, channels * outputs)
    return values.view(-1, channels, outputs)


def suits(x: Tensor, filters: Tensor) -> bool:
    """Say whether a convolution of x (B, C, h, w) is faster this way than plainly."""
    return wide(filters) and (x.shape[2] // STEP) * (x.shape[3] // STEP) >= TILES


def wide(filters: Tensor) -> bool:
    """Say whether filters (D, C, h, w) are among those that are convolved with this way."""
    return filters.shape[2:] == (3, 3) and min(filters.shape[:2]) >= CHANNELS


def convolved(x: Tensor, values: Tensor, bias: Tensor, padding: int) -> Tensor:
    """Return the convolution of x (B, C, h, w) with filters of those values, zeros around it.

    Differentiable once, in x alone.
    """
    return _Convolution.apply(x, values, bias, padding)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: BackwardCFunction, x: Tensor, values: Tensor, bias: Tensor, padding: int
    ) -> Tensor:
        """Return the convolution, channels last."""
        ctx.values, ctx.padding = values, padding  # type: ignore[attr-defined]
        return _tiled(x, values, _transforms(x, turned=False), padding, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the gradient of the inputs: a convolution with the filters turned round."""
        values, padding = ctx.values.mT, 2 - ctx.padding  # type: ignore[attr-defined]
        turned = _transforms(gradient, turned=True)
        return _tiled(gradient, values, turned, padding), None, None, None


def _tiled(
    x: Tensor, values: Tensor, transforms: Transforms, padding: int, bias: Tensor | None = None
) -> Tensor:
    """Convolve x (B, C, h, w), some rows of tiles at a time: (B, D, h', w'), channels last."""
    batch, channels, height, width = x.shape
    outputs = values.shape[2]
    height, width = height + 2 * padding - 2, width + 2 * padding - 2
    rows, columns = -(-height // STEP), -(-width // STEP)
    result = torch.empty(
        (batch, outputs, STEP * rows, STEP * columns),
        dtype=x.dtype,
        device=x.device,
        memory_format=torch.channels_last,
    )
    most = min(rows, max(1, AT_ONCE // columns))
    room = [x.new_empty(n) for n in _sizes(most * columns, channels, outputs)]
    strip = x.new_zeros(STEP * most + 2, STEP * columns + 2, channels)
    for picture, into in zip(x.permute(0, 2, 3, 1), result.permute(0, 2, 3, 1), strict=True):
        for first in range(0, rows, most):
            count = min(most, rows - first)
            sizes = _sizes(count * columns, channels, outputs)
            tiles, seen, product, made = (part[:n] for part, n in zip(room, sizes, strict=True))
            part = strip[: STEP * count + 2]
            _fill(part, picture, STEP * first - padding, padding)
            read = part.unfold(0, SIDE, STEP).unfold(1, SIDE, STEP).permute(0, 1, 3, 4, 2)
            tiles.view(read.shape).copy_(read)
            tiles, seen = (part.view(-1, SIDE**2, channels) for part in (tiles, seen))
            torch.bmm(transforms.inputs.expand(len(tiles), -1, -1), tiles, out=seen)
            product = product.view(SIDE**2, -1, outputs)
            torch.bmm(seen.transpose(0, 1), values, out=product)
            torch.mm(transforms.outputs, product.view(SIDE**2, -1), out=made.view(STEP**2, -1))
            if bias is not None:
                made.view(-1, outputs).add_(bias)
            block = into[STEP * first : STEP * (first + count)].view(count, STEP, columns, STEP, -1)
            block.copy_(made.view(STEP, STEP, count, columns, -1).permute(2, 0, 3, 1, 4))
    if result.shape[2:] == (height, width):
        return result
    return result[..., :height, :width].clone(memory_format=torch.channels_last)


def _fill(strip: Tensor, picture: Tensor, top: int, left: int) -> None:
    """Fill a strip, `left` zeros before each row, with a picture (h, w, C) from row `top` on.

    Rows outside the picture are zeros; the strip's last columns stay as they are.
    """
    height, width = picture.shape[:2]
    begin, end = max(0, top), min(height, top + len(strip))
    strip[: begin - top] = 0
    strip[end - top :] = 0
    strip[begin - top : end - top, left : left + width] = picture[begin:end]


def _sizes(tiles: int, channels: int, outputs: int) -> tuple[int, ...]:
    """Return the numbers in so many tiles: as read, as values, as products, as outputs."""
    values = [SIDE**2 * tiles * count for count in (channels, channels, outputs)]
    return (*values, STEP**2 * tiles * outputs)


def _transforms(like: Tensor, *, turned: bool) -> Transforms:
    return _made_transforms(turned, like.dtype, like.device)


@functools.cache
def _made_transforms(turned: bool, dtype: torch.dtype, device: torch.device) -> Transforms:
    """Return the matrices along both sides; of filters that are turned round, in their order."""
    one, other = _input_matrix(), _output_matrix()
    if turned:
        norms = _norms()
        scale = torch.tensor([p**2 for p in POINTS[1:]], dtype=torch.float64)
        there = torch.tensor(TURNED[1:-1])
        own = scale * norms[there] / norms[1:]
        scales = torch.cat([1 / norms[:1], own, norms[:1]])
        order = torch.tensor(TURNED)  # its own inverse
        one, other = (scales[:, None] * one)[order], other[:, order]
    return Transforms(
        torch.kron(one, one).to(device, dtype), torch.kron(other, other).to(device, dtype)
    )


def _norms() -> Tensor:
    """Return prod_l (p_j - p_l) over the other points, of each finite one."""
    points = torch.tensor(POINTS, dtype=torch.float64)
    apart = points[:, None] - points
    return apart.fill_diagonal_(1).prod(1)


def _filter_matrix() -> Tensor:
    """Return (6, 3): the values of w_0 + w_1 x + w_2 x^2 at the points, divided by their norms."""
    points = torch.tensor(POINTS, dtype=torch.float64)
    powers = torch.stack([points**k for k in range(3)], 1) / _norms()[:, None]
    return torch.cat([powers, torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)])


def _output_matrix() -> Tensor:
    """Return (4, 6): the powers 0 to 3 of the points."""
    points = torch.tensor((*POINTS, 0.0), dtype=torch.float64)
    powers = torch.stack([points**k for k in range(STEP)])
    powers[:, -1] = torch.tensor([0.0, 0.0, 0.0, 1.0])
    return powers


def _input_matrix() -> Tensor:
    """Return (6, 6): the coefficients of prod_l (x - p_l), without each point and with all."""
    rows = [[p for k, p in enumerate(POINTS) if k != j] for j in range(len(POINTS))]
    return torch.stack([_coefficients(row) for row in (*rows, list(POINTS))])


def _coefficients(roots: list[float]) -> Tensor:
    """Return the coefficients of prod (x - root), lowest first, six of them."""
    result = torch.zeros(SIDE, dtype=torch.float64)
    result[0] = 1
    for root in roots:
        result = result.roll(1) - root * result
    return result
