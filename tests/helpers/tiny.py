"""A network small enough for gradcheck, and pictures for it."""

import torch

from stylespace.networks.architectures import Convolution, Layer, Pooling
from stylespace.networks.network import Network
from stylespace.networks.weights import random_weights

TINY = (
    Layer("conv1_1", 4, (Convolution("first", 3, 4),)),
    Layer("conv2_1", 6, (Pooling(2, 2), Convolution("second", 4, 6))),
    Layer("conv3_1", 5, (Pooling(2, 2), Convolution("third", 6, 5))),
)
TINY_LAYERS = tuple(layer.name for layer in TINY)


def tiny_network(*, dtype=torch.float64, seed=0, **options):
    """A network of three layers, 3 -> 4 -> 6 -> 5 channels, with seeded filters."""
    return Network("tiny", TINY, random_weights(TINY, seed), dtype=dtype, **options)


def seeded_picture(height, width, *, count=1, seed=0, dtype=torch.float64):
    """(count, 3, height, width) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, height, width, generator=generator, dtype=torch.float64).to(dtype)
