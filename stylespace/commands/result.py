"""What a command says when it is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """What a command says when it is done.

    figures: also infinite or undefined ones. entries: of several probes, a row each.
    stopped, evaluations: why the loop ended and after how many; None where nothing is optimised.
    remarks: what was not right on the way. neighbours: of a search, the nearest first.
    """

    outputs: tuple[Path, ...]
    figures: Mapping[str, float]
    recipe: Mapping[str, Any]
    interrupted: bool = False
    entries: tuple[Mapping[str, Any], ...] = field(default=())
    stopped: str | None = None
    evaluations: int | None = None
    remarks: tuple[str, ...] = ()
    neighbours: tuple[Mapping[str, Any], ...] = ()

    @property
    def code(self) -> int:
        """The exit code: of several probes none was reached, or Ctrl-C, or all is well."""
        if self.interrupted:
            return 130
        return 1 if self.entries and not any(row["reached"] for row in self.entries) else 0
