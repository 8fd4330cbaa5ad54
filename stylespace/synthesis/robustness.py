"""Robustness: an objective that must hold for a picture a little shifted, scaled and rotated.

What survives small moves is a shape; what does not is noise on which the network happens to fire.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

FULL_JITTER_SIDE = 128
"""Shorter side in pixels from which on the jitter is as large as named; below, in proportion."""


@dataclass(frozen=True)
class Movement:
    """A move of the plane, in pixels about the picture's centre.

    The new picture at p shows the old one at R (p - centre) / scale + centre + (right, down), with
    R the rotation by `degrees`, from right to down.
    """

    right: float = 0.0
    down: float = 0.0
    scale: float = 1.0
    degrees: float = 0.0

    def __call__(self, image: Tensor) -> Tensor:
        """Return the moved picture: (B, 3, H, W) -> (B, 3, H, W), bilinear, mirrored outside."""
        height, width = image.shape[-2:]
        cosine = math.cos(math.radians(self.degrees)) / self.scale
        sine = math.sin(math.radians(self.degrees)) / self.scale
        # affine_grid counts each side from -1 to 1: without the ratios a rotation would shear.
        rows = (
            (cosine, -sine * height / width, 2 * self.right / width),
            (sine * width / height, cosine, 2 * self.down / height),
        )
        matrix = torch.tensor(rows, dtype=image.dtype).to(image.device, non_blocking=True)
        matrix = matrix.expand(len(image), 2, 3)
        grid = F.affine_grid(matrix, list(image.shape), align_corners=False)
        return F.grid_sample(image, grid, padding_mode="reflection", align_corners=False)


class Robust:
    """An objective seen through a new random movement at every call; for Adam, not for L-BFGS.

    All pictures of a batch make the same movement, so that none depends on its neighbours. The
    sequence of movements is that of the seed. The objective itself stays at `objective`: what a
    picture is worth is to be read there, since each value seen here belongs to one movement.

    Args:
        objective: picture (B, 3, H, W) -> {name: (B,)}.
        seed: of the movements.
        jitter: largest shift along each axis, in pixels of a picture whose shorter side has
            FULL_JITTER_SIDE pixels or more; of a smaller picture in proportion.
        scales: smallest and largest factor. degrees: largest rotation to either side.

    Source: Distill17, section "Transformation robustness". Departs: one movement of all three
    kinds with a mirrored border, in place of padding with grey, several crops and resizings.
    """

    def __init__(
        self,
        objective: Callable[[Tensor], Mapping[str, Tensor]],
        *,
        seed: int,
        jitter: float = 8.0,
        scales: tuple[float, float] = (0.9, 1.1),
        degrees: float = 10.0,
    ) -> None:
        self.objective = objective
        self.jitter, self.scales, self.degrees = jitter, scales, degrees
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, image: Tensor) -> Mapping[str, Tensor]:
        """Evaluate the objective on the moved picture."""
        return self.objective(self.movement(*image.shape[-2:])(image))

    def state_dict(self) -> dict[str, Tensor]:
        """Return where in the sequence of movements it is."""
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from there."""
        self._generator.set_state(state["generator"])

    def movement(self, height: int, width: int) -> Movement:
        """Draw the next movement for pictures of height x width pixels."""
        right, down, size, turn = torch.rand(4, generator=self._generator).tolist()
        jitter = self.jitter * min(1.0, min(height, width) / FULL_JITTER_SIDE)
        low, high = self.scales
        return Movement(
            right=jitter * (2 * right - 1),
            down=jitter * (2 * down - 1),
            scale=low + (high - low) * size,
            degrees=self.degrees * (2 * turn - 1),
        )
