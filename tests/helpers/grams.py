"""Gram matrices, styles and vectors to test statistics on."""

import numpy as np
import torch
from tiny import seeded_picture, tiny_network

from stylespace.styles.style import Style


def sparse_gram(channels=7, positions=11, *, seed=0, dead=1):
    """F F^T / N of random F >= 0 of which a half is zero; the last `dead` rows are all zero."""
    rng = np.random.default_rng(seed)
    features = rng.exponential(size=(channels, positions)) * (
        rng.random((channels, positions)) < 0.5
    )
    features[channels - dead :] = 0
    return torch.from_numpy(features @ features.T / positions)


def captured(seed, layers=("conv1_1", "conv3_1"), **options):
    return Style.capture(tiny_network(**options), seeded_picture(13, 22, seed=seed), layers)


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


def gram_of(channels, positions=9, *, seed=0):
    """A Gram matrix of ReLU features with energies over several powers of ten, one channel dead."""
    generator = np.random.default_rng(seed)
    features = np.maximum(generator.normal(size=(channels, positions)), 0)
    features *= 10 ** generator.uniform(-3, 2, size=(channels, 1))
    features[channels // 2] = 0
    return features @ features.T / positions
