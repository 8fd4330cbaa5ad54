"""What a localised distance costs, known before: memory, and the evaluator to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from stylespace.losses.local.blocks import tile_numbers, tile_side
from stylespace.losses.local.positions import LARGEST_SCRATCH
from stylespace.losses.local.sparse import window_numbers
from stylespace.losses.local.windows import centres, reach_along

MIB = 2**20


def local_memory(
    shape: Sequence[int],
    half_width: int,
    *,
    stride: int = 1,
    evaluator: str = "auto",
    itemsize: int = 4,
) -> int:
    """Return about how many bytes value and gradient need beyond features and target.

    The gradient, and the one of a backward pass, are among them.

    Args:
        shape: of the features, (B, C, h, w).
        half_width, stride, evaluator: as in `local_gram_distance`.
        itemsize: 4 for float32, 8 for float64.
    """
    if evaluator == "auto":
        evaluator = chosen_evaluator(shape, half_width, stride=stride)
    return round(Case.of(shape, half_width, stride=stride, itemsize=itemsize).memory()[evaluator])


def chosen_evaluator(shape: Sequence[int], half_width: int, *, stride: int = 1) -> str:
    """Return the fastest evaluator that keeps to `Case.allowed`, or else the smallest one.

    Measured, for windows at every position: "offsets" up to s = 1, then "blocks"; "dense" where
    4s + 1 nears the side of the layer; "explicit" for windows so wide that a map for each pair of
    channels costs less (64 channels: from s = 8 on, 16 channels: from 3). "windows" for strides
    from about s on.
    """
    case = Case.of(shape, half_width, stride=stride)
    times, memory = case.times(), case.memory()
    fitting = [name for name in memory if memory[name] <= case.allowed]
    if not fitting:
        return min(memory, key=lambda name: memory[name])
    return min(fitting, key=lambda name: times[name])


@dataclass(frozen=True)
class Case:
    """One distance: features (B, C, h, w), the reach of its windows, how many there are."""

    batch: int
    channels: int
    sides: tuple[int, int]
    reach: tuple[int, int]
    grid: tuple[int, int]
    itemsize: int = 4

    @classmethod
    def of(
        cls, shape: Sequence[int], half_width: int, *, stride: int = 1, itemsize: int = 4
    ) -> Case:
        """Return the case of windows of one half width over features of a shape (B, C, h, w)."""
        batch, channels, height, width = shape
        sides = height, width
        down, right = (reach_along(side, half_width, stride) for side in sides)
        rows, columns = (len(centres(side, stride)) for side in sides)
        return cls(batch, channels, sides, (down, right), (rows, columns), itemsize)

    @property
    def numbers(self) -> int:
        """Numbers of the features, B C N."""
        return self.batch * self.channels * prod(self.sides)

    @property
    def allowed(self) -> int:
        """Bytes that an evaluator may take: 8 times features and target, and 64 MiB."""
        return 16 * self.numbers * self.itemsize + 64 * MIB

    @property
    def window(self) -> int:
        """Positions in one window."""
        return prod(2 * reach + 1 for reach in self.reach)

    @property
    def tiles(self) -> int:
        """Tiles of all layers, of `tile_side` positions a side."""
        return self.batch * prod(-(-n // tile_side(self.reach)) for n in self.sides)

    def times(self) -> dict[str, float]:
        """Return how long each evaluator takes beside the others: nanoseconds of one core.

        Fitted to processor time on one core of an AMD EPYC with 512-bit vectors, layers from
        (16, 64, 64) to (512, 16, 16), half widths 0 to 14: in all but one of 67 cases the fastest
        by this was at most 15 % slower than the fastest. Elsewhere only the proportions hold.
        """
        c, n, side = self.channels, prod(self.sides), tile_side(self.reach)
        offsets = (2 * min(2 * r, h - 1) + 1 for r, h in zip(self.reach, self.sides, strict=True))
        halo = prod(side + 4 * reach for reach in self.reach)
        wide = 2 * max(self.reach)
        seen = min(max(self.sides), max(32, wide + 1) + wide)
        pair = 0.17 * c + 7  # of positions: six products, and their weights
        offset = 60e3 + (2.8 if self.numbers < MIB else 5.6) * self.numbers
        tile = side**2 * halo * pair + 5 * (side**2 + halo) * c
        entry = n * (9 + 0.09 * seen) + 300
        window = 1500 + 2.2 * c**2 + self.window * (0.06 * c**2 + 3.5 * c)
        return {
            "offsets": (prod(offsets) // 2 + 1) * offset,
            "dense": 3e5 + self.batch * n**2 * pair,
            "blocks": 1e6 + self.tiles * tile,
            "explicit": self.batch * c * (c + 1) / 2 * entry,
            "windows": 5e5 + 12 * self.numbers + self.batch * prod(self.grid) * window,
        }

    def memory(self) -> dict[str, float]:
        """Return the bytes beyond features and target by evaluator.

        Copies of the features, and a batch of products, which holds so many numbers at least.
        """
        n, side, (rows, columns) = prod(self.sides), tile_side(self.reach), self.grid
        width, seen = self.sides[1], self.tiles * prod(side + 2 * reach for reach in self.reach)
        shared = rows * width * (columns + width)
        copies_and_least = {
            "offsets": (7 * self.numbers, 4 * self.batch * n),
            "dense": (5 * self.numbers, 6 * self.batch * width * n + shared),
            "blocks": (3 * self.numbers + 3 * seen, tile_numbers(self.channels, side, self.reach)),
            "explicit": (4 * self.numbers, 4 * n),
            "windows": (3 * self.numbers, window_numbers(self.channels, self.window)),
        }
        return {
            name: self.itemsize * copies + 1.5 * max(LARGEST_SCRATCH, self.itemsize * least)
            for name, (copies, least) in copies_and_least.items()
        }
