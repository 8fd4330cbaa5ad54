"""Probes: pictures that maximise one entry of a layer's Gram matrix (NN16a)."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from stylespace.commands.keywords import keywords, settings_with
from stylespace.commands.outcome import Outcome, as_written, outcome_of
from stylespace.commands.probe.patches import Paintings, Patches, gram_cosines, painting
from stylespace.commands.scales import in_tiles, noise_picture, run_pyramid
from stylespace.commands.sight import given_network
from stylespace.errors import UnreachedError
from stylespace.losses.entries import energy_unit, entry_term
from stylespace.losses.objective import Objective
from stylespace.losses.terms import Terms
from stylespace.networks.network import Network
from stylespace.settings.probe import Entry, ProbeSettings
from stylespace.styles.gram import gram
from stylespace.styles.style import Style
from stylespace.synthesis.checkpoint import Checkpoint
from stylespace.synthesis.loop import ObjectiveFunction, Synthesis, Watch
from stylespace.synthesis.parameters import parameters_for
from stylespace.synthesis.phases import Importance
from stylespace.synthesis.robustness import Robust


@dataclass(frozen=True, eq=False)
class Probed:
    """What a probe's figure shows beside the picture.

    importance: where its gradient was strong, (S, S); of phase-only pictures, else None.
    """

    patches: Patches
    importance: Tensor | None = None


@keywords(ProbeSettings)
def probe(
    layer: str | None = None,
    entry: str | tuple[int, int] | None = None,
    *,
    settings: ProbeSettings | None = None,
    network: Network | str | None = None,
    compared: Paintings | None = None,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    **changes: Any,
) -> Outcome:
    """Make a picture that maximises a Gram entry.

    Args:
        layer: its layer. entry: (i, j), or as on the command line "12,40".
        settings: or its fields as keywords: probe("conv3_1", (12, 40), size=128). Of several
            entries the first is taken.
        network: loaded already, or its name, or None for the one that the settings name.
        compared: the paintings of that network, kept from one call to the next.
        watch, checkpoint: see `synthesize`.

    Returns:
        The outcome; its figures are those of `entry_figures`, and of several seeds `agreement`:
        the mean cosine between the layer's Gram matrices of their pictures, and beside it
        `agreement_null`, the median cosine between those of different bundled paintings, up to
        which it says nothing.

    Raises:
        UnreachedError: the entry stayed zero, or at or below its value in a painting.
        UsageError: an entry outside its layer, a picture too small for it.

    Source: NN16a section 3. Departs: Fourier pixels and the logarithm of the entry (Distill17);
    `parameters="pixels", optimizer="lbfgs"` is nearer to the paper.
    """
    changes = {"layer": layer, "entry": entry, **changes}
    settings = settings_with(ProbeSettings, settings, changes, network)
    network = given_network(network, settings)
    first = chosen_entries(settings, network)[:1]
    (made,) = probe_batch(
        settings, first, network, compared=compared, watch=watch, checkpoint=checkpoint
    )
    if isinstance(made, UnreachedError):
        raise made
    return made


def chosen_entries(settings: ProbeSettings, network: Network) -> tuple[Entry, ...]:
    """Return every entry that settings ask for, the largest of a painting at 256 px among them."""

    @functools.cache
    def gram_of(layer: str) -> Tensor:
        judge, picture = network.precise, painting(settings.painting or "")
        return Style.capture(judge, picture, [layer]).grams[layer].cpu()

    return settings.chosen(
        lambda layer, count, diagonal: largest_entries(gram_of(layer), count, diagonal=diagonal)
    )


def largest_entries(g: Tensor, count: int, *, diagonal: bool) -> list[tuple[int, int]]:
    """Return the places (i, j), i <= j, of the largest entries of a Gram matrix (C, C)."""
    n = len(g)
    i, j = torch.arange(n).expand(2, -1) if diagonal else torch.triu_indices(n, n, 1)
    order = g[i, j].argsort(descending=True, stable=True)[:count]
    return list(zip(i[order].tolist(), j[order].tolist(), strict=True))


def probe_batch(
    settings: ProbeSettings,
    entries: Sequence[Entry],
    network: Network,
    *,
    compared: Paintings | None = None,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[Outcome | UnreachedError, ...]:
    """Make the pictures of several entries of one layer at once.

    Each has its own optimiser's state, so that none depends on its neighbours.

    Returns:
        An outcome an entry, with the settings of that entry alone; an error where it was not
        reached.
    """
    layer = entries[0][0]
    pairs = [entry[1:] for entry in entries]
    count, side = len(pairs) * settings.seeds, settings.size
    network, settings = in_tiles(network, settings, (layer,), side, side, count=count)
    synthesis, importance = _synthesis(settings, layer, pairs, network, watch, checkpoint)
    compared = compared or Paintings(network.precise)
    made = []
    for number, entry in enumerate(entries):
        rows = range(number * settings.seeds, (number + 1) * settings.seeds)
        runs = [synthesis.row(k) for k in rows]
        maps = [None if importance is None else importance[k] for k in rows]
        made.append(_best(single_settings(settings, entry), runs, maps, network, compared))
    return tuple(made)


def interrupted(made: Outcome | UnreachedError) -> bool:
    """Say whether Ctrl-C ended the run of an entry."""
    if isinstance(made, UnreachedError):
        return made.interrupted
    return made.synthesis.stopped == "interrupted"


def single_settings(settings: ProbeSettings, entry: Entry) -> ProbeSettings:
    """Return the settings of one entry alone."""
    layer, i, j = entry
    return replace(settings, layer=layer, entry=(f"{i},{j}",), entries=(), painting=None)


def _synthesis(
    settings: ProbeSettings,
    layer: str,
    pairs: Sequence[tuple[int, int]],
    network: Network,
    watch: Watch | None,
    checkpoint: Checkpoint | None,
) -> tuple[Synthesis, Tensor | None]:
    """Maximise entries, each from every seed: row e * seeds + s is entry e from seed s.

    Returns the importance maps (rows, S, S) of phase-only pictures as well.
    """
    places = torch.tensor(pairs, device=network.device).repeat_interleave(settings.seeds, 0)
    unit = energy_unit(network, layer)
    term = entry_term(layer, places, settings.selectivity, goal=settings.goal, unit=unit)
    objective = Objective(network, Terms((term,)))
    importance: Importance | None = None

    def objective_at(height: int, width: int) -> ObjectiveFunction:
        """Return what is measured at a scale."""
        nonlocal importance
        measure = Robust(objective, seed=settings.seed) if settings.robust else objective
        if settings.parameters != "phases":
            return measure
        importance = Importance(measure)  # of the last scale
        return importance

    synthesis = run_pyramid(
        network,
        settings,
        objective_at,
        lambda height, width: _starts(settings, width).repeat(len(pairs), 1, 1, 1),
        (layer,),
        lambda size: (size, size),
        watch=watch,
        checkpoint=checkpoint,
        count=len(places),
        parameters=settings.parameters,
    )
    return synthesis, None if importance is None else importance.map


def _starts(settings: ProbeSettings, side: int) -> Tensor:
    """Return a start a seed, (seeds, 3, side, side), the same for every entry."""
    seeds = range(settings.seed, settings.seed + settings.seeds)
    parameters = parameters_for(settings.parameters, side, side)
    if not hasattr(parameters, "noise"):
        return torch.cat([noise_picture(side, side, seed=seed, spread=0.05) for seed in seeds])
    drawn = (torch.Generator().manual_seed(seed) for seed in seeds)
    return torch.cat([parameters.decode(parameters.noise(1, generator=one)) for one in drawn])


def _best(
    settings: ProbeSettings,
    runs: Sequence[Synthesis],
    maps: Sequence[Tensor | None],
    network: Network,
    compared: Paintings,
) -> Outcome | UnreachedError:
    """Return the outcome of the run whose entry is largest on the written picture."""
    layer, i, j = entry = settings.first
    images = [as_written(run, network) for run in runs]
    grams = [_gram(compared.network, image, layer) for image in images]
    best = max(range(len(runs)), key=lambda k: float(grams[k][i, j]))
    figures = entry_figures(grams[best], images[best], entry, compared)
    if len(runs) > 1:
        figures |= {"agreement": agreement(grams), "agreement_null": compared.agreement(layer)}
        figures |= {"best_seed": settings.seed + best}
    if error := _unreached(figures, entry, runs[best].stopped == "interrupted"):
        return error
    beside = Probed(compared.patches(layer, i, j), maps[best])
    return outcome_of(settings, images[best], figures, runs[best], network, beside=beside)


def _gram(network: Network, image: Tensor, layer: str) -> Tensor:
    with torch.no_grad():
        return gram(network(image, [layer])[layer])[0].cpu().double()


def agreement(grams: Sequence[Tensor]) -> float:
    """Return the mean cosine between Gram matrices (C, C), two by two: 1 where all are alike."""
    return fmean(gram_cosines(grams))


def entry_figures(g: Tensor, image: Tensor, entry: Entry, compared: Paintings) -> dict[str, float]:
    """Return the figures of an entry on a picture (1, 3, H, W) with Gram matrix g (C, C).

    `value` G_ij; `painting_max` and `painting_mean` over the bundled paintings at 256 px;
    `enhancement` and `enhancement_mean`, the value by those (inf where no painting has any);
    `percentile`: percentage of the paintings' windows, each as large as the picture (or as the
    painting, where it is smaller), whose mean F_i F_j lies below the value;
    `selectivity` G_ij / ||G|| (twice that off the diagonal); `cosine` G_ij / sqrt(G_ii G_jj);
    `saturated`: fraction of the picture's values at 0 or 1.
    """
    layer, i, j = entry
    value, energy, norm = float(g[i, j]), float((g[i, i] * g[j, j]).sqrt()), float(g.norm())
    in_paintings = compared.values(layer, i, j)
    grid = compared.network.grid(layer, *image.shape[2:])
    highest, average = max(in_paintings), sum(in_paintings) / len(in_paintings)
    return {
        "value": value,
        "painting_max": highest,
        "painting_mean": average,
        "enhancement": _quotient(value, highest),
        "enhancement_mean": _quotient(value, average),
        "percentile": compared.percentile(layer, i, j, value, grid),
        "selectivity": (1 if i == j else 2) * value / norm if norm else 0.0,
        "cosine": value / energy if energy else 0.0,
        "saturated": float(((image <= 0) | (image >= 1)).float().mean()),
    }


def _quotient(value: float, other: float) -> float:
    if other > 0:
        return value / other
    return float("inf") if value > 0 else 0.0


def _unreached(figures: dict[str, float], entry: Entry, interrupted: bool) -> UnreachedError | None:
    """Return why an entry was not reached, or None where it was."""
    if figures["value"] > figures["painting_max"]:
        return None
    layer, i, j = entry
    why = (
        "the two channels never fired together"
        if figures["value"] <= 0
        else f"{figures['value']:.3g} does not exceed {figures['painting_max']:.3g}, its "
        "value in a painting"
    )
    advice = "it was interrupted" if interrupted else "try more --iterations or another --seed"
    text = f"{layer} {i},{j} was not reached: {why}; {advice}."
    return UnreachedError(text, figures, interrupted)
