"""The eigenvalues of a Gram matrix, and how they are spread out."""

import torch
from torch import Tensor

from stylespace.styles.statistics.matrices import wide
from stylespace.styles.statistics.values import power_of_two

NEGLIGIBLE = 1e-6
"""Share of the largest eigenvalue up to which one counts as 0.

What the rounding of a Gram matrix in float32 leaves of a zero eigenvalue is 4e-8 at most in the
bundled paintings at 128 px.
"""


def spectrum(gram: Tensor) -> Tensor:
    """Return the eigenvalues of a symmetric matrix (C, C), descending: (C,) in float64.

    Those that are 0 come out as small numbers of either sign, about 1e-16 of the largest.
    """
    return torch.linalg.eigvalsh(wide(gram)).flip(0)


def effective_rank(gram: Tensor) -> float:
    """Return trace^2 / ||G||_F^2: the number of equal eigenvalues that would be as spread out.

    It depends on the sorted entries alone: whatever keeps those keeps it.
    """
    matrix = wide(gram)
    matrix = matrix / power_of_two(matrix)
    square = float(matrix.square().sum())
    return float(matrix.trace()) ** 2 / square if square else 0.0


def largest_share(eigenvalues: Tensor) -> float:
    """Return the first of the eigenvalues (C,) over their sum: near 1, one pattern says all."""
    total = float(eigenvalues.sum())
    return float(eigenvalues[0]) / total if total else 0.0


def eigenvalue_ratio(eigenvalues: Tensor) -> float:
    """Return the last of the eigenvalues (C,) over the first; clearly below 0: of no features."""
    return float(eigenvalues[-1] / eigenvalues[0]) if eigenvalues[0] else 0.0


def power_law_slope(eigenvalues: Tensor) -> float:
    """Return the slope of log eigenvalue over log rank, of descending eigenvalues (C,), <= 0.

    The least-squares line goes through ranks 2 to R / 2, R of the eigenvalues being above
    NEGLIGIBLE of the first. The first one is mostly the mean activation, and the last half bends
    down to where the channels or the positions of the layer end: neither is on the line of the
    others. 0 where fewer than three ranks are left (R < 8).

    It describes; whether there is a power law it does not say. In the bundled paintings at 128 px
    on vgg16-hed an eigenvalue is off the line by a factor of 1.1 to 1.3 (root mean square), at
    conv1_1 of 1.3 to 1.45: the spectra bend a little.

    Source: Stringer et al. 2019 (a line through a middle range of ranks). Departs: the range.
    """
    sizes = eigenvalues.clamp(min=0)
    last = int((sizes > NEGLIGIBLE * sizes[0]).sum()) // 2
    if last < 4:
        return 0.0
    x = torch.arange(2, last + 1, dtype=torch.float64).log()
    x = x - x.mean()
    return float((x * sizes[1:last].log()).sum() / x.square().sum())
