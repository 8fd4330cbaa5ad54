"""What the quantities of an explanation mean, each in one sentence."""

from stylespace.styles.statistics.differences import LEVEL
from stylespace.styles.statistics.explanations import Explanation

GLOSSARY = (
    Explanation(
        "Share",
        "An entry of a layer's Gram matrix by the sum of all its entries: how much of the layer "
        "two channels that fire together carry, whatever the contrast of the picture.",
        "sᵢⱼ = Gᵢⱼ / Σₖₗ Gₖₗ",
        "a definition of this program",
    ),
    Explanation(
        "Effect",
        "The difference of the two groups' mean root shares, in deviations: that within the "
        "groups, plus the one that is usual for entries of that size, so that an entry that "
        "happens to vary little does not win.",
        "d = (mean of √s in the first − in the second) / (σ + σ₀)",
        "Tusher, Tibshirani & Chu 2001, PNAS 98; here σ₀ depends on the entry's size",
    ),
    Explanation(
        "Above the threshold",
        f"An effect that the largest of all entries of all layers reaches in at most {LEVEL:.0%} "
        "of the ways to hand out the same labels to the same pictures.",
        "|d| > the quantile of max |d| over permuted labels",
        "Westfall & Young 1993, Resampling-Based Multiple Testing; single step",
    ),
    Explanation(
        "p",
        "How often the largest effect of all entries reaches this one under permuted labels, the "
        "true ones counted in.",
        "p = (1 + k) / (1 + n)",
        "Phipson & Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9",
    ),
    Explanation(
        "Kept",
        "The least part of the effect that is left whichever single picture is left out.",
        "minₖ d₋ₖ / d",
        "leave one out",
    ),
    Explanation(
        "Decision value",
        "Where a picture lies between the two groups' means by all entries, each layer counting "
        "alike, as seen by a classifier that has not seen it: 1 at the first mean, "
        "-1 at the second.",
        "2 (x − m) · w / (Δ · w), w = Δ / (σ + σ₀)²",
        "nearest mean on standardised entries",
    ),
)
"""Every quantity that the page names."""
