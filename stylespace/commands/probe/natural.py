"""Natural probes: what the nine patches of an entry give the loss to match."""

from collections.abc import Sequence

import torch
from torch import Tensor

from stylespace.commands.probe.patches import Paintings
from stylespace.errors import UnreachedError
from stylespace.losses.natural import natural_term, quantiles
from stylespace.losses.terms import Term
from stylespace.networks.network import Network
from stylespace.settings.probe import Entry, ProbeSettings
from stylespace.settings.shared import default_style_layers


def without_patches(entries: Sequence[Entry], compared: Paintings) -> dict[Entry, UnreachedError]:
    """Return the entries whose channels fire together in no painting, and what is said of them."""
    lost = {}
    for layer, i, j in entries:
        if not compared.patches(layer, i, j).paintings:
            text = (
                f"{layer} {i},{j} has no natural picture: the two channels fire together in none "
                "of the paintings; try --goal log."
            )
            lost[layer, i, j] = UnreachedError(text, {})
    return lost


def term_of_patches(
    settings: ProbeSettings,
    layer: str,
    pairs: Sequence[tuple[int, int]],
    network: Network,
    compared: Paintings,
) -> Term:
    """Return the `natural_term` of entries of a layer, a picture for each seed in a row.

    Their patches are matched in that layer, and in the network's style layers below it.
    """
    order, styles = [one.name for one in network.layers], default_style_layers(settings.network)
    below = order[: order.index(layer) + 1]
    names = [name for name in below if name == layer or name in styles]
    found = [_targets(layer, i, j, names, compared) for i, j in pairs]
    both, *others = (
        torch.cat(rows).repeat_interleave(settings.seeds, 0).to(network.device)
        for rows in zip(*found, strict=True)
    )
    places = torch.tensor(pairs, device=network.device).repeat_interleave(settings.seeds, 0)
    return natural_term(layer, places, both, dict(zip(names, others, strict=True)))


def _targets(
    layer: str, i: int, j: int, names: Sequence[str], compared: Paintings
) -> tuple[Tensor, ...]:
    """Return the quantiles (1, 3, n) of F_i, F_j and F_i F_j, and (1, C, n) of each layer."""
    inside = compared.activations(layer, i, j, names)
    a, b = inside[layer][i], inside[layer][j]
    both = torch.stack([a, b, a * b])
    return tuple(quantiles(values[None]) for values in (both, *(inside[one] for one in names)))
