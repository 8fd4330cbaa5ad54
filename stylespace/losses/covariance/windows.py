"""The window of the local Gram matrices, moved onto the content responses."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from stylespace.losses.local.windows import windows_over

EVEN = 1e-6
"""Range of a response, as a share of its largest value, below which it has nothing but a mean."""


@dataclass(frozen=True)
class ResponseWindow:
    """How content responses weigh positions; see `covariance_distance`."""

    half_width: int = 0
    kernel: str = "uniform"
    centred: bool = False

    def weights(self, responses: Tensor) -> Tensor:
        """Return R~ / N, the weights of a picture's positions: (B, K, h, w) -> (B, K, N)."""
        own = without_mean(responses) if self.centred else responses
        return moved(own, self.half_width, kernel=self.kernel).flatten(2) / own[0, 0].numel()


def moved(responses: Tensor, half_width: int, *, kernel: str = "uniform") -> Tensor:
    """Return R~(u) = sum_d w(d) R(u - d): responses that carry the window of the local Grams.

    A response beyond the border counts as zero, as a feature there does; the window is neither cut
    nor renormalised, whatever the layer's size. Both windows are separable and symmetric.

    Args:
        responses: (B, K, h, w). half_width: s >= 0 in positions; the window is 2 s + 1 wide.
        kernel: "uniform", or "gaussian" with a standard deviation of s / 2, cut at s.

    Returns:
        (B, K, h, w), differentiable.

    Raises:
        UsageError: an unknown kernel, or a half width that is no whole number from 0 on.
    """
    windows = windows_over(responses, half_width, kernel)
    rows = _convolved(responses, windows.profiles[0], 2)
    return _convolved(rows, windows.profiles[1], 3)


def _convolved(maps: Tensor, weights: Tensor, axis: int) -> Tensor:
    """Convolve maps (B, K, h, w) along one axis with symmetric weights, zeros beyond the border."""
    if len(weights) == 1:  # nothing but the own position is in reach
        return maps * weights
    shape, padding = [1, 1, 1, 1], [0, 0]
    shape[axis], padding[axis - 2] = len(weights), len(weights) // 2
    return conv2d(maps.flatten(0, 1)[:, None], weights.view(shape), padding=padding).view_as(maps)


def without_mean(responses: Tensor) -> Tensor:
    """Take each response's own mean off: (B, K, h, w) -> the same.

    A response of one value, up to the rounding of a resized map, becomes exactly zero, or its
    noise would be a target of its own.
    """
    rest = responses - responses.mean((2, 3), keepdim=True)
    span = responses.amax((2, 3), keepdim=True) - responses.amin((2, 3), keepdim=True)
    even = span <= EVEN * responses.abs().amax((2, 3), keepdim=True)
    return rest - torch.where(even, rest, 0).detach()  # its derivative is that of any other
