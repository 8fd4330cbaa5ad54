"""Statistics of a layer's Gram matrix, and of all layers of a style."""

from torch import Tensor

from stylespace.errors import public
from stylespace.styles.statistics import spectra
from stylespace.styles.statistics.entries import EntryStatistics, entry_statistics
from stylespace.styles.statistics.explanations import ALGEBRA, SHANNON, explained, record
from stylespace.styles.statistics.matrices import diagonal, off_diagonal
from stylespace.styles.statistics.pairs import cosine_values, cosines
from stylespace.styles.statistics.values import QUANTILES, average, entropy, quantiles
from stylespace.styles.style import Style


@record
class LayerStatistics:
    """Statistics of one layer's Gram matrix (C, C).

    dead_channels: number of channels without energy, which fire nowhere in the picture.
    activation_entropy: how evenly the channels share the mean activation, in [0, 1]; 0 where no
    mean is known. spectrum: the eigenvalues, C of them, descending, in squared units of activation.
    effective_rank: in [1, C]; 0 of a black layer. largest_share: the largest eigenvalue over
    the trace, in [1 / C, 1]. eigenvalue_ratio: smallest over largest eigenvalue, >= 0 up to
    rounding. power_law_slope: of log eigenvalue over log rank, <= 0. mean_cosine: mean size of the
    off-diagonal cosines, in [0, 1], those of dead channels being 0. cosine_quantiles: of the
    cosines of channels that have energy, at QUANTILES.
    """

    diagonal: EntryStatistics
    off_diagonal: EntryStatistics
    dead_channels: int = explained(
        "Dead channels",
        "The number of channels that fire nowhere in the picture.",
        "#{i : Gᵢᵢ = 0}",
    )
    activation_entropy: float = explained(
        "Activation entropy",
        "How evenly the activation of a layer is shared out over its channels, from 0, one "
        "channel alone, to 1, all alike.",
        "−Σᵢ pᵢ log pᵢ / log C,  pᵢ = μᵢ / Σ μ",
        SHANNON,
    )
    spectrum: tuple[float, ...] = explained(
        "Eigenvalue spectrum",
        "The strengths, largest first, of the orthogonal patterns of channels that make up a "
        "Gram matrix.",
        "G eᵣ = λᵣ eᵣ,  λ₁ ≥ λ₂ ≥ … ≥ 0",
        ALGEBRA,
    )
    effective_rank: float = explained(
        "Effective rank",
        "The number of equal eigenvalues that would be as spread out, from 1 to C.",
        "(Σ λ)² / Σ λ² = (tr G)² / ‖G‖²",
        "the participation ratio, Bell & Dean 1970, Discussions of the Faraday Society 50",
    )
    largest_share: float = explained(
        "Largest eigenvalue",
        "The share of the strongest pattern in all energy, from 1/C to 1, where it says all.",
        "λ₁ / Σ λ",
        ALGEBRA,
    )
    eigenvalue_ratio: float
    power_law_slope: float = explained(
        "Power-law slope",
        "The slope of the eigenvalues over their rank r, both on logarithmic scales: the "
        "steeper, the fewer patterns matter.",
        "log λᵣ ≈ a + slope · log r, by least squares over 2 ≤ r ≤ R/2,  "
        "R = #{r : λᵣ > 1 × 10⁻⁶ · λ₁}",  # NEGLIGIBLE
        "Stringer et al. 2019, Nature 571, for the spectra of neurons",
    )
    mean_cosine: float = explained(
        "Mean cosine",
        "The mean over all pairs, those of dead channels being 0; quantiles leave these out.",
        "(1/n) Σ |ρᵢⱼ| over i < j",
    )
    cosine_quantiles: tuple[float, ...] = explained(
        "Cosine",
        "How alike two channels' maps are whatever their energies, from 0, never at the same "
        "place, to 1, proportional to each other.",
        "ρᵢⱼ = Gᵢⱼ / √(Gᵢᵢ Gⱼⱼ)",
        "Cauchy and Schwarz's inequality; a correlation without subtracting the means",
    )


@public
def statistics(style: Style) -> dict[str, LayerStatistics]:
    """Return the statistics of every layer of a style.

    Example:
        >>> import stylespace as ss
        >>> style = ss.Style.capture(ss.load_network(), "sample:gogh-auvers", ["conv2_1"])
        >>> numbers = ss.statistics(style)["conv2_1"]
        >>> len(numbers.spectrum), 0 <= numbers.off_diagonal.gini <= 1, numbers.dead_channels
        (128, True, 0)
    """
    return {name: layer_statistics(one.gram, one.mean) for name, one in style.layers.items()}


def layer_statistics(gram: Tensor, mean: Tensor | None = None) -> LayerStatistics:
    """Return the statistics of a Gram matrix (C, C), and of the channels' mean activation (C,)."""
    eigenvalues = spectra.spectrum(gram)
    return LayerStatistics(
        diagonal=entry_statistics(gram, diagonal),
        off_diagonal=entry_statistics(gram, off_diagonal),
        dead_channels=int((diagonal(gram) <= 0).sum()),
        activation_entropy=0.0 if mean is None else entropy(mean),
        spectrum=tuple(eigenvalues.tolist()),
        effective_rank=spectra.effective_rank(gram),
        largest_share=spectra.largest_share(eigenvalues),
        eigenvalue_ratio=spectra.eigenvalue_ratio(eigenvalues),
        power_law_slope=spectra.power_law_slope(eigenvalues),
        mean_cosine=average(off_diagonal(cosines(gram)).abs()),
        cosine_quantiles=quantiles(cosine_values(gram)),
    )


def flattened(statistics: LayerStatistics | EntryStatistics) -> dict[str, float]:
    """Return the numbers of a layer by name, in the order of the fields, for a table.

    A quantile is named by its level: "off_diagonal.quantile_05". The spectrum is left out: its
    length is the layer's, and a table of several layers has one column a name.
    """
    numbers: dict[str, float] = {}
    for name, value in vars(statistics).items():
        if isinstance(value, EntryStatistics):
            numbers |= {f"{name}.{key}": number for key, number in flattened(value).items()}
        elif name.endswith("quantiles"):
            keys = [f"{name.removesuffix('s')}_{round(100 * level):02}" for level in QUANTILES]
            numbers |= zip(keys, value, strict=True)
        elif name != "spectrum":
            numbers[name] = value
    return numbers
