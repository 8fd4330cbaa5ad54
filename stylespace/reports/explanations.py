"""What the quantities of a report mean: each in one sentence, with its formula and its source.

Statistics carry their explanations themselves; those of everything else are in glossary.toml.
"""

import tomllib
from pathlib import Path
from string import Template

from stylespace.figures.formatting import share
from stylespace.reports.stability import STABLE
from stylespace.styles.statistics.entries import EntryStatistics
from stylespace.styles.statistics.explanations import Explanation, explanations_of
from stylespace.styles.statistics.fitting import FITS
from stylespace.styles.statistics.layers import LayerStatistics

GLOSSARY = Path(__file__).parent / "glossary.toml"
ENTRY_TERMS = ("near_zero", "exactly_zero", "hoyer", "gini", "entropy", "quantiles", "mean")
"""Statistics of entries that are explained first, in this order."""
LAYER_TERMS = (
    *("dead_channels", "activation_entropy", "spectrum", "largest_share", "effective_rank"),
    *("power_law_slope", "cosine_quantiles", "mean_cosine"),
)
"""Statistics of layers that are explained first, in this order."""


def _explanations() -> tuple[Explanation, ...]:
    limits = {"fits": f"{FITS:g}", "percent": share(FITS), "stable": f"{STABLE:g}"}
    text = Template(GLOSSARY.read_text(encoding="utf-8")).substitute(limits)
    parts = {
        name: [Explanation(**entry) for entry in entries]
        for name, entries in tomllib.loads(text).items()
    }
    return (
        *parts["notation"],
        *explanations_of(EntryStatistics, ENTRY_TERMS),
        *parts["distributions"],
        *explanations_of(LayerStatistics, LAYER_TERMS),
        *parts["report"],
    )


EXPLANATIONS = _explanations()
"""Every quantity that a page names but the loss, which is its recipe's own, in their order."""
