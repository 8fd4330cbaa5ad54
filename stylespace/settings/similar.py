"""The settings of the search for similar styles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stylespace.errors import UsageError
from stylespace.settings.fields import setting, side_setting
from stylespace.settings.report import Comparing


@dataclass(frozen=True, kw_only=True)
class SimilarSettings(Comparing):
    """The pictures of a folder whose style is nearest to a picture's."""

    command: ClassVar[str] = "similar"

    picture: str = setting("", "A picture, sample:NAME or a style file.", argument=True)
    folder: str = setting("", "Folder whose pictures are searched.", option="--in")
    size: int = side_setting(256, "Longer side of each picture in pixels.")
    count: int = setting(10, "Pictures to name.", minimum=1, maximum=1000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.picture:
            raise UsageError("no picture: name one, a sample:NAME or a style file.")
        if not self.folder:
            raise UsageError("no folder to search: name it with --in FOLDER.")

    def inputs(self) -> tuple[str, ...]:
        """See `Settings.inputs`."""
        return (self.picture, self.folder, *super().inputs())
