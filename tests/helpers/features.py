"""Features and responses of two pictures, drawn at random."""

import torch


def drawn(*shape, seed=0):
    """Float64 in [0, 1), as activations after a ReLU are."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pictures(channels=3, responses=2, grid=(5, 4), other=(3, 6), *, batch=2):
    """F, R, P, Q of two sizes."""
    shapes = [(channels, grid), (responses, grid), (channels, other), (responses, other)]
    return [drawn(batch, c, *sides, seed=seed) for seed, (c, sides) in enumerate(shapes)]
