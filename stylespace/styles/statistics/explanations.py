"""What a page says of a number, kept beside the number that it explains."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

Kind = TypeVar("Kind")
HERE = "a definition of this program"
SHANNON = "Shannon 1948, Bell System Technical Journal 27"
ALGEBRA = "any textbook of linear algebra"


@dataclass(frozen=True)
class Explanation:
    """One quantity: its name on the page, one sentence, its formula in Unicode, its source."""

    term: str
    sentence: str
    formula: str
    source: str


def explained(term: str, sentence: str, formula: str, source: str = HERE) -> Any:
    """Return a field of a record of statistics that carries its explanation."""
    return field(metadata={"explanation": Explanation(term, sentence, formula, source)})


@dataclass_transform(frozen_default=True, field_specifiers=(explained,))
def record(kind: type[Kind]) -> type[Kind]:
    """Make a frozen dataclass of numbers, fields of which may be `explained`."""
    return dataclass(frozen=True)(kind)


def explanations_of(kind: Any, first: Sequence[str] = ()) -> tuple[Explanation, ...]:
    """Return the explanations of a record's fields: of the first named ones, then of the others."""
    carried = {one.name: one.metadata for one in fields(kind)}
    names = dict.fromkeys((*first, *carried))
    return tuple(carried[name]["explanation"] for name in names if carried[name])
