"""Statistics of feature maps that a style is made of: mean, Gram matrix and their relatives.

One convention everywhere: the Gram matrix is divided by the number of positions only,
G = F F^T / N, so that it does not depend on the size of the picture. Four others are in use in
the field; a value from another program has to be rescaled before it is compared.

All functions take features (B, C, h, w) and compute in float32, or in float64 where the features
are; half-precision features are widened first, since their sums overflow.
"""

from typing import Any

import torch
from torch import Tensor

from stylespace.errors import public


class _Gram(torch.autograd.Function):
    """G = X X^T / N with one matrix product in the backward pass, where autograd needs two."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return _product(x, x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient of the features, (B, C, N)."""
        (x,) = ctx.saved_tensors
        both = (gradient + gradient.mT) / x.shape[2]
        # (x^T both)^T: comes out with the channels innermost, as the network's own gradients are.
        return torch.bmm(x.mT, both).mT


def _product(x: Tensor, y: Tensor) -> Tensor:
    """X Y^T / N for x: (B, C, N), y: (B, D, N) -> (B, C, D)."""
    empty = x.new_empty(x.shape[0], x.shape[1], y.shape[1])
    return torch.baddbmm(empty, x, y.mT, beta=0, alpha=1 / x.shape[2])


def _positions(features: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, N), in float32 or better."""
    if features.ndim != 4:
        raise ValueError(f"features must be (B, C, h, w), got {tuple(features.shape)}")
    return widened(features).flatten(2)


@public
def gram(features: Tensor) -> Tensor:
    """Return the Gram matrix G = F F^T / N, N = h w.

    Args:
        features: (B, C, h, w).

    Returns:
        (B, C, C), symmetric, positive semi-definite.

    Source: G15a eq. 1. Departs: divided by N (there it is not), so that sizes compare.

    Example:
        >>> import stylespace as ss, torch
        >>> features = torch.tensor([[1.0, 3.0], [0.0, 2.0]]).reshape(1, 2, 1, 2)
        >>> ss.gram(features)
        tensor([[[5., 3.],
                 [3., 2.]]])
    """
    return _Gram.apply(_positions(features))


@public
def mean(features: Tensor) -> Tensor:
    """Return the mean activation of each channel: (B, C, h, w) -> (B, C).

    Example:
        >>> import stylespace as ss, torch
        >>> ss.mean(torch.tensor([[1.0, 3.0], [0.0, 2.0]]).reshape(1, 2, 1, 2))
        tensor([[2., 1.]])
    """
    return _positions(features).mean(2)


@public
def covariance(features: Tensor) -> Tensor:
    """Return the covariance of the channels over positions, (B, C, C), divided by N.

    The mean is taken off before the product: G - mu mu^T would cancel in float32.

    Example:
        >>> import stylespace as ss, torch
        >>> ss.covariance(torch.tensor([[1.0, 3.0], [0.0, 2.0]]).reshape(1, 2, 1, 2))
        tensor([[[1., 1.],
                 [1., 1.]]])
    """
    x = _positions(features)
    return _Gram.apply(x - x.mean(2, keepdim=True))


@public
def shifted_gram(features: Tensor, shift: float = -1.0) -> Tensor:
    """Return the Gram matrix of F + shift, (B, C, C).

    Source: NN16b section 3 (activation shift), which uses -1.

    Example:
        >>> import stylespace as ss, torch
        >>> ss.shifted_gram(torch.tensor([[1.0, 3.0], [0.0, 2.0]]).reshape(1, 2, 1, 2))
        tensor([[[2., 1.],
                 [1., 1.]]])
    """
    return gram(features + shift)


@public
def chained_gram(deep: Tensor, shallow: Tensor) -> Tensor:
    """Return F up(S)^T / N between two layers, with the deep one resized to the shallow grid.

    Args:
        deep: (B, C, h, w), the coarser layer.
        shallow: (B, D, H, W), the finer one, H >= h and W >= w.

    Returns:
        (B, C, D), N = H W.

    Source: NN16b section 3 (blurred/correlation chain), bilinear resizing.

    Example:
        >>> import stylespace as ss, torch
        >>> features = ss.load_network()(torch.rand(1, 3, 48, 64), ["conv2_1", "conv3_1"])
        >>> ss.chained_gram(features["conv3_1"], features["conv2_1"]).shape
        torch.Size([1, 256, 128])
    """
    grid = shallow.shape[2:]
    up = torch.nn.functional.interpolate(deep, grid, mode="bilinear", align_corners=False)
    return _product(_positions(up), _positions(shallow))


def widened(features: Tensor) -> Tensor:
    """Return features in float32, or in float64 where they are."""
    return features if features.dtype == torch.float64 else features.float()
