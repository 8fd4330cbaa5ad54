"""How much of the style picture a localised result repeats, and the words to say so.

A window is matched in its place, so small windows leave no freedom: at s = 0 the distance is zero
only where f = p or f = -p, and behind a ReLU that is the style picture itself.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from stylespace.errors import UsageError
from stylespace.networks.network import Network
from stylespace.styles.distances import geometric_mean

COPIED = 0.35
"""Copy index up to which a result is said to reconstruct the style picture.

After 50 evaluations at 64 pixels (one pair of pictures, conv2_1 alone or conv1_1 to conv3_1) it was
.1 for s = 0, .1 to .3 for 1, .2 to .4 for 2, .3 to .55 for 4, .45 to .65 for 8, .85 for the global
Gram matrix.
"""
RESEMBLING = 0.65
"""Copy index up to which a result is said to follow the style picture's arrangement."""


def copy_index(
    result: Tensor, style: Tensor, *, start: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Return ||result - style|| / ||start - style||, place by place.

    0: the style picture itself. 1: as far from it as the start, which is what a style without
    places leaves, up to chance. Unsquared, so that .1 reads as a tenth of the way left.

    Args:
        result, style, start: pictures or features of one shape, (B, ...); style and start also
            (1, ...). start: the picture the run began with, or the content where it began with
            the style. mask: what each place counts, from 0 on, of the last axes' shape.

    Returns:
        (B,).

    Raises:
        UsageError: shapes that differ, or a start that is the style picture.
    """
    if not result.shape[1:] == style.shape[1:] == start.shape[1:]:
        raise UsageError(
            f"result {tuple(result.shape)}, style {tuple(style.shape)} and start "
            f"{tuple(start.shape)} differ: bring all three to one size."
        )
    from_start = _length(start - style, mask)
    if bool((from_start == 0).any()):
        raise UsageError(
            "the start is the style picture: measure copying from the content instead."
        )
    return _length(result - style, mask) / from_start


def _length(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return the Euclidean length over all but the first axis, in float64 on the CPU."""
    wide = x.detach().cpu().double()
    if mask is not None:
        wide = wide * mask.cpu().double().sqrt()
    return wide.flatten(1).norm(dim=1)


def copy_indices(
    network: Network,
    layers: Sequence[str],
    *,
    result: Tensor,
    style: Tensor,
    start: Tensor,
    masks: Mapping[str, Tensor] | None = None,
) -> dict[str, float]:
    """Return the copy index of one picture at every layer, and of its pixels as "pixels".

    Any localised result can be measured so; pictures (1, 3, H, W) of one size, the style picture
    as the localised term saw it. `together` is the geometric mean over the layers. With masks,
    {layer: (h, w)} as the localised terms have them, only what lies under them counts, and the
    pixels are left out.
    """
    with torch.no_grad():
        a, b, c = (network.precise(picture, layers) for picture in (result, style, start))
    weights = masks or {}
    indices = {
        name: float(copy_index(a[name], b[name], start=c[name], mask=weights.get(name)))
        for name in layers
    }
    indices["together"] = geometric_mean(indices)
    if masks is None:
        indices["pixels"] = float(copy_index(result, style, start=start))
    return indices


def copy_remark(indices: Mapping[str, float], half_widths: Mapping[str, int]) -> str | None:
    """Return a warning in words where a result repeats the style picture, or None.

    Args:
        indices: of `copy_indices`. half_widths: s of each localised layer.
    """
    index = indices["together"]
    if index > RESEMBLING:
        return None
    deed = "reconstructs" if index <= COPIED else "largely follows"
    windows = ", ".join(f"{layer} {s}" for layer, s in half_widths.items())
    return (
        f"the result {deed} the style picture (copy index {index:.2g}; 0 is a copy, 1 as far as "
        f"the start) with half widths {windows}: take larger windows, or larger strides."
    )
