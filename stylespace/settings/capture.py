"""The settings of a style file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stylespace.settings.fields import setting, side_setting
from stylespace.settings.shared import StyleLayers
from stylespace.settings.sourced import check_sources, source_names


@dataclass(frozen=True, kw_only=True)
class CaptureSettings(StyleLayers):
    """A style file from one or several paintings."""

    command: ClassVar[str] = "capture"

    sources: tuple[str, ...] = setting(
        (), "Pictures or sample:NAME, with a weight as PATH=0.3.", argument=True
    )
    size: int = side_setting(512, "Longer side of each picture in pixels.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sources(self.sources)

    def inputs(self) -> tuple[str, ...]:
        """See `Settings.inputs`."""
        return (*source_names(self.sources), *super().inputs())
