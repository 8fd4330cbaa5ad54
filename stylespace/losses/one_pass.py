"""Values whose gradients come from the pass that makes them, so that nothing else is kept."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, once_differentiable

Inputs = tuple[Tensor, ...]
Wanted = tuple[bool, ...]
"""Of which inputs a gradient is wanted."""
Made = tuple[Tensor, Sequence[Tensor]]
"""Values (B,), and the gradients that are wanted, (B, ...) each."""


def one_pass(make: Callable[[Inputs, Wanted], Made], *inputs: Tensor) -> Tensor:
    """Return the values that `make` makes of the inputs, (B,), differentiable once in all of them.

    Args:
        make: value and gradients; without a graph, and asked for no gradient that nobody wants.
        inputs: (B, ...) each.
    """
    wanted = tuple(torch.is_grad_enabled() and one.requires_grad for one in inputs)
    return _OnePass.apply(make, wanted, *inputs)


class _OnePass(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: BackwardCFunction,
        make: Callable[[Inputs, Wanted], Made],
        wanted: Wanted,
        *inputs: Tensor,
    ) -> Tensor:
        """Make the value and keep the gradients made with it."""
        value, gradients = make(inputs, wanted)
        ctx.save_for_backward(*gradients)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients that were kept, times the one from above."""
        kept = iter(ctx.saved_tensors)
        wanted: Wanted = ctx.needs_input_grad[2:]
        gradients = [_times(next(kept), upstream) if asked else None for asked in wanted]
        return None, None, *gradients


def _times(gradient: Tensor, upstream: Tensor) -> Tensor:
    """(B, ...) times (B,)."""
    return gradient * upstream.view(-1, *[1] * (gradient.ndim - 1))
