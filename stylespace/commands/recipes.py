"""Recipes: what made a result, kept inside it, and how it is made again from there."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from stylespace.assets import MEMORY, source_path
from stylespace.commands.outcome import Outcome
from stylespace.errors import PictureError, UsageError, WeightsError
from stylespace.images import holds_alpha, read_recipe, write_image
from stylespace.images.reading import on_background
from stylespace.networks.network import Network
from stylespace.networks.weights import file_hash
from stylespace.settings import PACKAGES, Settings, recipe_of, recorded_settings
from stylespace.synthesis.loop import Synthesis

TRACED = 120
"""Evaluations of a run that a picture carries."""
STILL = 3
"""Evaluations that may leave the picture as it is, before it is worth a word."""


@dataclass(frozen=True)
class Origin:
    """What a picture says of its making, for a run that makes it again; empty where it is silent.

    weights: SHA-256 of the network's filters. versions: of packages. stopped: why the run ended.
    """

    weights: str = ""
    device: str = ""
    precision: str = ""
    stopped: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def check(self, network: Network) -> None:
        """Refuse other filters than the picture was made with.

        Raises:
            WeightsError: they differ.
        """
        if self.weights and network.sha256 != self.weights:
            raise WeightsError(
                f"the picture was made with other weights of {network.name} (SHA-256 "
                f"{self.weights[:12]}..., here {network.sha256[:12]}...): restore them, or give "
                "the command with its options instead."
            )

    def warnings(self, network: Network) -> list[str]:
        """Return a line for everything that may make the new picture differ."""
        here = {name: version(name) for name in PACKAGES}
        here |= {"device": network.device.type, "precision": network.precision}
        then = {**self.versions, "device": self.device, "precision": self.precision}
        differing = [
            f"{name} {then[name]} (here {now})"
            for name, now in here.items()
            if then.get(name) and then[name] != now
        ]
        lines = []
        if differing:
            lines.append(f"made with {', '.join(differing)}: the new picture may differ a little.")
        if self.stopped == "interrupted":
            lines.append("that run was interrupted; this one goes to its end and will differ.")
        return lines


def write_outcome(
    path: Path, outcome: Outcome, *, inputs: Mapping[str, str] | None = None, force: bool = False
) -> dict[str, Any]:
    """Write a picture with its recipe inside, and return what it carries.

    That is recipe, versions, hashes of weights and inputs, and figures.

    inputs: `input_hashes` from before the run, or None to read the files now.
    """
    record = {
        "recipe": recipe_of(outcome.settings),
        "versions": {name: version(name) for name in PACKAGES},
        "weights": outcome.weights,
        "inputs": input_hashes(outcome.settings) if inputs is None else inputs,
        "device": outcome.device,
        "precision": outcome.dtype,
        **figures_record(outcome.figures),
        "stopped": outcome.synthesis.stopped,
        "evaluations": len(outcome.synthesis.steps),
        "trace": loss_trace(outcome.synthesis),
    }
    image, alpha, remarks = outcome.image, outcome.alpha, list(outcome.remarks)
    if alpha is not None and not holds_alpha(path):
        image, alpha = on_background(torch.cat([image, alpha.to(image)], 1).cpu()), None
        remarks.append(f"{path.suffix} holds no transparency: it is laid on white; .png keeps it.")
    record["remark"] = " ".join(filter(None, [remark(outcome.synthesis), *remarks]))
    write_image(path, image, recipe=record, force=force, alpha=alpha)
    return record


def loss_trace(synthesis: Synthesis) -> list[list[float | None]]:
    """Return [evaluation, longer side in pixels, loss] of a run, at most TRACED of them.

    The loss is that of the picture's own evaluation, null where it is not finite.
    """
    steps = synthesis.steps
    apart = max(1, -(-len(steps) // TRACED))
    kept = [*steps[:-1:apart], *steps[-1:]]
    return [
        [one.number, max(one.size), float(f"{one.loss:.5g}") if math.isfinite(one.loss) else None]
        for one in kept
    ]


def remark(synthesis: Synthesis) -> str:
    """Return what was not right with a run in one line, or nothing."""
    steps = synthesis.steps
    still = sum(b.moved == 0 and b.size == a.size for a, b in pairwise(steps))  # not a new scale
    parts = []
    if synthesis.stopped in ("not finite", "zero gradient"):
        parts.append(f"the run ended early ({synthesis.stopped})")
    if synthesis.notes:
        parts.append(f"{len(synthesis.notes)} were {synthesis.notes[0]}")
    if still > STILL:
        parts.append(f"{still} did not move the picture")
    return f"of {len(steps)} evaluations: {'; '.join(parts)}." if parts else ""


def figures_record(figures: Mapping[str, float]) -> dict[str, Any]:
    """Return figures as a record holds them, with the names of those that JSON cannot hold."""
    other = {name: str(value) for name, value in figures.items() if not math.isfinite(value)}
    record = {"figures": plain_figures(figures)}
    return {**record, "not_finite": other} if other else record


def figures_of(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a record, those that JSON cannot hold included."""
    other = record.get("not_finite") or {}
    figures = record.get("figures") or {}
    return {
        name: float(other.get(name, "nan") if value is None else value)
        for name, value in figures.items()
    }


def plain_figures(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Return figures as JSON can hold them: an infinite or undefined one becomes null."""
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def input_hashes(settings: Settings) -> dict[str, str]:
    """Return {name: SHA-256} of the files that a command reads, as far as they can be read."""
    hashes = {}
    for name in settings.inputs():
        if name.startswith(MEMORY):  # which is a hash already
            continue
        path = source_path(name)
        with suppress(OSError):  # whoever opens the file says what is wrong with it
            if path.is_file():
                hashes[name] = file_hash(path)
    return hashes


def read_origin(path: Path) -> tuple[Settings, Origin]:
    """Return the settings of a picture that carries its recipe, and what it says of its making.

    Raises:
        UsageError: damaged, unknown keys, or a picture without a recipe.
        PictureError: missing or unreadable, or made from inputs that are gone or have changed.
    """
    record = read_recipe(path)
    if not isinstance(record, Mapping) or not isinstance(record.get("recipe"), Mapping):
        raise UsageError(
            f"{str(path)!r} carries no recipe: give a picture that stylespace wrote, or a .toml."
        )
    settings = recorded_settings(record)
    check_inputs_of(settings, record.get("inputs"))
    names = ("weights", "device", "precision", "stopped")
    texts = {name: record[name] for name in names if isinstance(record.get(name), str)}
    versions = record.get("versions")
    return settings, Origin(**texts, versions=versions if isinstance(versions, Mapping) else {})


def check_inputs_of(settings: Settings, hashes: Any) -> None:
    """Refuse to claim the same picture from inputs that are gone or have changed."""
    promised = hashes if isinstance(hashes, Mapping) else {}
    for name in settings.inputs():
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
