"""What both evaluators share: one pass makes value and gradient, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

Wanted = tuple[bool, ...]


def wanted(*inputs: Tensor) -> Wanted:
    """Say of which inputs a gradient will be asked; to be called outside of the function."""
    return tuple(torch.is_grad_enabled() and one.requires_grad for one in inputs)


def blank(inputs: Sequence[Tensor], wanted: Wanted) -> list[Tensor | None]:
    """Return room for the gradients that are wanted, None for the others."""
    pairs = zip(inputs, wanted, strict=True)
    return [torch.zeros_like(one) if asked else None for one, asked in pairs]


def row(tensors: Sequence[Tensor | None], b: int) -> list[Tensor | None]:
    """Return picture b of each."""
    return [None if one is None else one[b] for one in tensors]


def scaled(gradients: Sequence[Tensor | None], outer: Tensor) -> list[Tensor | None]:
    """Multiply gradients (B, ...) by the incoming one (B,)."""
    return [None if one is None else one * outer[:, None, None] for one in gradients]


def blocks(length: int, size: int) -> Iterator[slice]:
    """Cut 0..length into slices of `size`, the last one shorter."""
    return (slice(start, min(start + size, length)) for start in range(0, length, size))
