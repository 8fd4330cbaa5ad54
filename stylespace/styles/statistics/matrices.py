"""Parts of a Gram matrix: the diagonal, and the entries beside it."""

from collections.abc import Callable

import torch
from torch import Tensor

Part = Callable[[Tensor], Tensor]
"""Picks entries (n,) out of a matrix (C, C): `diagonal` or `off_diagonal`."""


def diagonal(gram: Tensor) -> Tensor:
    """Return the energies of the channels, ascending: (C, C) -> (C,) in float64."""
    return wide(gram).diagonal().sort().values


def off_diagonal(gram: Tensor) -> Tensor:
    """Return the entries i < j, each once, ascending: (C, C) -> (C (C - 1) / 2,) in float64."""
    matrix = wide(gram)
    rows, columns = torch.triu_indices(len(matrix), len(matrix), 1)
    return matrix[rows, columns].sort().values


def wide(gram: Tensor) -> Tensor:
    """Return a matrix (C, C) in float64 on the CPU, without its graph.

    Raises:
        ValueError: a tensor of another shape.
    """
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1]:
        raise ValueError(f"a Gram matrix must be (C, C), got {tuple(gram.shape)}")
    return gram.detach().cpu().double()
