"""Guided Gram matrices, and the terms that match them region by region."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction

from stylespace.errors import MemoryLimitError
from stylespace.losses.guides.masks import NOTHING, propagated, with_rest
from stylespace.losses.guides.regions import Regions
from stylespace.losses.objective import relative_square
from stylespace.losses.terms import Features, Parts, Term, Terms
from stylespace.networks.memory import available, estimate
from stylespace.networks.network import Network
from stylespace.networks.tiles import Tile


class _GuidedGram(torch.autograd.Function):
    """G_k = X diag(a_k) X^T for every k, reading only the positions where a_k is not 0.

    Regions hardly overlap, so that all of them together cost little more than one global Gram
    matrix; nothing but X and the weights is kept for the backward pass.
    """

    @staticmethod
    def forward(ctx: BackwardCFunction, x: Tensor, weights: Tensor) -> Tensor:
        """Return the Gram matrix of every region, (B, R, C, C)."""
        ctx.save_for_backward(x, weights)
        result = x.new_empty(x.shape[0], len(weights), x.shape[1], x.shape[1])
        for k, weight in enumerate(weights):
            places, rows = _inside(x, weight)
            result[:, k] = (rows * weight[places, None]).mT @ rows
        return result

    @staticmethod
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the features."""
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        x, weights = saved
        result = torch.zeros_like(x.mT, memory_format=torch.contiguous_format)
        for k, weight in enumerate(weights):
            places, rows = _inside(x, weight)
            both = gradient[:, k] + gradient[:, k].mT
            result.index_add_(1, places, (rows @ both) * weight[places, None])
        return result.mT, None


def _inside(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the positions (n,) where a weight (N,) is not 0, and x (B, C, N) there: (B, n, C)."""
    places = weight.nonzero()[:, 0]
    return places, x.mT.index_select(1, places)


def guided_gram(features: Tensor, masks: Tensor) -> Tensor:
    """Return the Gram matrix of every region: G_k = F diag(t_k) F^T / sum t_k.

    Args:
        features: (B, C, h, w).
        masks: (1, K, h, w), not negative; of a region without area the matrix is 0.

    Returns:
        (B, K, C, C), in float32 or better; without a gradient for the masks.

    Source: G17 section 4 (guided Gram matrices). Departs: weights t_k / sum t_k, where G17
    multiplies the features by the guide and so weighs by t_k^2 / sum t_k^2. The two agree for
    masks of 0 and 1; linear in the mask, the regions' matrices times their shares of the area add
    up to the global Gram matrix.
    """
    if masks.shape[0] != 1 or masks.shape[2:] != features.shape[2:]:
        raise ValueError(
            f"masks {tuple(masks.shape)} must be (1, K, h, w) on the grid of features "
            f"{tuple(features.shape)}"
        )
    return weighted_grams(features, _shares(masks, features))


def weighted_grams(features: Tensor, weights: Tensor) -> Tensor:
    """Return F diag(a_k) F^T for every k: (B, C, h, w), (K, h, w) -> (B, K, C, C)."""
    x = features if features.dtype == torch.float64 else features.float()
    return _GuidedGram.apply(x.flatten(2), weights.flatten(1).to(x))


def _shares(masks: Tensor, like: Tensor) -> Tensor:
    """Return masks (1, K, h, w) of sum 1, or 0 without area: (K, h, w), as features are."""
    weights = masks[0].to(like.device, torch.promote_types(like.dtype, torch.float32))
    sums = weights.sum((1, 2), keepdim=True)
    return torch.where(_has_area(masks).to(like.device)[:, None, None], weights / sums, 0)


def _has_area(masks: Tensor) -> Tensor:
    """(1, K, h, w) -> (K,): whether more than rounding lies inside."""
    return masks[0].flatten(1).mean(1) > NOTHING


def guided_targets(features: Tensor, masks: Tensor) -> Tensor:
    """Return what the regions are to match: (1, C, h, w), (1, K, h, w) -> (K, C, C).

    Where a mask has no area, the Gram matrix of the whole picture stands in.
    """
    grams = guided_gram(features, masks)[0]
    whole = guided_gram(features, torch.ones_like(masks[:, :1]))[0]
    return torch.where(_has_area(masks).to(grams.device)[:, None, None], grams, whole)


def guided_term(layer: str, content_masks: Tensor, targets: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of every region's Gram matrix to its target, weighted by area.

    sum_k s_k ||G_k - A_k||^2 / ||A_k||^2, s_k the region's share of the area of all of them.
    Regions without area at this layer are left out; `area_remarks` says which.

    Args:
        layer: whose features are measured.
        content_masks: (1, K, h, w) on the layer's grid.
        targets: (K, C, C).
        weight: of the term.

    Raises:
        ValueError: no region has an area.

    Source: G17 section 4. Departs: relative to the target; weighted by area instead of lambda_r.
    """
    held = _has_area(content_masks)
    if not bool(held.any()):
        raise ValueError(f"no region has an area at {layer}")
    masks, goals = content_masks[:, held], targets[held.to(targets.device)]
    areas = masks[0].flatten(1).sum(1).to(goals)
    share = areas / areas.sum()

    def distance(grams: Tensor) -> Tensor:
        """Return the distance summed over regions, (B, K, C, C) -> (B,)."""
        wanted = goals[None].expand(len(grams), -1, -1, -1)
        distances = relative_square(grams.flatten(0, 1), wanted.flatten(0, 1))
        return distances.view(len(grams), -1) @ share

    def measure(image: Tensor, features: Features) -> Tensor:
        return distance(guided_gram(features[layer], masks))

    weights = _shares(masks, goals)

    def part(tile: Tile) -> Tensor:
        return weighted_grams(tile.own(layer), tile.cut(layer, weights))

    return Term(f"guided.{layer}", measure, (layer,), weight, Parts(part, distance))


def guided_terms(
    network: Network,
    style: Tensor,
    regions: Regions,
    shape: tuple[int, int],
    weights: Mapping[str, float],
) -> Terms:
    """Return the terms of a guided style, their weights adding up to 1.

    What no content mask covers takes after what no style mask covers, or after the whole style
    where that is nothing.

    Args:
        network: that measures.
        style: (1, 3, H', W'), at the size that it is to be measured at.
        regions: of pictures of any size; resized here.
        shape: (H, W) of the picture to be optimised.
        weights: {style layer: weight}.
    """
    there = regions.at(shape, (style.shape[2], style.shape[3]))
    with torch.no_grad():
        features = network(style, tuple(weights))
    total, terms = sum(weights.values()), Terms()
    for layer, weight in weights.items():
        content, source = (
            propagated(network, layer, with_rest(masks))
            for masks in (there.content_masks, there.style_masks)
        )
        targets = guided_targets(features[layer], source)
        terms += guided_term(layer, content, targets, weight / total)
    return terms


def area_remarks(
    network: Network,
    layers: Sequence[str],
    regions: Regions,
    content: tuple[int, int],
    style: tuple[int, int],
) -> list[str]:
    """Say which regions have no area at a layer, and what becomes of them, a sentence each.

    content, style: (H, W) of the pictures as they are measured.
    """
    there, remarks = regions.at(content, style), []
    for layer in layers:
        kept, found = (
            _has_area(propagated(network, layer, masks)).tolist()
            for masks in (there.content_masks, there.style_masks)
        )
        for k, name in enumerate(regions.names):
            if not kept[k]:
                remarks.append(f"{name} has no area in the content at {layer}: left out there.")
            elif not found[k] and k not in regions.unmatched:
                remarks.append(
                    f"{name} has no area in the style at {layer}: it takes after the whole style."
                )
    return remarks


def guides_memory(
    network: Network, layers: Sequence[str], count: int, height: int, width: int
) -> int:
    """Return the bytes that `count` regions and the rest add to a global style's objective.

    Kept: the masks of every layer, once as they are and once of sum 1, and four matrices C x C a
    region (target, value, difference, gradient). At work, of the largest layer: the features of a
    region, twice, and the gradient.
    """
    size = 8 if network.dtype == torch.float64 else 4
    kept, busy, parts = 0, 0, count + 1
    for layer in network.resolve(layers):
        positions = math.prod(network.grid(layer, height, width))
        channels = network.channels(layer)
        kept += parts * (2 * positions + 4 * channels**2)
        busy = max(busy, 3 * channels * positions)
    return size * (kept + busy)


def check_guides_memory(
    network: Network, layers: Sequence[str], count: int, height: int, width: int
) -> int:
    """Return the estimate for a whole guided objective, or refuse one that would not fit.

    Raises:
        MemoryLimitError: with both figures and the remedies.
    """
    extra = guides_memory(network, layers, count, height, width)
    needed = estimate(network, layers, height, width) + extra
    free = available(network.device)
    if needed > free:
        raise MemoryLimitError(
            f"{count} guides at {width}x{height} pixels need about {needed / 2**30:.1f} GiB, "
            f"{extra / 2**30:.1f} of it for the guides, and {free / 2**30:.1f} are free on "
            f"{network.device}: take fewer guides, a smaller --size or shallower layers."
        )
    return needed
