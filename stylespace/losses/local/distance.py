"""The localised Gram distance: value and gradient in one pass, the evaluator chosen by cost."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stylespace.errors import UsageError, public, unknown
from stylespace.losses.local.blocks import by_blocks
from stylespace.losses.local.costs import chosen_evaluator
from stylespace.losses.local.dense import by_one_product
from stylespace.losses.local.maps import by_maps
from stylespace.losses.local.offsets import by_offsets
from stylespace.losses.local.sparse import by_windows
from stylespace.losses.local.windows import Windows, windows_over
from stylespace.losses.one_pass import Inputs, Made, Wanted, one_pass

Evaluator = Callable[[Tensor, Tensor, Windows, Sequence[int]], tuple[Tensor, list[Tensor]]]

EVALUATORS: dict[str, Evaluator] = {
    "offsets": by_offsets,
    "dense": by_one_product,
    "blocks": by_blocks,
    "explicit": by_maps,
    "windows": by_windows,
}
"""Ways to the same number, (F, P, windows, signs) -> value and gradients.

Milliseconds of value and gradient on one core, all layers of a picture of 128 x 96 pixels: "blocks"
does most of the work (s = 3: 316, and with it alone 337), "dense" the deep layers (s = 8: 6, for
blocks 73), "windows" the strides (s = 4 every 9: 90, for blocks 490), "explicit" wide windows on
shallow layers (s = 16: 580, for blocks 1840; at 256 pixels 2.6 s for 9.1), and "offsets" windows of
a few positions (s = 0: 28, for blocks 88; s = 1: 129 for 147).
"""


@public
def local_gram_distance(
    features: Tensor,
    target: Tensor,
    half_width: int = 3,
    kernel: str = "uniform",
    *,
    stride: int = 1,
    mask: Tensor | None = None,
    evaluator: str = "auto",
) -> Tensor:
    """Return sum_x lambda(x) ||G(x) - A(x)||^2 over the windows x of a layer.

    G(x) = sum_d w(d) f(x + d) f(x + d)^T of the features, A(x) the same of the target; w sums to
    1, features outside count as zero, and no window is clipped or renormalised, even where it is
    larger than the layer. Differentiable once, in features and in target.

    All evaluators compute with u = F - P and v = F + P, so that float32 keeps its digits where the
    two nearly agree; "offsets", "dense" and "blocks" add up products of positions, whose rounding
    may leave a value below 0 where the Gram matrices agree and the features do not.

    Args:
        features: F, (B, C, h, w), in float32 or float64; half precision is widened.
        target: P, (B or 1, C, h, w), the same grid.
        half_width: s, in positions of this layer, from 0 on: windows of 2s + 1 positions a side.
        kernel: "uniform", or "gaussian": sigma s / 2, cut at s.
        stride: distance between windows, from 1 on; see `windows.centres`.
        mask: lambda, (h, w) or (B, h, w), from 0 on; read where windows stand. None: 1.
        evaluator: "auto", or one of EVALUATORS; see `costs.chosen_evaluator`.

    Returns:
        (B,).

    Raises:
        UsageError: features that do not match, or a setting that cannot be.

    Source: NN16a (localised style). Departs: strided and weighted windows, Gaussians.

    Example:
        >>> import stylespace as ss, torch
        >>> features = torch.ones(2, 3, 4, 5)
        >>> ss.local_gram_distance(features, torch.zeros(1, 3, 4, 5), half_width=0)
        tensor([180., 180.])
    """
    _check_features(features, target)
    f, p = _widened(features, target)
    windows = windows_over(f, half_width, kernel, stride=stride, mask=mask)
    if evaluator == "auto":
        evaluator = chosen_evaluator(f.shape, half_width, stride=stride)
    if evaluator not in EVALUATORS:
        raise unknown("evaluator", str(evaluator), ("auto", *EVALUATORS))

    def make(inputs: Inputs, wanted: Wanted) -> Made:
        signs = [sign for sign, asked in zip((1, -1), wanted, strict=True) if asked]
        return EVALUATORS[evaluator](inputs[0], inputs[1], windows, signs)

    return one_pass(make, f, p)


def _widened(features: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in float32, or in float64 where one of them is, the target for every picture."""
    dtype = torch.promote_types(features.dtype, target.dtype)
    dtype = torch.promote_types(dtype, torch.float32)
    return features.to(dtype), target.to(dtype).expand(len(features), -1, -1, -1)


def _check_features(features: Tensor, target: Tensor) -> None:
    shapes = tuple(features.shape), tuple(target.shape)
    if features.ndim != 4 or not all(shapes[0]):
        raise UsageError(f"features of shape {shapes[0]}: give (B, C, h, w), none of them 0.")
    if target.ndim != 4 or shapes[1][1:] != shapes[0][1:] or shapes[1][0] not in (1, shapes[0][0]):
        raise UsageError(
            f"features of shape {shapes[0]} and a target of shape {shapes[1]}: a localised "
            "distance compares positions, so bring both pictures to one size."
        )
