"""Windows of a localised Gram matrix: their shapes, where they stand, what each one weighs.

G(x) = sum_d w(d) f(x + d) f(x + d)^T over the offsets |dx|, |dy| <= s, s the half width. Features
outside the layer count as zero and no window is renormalised or clipped, however large it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.errors import UsageError, unknown


def uniform(offsets: Tensor, half_width: int) -> Tensor:
    """Return equal weights along one axis, 1 / (2s + 1) at every offset."""
    return torch.full_like(offsets, 1 / (2 * half_width + 1))


def gaussian(offsets: Tensor, half_width: int) -> Tensor:
    """Return a Gaussian of sigma = s / 2 along one axis, cut at s and normalised to sum 1."""
    if not half_width:
        return torch.ones_like(offsets)
    whole = torch.arange(-half_width, half_width + 1, dtype=offsets.dtype)
    return _bell(offsets, half_width) / _bell(whole, half_width).sum()


def _bell(offsets: Tensor, half_width: int) -> Tensor:
    return (-2 * (offsets / half_width).square()).exp()


KERNELS: dict[str, Callable[[Tensor, int], Tensor]] = {"uniform": uniform, "gaussian": gaussian}
"""Kinds of windows: (offsets, half width) -> one axis' factor of w, for offsets within s."""


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows over one layer of h x w positions, m x n of them.

    profiles: (2r + 1,) each, the factor of w along rows and along columns; its reach r is s, or
    less where the layer is too small for more offsets to meet anything.
    centres: (m,) and (n,), the rows and the columns where the windows stand.
    weights: (B or 1, m, n), lambda(x) of every window.
    """

    shape: tuple[int, int]
    profiles: tuple[Tensor, Tensor]
    centres: tuple[Tensor, Tensor]
    weights: Tensor

    @property
    def reach(self) -> tuple[int, int]:
        """Offsets at which a window can meet a position, (along rows, along columns)."""
        return len(self.profiles[0]) // 2, len(self.profiles[1]) // 2

    def matrices(self) -> tuple[Tensor, Tensor]:
        """Return (h, m) and (w, n): the weight of each row and column in each window."""
        device = self.weights.device
        rows, columns = (
            profile_matrix(profile, torch.arange(side, device=device), centre)
            for profile, side, centre in zip(self.profiles, self.shape, self.centres, strict=True)
        )
        return rows, columns

    def weight_map(self) -> Tensor:
        """Return lambda on the layer's own grid, (B or 1, h, w), zero where no window stands."""
        grid = self.weights.new_zeros(len(self.weights), *self.shape)
        grid[:, self.centres[0][:, None], self.centres[1]] = self.weights
        return grid


def profile_matrix(profile: Tensor, positions: Tensor, centres: Tensor) -> Tensor:
    """Return w(p - x) along one axis for positions p (P,) and centres x (X,): (P, X)."""
    reach = len(profile) // 2
    offsets = positions[:, None] - centres
    return profile[offsets.clamp(-reach, reach) + reach] * (offsets.abs() <= reach)


def windows_over(
    features: Tensor,
    half_width: int,
    kernel: str = "uniform",
    *,
    stride: int = 1,
    mask: Tensor | None = None,
) -> Windows:
    """Return the windows over features (B, C, h, w); see `local_gram_distance`.

    Raises:
        UsageError: a half width, stride, kernel or mask that cannot be.
    """
    _check_settings(half_width, kernel, stride)
    height, width = features.shape[2:]
    grid = features.new_ones(1, height, width) if mask is None else _checked_mask(mask, features)
    rows, columns = (
        torch.tensor(centres(side, stride), device=features.device) for side in (height, width)
    )
    down, across = (
        _like(_profile(kernel, half_width, side, stride), features) for side in (height, width)
    )
    weights = grid[:, rows[:, None], columns]
    return Windows((height, width), (down, across), (rows, columns), weights)


def centres(length: int, stride: int) -> range:
    """Return where windows stand along one side: ceil(length / stride) of them, in the middle.

    With stride <= 2s + 1 every position lies in a window; a stride of the whole side puts one
    window into its middle.
    """
    count = -(-length // stride)
    first = (length - 1 - (count - 1) * stride) // 2
    return range(first, first + count * stride, stride)


def reach_along(length: int, half_width: int, stride: int) -> int:
    """Return the largest offset of a window that meets a position of one side, at most s."""
    places = centres(length, stride)
    return min(half_width, max(places[-1], length - 1 - places[0]))


def _profile(kernel: str, half_width: int, length: int, stride: int) -> Tensor:
    """Return one axis' factor of w in float64, without offsets that never meet a position."""
    reach = reach_along(length, half_width, stride)
    return KERNELS[kernel](torch.arange(-reach, reach + 1, dtype=torch.float64), half_width)


def _check_settings(half_width: int, kernel: str, stride: int) -> None:
    if kernel not in KERNELS:
        raise unknown("window kernel", str(kernel), KERNELS)
    for name, value, least in (("half width", half_width, 0), ("stride", stride, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UsageError(
                f"{name} of a window is {value!r}: give a whole number, {least} or more."
            )


def _checked_mask(mask: Tensor, features: Tensor) -> Tensor:
    """Return a mask as (B or 1, h, w) in the features' type."""
    grid = mask[None] if mask.ndim == 2 else mask
    batch, _, *shape = features.shape
    if grid.ndim != 3 or list(grid.shape[1:]) != shape or len(grid) not in (1, batch):
        raise UsageError(
            f"a mask of shape {tuple(mask.shape)} does not fit a layer of {shape[0]}x{shape[1]} "
            f"positions: give (h, w), or (B, h, w) with B = {batch}."
        )
    if not bool((torch.isfinite(grid) & (grid >= 0)).all()):
        raise UsageError("a mask holds negative or non-finite weights: give numbers from 0 on.")
    return _like(grid, features)


def _like(x: Tensor, features: Tensor) -> Tensor:
    """Return x in the features' type and place; the type first, not every device has float64."""
    return x.to(features.dtype).to(features.device)
