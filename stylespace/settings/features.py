"""The settings of feature tables: which numbers of a picture's style, and of which pictures."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import ClassVar

from stylespace.assets import source_path
from stylespace.errors import UsageError
from stylespace.settings.executors import check_executor, executor_setting, workers_setting
from stylespace.settings.fields import setting, side_setting
from stylespace.settings.report import check_recorded, check_unweighted
from stylespace.settings.shared import StyleLayers

VECTORS = ("sketch", "mean", "gram", "covariance")
"""Kinds of numbers that a layer's activations become."""
SCALINGS = ("auto", "none", "paintings")
MOST_COLUMNS = 16_384
"""Columns of a CSV or a Parquet file: as many as a spreadsheet holds."""


@dataclass(frozen=True, kw_only=True)
class Vectors(StyleLayers):
    """How a picture becomes a row of numbers."""

    kind: str = setting(
        "sketch",
        "Numbers of a layer: a sketch that keeps the distances between Gram matrices, the mean "
        "activations, or the upper triangle of the Gram or covariance matrix.",
        choices=VECTORS,
    )
    dimension: int = setting(
        1024, "Numbers of a sketch, over all layers.", minimum=1, maximum=65_536
    )
    scaling: str = setting(
        "auto",
        "paintings: each layer divided by its mean norm over the eight bundled paintings, so that "
        "layers weigh alike; none: as measured; auto: paintings for a sketch, none for the others.",
        choices=SCALINGS,
    )
    size: int = side_setting(224, "Longer side in pixels to which each picture is resized.")
    square: bool = setting(False, "Cut the middle square out of each picture first.")
    rotations: bool = setting(False, "Mean over the picture's four quarter turns.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_unweighted(self.layers)

    @property
    def scaled(self) -> bool:
        """Whether layers are divided by their norms over the paintings."""
        return self.scaling == "paintings" or (self.scaling, self.kind) == ("auto", "sketch")


@dataclass(frozen=True, kw_only=True)
class FeaturesSettings(Vectors):
    """A table with a row of numbers for every picture."""

    command: ClassVar[str] = "features"

    pictures: tuple[str, ...] = setting(
        (), "Pictures, sample:NAME, .npy arrays, or folders of pictures.", argument=True
    )
    executor: str = executor_setting()
    workers: int | None = workers_setting()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pictures or not all(self.pictures):
            raise UsageError("no picture: name one, a sample:NAME or a folder.")
        check_recorded(self.pictures)
        check_executor(self.executor, self.workers)

    @property
    def decisive(self) -> FeaturesSettings:
        """The settings that decide the result: those of where it is computed at their defaults."""
        return replace(self, executor="serial", workers=None)

    def inputs(self) -> tuple[str, ...]:
        """See `Settings.inputs`; where one picture is there, those that miss are rows alike."""
        there = tuple(name for name in self.pictures if os.path.exists(source_path(name)))
        return (*(there or self.pictures), *super().inputs())
