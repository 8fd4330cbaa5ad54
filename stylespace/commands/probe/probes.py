"""Probes: pictures that maximise one entry of a layer's Gram matrix (NN16a)."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from stylespace.commands.keywords import keywords, settings_with
from stylespace.commands.outcome import Outcome, as_written, outcome_of
from stylespace.commands.probe.measures import agreement, entry_figures, unreached
from stylespace.commands.probe.natural import term_of_patches, without_patches
from stylespace.commands.probe.patches import Paintings, Patches, painting
from stylespace.commands.scales import in_tiles, noise_picture, run_pyramid
from stylespace.commands.sight import given_network
from stylespace.errors import UnreachedError
from stylespace.losses.entries import energy_unit, entry_term
from stylespace.losses.natural import beside
from stylespace.losses.objective import Objective
from stylespace.losses.terms import Term, Terms
from stylespace.networks.network import Network
from stylespace.settings.probe import NATURAL, Entry, ProbeSettings
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
    maximiser: of a natural probe, the picture (1, 3, S, S) in which the entry is largest.
    """

    patches: Patches
    importance: Tensor | None = None
    maximiser: Tensor | None = None


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

    Example:
        >>> import stylespace as ss
        >>> outcome = ss.probe("conv3_1", (12, 40), size=64, iterations=8)
        >>> outcome.image.shape, outcome.figures["enhancement"] > 1
        (torch.Size([1, 3, 64, 64]), True)
        >>> ss.write_image("probe.png", outcome.image)
    """
    changes = {"layer": layer, "entry": entry, **changes}
    settings = settings_with(ProbeSettings, settings, changes, network)
    network = given_network(network, settings)
    first = chosen_entries(settings, network)[:1]
    looking: dict[str, Any] = {"watch": watch, "checkpoint": checkpoint}
    (made,) = probe_batch(settings, first, network, compared=compared, shown=True, **looking)
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
    shown: bool = False,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[Outcome | UnreachedError, ...]:
    """Make the pictures of several entries of one layer at once.

    Each has its own optimiser's state, so that none depends on its neighbours.

    Args:
        shown: of natural probes the maximisers are made too, to be shown beside them.

    Returns:
        An outcome an entry, with the settings of that entry alone; an error where it was not
        reached.
    """
    compared, natural = compared or Paintings(network.precise), settings.goal == NATURAL
    if lost := without_patches(entries, compared) if natural else {}:
        options: dict[str, Any] = {"shown": shown, "watch": watch, "checkpoint": checkpoint}
        rest = [entry for entry in entries if entry not in lost]
        made = probe_batch(settings, rest, network, compared=compared, **options) if rest else ()
        found = iter(made)
        return tuple(lost.get(entry) or next(found) for entry in entries)
    layer = entries[0][0]
    pairs = [entry[1:] for entry in entries]
    count, side = len(pairs) * settings.seeds, settings.size
    copies = 2 if natural and shown else 1
    network, settings = in_tiles(network, settings, (layer,), side, side, count=count * copies)
    term = _term(settings, layer, pairs, network, compared, shown=shown)
    synthesis, importance = _synthesis(
        settings, layer, term, count * copies, network, watch, checkpoint
    )
    outcomes = []
    for number, entry in enumerate(entries):
        rows = range(number * settings.seeds, (number + 1) * settings.seeds)
        runs = [synthesis.row(k) for k in rows]
        maps = [None if importance is None else importance[k] for k in rows]
        own = single_settings(settings, entry)
        largest = [synthesis.row(count + k) for k in rows] if copies == 2 else []
        outcomes.append(_best(own, runs, maps, network, compared, largest))
    return tuple(outcomes)


def interrupted(made: Outcome | UnreachedError) -> bool:
    """Say whether Ctrl-C ended the run of an entry."""
    if isinstance(made, UnreachedError):
        return made.interrupted
    return made.synthesis.stopped == "interrupted"


def single_settings(settings: ProbeSettings, entry: Entry) -> ProbeSettings:
    """Return the settings of one entry alone."""
    layer, i, j = entry
    return replace(settings, layer=layer, entry=(f"{i},{j}",), entries=(), painting=None)


def _term(
    settings: ProbeSettings,
    layer: str,
    pairs: Sequence[tuple[int, int]],
    network: Network,
    compared: Paintings,
    *,
    shown: bool,
) -> Term:
    """Return what is measured: row e * seeds + s is entry e from seed s.

    Of natural probes that are `shown` as many rows follow, which maximise the entries.
    """
    places = torch.tensor(pairs, device=network.device).repeat_interleave(settings.seeds, 0)
    goal = "log" if settings.goal == NATURAL else settings.goal
    unit = energy_unit(network, layer)
    largest = entry_term(layer, places, settings.selectivity, goal=goal, unit=unit)
    if settings.goal != NATURAL:
        return largest
    natural = term_of_patches(settings, layer, pairs, network, compared)
    return beside(natural, largest, len(places)) if shown else natural


def _synthesis(
    settings: ProbeSettings,
    layer: str,
    term: Term,
    count: int,
    network: Network,
    watch: Watch | None,
    checkpoint: Checkpoint | None,
) -> tuple[Synthesis, Tensor | None]:
    """Make `count` pictures, each seed in turn, of what a term measures.

    Returns the importance maps (rows, S, S) of phase-only pictures as well.
    """
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
        lambda height, width: _starts(settings, width).repeat(count // settings.seeds, 1, 1, 1),
        (layer,),
        lambda size: (size, size),
        watch=watch,
        checkpoint=checkpoint,
        count=count,
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
    largest: Sequence[Synthesis] = (),
) -> Outcome | UnreachedError:
    """Return the outcome of the run whose entry is largest on the written picture.

    Of a natural probe the run that is nearest to the patches; largest: those that maximise.
    """
    layer, i, j = entry = settings.first
    images = [as_written(run, network) for run in runs]
    grams = [_gram(compared.network, image, layer) for image in images]
    natural = settings.goal == NATURAL
    best = max(range(len(runs)), key=lambda k: -runs[k].loss if natural else grams[k][i, j].item())
    figures = entry_figures(grams[best], images[best], entry, compared)
    if natural:
        figures |= {"natural_distance": runs[best].loss}
    if len(runs) > 1:
        figures |= {"agreement": agreement(grams), "agreement_null": compared.agreement(layer)}
        figures |= {"best_seed": settings.seed + best}
    least = "painting_mean" if natural else "painting_max"
    if error := unreached(figures, entry, runs[best].stopped == "interrupted", least):
        return error
    maximiser = None
    if largest:
        shown = [as_written(run, network) for run in largest]
        values = [float(_gram(compared.network, image, layer)[i, j]) for image in shown]
        maximiser = shown[values.index(max(values))]
    probed = Probed(compared.patches(layer, i, j), maps[best], maximiser)
    return outcome_of(settings, images[best], figures, runs[best], network, beside=probed)


def _gram(network: Network, image: Tensor, layer: str) -> Tensor:
    with torch.no_grad():
        return gram(network(image, [layer])[layer])[0].cpu().double()
