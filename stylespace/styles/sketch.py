"""A Gram matrix as a few numbers that keep its distances to others."""

import hashlib

import numpy as np
import torch
from torch import Tensor

from stylespace.styles.gram import gram, widened

SKETCH_VERSION = 1
"""Counted up when the same seed would give other numbers."""
FIDELITY = {1024: ".997", 4096: ".998"}
"""Rank correlation of distances between rows with exact ones; see `fidelity`."""


class Sketch:
    """TensorSketch of a layer's Gram matrix, linear in it: inner products are kept on average.

    Channel i has two places p, q among `length` and two signs s, t, drawn from the seed; entry
    (i, j) of the matrix goes, with the sign s_i t_j, to the place p_i + q_j modulo `length`. So
    E <sketch(G), sketch(A)> = <G, A>, and the Euclidean distance of two sketches is about the
    Frobenius distance of the matrices, with a variance that falls as 1 / length.

    Places and signs are bytes of SHAKE-256 of the seed, the layer, its channels and the length:
    the same on every machine and with every version of the libraries.

    Source: P13 section 3, G16 section 3.3. Departs: averaged over positions, so that it is the
    sketch of G as here defined.
    """

    def __init__(self, layer: str, channels: int, length: int, seed: int = 0) -> None:
        text = f"stylespace sketch {SKETCH_VERSION} {seed} {layer} {channels} {length}"
        drawn = np.frombuffer(hashlib.shake_256(text.encode()).digest(16 * channels), "<u8")
        drawn = drawn.reshape(2, channels)
        self.length = length
        self._places = torch.from_numpy((drawn >> 1) % length).long()
        self._signs = torch.from_numpy(1.0 - 2.0 * (drawn & 1)).float()

    @property
    def entries(self) -> list[str]:
        """What each number is of, for names of columns."""
        return [str(place) for place in range(self.length)]

    def of(self, features: Tensor) -> Tensor:
        """Return the sketch of the Gram matrix of features: (B, C, h, w) -> (B, length).

        No matrix is made that is larger than the features: where there are fewer positions than
        channels, each position is sketched, by a product of Fourier transforms.
        """
        if features.shape[1] <= features.shape[2] * features.shape[3]:
            return self.of_gram(gram(features))
        return self.of_positions(widened(features).flatten(2).mT)

    def of_moments(self, means: Tensor, matrix: Tensor) -> Tensor:
        """Return the same of means (B, C) and Gram matrices (B, C, C)."""
        return self.of_gram(matrix)

    def of_gram(self, matrix: Tensor) -> Tensor:
        """Return the sketch of Gram matrices: (B, C, C) -> (B, length)."""
        places, signs = self._places.to(matrix.device), self._signs.to(matrix)
        sums = ((places[0][:, None] + places[1]) % self.length).flatten()
        signed = matrix * (signs[0][:, None] * signs[1])
        return _summed(signed.flatten(1), sums, self.length)

    def of_positions(self, positions: Tensor) -> Tensor:
        """Return the sketch by way of each position's own: (B, N, C) -> (B, length)."""
        places, signs = self._places.to(positions.device), self._signs.to(positions)
        first, second = (
            torch.fft.rfft(_summed(positions * sign, place, self.length))
            for place, sign in zip(places, signs, strict=True)
        )
        return torch.fft.irfft((first * second).mean(1), n=self.length)


def _summed(values: Tensor, places: Tensor, length: int) -> Tensor:
    """Add up the last axis of values by place: (..., C) -> (..., length)."""
    sums = values.new_zeros(*values.shape[:-1], length)
    return sums.index_add_(values.ndim - 1, places, values)


def shares(dimension: int, layers: int) -> list[int]:
    """Return the numbers that each layer gets of `dimension`; the first get one more."""
    return [dimension // layers + (place < dimension % layers) for place in range(layers)]


def fidelity(dimension: int, *, usual: bool = True) -> str:
    """Say how well a sketch of all layers together keeps the exact distances.

    usual: of the default network and layers, with which it was measured.
    """
    how = (
        "Spearman correlation of Euclidean distances between rows with Frobenius distances between "
        "Gram matrices, five layers of vgg19-norm each divided by its mean norm over 400 crops of "
        "128 px of the bundled paintings and photographs, seed 0"
    )
    if usual and dimension in FIDELITY:
        return f"{FIDELITY[dimension]}: {how}"
    known = ", ".join(f"{value} with {count} numbers" for count, value in FIDELITY.items())
    return f"not measured for this table; {known}: {how}"
