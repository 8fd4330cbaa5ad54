"""The localised distance window by window, for windows that overlap little."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from stylespace.losses.local.positions import Positions, position_numbers, scratch_bytes
from stylespace.losses.local.windows import Windows


def by_windows(
    f: Tensor, p: Tensor, windows: Windows, signs: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """Return the distance and its gradients from one C x C difference for each window.

    D(x) = 1/2 sum_d w (u v^T + v u^T), a batch of windows at a time. A sum of squares, so never
    negative. Arguments and result as in `by_offsets`.
    """
    positions = Positions(f, p)
    value, totals = f.new_zeros(len(f)), [torch.zeros_like(positions.values[0]) for _ in signs]
    profile = (windows.profiles[0][:, None] * windows.profiles[1]).flatten()[:, None]
    for pictures, numbers, weights in _batches(windows, f):
        u, v = positions.at(numbers).chunk(2, 1)  # (n, K, C)
        half = torch.bmm((u * profile).mT, v)
        difference = (half + half.mT) / 2
        weighted = difference * weights[:, None, None]
        value.index_add_(0, pictures, (weighted * difference).sum((1, 2)))
        for sign, total in zip(signs, totals, strict=True):
            found = torch.bmm(u + sign * v, weighted).mul_(2 * profile)
            total.index_add_(0, numbers.flatten(), found.flatten(0, 1))
    return value, [positions.as_layers(total) for total in totals]


def _batches(windows: Windows, f: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield pictures (n,), their position numbers (n, K) and lambda (n,), of some windows."""
    weights = windows.weights.expand(len(f), -1, -1)
    down, right = (torch.arange(-r, r + 1, device=f.device) for r in windows.reach)
    each = window_numbers(f.shape[1], len(down) * len(right)) * f.element_size()
    size = max(1, scratch_bytes(f.device) // each)
    found = (weights != 0).nonzero()  # (windows, 3): picture, row and column of centres
    for picture, row, column in (some.unbind(1) for some in found.split(size) if len(some)):
        y = windows.centres[0][row][:, None] + down
        x = windows.centres[1][column][:, None] + right
        numbers = position_numbers(picture, y, x, f.shape)
        yield picture, numbers, weights[picture, row, column]


def window_numbers(channels: int, positions: int) -> int:
    """Return how many numbers one window needs: its features four times, its C x C differences."""
    return (6 * positions + 3 * channels) * channels
