"""The settings of reports, and what commands share that measure many pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stylespace.errors import UsageError
from stylespace.settings.fields import setting, side_setting
from stylespace.settings.shared import StyleLayers

DISTANCES = ("gram", "cosine", "bures", "wasserstein")
"""Kinds of distances between styles."""
PAGE = "index.html"
"""The page of a report, in its folder."""
MOST_DETAILED = 12
"""Subjects that are shown one by one; more of them are shown as a collection."""


@dataclass(frozen=True, kw_only=True)
class Measuring(StyleLayers):
    """Commands that measure many pictures: how large, on how many cores."""

    size: int = side_setting(512, "Longer side of each picture in pixels.")
    workers: int | None = setting(
        None,
        "Processes that measure a folder, 1 for this one; default: one a core.",
        minimum=1,
        maximum=1024,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_unweighted(self.layers)


def check_unweighted(layers: tuple[str, ...]) -> None:
    """Refuse layers with a weight where each is measured by itself.

    Raises:
        UsageError: one that has a weight.
    """
    if weighted := next((text for text in layers if "=" in text), None):
        raise UsageError(
            f"--layers {weighted!r}: layers are measured one by one and have no weight: "
            "leave the weight out."
        )


def check_recorded(names: tuple[str, ...]) -> None:
    """Refuse names of files that a recipe cannot hold.

    Raises:
        UsageError: one that is no UTF-8.
    """
    for name in names:
        if name != name.encode("utf-8", "ignore").decode("utf-8"):
            raise UsageError(
                f"{ascii(name)}: a recipe cannot hold this name, which is no UTF-8: rename the "
                "file, or name its folder."
            )


@dataclass(frozen=True, kw_only=True)
class Comparing(Measuring):
    """Commands that compare whole styles: by which distance."""

    distance: str = setting("gram", "Distance between styles.", choices=DISTANCES)


@dataclass(frozen=True, kw_only=True)
class ReportSettings(Comparing):
    """A page that shows what the Gram matrices of paintings hold."""

    command: ClassVar[str] = "report"

    pictures: tuple[str, ...] = setting(
        (), "Pictures, sample:NAME, style files, or folders of pictures.", argument=True
    )
    contrast: tuple[str, ...] = setting(
        (),
        "Two of them, by name, to compare in words and entry by entry; default: the two in words, "
        "if there are two.",
    )
    stability: bool = setting(
        True, "Measure every number again on the picture resized, cropped and compressed."
    )
    compact: bool = setting(
        False,
        "A small page beside its tables: no files of figures, matrices or styles, no values under "
        "the pointer.",
    )
    timestamp: bool = setting(False, "Say on the page when it was made.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pictures or not all(self.pictures):
            raise UsageError("no picture: name one, a sample:NAME, a style file or a folder.")
        check_recorded(self.pictures)
        if len(self.contrast) not in (0, 2) or len(set(self.contrast)) != len(self.contrast):
            raise UsageError("--contrast takes two different names, as auvers,wave.")

    def inputs(self) -> tuple[str, ...]:
        """See `Settings.inputs`."""
        return (*self.pictures, *super().inputs())
