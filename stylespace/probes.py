"""Probes: pictures that maximise one entry of a layer's Gram matrix (NN16a)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from stylespace.assets import paintings
from stylespace.errors import UnreachedError
from stylespace.gram import gram
from stylespace.images import resize
from stylespace.networks import Network
from stylespace.objectives import Objective, Terms, entry_term
from stylespace.outcomes import (
    Outcome,
    as_written,
    judge_for,
    network_for,
    noise_picture,
    outcome_of,
    run_ladder,
    settings_with,
)
from stylespace.parameters import Fourier
from stylespace.settings import SAMPLE, ProbeSettings
from stylespace.sources import open_picture
from stylespace.synthesis import Watch

PAINTING_SIDE = 256
"""Longer side of the paintings that a probe's value is compared with."""


class Paintings:
    """Gram matrices of the bundled paintings at 256 px, measured once a layer."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._grams: dict[str, Tensor] = {}

    def values(self, layer: str, i: int, j: int) -> list[float]:
        """Return G_ij of a layer in every painting, in the order of their names."""
        if layer not in self._grams:
            with torch.no_grad():
                self._grams[layer] = torch.cat([self._gram(name, layer) for name in paintings()])
        return self._grams[layer][:, i, j].tolist()

    def _gram(self, name: str, layer: str) -> Tensor:
        image = resize(open_picture(SAMPLE + name), PAINTING_SIDE)
        return gram(self._network(image, [layer])[layer]).cpu()


def probe(
    layer: str | None = None,
    entry: str | tuple[int, int] | None = None,
    *,
    settings: ProbeSettings | None = None,
    network: Network | None = None,
    compared: Paintings | None = None,
    watch: Watch | None = None,
    **changes: Any,
) -> Outcome:
    """Make a picture that maximises a Gram entry.

    Args:
        layer: its layer. entry: (i, j), or as on the command line "12,40".
        settings: or its fields as keywords: probe("conv3_1", (12, 40), size=128). Of several
            entries the first is taken.
        network: loaded already, or None to load the one that the settings name.
        compared: the paintings of that network, kept from one call to the next.
        watch: see `synthesize`.

    Returns:
        The outcome; figures: `value` of the entry on the written picture, `painting_max` and
        `painting_mean` over the bundled paintings at 256 px, `enhancement` (value / max; inf where
        no painting has any), `selectivity` G_ij / ||G|| (twice that off the diagonal), `cosine`
        G_ij / sqrt(G_ii G_jj), `saturated` (fraction of values at 0 or 1).

    Raises:
        UnreachedError: the entry stayed zero, or at or below its value in a painting.
        UsageError: an entry outside its layer, a picture too small for it.

    Source: NN16a section 3. Departs: Fourier pixels and the logarithm of the entry (Distill17);
    `parameters="pixels", optimizer="lbfgs"` is nearer to the paper.
    """
    changes = {"layer": layer, "entry": entry, **changes}
    settings = settings_with(ProbeSettings, settings, changes)
    network = network or network_for(settings)
    layer, i, j = settings.entries()[0]
    place = torch.tensor([[i, j]], device=network.device)
    objective = Objective(network, Terms((entry_term(layer, place, settings.selectivity),)))
    synthesis = run_ladder(
        network,
        settings,
        lambda height, width: objective,
        lambda height, width: _start(settings, width),
        (layer,),
        lambda size: (size, size),
        watch=watch,
        parameters=settings.parameters,
    )
    image = as_written(synthesis, network)
    judge = judge_for(network, settings)
    values = (compared or Paintings(judge)).values(layer, i, j)
    figures = entry_figures(judge, image, layer, i, j, values)
    _check_reached(figures, f"{layer} {i},{j}", synthesis.stopped == "interrupted")
    return outcome_of(settings, image, figures, synthesis, network)


def _start(settings: ProbeSettings, side: int) -> Tensor:
    if settings.parameters != "fourier":
        return noise_picture(side, side, seed=settings.seed, spread=0.05)
    fourier = Fourier(side, side)
    generator = torch.Generator().manual_seed(settings.seed)
    return fourier.decode(fourier.noise(1, generator=generator))


def entry_figures(
    network: Network, image: Tensor, layer: str, i: int, j: int, in_paintings: Sequence[float]
) -> dict[str, float]:
    """Return the figures of an entry on a picture (1, 3, H, W), as `probe` lists them.

    in_paintings: its values in the bundled paintings.
    """
    with torch.no_grad():
        g = gram(network(image, [layer])[layer])[0].cpu().double()
    value, own = float(g[i, j]), float((g[i, i] * g[j, j]).sqrt())
    highest = max(in_paintings)
    norm = float(g.norm())
    return {
        "value": value,
        "painting_max": highest,
        "painting_mean": sum(in_paintings) / len(in_paintings),
        "enhancement": value / highest if highest > 0 else float("inf") if value > 0 else 0.0,
        "selectivity": (1 if i == j else 2) * value / norm if norm else 0.0,
        "cosine": value / own if own else 0.0,
        "saturated": float(((image <= 0) | (image >= 1)).float().mean()),
    }


def _check_reached(figures: dict[str, float], entry: str, interrupted: bool) -> None:
    if figures["value"] > figures["painting_max"]:
        return
    why = (
        "the two channels never fired together"
        if figures["value"] <= 0
        else f"{figures['value']:.3g} does not exceed {figures['painting_max']:.3g}, its "
        "value in a painting"
    )
    advice = "it was interrupted" if interrupted else "try more --iterations or another --seed"
    raise UnreachedError(f"{entry} was not reached: {why}; {advice}.", figures, interrupted)
