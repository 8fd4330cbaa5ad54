"""Resizing pictures: antialiased bicubic, kept in range."""

from collections.abc import Callable

import torch

from stylespace.errors import UsageError


def resize(image: torch.Tensor, size: int) -> torch.Tensor:
    """Resize a picture so that its longer side has `size` pixels, the aspect kept.

    Args:
        image: (B, 3, H, W) in [0, 1].
        size: pixels of the longer side, at least 1; the other is rounded, at least 1 as well.

    Returns:
        (B, 3, h, w) in [0, 1], contiguous; `image` itself where it has that size already.

    Raises:
        UsageError: `size` is below 1.
    """
    if size < 1:
        raise UsageError(f"a size of {size} pixels: at least 1 is needed.")
    scale = size / max(image.shape[-2:])
    height, width = (max(round(side * scale), 1) for side in image.shape[-2:])
    return resize_to(image, height, width)


def resize_to(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Resize a picture to `height` by `width` pixels, whatever its aspect.

    Args:
        image: (B, 3, H, W) in [0, 1].
        height: rows of the result, at least 1.
        width: columns of the result, at least 1.

    Returns:
        (B, 3, height, width) in [0, 1], contiguous; `image` itself where it has that size.

    Raises:
        UsageError: a side is below 1.
    """
    if min(height, width) < 1:
        raise UsageError(f"a size of {height} x {width} pixels: at least 1 is needed for each.")
    if tuple(image.shape[-2:]) == (height, width):
        return image
    resized = torch.nn.functional.interpolate(
        image, (height, width), mode="bicubic", antialias=True, align_corners=False
    )
    return resized.clamp(0, 1).contiguous()  # bicubic overshoots at edges


def middle(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return the middle of a picture (B, C, H, W): (B, C, height, width), a view of its values."""
    top, left = (image.shape[2] - height) // 2, (image.shape[3] - width) // 2
    return image[..., top : top + height, left : left + width]


def fitted(height: int, width: int) -> Callable[[int], tuple[int, int]]:
    """Return a function from a longer side to (H, W) with the aspect of height x width."""

    def shape(size: int) -> tuple[int, int]:
        longer = max(height, width)
        return max(1, round(height * size / longer)), max(1, round(width * size / longer))

    return shape
