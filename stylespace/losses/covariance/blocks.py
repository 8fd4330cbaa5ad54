"""What both evaluators share: they go block by block, and add gradients up where one is wanted."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

Room = list[Tensor | None]
"""Gradients to be added to, None for those that nobody wants."""


def room_for(inputs: Sequence[Tensor], wanted: Sequence[bool]) -> Room:
    """Return zeros for the gradients that are wanted."""
    pairs = zip(inputs, wanted, strict=True)
    return [torch.zeros_like(one) if asked else None for one, asked in pairs]


def of_picture(room: Room, b: int) -> Room:
    """Return the part of picture b."""
    return [None if one is None else one[b] for one in room]


def blocks(length: int, size: int) -> Iterator[slice]:
    """Cut 0..length into slices of `size`, the last one shorter."""
    return (slice(start, min(start + size, length)) for start in range(0, length, size))
