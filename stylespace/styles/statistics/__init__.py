"""Statistics of Gram matrices: sparsity, intensity, spectrum, cosines, and distributions that fit.

Diagonal and off-diagonal entries are apart everywhere: the energies of the channels, and how much
two of them fire together. Off-diagonal entries are those with i < j, each once. Everything is
computed in float64 on the CPU; statistics of values look at their sizes, so a matrix with negative
entries (no Gram matrix of ReLU features has one) is measured as well; moments and quantiles alone
know the sign.

No entries (the off-diagonal of a single channel) and entries that are all zero (a black layer) have
no sparsity, no intensity, no spectrum and no fit: every such number is 0, never NaN.
"""

from stylespace.styles.statistics.comparisons import (
    EntryComparison,
    LayerComparison,
    comparison,
    entry_comparison,
    layer_comparison,
)
from stylespace.styles.statistics.entries import (
    NEAR_ZERO,
    EntryStatistics,
    entry_statistics,
    exactly_zero,
    near_zero,
)
from stylespace.styles.statistics.fitting import FITS, Fit, Fits, fits
from stylespace.styles.statistics.layers import (
    LayerStatistics,
    activation_entropy,
    dead_channels,
    flattened,
    layer_statistics,
    statistics,
)
from stylespace.styles.statistics.matrices import Part, diagonal, off_diagonal
from stylespace.styles.statistics.pairs import (
    Pair,
    cosine_values,
    cosines,
    similarity_order,
    strongest_pairs,
)
from stylespace.styles.statistics.spectra import (
    effective_rank,
    eigenvalue_ratio,
    largest_share,
    power_law_slope,
    spectrum,
)
from stylespace.styles.statistics.values import (
    QUANTILES,
    deviation,
    entropy,
    gini,
    hoyer,
    kurtosis,
    quantiles,
    skewness,
    wasserstein,
)

__all__ = [
    "FITS",
    "NEAR_ZERO",
    "QUANTILES",
    "EntryComparison",
    "EntryStatistics",
    "Fit",
    "Fits",
    "LayerComparison",
    "LayerStatistics",
    "Pair",
    "Part",
    "activation_entropy",
    "comparison",
    "cosine_values",
    "cosines",
    "dead_channels",
    "deviation",
    "diagonal",
    "effective_rank",
    "eigenvalue_ratio",
    "entropy",
    "entry_comparison",
    "entry_statistics",
    "exactly_zero",
    "fits",
    "flattened",
    "gini",
    "hoyer",
    "kurtosis",
    "largest_share",
    "layer_comparison",
    "layer_statistics",
    "near_zero",
    "off_diagonal",
    "power_law_slope",
    "quantiles",
    "similarity_order",
    "skewness",
    "spectrum",
    "statistics",
    "strongest_pairs",
    "wasserstein",
]
