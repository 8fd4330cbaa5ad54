"""What results score by a protocol: numbers, tables, files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from stylespace.commands.score.noise import WITHIN, Floor
from stylespace.commands.score.references import Point
from stylespace.errors import printable
from stylespace.figures.formatting import shortened
from stylespace.figures.tables import columns_of, csv_text, json_text
from stylespace.settings.protocols import SHORT, Protocol

NAME = 24
"""Letters of a result's name in a table."""


@dataclass(frozen=True)
class Score:
    """What a result scores.

    value: NaN where it could not be measured; `note` then says why. curve: the score with 1, 2, ...
    of the references. reading: where it lies to the noise floor, in words.
    """

    result: str
    value: float
    curve: tuple[Point, ...] = ()
    reading: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Scores:
    """What results score by a protocol.

    scores: one a result, in their order. floor: of all of them. references: names of what they are
    compared with. network: the SHA-256 of its filters, empty without one. remarks: what is
    degenerate, or was not used.
    """

    protocol: Protocol
    scores: tuple[Score, ...]
    floor: Floor
    references: tuple[str, ...]
    network: str
    remarks: tuple[str, ...] = ()

    @property
    def reached(self) -> tuple[Score, ...]:
        """The results that could be measured."""
        return tuple(one for one in self.scores if not math.isnan(one.value))

    @property
    def figures(self) -> dict[str, float]:
        """Named numbers: means over the results, and the noise floor."""
        reached, floor = self.reached, self.floor
        curves = [one.curve for one in reached]
        found = {
            "score": float(np.mean([one.value for one in reached])),
            "noise_floor": floor.value,
            "noise_floor_crop": floor.crop,
            "noise_floor_halves": floor.halves,
            "within_noise_floor": sum(one.reading == WITHIN for one in reached),
            "results": len(reached),
            "references": len(self.references),
        }
        for points in zip(*curves, strict=True) if len(self.references) > 1 else ():
            number = points[0].references
            found[f"score.{number}"] = float(np.mean([one.score for one in points]))
            found[f"deviation.{number}"] = float(np.mean([one.deviation for one in points]))
        return found

    @property
    def rows(self) -> tuple[dict[str, Any], ...]:
        """A row a result, as JSON holds it: nothing where a number could not be measured."""
        return tuple(
            {**self._row(one), "curve": [vars(p) for p in one.curve]} for one in self.scores
        )

    @property
    def table(self) -> tuple[dict[str, Any], ...]:
        """A row a result, to be read: its score, the two noise floors, where it lies to them."""
        return tuple(
            {
                "result": shortened(one.result.rsplit("/", 1)[-1], NAME),
                "score": one.value,
                "crop": self.floor.crop,
                "halves": self.floor.halves,
                "reading": one.reading or "not measured",
            }
            for one in self.scores
        )

    def encoded(self, suffix: str) -> bytes:
        """Return the bytes of a file: a table (.csv), or everything (.json)."""
        if suffix == ".json":
            whole: dict[str, Any] = {"protocol": self.protocol.record, "weights": self.network}
            whole |= {"references": [printable(name) for name in self.references]}
            whole |= {"remarks": list(self.remarks), "results": self.rows}
            return json_text(whole).encode()
        rows = [
            self._row(one)
            | {f"{key}_{p.references}": getattr(p, key) for p in one.curve for key in _CURVE}
            for one in self.scores
        ]
        return csv_text(rows, columns_of(rows)).encode()

    def _row(self, one: Score) -> dict[str, Any]:
        """Return the plain part of a result's row."""
        return {
            "result": printable(one.result),
            "protocol": self.protocol.name,
            "definition": self.protocol.sha256[:SHORT],
            "references": len(self.references),
            "score": _number(one.value),
            "better": "higher" if self.protocol.higher else "lower",
            "noise_floor": _number(self.floor.value),
            "noise_floor_crop": _number(self.floor.crop),
            "noise_floor_halves": _number(self.floor.halves),
            "reading": one.reading,
            "reached": not math.isnan(one.value),
            "note": one.note,
        }


_CURVE = ("score", "deviation")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
