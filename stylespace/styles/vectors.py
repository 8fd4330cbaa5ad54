"""A layer's style as numbers in a row, for tables and classifiers.

| kind         | numbers of a layer with C channels | Euclidean distance between two rows        |
|--------------|------------------------------------|--------------------------------------------|
| `sketch`     | a share of the dimension           | about the Frobenius distance of the Grams  |
| `mean`       | C                                  | that of the mean activations               |
| `gram`       | C (C + 1) / 2                      | the Frobenius distance of the Grams        |
| `covariance` | C (C + 1) / 2                      | the Frobenius distance of the covariances  |

Of a symmetric matrix the upper triangle is taken, row by row, with the entries beside the diagonal
times the root of 2: distances are those of the whole matrix.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from stylespace.errors import UsageError
from stylespace.styles.gram import covariance, gram, mean
from stylespace.styles.sketch import Sketch, shares


class Means:
    """The mean activation of each channel."""

    def __init__(self, channels: int) -> None:
        self.length = self.channels = channels

    @property
    def entries(self) -> list[str]:
        """What each number is of, for names of columns."""
        return [str(i) for i in range(self.channels)]

    def of(self, features: Tensor) -> Tensor:
        """Return the numbers of features: (B, C, h, w) -> (B, length)."""
        return mean(features)

    def of_moments(self, means: Tensor, matrix: Tensor) -> Tensor:
        """Return the same of means (B, C) and Gram matrices (B, C, C)."""
        return means


class Grams:
    """The upper triangle of the Gram matrix."""

    def __init__(self, channels: int) -> None:
        self.channels, self.length = channels, channels * (channels + 1) // 2

    @cached_property
    def _triangle(self) -> Tensor:
        return torch.triu_indices(self.channels, self.channels)

    @property
    def entries(self) -> list[str]:
        """See `Means.entries`."""
        return [f"{i}.{j}" for i, j in self._triangle.T.tolist()]

    def of(self, features: Tensor) -> Tensor:
        """See `Means.of`."""
        return self.flat(gram(features))

    def of_moments(self, means: Tensor, matrix: Tensor) -> Tensor:
        """See `Means.of_moments`."""
        return self.flat(matrix)

    def flat(self, matrix: Tensor) -> Tensor:
        """Return the triangle of symmetric matrices: (B, C, C) -> (B, length)."""
        i, j = self._triangle.to(matrix.device)
        return matrix[:, i, j] * torch.where(i == j, 1.0, 2**0.5).to(matrix)


class Covariances(Grams):
    """The upper triangle of the covariance matrix."""

    def of(self, features: Tensor) -> Tensor:
        """See `Means.of`."""
        return self.flat(covariance(features))

    def of_moments(self, means: Tensor, matrix: Tensor) -> Tensor:
        """See `Means.of_moments`."""
        return self.flat(matrix - means[:, :, None] * means[:, None])


Vector = Means | Grams | Sketch
VECTORS: dict[str, Callable[..., Vector]] = {
    "sketch": Sketch,
    "mean": Means,
    "gram": Grams,
    "covariance": Covariances,
}


def vectors_of(
    kind: str, layers: Sequence[tuple[str, int]], *, dimension: int, seed: int
) -> dict[str, Vector]:
    """Return {layer: how its features become numbers}.

    Args:
        kind: one of VECTORS. layers: (name, channels) of each.
        dimension: numbers of a sketch over all layers. seed: of its places and signs.

    Raises:
        UsageError: a sketch with fewer numbers than layers.
    """
    if kind != "sketch":
        return {name: VECTORS[kind](channels) for name, channels in layers}
    if dimension < len(layers):
        raise UsageError(
            f"--dimension {dimension} leaves none of {len(layers)} layers a number: give at least "
            f"{len(layers)}, better 1024."
        )
    lengths = shares(dimension, len(layers))
    return {
        name: Sketch(name, channels, length, seed)
        for (name, channels), length in zip(layers, lengths, strict=True)
    }
