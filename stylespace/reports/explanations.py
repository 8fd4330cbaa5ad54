"""What the quantities of a report mean: each in one sentence, with its formula and its source."""

from __future__ import annotations

from dataclasses import dataclass

from stylespace.figures.formatting import number, share
from stylespace.reports.stability import STABLE
from stylespace.styles.statistics import FITS, NEAR_ZERO
from stylespace.styles.statistics.spectra import NEGLIGIBLE

GATYS = "Gatys, Ecker & Bethge 2015, arXiv:1505.07376"
NIKULIN = "Nikulin & Novak 2016, arXiv:1602.07188"
_HERE = "a definition of this program"
_TEXTBOOK = "any textbook of statistics"
_ALGEBRA = "any textbook of linear algebra"
_FAMILIES = "Johnson, Kotz & Balakrishnan 1994, Continuous Univariate Distributions 1"


@dataclass(frozen=True)
class Explanation:
    """One quantity: its name on the page, one sentence, its formula in Unicode, its source."""

    term: str
    sentence: str
    formula: str
    source: str


EXPLANATIONS = (
    Explanation(
        "Letters",
        "A layer has C channels, whose features F are known at N places u of the picture; v are n "
        "entries of its Gram matrix G, those of the diagonal or those above it, and A is the Gram "
        "matrix of a second picture.",
        "F: C × N;  G, A: C × C, with means μ, ν;  v₍ₖ₎: the k-th smallest entry;  λ: eigenvalues",
        "the notation of this page",
    ),
    Explanation(
        "Gram matrix",
        "How strongly each two channels of a layer fire at the same places, averaged over the "
        "picture: what is everywhere in it counts, where it is does not.",
        "Gᵢⱼ = (1/N) Σᵤ Fᵢ(u) Fⱼ(u)",
        f"{GATYS}; here divided by the number of positions N",
    ),
    Explanation(
        "Mean",
        "The mean activation of a channel over all positions of the picture.",
        "μᵢ = (1/N) Σᵤ Fᵢ(u)",
        "Li et al. 2017, arXiv:1701.01036, who match means and variances as a style",
    ),
    Explanation(
        "Energy",
        "An entry of the Gram matrix's diagonal: the mean squared activation of one channel.",
        "Gᵢᵢ = (1/N) Σᵤ Fᵢ(u)²",
        GATYS,
    ),
    Explanation(
        "Intensity",
        "The entries in the order of their size, the diagonal and the pairs apart: how the "
        "strength of a style is spread over its channels, whichever they are.",
        "v₍₁₎ ≤ v₍₂₎ ≤ … ≤ v₍ₙ₎",
        NIKULIN,
    ),
    Explanation(
        "Near zero",
        f"The share of entries that are at most {NEAR_ZERO:g} times the mean energy of the layer.",
        f"#{{v ≤ τ · (1/C) Σᵢ Gᵢᵢ}} / n,  τ = {NEAR_ZERO:g}",
        f"{_HERE}, for the sparsity that {NIKULIN} look at",
    ),
    Explanation(
        "Exactly zero",
        "The share of entries that are 0: of pairs of channels that never fire at the same place.",
        "#{v = 0} / n",
        _HERE,
    ),
    Explanation(
        "Hoyer",
        "Sparsity from 0, where all entries are equal, to 1, where a single one is not 0.",
        "(√n − Σₖ|vₖ| / √(Σₖ vₖ²)) / (√n − 1)",
        "Hoyer 2004, Journal of Machine Learning Research 5, section 3.1",
    ),
    Explanation(
        "Gini",
        "Inequality of the entries from 0, where all are equal, towards 1, where one has it all.",
        "1 − 2 Σₖ (v₍ₖ₎ / Σ v) · (n − k + ½) / n",
        "Hurley & Rickard 2009, IEEE Transactions on Information Theory 55, table I",
    ),
    Explanation(
        "Entropy",
        "How evenly the sum of the entries is shared out, from 0, where one has it all, to 1, "
        "where all are equal.",
        "−Σₖ pₖ log pₖ / log n,  pₖ = vₖ / Σ v",
        "Shannon 1948, Bell System Technical Journal 27",
    ),
    Explanation(
        "Quantiles",
        "The entry below which a given share of all entries lies; half of them are below the "
        "median.",
        "Q(p) = v₍ₖ₎ at k = 1 + p (n − 1), linear between neighbours",
        "Hyndman & Fan 1996, The American Statistician 50, definition 7",
    ),
    Explanation(
        "Moments",
        "Mean and deviation give the entries' level and spread, skewness how far the large ones "
        "reach out, excess kurtosis how heavy the tails are (0 for a normal distribution).",
        "m = (1/n) Σ v,  s² = (1/n) Σ (v − m)²,  (1/n) Σ ((v − m)/s)³,  (1/n) Σ ((v − m)/s)⁴ − 3",
        _TEXTBOOK,
    ),
    Explanation(
        "Log-normal",
        "The distribution of a product of many independent factors: the logarithms of the "
        "entries are normal.",
        "log v ~ Normal(m, s²)",
        f"{_FAMILIES}, chapter 14; fitted to the positive entries by maximum likelihood",
    ),
    Explanation(
        "Gamma",
        "The distribution of a sum of exponential values, of shape a where there are a of them; "
        "below a = 1 it has more values near 0 and a heavier tail than the exponential one.",
        "p(v) ∝ vᵃ⁻¹ exp(−v/b)",
        f"{_FAMILIES}, chapter 17; fitted to the positive entries by maximum likelihood",
    ),
    Explanation(
        "Weibull",
        "An exponential distribution of a power of the entries; its tail is heavier than the "
        "exponential's where the shape a is below 1.",
        "P(V > v) = exp(−(v/b)ᵃ)",
        f"{_FAMILIES}, chapter 21; fitted to the positive entries by maximum likelihood",
    ),
    Explanation(
        "Exponential",
        "The distribution of largest entropy among those of positive values with a given mean b.",
        "P(V > v) = exp(−v/b)",
        f"{_FAMILIES}, chapter 19; fitted to the positive entries by maximum likelihood",
    ),
    Explanation(
        "Kolmogorov-Smirnov distance",
        "The largest difference between the share of the entries above 0 up to a value and the "
        "share that a fit predicts; a size, with no p-value, as entries are not independent.",
        "max over v of |Fₙ(v) − F(v)|",
        "Kolmogorov 1933; Smirnov 1948, Annals of Mathematical Statistics 19",
    ),
    Explanation(
        "AIC",
        "Compares fits with different numbers of parameters k by their likelihood L: the "
        "smallest is best, whether or not it fits.",
        "2k − 2 log L",
        "Akaike 1974, IEEE Transactions on Automatic Control 19",
    ),
    Explanation(
        "Fits",
        f"A distribution fits where it is at most {share(FITS)} off, and of several the one of the "
        "smallest AIC is named; where none is, it may be undecided: the closest is no farther off "
        "than n values drawn from it would be on average.",
        f"max |Fₙ − F| ≤ {FITS:g};  undecided up to √(π/2) log 2 / (√n + 0.12 + 0.11/√n)",
        f"{_HERE}; Stephens 1970, Journal of the Royal Statistical Society B 32, for small n",
    ),
    Explanation(
        "Dead channels",
        "The number of channels that fire nowhere in the picture.",
        "#{i : Gᵢᵢ = 0}",
        _HERE,
    ),
    Explanation(
        "Activation entropy",
        "How evenly the activation of a layer is shared out over its channels, from 0, one "
        "channel alone, to 1, all alike.",
        "−Σᵢ pᵢ log pᵢ / log C,  pᵢ = μᵢ / Σ μ",
        "Shannon 1948, Bell System Technical Journal 27",
    ),
    Explanation(
        "Eigenvalue spectrum",
        "The strengths, largest first, of the orthogonal patterns of channels that make up a "
        "Gram matrix.",
        "G eᵣ = λᵣ eᵣ,  λ₁ ≥ λ₂ ≥ … ≥ 0",
        _ALGEBRA,
    ),
    Explanation(
        "Largest eigenvalue",
        "The share of the strongest pattern in all energy, from 1/C to 1, where it says all.",
        "λ₁ / Σ λ",
        _ALGEBRA,
    ),
    Explanation(
        "Effective rank",
        "The number of equal eigenvalues that would be as spread out, from 1 to C.",
        "(Σ λ)² / Σ λ² = (tr G)² / ‖G‖²",
        "the participation ratio, Bell & Dean 1970, Discussions of the Faraday Society 50",
    ),
    Explanation(
        "Power-law slope",
        "The slope of the eigenvalues over their rank r, both on logarithmic scales: the "
        "steeper, the fewer patterns matter.",
        "log λᵣ ≈ a + slope · log r, by least squares over 2 ≤ r ≤ R/2,  "
        f"R = #{{r : λᵣ > {number(NEGLIGIBLE)} · λ₁}}",
        "Stringer et al. 2019, Nature 571, for the spectra of neurons",
    ),
    Explanation(
        "Cosine",
        "How alike two channels' maps are whatever their energies, from 0, never at the same "
        "place, to 1, proportional to each other.",
        "ρᵢⱼ = Gᵢⱼ / √(Gᵢᵢ Gⱼⱼ)",
        "Cauchy and Schwarz's inequality; a correlation without subtracting the means",
    ),
    Explanation(
        "Mean cosine",
        "The mean over all pairs, those of dead channels being 0; quantiles leave these out.",
        "(1/n) Σ |ρᵢⱼ| over i < j",
        _HERE,
    ),
    Explanation(
        "Strongest pairs",
        "The largest entries off the diagonal, and where in the picture their two channels fire "
        "together.",
        "the largest Gᵢⱼ with i < j;  Fᵢ(u) Fⱼ(u) over the places u",
        _HERE,
    ),
    Explanation(
        "Similarity order",
        "The order of channels in which similar ones are neighbours, so that groups show as "
        "blocks; channels that never fire come last.",
        "average linkage on the rows of cosines, leaves in the best order of the tree",
        "Bar-Joseph, Gifford & Jaakkola 2001, Bioinformatics 17",
    ),
    Explanation(
        "Stability",
        "How far a quantity q moves when the same picture x is resized to two thirds, cropped to "
        "the middle three quarters of its sides, or stored as a JPEG of quality 75; stable up to "
        f"{STABLE:g}.",
        "|q(t(x)) − q(x)| / |q(x)|, for each change t;  |q(t(x))| where q(x) = 0",
        _HERE,
    ),
    Explanation(
        "Random phase",
        "The same quantity of noise with the power spectrum, mean and covariance of the picture's "
        "colours but without its forms: what is alike there needs no forms.",
        "q(x̃),  FT x̃ = FT x · exp(iθ), θ uniform and the same for red, green and blue",
        "Galerne, Gousseau & Morel 2011, IEEE Transactions on Image Processing 20",
    ),
    Explanation(
        "Relative Gram distance",
        "The squared difference of two Gram matrices relative to the second, 0 where they are "
        "equal: what style transfer makes small.",
        "‖G − A‖² / ‖A‖²",
        f"{GATYS}; here relative to the target",
    ),
    Explanation(
        "Gram distance",
        "The squared difference of two styles' Gram matrices relative to the mean of their squared "
        "norms, from 0 to 2; its root is a metric.",
        "‖G − A‖² / ½(‖G‖² + ‖A‖²)",
        "Klamkin & Meir 1982 for the metric; the relative Gram distance for two equal partners",
    ),
    Explanation(
        "Cosine distance",
        "How different two Gram matrices are in their pattern, whatever their strength, from 0 "
        "to 1.",
        "1 − Σᵢⱼ Gᵢⱼ Aᵢⱼ / (‖G‖ ‖A‖)",
        "the correlation matrix distance, Herdin et al. 2005, IEEE Vehicular Technology Conference",
    ),
    Explanation(
        "Bures distance",
        "The squared Wasserstein-2 distance of two normal distributions of features, with the "
        "styles' means and covariances Σ and T, relative to their mean energy, from 0 to 2.",
        "W² / ½(tr G + tr A),  W² = ‖μ − ν‖² + tr(Σ + T − 2 (Σ^½ T Σ^½)^½),  "
        "Σ = G − μμᵀ, T = A − ννᵀ",
        "Dowson & Landau 1982, Journal of Multivariate Analysis 12",
    ),
    Explanation(
        "Wasserstein distance",
        "How different the sorted entries v and w of two Gram matrices are, whichever channels "
        "they belong to: the area between their curves as a share of that under the higher one.",
        "2 Σ|v₍ₖ₎ − w₍ₖ₎| / Σ(v₍ₖ₎ + w₍ₖ₎ + |v₍ₖ₎ − w₍ₖ₎|), "
        "the mean of that of the diagonals and of the rest",
        "Vallender 1974 for the area; Marczewski & Steinhaus 1958 for the share",
    ),
    Explanation(
        "Together",
        "The distance of two styles over all layers, each counted alike, whatever its weight.",
        "(1/L) Σₗ dₗ",
        _HERE,
    ),
    Explanation(
        "Map of styles",
        "Classical multidimensional scaling: n pictures as points of a plane whose distances come "
        "near to D, the roots of their styles' distances, or the Wasserstein distances themselves.",
        "(√ℓ₁ e₁, √ℓ₂ e₂) of −½ J D² J,  J = I − 11ᵀ/n;  showing (ℓ₁ + ℓ₂) / Σ|ℓ| of it",
        "Torgerson 1952, Psychometrika 17",
    ),
    Explanation(
        "Dendrogram",
        "A tree that joins the two most similar groups of pictures again and again, at the height "
        "of the mean distance between their members.",
        "d(P, Q) = mean of d(p, q) over p in P, q in Q",
        "Sokal & Michener 1958, University of Kansas Science Bulletin 38",
    ),
)
"""Every quantity that a page names but the loss, which is its recipe's own, in their order."""
