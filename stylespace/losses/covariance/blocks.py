"""What both evaluators share: they go block by block, and add gradients up where one is wanted."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from stylespace.losses.one_pass import Inputs, Made, Wanted, one_pass


def by_picture(value: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Return values (B,), one picture after the other, differentiable once in all inputs.

    Args:
        value: (b, picture b of each input, zeros for each gradient to be added to, or None where
            nobody wants it) -> its value, 0-d.
        inputs: (B, ...) each.
    """

    def make(inputs: Inputs, wanted: Wanted) -> Made:
        """Return the value, with the gradients that are wanted."""
        pairs = zip(inputs, wanted, strict=True)
        room = [torch.zeros_like(one) if asked else None for one, asked in pairs]
        values = [
            value(b, *picture, *(one if one is None else one[b] for one in room))
            for b, picture in enumerate(zip(*inputs, strict=True))
        ]
        return torch.stack(values), [one for one in room if one is not None]

    return one_pass(make, *inputs)


def blocks(length: int, size: int) -> Iterator[slice]:
    """Cut 0..length into slices of `size`, the last one shorter."""
    return (slice(start, min(start + size, length)) for start in range(0, length, size))
