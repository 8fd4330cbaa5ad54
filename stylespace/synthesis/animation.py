"""The course of a run as an animation: what the loop's best picture was at even steps."""

from pathlib import Path
from typing import Any

from torch import Tensor

from stylespace.images import resize, resize_to, written_image
from stylespace.images.animation import write_animation

FRAMES = 100
"""Frames of an animation at most, the result among them."""
LONGEST = 1024
"""Pixels of its longer side at most: it is looked at as a whole."""


class Animation:
    """Gathers the frames of one run, of several starts the first one's, and writes them.

    Evaluations of an earlier program, which a checkpoint brings back, have left no pictures.
    """

    def __init__(self) -> None:
        self._frames: list[Tensor] = []  # (1, 3, h, w) uint8, as small as their scales

    def see(self, step: Any) -> None:
        """Take a `Step`'s picture if one is due."""
        stride = -(-step.total // (FRAMES - 1))
        if step.image is not None and (step.number - 1) % stride == 0:
            self._frames.append(_levels(_no_larger(step.image[:1])).cpu())

    def write(self, path: Path, result: Tensor, *, force: bool = False) -> None:
        """Write the frames, enlarged to the result's size, and the result (1, 3, H, W) as the last.

        Raises:
            OutputError: see `write_animation`.
        """
        last = _no_larger(result)
        enlarged = [resize_to(frame / 255, *last.shape[2:]) for frame in self._frames]
        frames = [_levels(frame)[0].permute(1, 2, 0) for frame in (*enlarged, last)]
        write_animation(path, [frame.cpu().numpy() for frame in frames], force=force)


def _no_larger(image: Tensor) -> Tensor:
    """Return a picture (1, 3, H, W) whose longer side is at most LONGEST."""
    return image if max(image.shape[2:]) <= LONGEST else resize(image, LONGEST)


def _levels(image: Tensor) -> Tensor:
    """Return a picture in 8 bits."""
    return (written_image(image) * 255).round().byte()
