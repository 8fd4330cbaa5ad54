"""What a localised distance costs, known before: seconds and memory, and the evaluator to take."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stylespace.losses.local.blocks import tile_numbers, tile_side
from stylespace.losses.local.positions import LARGEST_SCRATCH
from stylespace.losses.local.sparse import window_numbers
from stylespace.losses.local.windows import centres, reach_along

MIB = 2**20


@dataclass(frozen=True)
class Case:
    """One distance: features (B, C, h, w), the reach of its windows, how many there are."""

    batch: int
    channels: int
    height: int
    width: int
    reach: tuple[int, int]
    grid: tuple[int, int]
    itemsize: int = 4

    @classmethod
    def of(
        cls, shape: Sequence[int], half_width: int, *, stride: int = 1, itemsize: int = 4
    ) -> Case:
        """Return the case of windows of one half width over features of a shape (B, C, h, w)."""
        sides = shape[2:]
        down, right = (reach_along(side, half_width, stride) for side in sides)
        rows, columns = (len(centres(side, stride)) for side in sides)
        return cls(*shape, (down, right), (rows, columns), itemsize)

    @property
    def positions(self) -> int:
        """N of one layer."""
        return self.height * self.width

    @property
    def numbers(self) -> int:
        """Numbers of the features, B C N."""
        return self.batch * self.channels * self.positions


def local_cost(
    shape: Sequence[int], half_width: int, *, stride: int = 1, evaluator: str = "auto"
) -> float:
    """Return about how many seconds value and gradient take on one core, in float32.

    Fitted to processor time on one core of an AMD EPYC with 512-bit vectors, layers from
    (16, 64, 64) to (512, 16, 16), half widths 0 to 14: four of five within a factor of 1.5, and
    in all but one of 67 cases the cheapest by this was at most 15 % slower than the fastest.
    Elsewhere only the proportions hold.

    Args:
        shape: of the features, (B, C, h, w).
        half_width, stride, evaluator: as in `local_gram_distance`.
    """
    if evaluator == "auto":
        evaluator = chosen_evaluator(shape, half_width, stride=stride)
    return 1e-9 * COSTS[evaluator](Case.of(shape, half_width, stride=stride))


def local_memory(
    shape: Sequence[int],
    half_width: int,
    *,
    stride: int = 1,
    evaluator: str = "auto",
    itemsize: int = 4,
) -> int:
    """Return about how many bytes value and gradient need beyond features and target.

    The gradient, and the one of a backward pass, are among them. itemsize: 4 for float32, 8 for
    float64; the rest as in `local_cost`.
    """
    if evaluator == "auto":
        evaluator = chosen_evaluator(shape, half_width, stride=stride)
    return round(MEMORY[evaluator](Case.of(shape, half_width, stride=stride, itemsize=itemsize)))


def chosen_evaluator(shape: Sequence[int], half_width: int, *, stride: int = 1) -> str:
    """Return the cheapest evaluator that keeps to `allowed_memory`, or else the smallest one.

    Measured, for windows at every position: "offsets" up to s = 1, then "blocks"; "dense" where
    4s + 1 nears the side of the layer; "explicit" for windows so wide that a map for each pair of
    channels costs less (64 channels: from s = 8 on, 16 channels: from 3). "windows" for strides
    from about s on.
    """
    case = Case.of(shape, half_width, stride=stride)
    fitting = [name for name, count in MEMORY.items() if count(case) <= allowed_memory(case)]
    if not fitting:
        return min(MEMORY, key=lambda name: MEMORY[name](case))
    return min(fitting, key=lambda name: COSTS[name](case))


def allowed_memory(case: Case) -> int:
    """Return the bytes that an evaluator may take: 8 times features and target, and 64 MiB."""
    return 16 * case.numbers * case.itemsize + 64 * MIB


PAIR, PAIR_OVERHEAD = 0.17, 7.0
"""Nanoseconds for a pair of positions: per channel (six products), and for its weights."""
GATHERED = 2.5
"""Nanoseconds for one number of a position brought together with its neighbours."""


def _offsets_cost(case: Case) -> float:
    sides = zip((case.height, case.width), case.reach, strict=True)
    count = math.prod(2 * min(2 * reach, side - 1) + 1 for side, reach in sides) // 2 + 1
    return count * (60e3 + (2.8 if case.numbers < MIB else 5.6) * case.numbers)


def _dense_cost(case: Case) -> float:
    pairs = case.batch * case.positions**2
    return 3e5 + pairs * (PAIR * case.channels + PAIR_OVERHEAD)


def _blocks_cost(case: Case) -> float:
    side = tile_side(case.reach)
    tiles = case.batch * math.prod(-(-n // side) for n in (case.height, case.width))
    halo = math.prod(side + 4 * reach for reach in case.reach)
    pairs = tiles * side**2 * halo
    gathered = 2 * tiles * (side**2 + halo) * case.channels
    return 1e6 + pairs * (PAIR * case.channels + PAIR_OVERHEAD) + GATHERED * gathered


def _explicit_cost(case: Case) -> float:
    side, reach = max(case.height, case.width), max(case.reach)
    maps = case.batch * case.channels * (case.channels + 1) / 2
    seen = min(side, max(32, 2 * reach + 1) + 2 * reach)
    return maps * (case.positions * (9 + 0.09 * seen) + 300)


def _windows_cost(case: Case) -> float:
    c, positions = case.channels, math.prod(2 * reach + 1 for reach in case.reach)
    count = case.batch * math.prod(case.grid)
    each = 1500 + 2.2 * c**2 + positions * (0.06 * c**2 + 3.5 * c)
    return 5e5 + 12 * case.numbers + count * each


def _with_scratch(case: Case, copies: float, least: float) -> float:
    """Return the bytes of copies of the features and of one batch, at least that many numbers."""
    return case.itemsize * copies * case.numbers + 1.5 * max(LARGEST_SCRATCH, case.itemsize * least)


def _offsets_memory(case: Case) -> float:
    return _with_scratch(case, 7, 4 * case.batch * case.positions)


def _dense_memory(case: Case) -> float:
    (rows, columns), width = case.grid, case.width
    shared = rows * width * (columns + width)
    return _with_scratch(case, 5, 6 * case.batch * width * case.positions + shared)


def _blocks_memory(case: Case) -> float:
    side = tile_side(case.reach)
    tiles = case.batch * math.prod(-(-n // side) for n in (case.height, case.width))
    seen = 3 * tiles * math.prod(side + 2 * reach for reach in case.reach)
    least = sum(tile_numbers(case.channels, side, case.reach))
    return _with_scratch(case, 3, least) + case.itemsize * seen


def _explicit_memory(case: Case) -> float:
    return _with_scratch(case, 4, 4 * case.positions)


def _windows_memory(case: Case) -> float:
    positions = math.prod(2 * reach + 1 for reach in case.reach)
    return _with_scratch(case, 3, window_numbers(case.channels, positions))


COSTS: dict[str, Callable[[Case], float]] = {
    "offsets": _offsets_cost,
    "dense": _dense_cost,
    "blocks": _blocks_cost,
    "explicit": _explicit_cost,
    "windows": _windows_cost,
}
"""Nanoseconds of value and gradient by evaluator."""
MEMORY: dict[str, Callable[[Case], float]] = {
    "offsets": _offsets_memory,
    "dense": _dense_memory,
    "blocks": _blocks_memory,
    "explicit": _explicit_memory,
    "windows": _windows_memory,
}
"""Bytes beyond features and target by evaluator."""
