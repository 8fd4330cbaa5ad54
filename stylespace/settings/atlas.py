"""The settings of an atlas: a block of Gram entries, a small picture each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from stylespace.errors import UsageError
from stylespace.settings.entries import check_block, split_block
from stylespace.settings.executors import check_executor, executor_setting, workers_setting
from stylespace.settings.fields import MOST, setting, side_setting
from stylespace.settings.shared import Settings

Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class AtlasSettings(Settings):
    """A map of a layer's Gram matrix: a small picture for every entry of a block."""

    command: ClassVar[str] = "atlas"

    layer: str = setting("conv2_1", "Layer to map.")
    block: str | None = setting(
        None,
        "Channels of the rows and of the columns as A-B,C-D, ends included; default: the whole "
        "layer.",
    )
    size: int = setting(48, "Side of each picture in pixels.", minimum=1, maximum=1024)
    iterations: int = setting(64, "Evaluations for each picture.", minimum=1, maximum=MOST)
    selectivity: float = setting(
        0.0, "0: largest entry; 1: largest share of the whole Gram matrix.", minimum=0, maximum=1
    )
    parts: int = setting(
        4, "Parts of a picture along each side that must each show it.", minimum=1, maximum=16
    )
    check: int = setting(
        8, "Entries that are compared with full probes; 0: none.", minimum=0, maximum=10_000
    )
    check_size: int = side_setting(128, "Side of the full probes in pixels.")
    executor: str = executor_setting()
    workers: int | None = workers_setting()

    def __post_init__(self) -> None:
        super().__post_init__()
        self._ranges()
        check_executor(self.executor, self.workers)

    @property
    def decisive(self) -> AtlasSettings:
        """The settings that decide the result: those of where it is computed at their defaults."""
        return replace(self, executor="serial", workers=None)

    @property
    def place(self) -> str:
        """The layer's own name."""
        return self.own_name(self.layer)

    @property
    def rows(self) -> range:
        """Channels of the rows."""
        return self._ranges()[0]

    @property
    def columns(self) -> range:
        """Channels of the columns."""
        return self._ranges()[1]

    @property
    def stem(self) -> str:
        """Name of the result where the user gives none."""
        block = "" if self.block is None else f"-{_name(self.rows)}-{_name(self.columns)}"
        return f"atlas-{self.place}{block}"

    def pairs(self) -> tuple[Pair, ...]:
        """Return the entries (i, j), i <= j, of the block: G is symmetric, so each once."""
        return tuple(dict.fromkeys(ordered(i, j) for i in self.rows for j in self.columns))

    def _ranges(self) -> tuple[range, range]:
        """Return the channels of rows and columns.

        Raises:
            UsageError: malformed, reversed, or outside the layer.
        """
        channels = next(one.channels for one in self.architecture if one.name == self.place)
        if self.block is None:
            return range(channels), range(channels)
        found = split_block(self.block)
        if found is None:
            raise UsageError(
                f"--block {self.block!r} is not two ranges of channels: write it as 0-15,0-15."
            )
        check_block(self.block, found, self.place, self.network)
        return found


def ordered(i: int, j: int) -> Pair:
    """Return an entry and its mirror image as the same pair."""
    return (i, j) if i <= j else (j, i)


def _name(channels: range) -> str:
    return f"{channels[0]}-{channels[-1]}"
