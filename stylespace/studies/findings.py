"""What analyses of a study compute from pictures: networks, basins and the style space."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylespace.commands.sight import network_of_sight, sight_of
from stylespace.commands.transfer.metrics import Judges
from stylespace.commands.transfer.transfer import final_objective
from stylespace.images import read_image, resize
from stylespace.losses.representations.softened import softened, unit_of
from stylespace.networks.memory import estimate
from stylespace.networks.network import Network
from stylespace.settings.shared import default_style_layers
from stylespace.studies.plans import Part
from stylespace.studies.rows import PICTURES, Task
from stylespace.styles.sources import open_picture
from stylespace.styles.statistics.matrices import off_diagonal
from stylespace.styles.style import Style

PLACES, BASIN_PAIRS = 9, 6
"""Pictures on the line between two results, and pairs of pictures whose results are compared."""
Table = dict[str, dict[str, float]]


def found(name: str, part: Part, tasks: Sequence[Task], folder: Path) -> Any:
    """Return what an analysis finds in a part; None where it has nothing to compute.

    Args:
        tasks: of the part, whose pictures are in the folder.
    """
    finder = FINDERS.get(name)
    return finder(part, tasks, folder) if finder else None


def networks(part: Part, tasks: Sequence[Task], folder: Path) -> Table:
    """Return {way: entropy of each style layer, as it is matched, and memory of an evaluation}."""
    sights = {run.way: (sight_of(task.settings), task) for task in tasks for run in task.runs}
    styles = list(dict.fromkeys(pair.style for pair in part.pairs.values()))
    result: Table = {}
    for way, (sight, task) in sights.items():
        network = network_of_sight(sight).precise
        layers = default_style_layers(network.name)
        values: dict[str, list[float]] = {}
        for name in styles:
            picture = resize(open_picture(name), task.settings.size)
            with torch.no_grad():
                features = network(picture, layers)
            for number, layer in enumerate(layers, 1):
                x = features[layer]
                if task.settings.representation == "softened":
                    x = softened(x, unit_of(x))
                values.setdefault(f"layer {number}", []).append(share_of_entropy(x))
        result[way] = {layer: statistics.fmean(one) for layer, one in values.items()}
        needed = [*task.settings.style_layers(), *task.settings.content_layer_weights()]
        size = task.settings.size
        result[way]["memory (MiB)"] = estimate(network, needed, size, size) / 2**20
    return result


def share_of_entropy(features: Tensor) -> float:
    """Return the entropy of activations (1, C, h, w) >= 0 over the logarithm of their number."""
    shares = features.double().flatten()
    shares = shares / shares.sum()
    there = shares[shares > 0]
    return float(-(there * there.log()).sum() / np.log(len(shares)))


def basins(part: Part, tasks: Sequence[Task], folder: Path) -> Table:
    """Return how far results are apart, and the barrier between, medians over BASIN_PAIRS pairs.

    Each way beside the first one, and each seed beside the next.
    """
    of_place = {(run.pair, run.way, run.seed): task for task in tasks for run in task.runs}
    judges: Judges | None = None
    found: dict[str, list[dict[str, float]]] = {}
    for pair in list(dict.fromkeys(pair for pair, _, _ in of_place))[:BASIN_PAIRS]:
        own = {key[1:]: task for key, task in of_place.items() if key[0] == pair}
        first = next(iter(own))
        network = network_of_sight(sight_of(own[first].settings))
        judges = judges or Judges(network)
        objective = final_objective(own[first].settings, network)
        images = {key: read_image(folder / PICTURES / f"{own[key].key}.png") for key in own}
        firsts = [(first, key) for key in images if key[0] != first[0] and key[1] == first[1]]
        seeds = [(key, (key[0], key[1] + 1)) for key in images]
        for one, other in [*firsts, *(both for both in seeds if both[1] in images)]:
            a, b = images[one], images[other]
            line = judges.between(a, b) | {"barrier": barrier(objective, a, b)}
            found.setdefault(f"{one[0]} and {other[0]}", []).append(line)
    return {name: _medians(lines) for name, lines in found.items()}


def barrier(
    objective: Callable[[Tensor], Mapping[str, Tensor]], one: Tensor, other: Tensor
) -> float:
    """Return the highest loss between two pictures above the higher end, over the mean of ends."""
    with torch.no_grad():
        losses = [
            float(sum(value.sum() for value in objective(one + t * (other - one)).values()))
            for t in torch.linspace(0, 1, PLACES).tolist()
        ]
    ends = losses[0], losses[-1]
    return (max(losses) - max(ends)) / (sum(ends) / 2)


def space(part: Part, tasks: Sequence[Task], folder: Path) -> Table:
    """Return numbers of the paintings' Gram matrices, {layer: medians}."""
    first = tasks[0].settings
    network: Network = network_of_sight(sight_of(first))
    names = list(dict.fromkeys(pair.style for pair in part.pairs.values()))
    layers = default_style_layers(network.name)
    styles = [
        Style.capture(network, resize(open_picture(name), first.size), layers) for name in names
    ]
    result: Table = {}
    for layer in layers:
        grams = [style.layers[layer].gram.double() for style in styles]
        entries = [off_diagonal(gram) for gram in grams]
        line = _medians([_spread(gram, own) for gram, own in zip(grams, entries, strict=True)])
        relative = torch.stack([own / own.norm() for own in entries])
        variance = relative.var(0).sort(descending=True).values
        first_part = variance[: max(1, len(variance) // 100)].sum() / variance.sum()
        result[layer] = line | {"variance in 1 %": float(first_part)}
    return result


def _spread(gram: Tensor, entries: Tensor) -> dict[str, float]:
    """Return how a Gram matrix' energy is spread over its entries and eigenvectors."""
    energy = entries.square().sort(descending=True).values
    level = energy.mean().sqrt()
    values = torch.linalg.eigvalsh(gram).clamp(min=0).flip(0).square().cumsum(0)
    shares = {
        f"energy in {share} %": float(energy[: max(1, len(energy) * share // 100)].sum())
        / float(energy.sum())
        for share in (1, 10)
    }
    directions = {
        f"directions for {share} %": float((values < values[-1] * share / 100).sum() + 1)
        for share in (90, 99)
    }
    zero = float((entries.abs() <= 1e-3 * level).double().mean())
    return {"zero": zero, **shares, **directions}


def _medians(lines: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.median(line[name] for line in lines) for name in lines[0]}


FINDERS: Mapping[str, Callable[[Part, Sequence[Task], Path], Table]] = {
    "networks": networks,
    "basins": basins,
    "space": space,
}
