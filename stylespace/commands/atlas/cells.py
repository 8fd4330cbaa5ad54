"""The pictures of a batch of entries, and what is measured on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from stylespace.commands.probe.patches import Paintings
from stylespace.commands.probe.probes import interrupted, probe_batch
from stylespace.commands.sight import SIGHT, check_weights, network_for
from stylespace.images import written_image
from stylespace.losses.entries import energy_unit, entry_term
from stylespace.losses.objective import Objective
from stylespace.losses.terms import Terms
from stylespace.networks.network import Network
from stylespace.settings import ProbeSettings
from stylespace.settings.atlas import AtlasSettings, Pair
from stylespace.styles.gram import gram
from stylespace.synthesis.loop import Synthesis, Watch, synthesize
from stylespace.synthesis.parameters import Fourier

RATE = 0.1
"""Learning rate of Adam: twice that of a full probe, for a quarter of its evaluations."""
FIGURES = ("value", "selectivity", "cosine", "saturated")
"""What is measured on a cell as it is written, as `probe` defines it."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Cells that were made together, B of them.

    pairs: (i, j) of each, i <= j. pictures: uint8 (B, S, S, 3). figures: {name: float64 (B,)}.
    """

    pairs: tuple[Pair, ...]
    pictures: np.ndarray
    figures: dict[str, np.ndarray]

    @property
    def rows(self) -> dict[Pair, dict[str, float]]:
        """The figures of each entry."""
        columns = (self.figures[name].tolist() for name in FIGURES)
        rows = (dict(zip(FIGURES, row, strict=True)) for row in zip(*columns, strict=True))
        return dict(zip(self.pairs, rows, strict=True))


class Tools:
    """What cells and probes are made and measured with.

    network: that of the pictures. judge: that of the figures, never in half precision.
    """

    def __init__(self, network: Network, settings: AtlasSettings) -> None:
        self.network, self.judge = network, network.precise
        self.paintings = Paintings(self.judge)


def batch_of(
    settings: AtlasSettings, tools: Tools, pairs: Sequence[Pair], watch: Watch | None = None
) -> Batch:
    """Make the pictures of some entries, each from the same start and on its own.

    Raises:
        KeyboardInterrupt: Ctrl-C; a batch is whole or not at all.
    """
    synthesis = _synthesis(settings, tools, pairs, settings.iterations, watch)
    if synthesis.stopped == "interrupted":
        raise KeyboardInterrupt
    image = written_image(synthesis.image)
    levels = (image * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return Batch(tuple(pairs), levels.cpu().numpy(), _figures(settings, tools.judge, image, pairs))


def _synthesis(
    settings: AtlasSettings, tools: Tools, pairs: Sequence[Pair], steps: int, watch: Watch | None
) -> Synthesis:
    """Maximise entries from the seeded start that all cells have."""
    entries = torch.tensor(pairs, device=tools.network.device)
    layer, unit = settings.place, energy_unit(tools.network, settings.place)
    term = entry_term(layer, entries, settings.selectivity, parts=settings.parts, unit=unit)
    fourier = Fourier(settings.size, settings.size)
    generator = torch.Generator().manual_seed(settings.seed)
    start = fourier.decode(fourier.noise(1, generator=generator)).expand(len(pairs), -1, -1, -1)
    return synthesize(
        Objective(tools.network, Terms((term,))),
        start.to(tools.network.device),
        optimizer="adam",
        steps=steps,
        parameters=fourier,
        learning_rate=RATE,
        watch=watch,
    )


def _figures(
    settings: AtlasSettings, judge: Network, image: Tensor, pairs: Sequence[Pair]
) -> dict[str, np.ndarray]:
    """Measure every picture (B, 3, S, S): {name: (B,)}; 0 where there is nothing to divide by."""
    with torch.no_grad():
        g = gram(judge(image, [settings.place])[settings.place]).cpu().double()
    i, j = torch.tensor(pairs).unbind(1)
    rows = torch.arange(len(g))
    value, energies = g[rows, i, j], (g[rows, i, i] * g[rows, j, j]).sqrt()
    both = torch.where(i == j, 1, 2) * value
    saturated = ((image <= 0) | (image >= 1)).double().mean((1, 2, 3)).cpu()
    figures = (value, both / g.flatten(1).norm(dim=1), value / energies, saturated)
    return {name: x.nan_to_num(0).numpy() for name, x in zip(FIGURES, figures, strict=True)}


def seconds_of(
    settings: AtlasSettings, tools: Tools, pairs: Sequence[Pair], watch: Watch | None = None
) -> float:
    """Return the seconds of one evaluation of a batch, measured on three after a first."""
    times: list[float] = []
    _synthesis(settings, tools, pairs, 4, lambda step: times.append(perf_counter()))
    return (times[-1] - times[0]) / max(1, len(times) - 1)


def full_settings(settings: AtlasSettings, pair: Pair) -> ProbeSettings:
    """Return the settings of the full probe of an entry: the defaults, at --check-size."""
    return ProbeSettings(
        layer=settings.place,
        entry=(f"{pair[0]},{pair[1]}",),
        parameters="fourier",
        size=settings.check_size,
        selectivity=settings.selectivity,
        **{name: getattr(settings, name) for name in (*SIGHT, "seed")},
    )


def full_value(
    settings: AtlasSettings, tools: Tools, pair: Pair, watch: Watch | None = None
) -> float:
    """Return G_ij of the full probe of an entry.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    full, entry = full_settings(settings, pair), (settings.place, *pair)
    (made,) = probe_batch(full, [entry], tools.network, compared=tools.paintings, watch=watch)
    if interrupted(made):
        raise KeyboardInterrupt
    return made.figures["value"]  # no more than a painting has is still a value


@lru_cache(maxsize=1)
def tools_of(settings: AtlasSettings, weights: str) -> Tools:
    """Return the tools of a worker process, loaded once.

    weights: SHA-256 of the filters in the process that asks.

    Raises:
        WeightsError: they are others here.
    """
    network = network_for(settings)
    check_weights(network, weights)
    return Tools(network, settings)


def remotely(function: str, settings: AtlasSettings, weights: str, argument: object) -> object:
    """Call `batch_of`, `seconds_of` or `full_value` in a worker process, by name."""
    return globals()[function](settings, tools_of(settings, weights), argument)
