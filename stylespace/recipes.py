"""Recipes: what made a result, kept inside it, and how it is made again from there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stylespace.errors import PictureError, UsageError
from stylespace.images import read_recipe, write_image
from stylespace.outcomes import Outcome
from stylespace.settings import (
    Settings,
    input_names,
    read_toml,
    recipe_of,
    settings_from,
    source_path,
)
from stylespace.weights import file_hash

PACKAGES = ("stylespace", "torch", "numpy")


def recipe_record(outcome: Outcome, inputs: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what a picture carries: recipe, versions, hashes of weights and inputs, figures.

    inputs: `input_hashes` from before the run, or None to read the files now.
    """
    return {
        "recipe": recipe_of(outcome.settings),
        "versions": {name: version(name) for name in PACKAGES},
        "weights": outcome.weights,
        "inputs": input_hashes(outcome.settings) if inputs is None else dict(inputs),
        "figures": plain_figures(outcome.figures),
        "stopped": outcome.synthesis.stopped,
        "evaluations": len(outcome.synthesis.steps),
    }


def plain_figures(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Return figures as JSON can hold them: an infinite or undefined one becomes null."""
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def input_hashes(settings: Settings) -> dict[str, str]:
    """Return {name: SHA-256} of the files that a command reads, as far as they can be read."""
    hashes = {}
    for name in input_names(settings):
        path = source_path(name)
        with suppress(OSError):  # whoever opens the file says what is wrong with it
            if path.is_file():
                hashes[name] = file_hash(path)
    return hashes


def write_outcome(
    path: Path,
    outcome: Outcome,
    *,
    inputs: Mapping[str, str] | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Write a picture with its recipe inside, and return what it carries."""
    record = recipe_record(outcome, inputs)
    write_image(path, outcome.image, recipe=record, force=force)
    return record


def read_settings(path: Path) -> Settings:
    """Return the settings of a recipe: a .toml file, or a picture that carries its own.

    Raises:
        UsageError: damaged, unknown keys, or a picture without a recipe.
        PictureError: missing or unreadable, or made from inputs that are gone or have changed.
    """
    if path.suffix.lower() == ".toml":
        return read_toml(path)
    record = read_recipe(path)
    if not isinstance(record, Mapping) or not isinstance(record.get("recipe"), Mapping):
        raise UsageError(
            f"{str(path)!r} carries no recipe: give a picture that stylespace wrote, or a .toml."
        )
    settings = settings_from(record["recipe"])
    _check_inputs(settings, record.get("inputs"))
    return settings


def _check_inputs(settings: Settings, hashes: Any) -> None:
    """Refuse to claim the same picture from inputs that are gone or have changed."""
    promised = hashes if isinstance(hashes, Mapping) else {}
    for name in input_names(settings):
        path = source_path(name)
        if not path.is_file():
            raise PictureError(
                f"the recipe reads {name!r}, which is not here: run it from the folder of "
                "its inputs."
            )
        if name in promised and file_hash(path) != promised[name]:
            raise PictureError(
                f"{name!r} is not the file that the recipe was made with: restore it, or give the "
                "command with its options instead."
            )
