"""Natural probes: activations that are sorted like those of natural patches (G25).

What maximises two channels has colours and strokes that no painting has. A picture in which they
are as strong, and as often, as where they fire most in paintings shows what they mean there.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stylespace.losses.entries import entry_channels
from stylespace.losses.objective import relative_square
from stylespace.losses.terms import Features, Term

LEVELS = 1024
"""Quantiles of a channel that are kept of the patches."""


def quantiles(values: Tensor, count: int = LEVELS) -> Tensor:
    """Return the quantiles of each channel, ascending: (B, C, n) -> (B, C, count)."""
    ascending = values.sort(2).values
    return interpolate(ascending, count, mode="linear", align_corners=False)


def natural_term(layer: str, entries: Tensor, pair: Tensor, targets: Mapping[str, Tensor]) -> Term:
    """Sort the activations of two channels, and of the layers below, like those of targets.

    The sum of two relative squared distances of sorted values, 0 where they are the same: of
    channels i and j and of their product F_i F_j, whose mean is the entry, each relative to its
    own target, their mean; and of all channels of each layer, the mean over the layers.

    Args:
        layer: of the entries. entries: (B or 1, 2), i and j of each picture.
        pair: (B or 1, 3, n), the `quantiles` of F_i, F_j and F_i F_j in natural patches.
        targets: {layer: (B or 1, C, n)}, those of all channels of layers.

    Source: G25 (sort matching of the features of real pictures). Departs: patches of paintings in
    place of photographs of a class; what counts for the two channels is given by half of the
    loss, not by relevance that is propagated through the network; the product, without which the
    two need not fire at the same places; no regulariser, as the parameters are natural ones.
    """

    def measure(image: Tensor, features: Features) -> Tensor:
        """Return the distance of every picture, (B,)."""
        both = torch.stack(entry_channels(features[layer], entries), 1).flatten(2)
        own = _sorted(torch.cat([both, both.prod(1, keepdim=True)], 1))
        goal = _read(pair, own).expand_as(own)
        near = relative_square(own.flatten(0, 1), goal.flatten(0, 1)).view(len(own), -1).mean(1)
        layers = [
            relative_square(values, _read(target, values))
            for name, target in targets.items()
            for values in [_sorted(features[name].flatten(2))]
        ]
        return near + torch.stack(layers).mean(0)

    return Term(f"natural.{layer}", measure, tuple({**targets, layer: None}))


def beside(first: Term, second: Term, count: int) -> Term:
    """Measure the first `count` pictures of a batch by one term, and the others by another."""

    def measure(image: Tensor, features: Features) -> Tensor:
        """Return the loss of every picture, (B,)."""
        parts = (first, slice(None, count)), (second, slice(count, None))
        losses = [
            one.measure(image[rows], {name: features[name][rows] for name in one.layers})
            for one, rows in parts
        ]
        return torch.cat(losses)

    return Term(first.name, measure, (*first.layers, *second.layers))


def _sorted(values: Tensor) -> Tensor:
    return values.sort(2).values


def _read(target: Tensor, values: Tensor) -> Tensor:
    """Return a target's quantiles where those of values (B, C, n) lie."""
    return interpolate(target.to(values), values.shape[2], mode="linear", align_corners=False)
