"""What is told of a probe: figures of its entry, and why it was not reached."""

from collections.abc import Sequence
from statistics import fmean

from torch import Tensor

from stylespace.commands.probe.patches import Paintings, gram_cosines
from stylespace.errors import UnreachedError
from stylespace.settings.probe import Entry


def agreement(grams: Sequence[Tensor]) -> float:
    """Return the mean cosine between Gram matrices (C, C), two by two: 1 where all are alike."""
    return fmean(gram_cosines(grams))


def entry_figures(g: Tensor, image: Tensor, entry: Entry, compared: Paintings) -> dict[str, float]:
    """Return the figures of an entry on a picture (1, 3, H, W) with Gram matrix g (C, C).

    `value` G_ij; `painting_max` and `painting_mean` over the bundled paintings at 256 px;
    `enhancement` and `enhancement_mean`, the value by those (inf where no painting has any);
    `percentile`: percentage of the paintings' windows, each as large as the picture (or as the
    painting, where it is smaller), whose mean F_i F_j lies below the value;
    `selectivity` G_ij / ||G|| (twice that off the diagonal); `cosine` G_ij / sqrt(G_ii G_jj);
    `saturated`: fraction of the picture's values at 0 or 1.
    """
    layer, i, j = entry
    value, energy, norm = float(g[i, j]), float((g[i, i] * g[j, j]).sqrt()), float(g.norm())
    in_paintings = compared.values(layer, i, j)
    grid = compared.network.grid(layer, *image.shape[2:])
    highest, average = max(in_paintings), sum(in_paintings) / len(in_paintings)
    return {
        "value": value,
        "painting_max": highest,
        "painting_mean": average,
        "enhancement": _quotient(value, highest),
        "enhancement_mean": _quotient(value, average),
        "percentile": compared.percentile(layer, i, j, value, grid),
        "selectivity": (1 if i == j else 2) * value / norm if norm else 0.0,
        "cosine": value / energy if energy else 0.0,
        "saturated": float(((image <= 0) | (image >= 1)).float().mean()),
    }


def _quotient(value: float, other: float) -> float:
    if other > 0:
        return value / other
    return float("inf") if value > 0 else 0.0


def unreached(
    figures: dict[str, float], entry: Entry, interrupted: bool, least: str
) -> UnreachedError | None:
    """Return why an entry was not reached, the figure `least`, or None where it was."""
    if figures["value"] > figures[least]:
        return None
    layer, i, j = entry
    why = (
        "the two channels never fired together"
        if figures["value"] <= 0
        else f"{figures['value']:.3g} does not exceed {figures[least]:.3g}, its "
        f"{'mean over the paintings' if least == 'painting_mean' else 'value in a painting'}"
    )
    advice = "it was interrupted" if interrupted else "try more --iterations or another --seed"
    text = f"{layer} {i},{j} was not reached: {why}; {advice}."
    return UnreachedError(text, figures, interrupted)
