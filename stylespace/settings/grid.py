"""Grids: recipes in which settings have several values, every combination a picture of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import stylespace.settings.recipe as recipes
from stylespace.errors import UsageError
from stylespace.settings.fields import check_field
from stylespace.settings.shared import Settings

MOST_UNASKED = 10_000
"""Pictures of a grid that is begun without being asked for again."""


@dataclass(frozen=True)
class Grid:
    """A recipe in which settings have several values.

    kind: class of the settings. common: {setting: value} of all combinations. choices: {setting:
    its values}, each once.
    """

    kind: type[Settings]
    common: Mapping[str, Any]
    choices: Mapping[str, tuple[Any, ...]]

    @property
    def count(self) -> int:
        """The number of combinations."""
        return math.prod(map(len, self.choices.values()))

    @property
    def varying(self) -> tuple[str, ...]:
        """The settings that have more than one value."""
        return tuple(name for name, values in self.choices.items() if len(values) > 1)

    def combinations(self) -> Iterator[dict[str, Any]]:
        """Yield {setting: value} for every combination, the last setting changing fastest."""
        for values in product(*self.choices.values()):
            yield dict(zip(self.choices, values, strict=True))

    def settings(self, combination: Mapping[str, Any]) -> Settings:
        """Return the settings of a combination.

        Raises:
            UsageError: values that do not go together.
        """
        return self.kind(**self.common, **combination)

    def recipe(self) -> dict[str, Any]:
        """Return the recipe that holds every setting, those with several values last, in order.

        Raises:
            UsageError: no two values go together.
        """
        lists = {name: list(map(_plain, values)) for name, values in self.choices.items()}
        common = recipes.recipe_of(self._first())
        return {name: value for name, value in common.items() if name not in lists} | lists

    def text(self) -> str:
        """Return the recipe in TOML."""
        return recipes.toml_text(self.recipe())

    def _first(self) -> Settings:
        """Return the settings of the first combination whose values go together."""
        refused: UsageError | None = None
        for combination in self.combinations():
            try:
                return self.settings(combination)
            except UsageError as error:
                refused = refused or error
        raise refused or UsageError("a grid without values: give every setting at least one.")


def grid_of(recipe: Mapping[str, Any]) -> Grid | None:
    """Return the grid that a recipe is, or None where it is of a single result.

    Of a setting that is one value a list is a choice of values: size = [128, 256]. Of a setting
    that is a list itself, a list of lists is: styles = [["a.png"], ["b.png", "c.png"]].

    Raises:
        UsageError: an unknown command or setting, a value of another type or out of its range.
    """
    kind, values = recipes.kind_and_values(recipe)
    choices = {name: value for name, value in values.items() if _is_choice(kind, name, value)}
    if not choices:
        return None
    common = {
        name: recipes.typed(kind, name, value)
        for name, value in values.items()
        if name not in choices
    }
    return Grid(kind, common, {name: _values(kind, name, choices[name]) for name in choices})


def _is_choice(kind: type[Settings], name: str, value: Any) -> bool:
    """Say whether a recipe's value is several values of a setting."""
    several = kind.__dataclass_fields__[name].type.startswith("tuple")
    return isinstance(value, list) and (
        not several or any(isinstance(item, list) for item in value)
    )


def _values(kind: type[Settings], name: str, value: list[Any]) -> tuple[Any, ...]:
    """Return the values of a setting, each once, in the types of its field."""
    if not value:
        raise UsageError(f"{name} = [] in the recipe: name at least one value.")
    values = tuple(dict.fromkeys(recipes.typed(kind, name, item) for item in value))
    for one in values:
        check_field(kind.__dataclass_fields__[name], one)
    return values


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
