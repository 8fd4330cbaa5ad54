"""The settings of an edit: a painting whose style has one entry changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stylespace.errors import UsageError
from stylespace.networks.catalogue import check_entry
from stylespace.settings.entries import split_entry
from stylespace.settings.fields import setting, weight_setting
from stylespace.settings.probe import Entry
from stylespace.settings.shared import Making, StyleLayers


@dataclass(frozen=True, kw_only=True)
class EditSettings(Making, StyleLayers):
    """A painting's style with one entry changed: what does this entry carry?"""

    command: ClassVar[str] = "edit"

    source: str = setting("", "Painting: a picture or sample:NAME.", argument=True, picture=True)
    layer: str = setting("conv3_1", "Layer of the entry.")
    entry: str = setting("", "Entry of the Gram matrix as I,J.")
    factor: float = setting(
        0.0, "On the painting's entry: 0 takes it away, 4 raises it.", minimum=0, maximum=1e4
    )
    init: str = setting(
        "painting", "Start: the painting itself, or noise.", choices=("painting", "noise")
    )
    hold: float = weight_setting(1.0, "Weight of the rest of the style, which is held.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_pyramid()
        if not self.source:
            raise UsageError("no painting: name a picture or sample:NAME.")
        if not self.entry:
            raise UsageError("no entry: name one, such as --entry 12,40.")
        self.place()

    def inputs(self) -> tuple[str, ...]:
        """See `Settings.inputs`."""
        return (self.source, *super().inputs())

    def content_source(self) -> str:
        """Return the painting, whose content stays."""
        return self.source

    def pyramid(self) -> tuple[int, ...]:
        """Return the scales: from the painting itself the full size alone, which keeps it sharp."""
        one = self.init == "painting" and not self.sizes
        return (self.size,) if one else super().pyramid()

    def place(self) -> Entry:
        """Return (layer, i, j).

        Raises:
            UsageError: malformed, an unknown layer, or outside the layer.
        """
        own, i, j = split_entry(self.entry)
        layer = self.own_name(own or self.layer)
        check_entry(layer, (i, j), self.network)
        return layer, i, j
