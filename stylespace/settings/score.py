"""The settings of scores: by which protocol, and against what."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from stylespace.errors import UsageError
from stylespace.settings.fields import option_name, setting
from stylespace.settings.protocols import Protocol, protocol_named
from stylespace.settings.report import check_recorded
from stylespace.settings.shared import Settings


@dataclass(frozen=True, kw_only=True)
class ScoreSettings(Settings):
    """Scores of results by a protocol, which fixes network, layers, size and pooling."""

    command: ClassVar[str] = "score"
    fixed: ClassVar[tuple[str, ...]] = ("network", "pooling", "padding", "precision")

    results: tuple[str, ...] = setting(
        (),
        "Pictures to score, or folders of pictures.",
        argument=True,
        optional=True,
        picture=True,
    )
    style: tuple[str, ...] = setting(
        (),
        "Reference of the style: a picture, sample:NAME, a folder of pictures or, where Gram "
        "matrices are compared, a style file; repeat it for several.",
        repeat=True,
        picture=True,
    )
    content: str = setting(
        "", "The content that all results were made from: a picture or sample:NAME.", picture=True
    )
    protocol: str = setting("", "Protocol, as gatys-vgg19-norm@1; see --list.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.results and all(self.results)):
            raise UsageError("no result: name a picture to score, or a folder of them.")
        self._fix()
        check_recorded((*self.results, *self.style, self.content))
        against = self.chosen.against
        if not (self.content if against == "content" else self.style and all(self.style)):
            raise UsageError(
                f"{self.protocol} compares with the {against}, and none is given: name it by "
                f"--{against}."
            )

    def _fix(self) -> None:
        """Take over what the protocol says, so that a recipe holds it.

        Raises:
            UsageError: an unknown protocol, or something else is asked for.
        """
        protocol = protocol_named(self.protocol)
        own = {"protocol": protocol.name}
        if protocol.network:
            own |= {name: getattr(protocol, name) for name in ("network", "pooling", "padding")}
            own["precision"] = "float32"
        for one in fields(self):
            value, fixed = getattr(self, one.name), own.get(one.name, one.default)
            if one.name in self.fixed and value not in (one.default, fixed):
                raise UsageError(f"{option_name(one)}: {protocol.name} fixes it; leave it out.")
        for name, value in own.items():
            object.__setattr__(self, name, value)

    @property
    def chosen(self) -> Protocol:
        """The protocol."""
        return protocol_named(self.protocol)

    def inputs(self) -> tuple[str, ...]:
        """See `Settings.inputs`."""
        return (*self.results, *self.style, *filter(None, [self.content]), *super().inputs())
