"""The Wasserstein-2 distance of two normal distributions, accurate where they nearly agree."""

import torch
from torch import Tensor


def bures_distance(
    mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor
) -> float:
    """Return the squared Wasserstein-2 distance of N(m, S) and N(n, T), in float64.

    |m - n|^2 + tr S + tr T - 2 tr (S^1/2 T S^1/2)^1/2. Any rank will do: the covariances may be
    singular, and eigenvalues that rounding made negative count as 0.

    Args:
        mean, other_mean: (C,). covariance, other_covariance: (C, C), symmetric.

    Source: Dowson and Landau 1982.
    """
    root, other = square_root(covariance), square_root(other_covariance)
    return transport(mean.detach().cpu().double(), root, other_mean.detach().cpu().double(), other)


def transport(mean: Tensor, root: Tensor, other_mean: Tensor, other_root: Tensor) -> float:
    """Return the same distance from square roots A of the covariances, A A^T = S, in float64.

    The covariance part is the smallest ||A - B Q||^2 over orthogonal Q, as a sum of squares never
    negative: near identity the traces of the formula would cancel to 1e-16 of the energy, and the
    distance itself, its root, would be wrong from the eighth digit on.

    Args:
        mean, other_mean: (C,). root, other_root: (C, C).

    Source: Bhatia, Jain and Lim 2019 (the orthogonal Procrustes problem).
    """
    u, _, v = torch.linalg.svd(other_root.T @ root)
    spread = (root - other_root @ (u @ v)).square().sum()
    return float((mean - other_mean).square().sum() + spread)


def square_root(covariance: Tensor) -> Tensor:
    """Return A with A A^T = S in float64, (C, C); negative eigenvalues of S count as 0."""
    values, vectors = torch.linalg.eigh(covariance.detach().cpu().double())
    return vectors * values.clamp(min=0).sqrt()
