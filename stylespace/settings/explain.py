"""The settings of `explain`: what tells two groups of styles apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stylespace.errors import UsageError
from stylespace.settings.fields import setting, side_setting
from stylespace.settings.report import Measuring, check_recorded


@dataclass(frozen=True, kw_only=True)
class ExplainSettings(Measuring):
    """The Gram entries that differ most between two groups of pictures, and how surely."""

    command: ClassVar[str] = "explain"

    pictures: tuple[str, ...] = setting(
        (),
        "First group: pictures, sample:NAME, style files, or folders of pictures; with --labels "
        "where its pictures are looked for.",
        argument=True,
        optional=True,
    )
    against: tuple[str, ...] = setting(
        (), "Second group, named alike: everything up to the next option.", following=True
    )
    labels: str | None = setting(
        None,
        "CSV file with the columns picture,label in place of --against; the two labels are the "
        "groups, the first that comes the first.",
    )
    names: tuple[str, ...] = setting(
        (), "Names of the two groups, as hokusai,others; default: of their folders, or labels."
    )
    size: int = side_setting(256, "Longer side of each picture in pixels.")
    permutations: int = setting(
        999,
        "Random permutations of the labels, where there are more than 1000 ways to label.",
        minimum=19,
        maximum=100_000,
    )
    shown: int = setting(6, "Entries that are shown in pictures.", minimum=1, maximum=50)
    probes: int = setting(2, "Of these, entries with a probe of their own.", minimum=0, maximum=50)
    edits: int = setting(
        1, "Of these, entries that are moved to the other group's value.", minimum=0, maximum=50
    )
    edit_pictures: int = setting(
        1, "Pictures of the first group in which each of them is moved.", minimum=1, maximum=50
    )
    compact: bool = setting(False, "A small page beside its tables: no files of figures.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.labels and self.against:
            raise UsageError("--labels names both groups: leave --against out, or --labels.")
        if not self.labels and not (self.pictures and all(self.pictures)):
            raise UsageError("no picture: name those of one group, and the others by --against.")
        if not self.labels and not (self.against and all(self.against)):
            raise UsageError("no second group: name it by --against, or both groups in --labels.")
        check_recorded((*self.pictures, *self.against, *self.names))
        if len(self.names) not in (0, 2) or len(set(self.names)) < len(self.names):
            raise UsageError("--names takes two different names, as hokusai,others.")

    def inputs(self) -> tuple[str, ...]:
        """See `Settings.inputs`."""
        labels = () if self.labels is None else (self.labels,)
        return (*self.pictures, *self.against, *labels, *super().inputs())
