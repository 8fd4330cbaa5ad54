"""Entries: terms for pictures that maximise one entry of a layer's Gram matrix (NN16a).

Every goal is a smooth function of G_ij = mean of F_i F_j over the positions, and knows a way out of
a dead start, where the two channels never fire together and G_ij has no gradient at all.
"""

import math

import torch
from torch import Tensor

from stylespace.errors import UsageError, unknown
from stylespace.losses.objective import averaged
from stylespace.losses.terms import Features, Term
from stylespace.networks.network import Network
from stylespace.settings import GOALS
from stylespace.styles.gram import gram

MIXTURE = 0.5
"""Share of log ||G||_F that is taken off in a mixture for which none is named."""
ALIVE = 1e-3
"""Share of the layer's mean energy from which on an entry's own gradient is followed."""
DEAD_LEVEL = 100.0
"""Loss of a dead entry, above -log of any live one: float32's smallest normal is e^-87."""
SOFTNESS = 0.1
"""Width of the smooth minimum, in standard deviations of the layer's pre-activations."""
NOISE_SIDE = 96
"""Side in pixels of the noise that a layer's unit of energy is read from."""


def energy_unit(network: Network, layer: str) -> float:
    """Return the power of two next to a layer's mean energy on seeded noise, 1 where that is 0.

    Entries in this unit, which is the network's alone, are the same to the last bit in a network
    whose layer is scaled by a power of two, and so are losses, their order and the picture.
    """
    noise = torch.rand(1, 3, NOISE_SIDE, NOISE_SIDE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        energy = float(network(noise.to(network.device), [layer])[layer].float().square().mean())
    return 2.0 ** round(math.log2(energy)) if energy else 1.0


def entry_term(
    layer: str,
    entries: Tensor,
    selectivity: float = 0.0,
    *,
    goal: str = "log",
    parts: int = 1,
    unit: float = 1.0,
) -> Term:
    """Make a Gram entry large; one entry a picture.

    The loss of a live entry (B,), lambda being `selectivity` and G in units of `unit`:
    "energy": -G_ij; "log": -log G_ij + lambda log ||G||_F;
    "selectivity": the same with lambda = 1; "mixture": with lambda = MIXTURE where it is 0.
    Within the pixel box "energy" and "log" have the same maximisers. The logarithm makes steps
    independent of the entry's size, and a sum with other terms as well.

    "energy" is not divided by the layer's energy in the picture: that changes, so the loss would
    no longer rise and fall with G_ij.

    Where the two channels do not fire together yet (G_ij below ALIVE of the layer's mean energy)
    the gradient of G_ij is zero or useless. There the smooth minimum of the two pre-activations
    is raised, where it is largest, until both fire at one place; the value is put above that of
    any live picture. (A product of softplus pre-activations lets one channel rise alone: it left
    conv2_1 12,40 and 0,114 of vgg16-hed unreached, which this reaches.)

    With `parts` above 1 the loss is the mean over a grid of parts x parts of the picture, each with
    its own way out of a dead start: once two channels fire at one spot, the logarithm's gradient is
    all there, and a picture of channels that rarely fire together stays grey elsewhere.

    Args:
        layer: name. entries: (B, 2) or (1, 2), whole numbers. selectivity: in [0, 1].
        goal: one of GOALS. parts: along each side; fewer where the layer has fewer positions.
        unit: see `energy_unit`; 1 for the layer's own, squared activations.

    Raises:
        UsageError: an unknown goal, or a selectivity outside [0, 1].

    Source: NN16a section 3 (maximising an entry). Departs: the logarithm; the way out of dead
    starts.
    """
    share, pre = _norm_share(goal, selectivity), f"pre:{layer}"

    def measure(image: Tensor, features: Features) -> Tensor:
        """Return the loss of every picture, (B,)."""
        grid = _grid(features[pre], parts)
        places = entries.expand(len(features[pre]), 2).repeat_interleave(grid.shape[1], 0)
        loss = _entry_loss(grid.flatten(0, 1), places, goal, share, unit)
        return loss.view(grid.shape[:2]).mean(1)

    def numbers(seen: Tensor) -> Tensor:
        """Return G_ij, the mean energy and perhaps the Gram matrix, (B, 2 or more)."""
        alive = seen.relu()
        energy = alive.detach().square().mean((1, 2, 3))
        plain = torch.stack([entry_value(alive, entries), energy], 1)
        return torch.cat([plain, gram(alive).flatten(1)], 1) if share else plain

    def of_numbers(mean: Tensor) -> Tensor:
        """Return the loss, (B,); of a dead entry it has no way out, which coarser scales find."""
        value, energy = mean[:, 0] / unit, mean[:, 1].detach() / unit
        score = value if goal == "energy" else _log_score(value, mean[:, 2:] / unit, share)
        return torch.where(value > ALIVE * energy, -score, DEAD_LEVEL)

    tiles = averaged(numbers, pre, of_numbers) if parts == 1 else None
    return Term(f"entry.{layer}", measure, (pre,), parts=tiles)


def _grid(features: Tensor, parts: int) -> Tensor:
    """Cut features (B, C, h, w) into parts: (B, rows * columns, C, h / rows, w / columns).

    The last positions that do not fill a part are left out.
    """
    batch, channels, height, width = features.shape
    rows, columns = min(parts, height), min(parts, width)
    h, w = height // rows, width // columns
    cut = features[:, :, : rows * h, : columns * w].reshape(batch, channels, rows, h, columns, w)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, channels, h, w)


def _norm_share(goal: str, selectivity: float) -> float:
    """Return lambda, the share of log ||G||_F that the goal takes off."""
    if goal not in GOALS:
        raise unknown("goal", goal, GOALS)
    if not 0 <= selectivity <= 1:
        raise UsageError(f"selectivity {selectivity} must be between 0 and 1.")
    mixed = selectivity or MIXTURE
    return {"energy": 0.0, "log": selectivity, "selectivity": 1.0, "mixture": mixed}[goal]


def _entry_loss(pre: Tensor, entries: Tensor, goal: str, share: float, unit: float) -> Tensor:
    features = pre.relu()
    value = entry_value(features, entries) / unit
    alive = value > ALIVE * features.square().mean((1, 2, 3)) / unit
    grams = gram(features).flatten(1) / unit if share and goal != "energy" else value
    score = value if goal == "energy" else _log_score(value, grams, share)
    return torch.where(alive, -score, DEAD_LEVEL - _approach(pre, entries))


def _log_score(value: Tensor, grams: Tensor, share: float) -> Tensor:
    """Return log G_ij - share * log ||G||_F of values (B,) and Gram matrices (B, C^2): (B,)."""
    tiny = torch.finfo(value.dtype).tiny
    score = value.clamp(min=tiny).log()
    if not share:
        return score
    squares = grams.square().sum(1)
    return score - share * 0.5 * squares.clamp(min=tiny).log()


def _approach(pre: Tensor, entries: Tensor) -> Tensor:
    """How near two channels are to firing together: log mean softplus(soft minimum), (B,)."""
    spread = pre.detach().std((1, 2, 3))[:, None]
    scale = torch.where(spread > 0, spread, torch.ones_like(spread))  # of a layer that is even
    a, b = (channel.flatten(1) / scale for channel in entry_channels(pre, entries))
    lower = -torch.logaddexp(-a / SOFTNESS, -b / SOFTNESS)
    return _log_softplus(lower).logsumexp(1) - math.log(lower.shape[1])


def _log_softplus(x: Tensor) -> Tensor:
    """Return log softplus(x), which is x itself far below zero, where float32 has lost e^x."""
    near = torch.nn.functional.softplus(x.clamp(min=-20)).log()
    return torch.where(x > -20, near, x)


def entry_channels(features: Tensor, entries: Tensor) -> tuple[Tensor, Tensor]:
    """Return channels i and j of each picture: (B, C, h, w), (B or 1, 2) -> two (B, h, w)."""
    rows = torch.arange(len(features), device=features.device)
    i, j = entries.to(features.device).expand(len(features), 2).unbind(1)
    return features[rows, i], features[rows, j]


def entry_value(features: Tensor, entries: Tensor) -> Tensor:
    """G_ij of each picture without its whole Gram matrix: (B, C, h, w), (B or 1, 2) -> (B,)."""
    a, b = entry_channels(features, entries)
    return (a * b).mean((1, 2))
