"""What a localised distance costs, known before: memory, and the evaluator to take."""

from collections.abc import Sequence
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
    return round(Case(shape, half_width, stride=stride, itemsize=itemsize).memory()[evaluator])


def chosen_evaluator(shape: Sequence[int], half_width: int, *, stride: int = 1) -> str:
    """Return the fastest evaluator that keeps to `Case.allowed`, or else the smallest one.

    Measured, for windows at every position: "offsets" up to s = 1, then "blocks"; "dense" where
    4s + 1 nears the side of the layer; "explicit" for windows so wide that a map for each pair of
    channels costs less (64 channels: from s = 8 on, 16 channels: from 3). "windows" for strides
    from about s on.
    """
    case = Case(shape, half_width, stride=stride)
    times, memory = case.times(), case.memory()
    fitting = [name for name in times if memory[name] <= case.allowed]
    return min(fitting or memory, key=(times if fitting else memory).__getitem__)


class Case:
    """One distance: features (B, C, h, w), and the windows over them.

    Attributes:
        sides: h and w. reach: of a window along either. grid: windows along either.
        numbers: of the features, B C N. window: positions in one.
        tiles: of all layers, of `tile_side` positions a side.
        allowed: bytes that an evaluator may take: 8 times features and target, and 64 MiB.
    """

    def __init__(
        self, shape: Sequence[int], half_width: int, *, stride: int = 1, itemsize: int = 4
    ) -> None:
        self.batch, self.channels, *self.sides = shape
        self.itemsize, self.numbers = itemsize, prod(shape)
        self.allowed = 16 * self.numbers * itemsize + 64 * MIB
        self.reach = [reach_along(n, half_width, stride) for n in self.sides]
        self.grid = [len(centres(n, stride)) for n in self.sides]
        self.window = prod(2 * reach + 1 for reach in self.reach)
        self.side = tile_side(self.reach)
        self.tiles = self.batch * prod(-(-n // self.side) for n in self.sides)

    def times(self) -> dict[str, float]:
        """Return how long each evaluator takes beside the others: nanoseconds of one core.

        Fitted to processor time on one core of an AMD EPYC with 512-bit vectors, layers from
        (16, 64, 64) to (512, 16, 16), half widths 0 to 14: in all but one of 67 cases the fastest
        by this was at most 15 % slower than the fastest. Elsewhere only the proportions hold.
        """
        c, n, own = self.channels, prod(self.sides), self.side**2
        offsets = (2 * min(2 * r, h - 1) + 1 for r, h in zip(self.reach, self.sides, strict=True))
        halo = prod(self.side + 4 * reach for reach in self.reach)
        wide = 2 * max(self.reach)
        seen = min(max(self.sides), max(32, wide + 1) + wide)
        pair = 0.17 * c + 7  # of positions: six products, and their weights
        offset = 60e3 + (2.8 if self.numbers < MIB else 5.6) * self.numbers
        tile = own * halo * pair + 5 * (own + halo) * c
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
        n, width, (rows, columns) = prod(self.sides), self.sides[1], self.grid
        seen = self.tiles * prod(self.side + 2 * reach for reach in self.reach)
        tile = tile_numbers(self.channels, self.side, self.reach)
        shared = rows * width * (columns + width)
        copies_and_least = {
            "offsets": (7 * self.numbers, 4 * self.batch * n),
            "dense": (5 * self.numbers, 6 * self.batch * width * n + shared),
            "blocks": (3 * self.numbers + 3 * seen, tile),
            "explicit": (4 * self.numbers, 4 * n),
            "windows": (3 * self.numbers, window_numbers(self.channels, self.window)),
        }
        return {
            name: self.itemsize * copies + 1.5 * max(LARGEST_SCRATCH, self.itemsize * least)
            for name, (copies, least) in copies_and_least.items()
        }
