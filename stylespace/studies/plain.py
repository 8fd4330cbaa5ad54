"""The localised distance as it is written down, to compare with: slow, and from no identity."""

from typing import Any

import torch
from torch import Tensor

from stylespace.losses.local.distance import local_gram_distance


def plain_value_and_gradient(
    features: Tensor, target: Tensor, half_width: int, *, channels: int = 8
) -> tuple[Tensor, Tensor]:
    """Return the distance (B,) and its gradient (B, C, h, w) by maps of all Gram entries.

    Box filter by average pooling, gradient by autograd, a block of channels against all of them at
    a time; each block goes backward before the next begins, so that only its maps are kept.
    """
    f, value = features.detach().requires_grad_(), features.new_zeros(len(features))
    gradient = torch.zeros_like(features)
    for begin in range(0, f.shape[1], channels):
        part = _block(f, target, half_width, slice(begin, begin + channels))
        gradient += torch.autograd.grad(part.sum(), f)[0]
        value += part.detach()
    return value, gradient


def _block(f: Tensor, p: Tensor, half_width: int, own: slice) -> Tensor:
    entries = (f[:, own, None] * f[:, None] - p[:, own, None] * p[:, None]).flatten(1, 2)
    maps = torch.nn.functional.avg_pool2d(entries, 2 * half_width + 1, 1, half_width)
    return maps.square().sum((1, 2, 3))


def value_and_gradient(
    features: Tensor, target: Tensor, half_width: int, **options: Any
) -> tuple[Tensor, Tensor]:
    """Return the distance (B,) and its gradient (B, C, h, w) as the package computes them.

    options: of `local_gram_distance`.
    """
    f = features.detach().requires_grad_()
    value = local_gram_distance(f, target, half_width, **options)
    (gradient,) = torch.autograd.grad(value.sum(), f)
    return value.detach(), gradient


def benchmark_features(channels: int = 64, side: int = 128) -> tuple[Tensor, Tensor]:
    """Return seeded features and target, (1, C, side, side) both."""
    generator = torch.Generator().manual_seed(0)
    f, p = torch.rand(2, 1, channels, side, side, generator=generator)
    return f, p
