"""The figure of a probe: the picture beside the painting patches where its channels fire."""

import textwrap
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from stylespace.commands.outcome import Outcome
from stylespace.figures.canvas import plain_figure, png, signed
from stylespace.figures.formatting import significant
from stylespace.figures.sheets import mosaic, show_picture

TOLD = 0.11
"""Height of the first line of what is told below the pictures, in heights of the figure."""
SMALL: dict[str, Any] = {"fontsize": 6.5, "va": "top", "linespacing": 1.4}


def probe_figure(outcome: Outcome) -> bytes:
    """Return a PNG: a probe beside its painting patches, with its figures.

    Between them, of a natural probe, what maximises the entry; and if its importance is known, the
    picture as transparent as it is unimportant.
    """
    layer, i, j = outcome.settings.first
    title, patches = f"{layer}  {i},{j}", outcome.beside.patches
    if outcome.beside.maximiser is not None:
        title += "  as in paintings"
    shown = {title: outcome.image}
    if outcome.beside.maximiser is not None:
        shown["what makes the entry largest"] = outcome.beside.maximiser
    if outcome.beside.importance is not None:
        shown["what mattered while it was made"] = faded(outcome.image, outcome.beside.importance)
    count = len(shown) + 1
    figure = plain_figure(4.6 * count, 5.2)
    boxes = [((k + 0.04) / count, 0.14, 0.92 / count, 0.78) for k in range(count)]
    for box, (name, picture) in zip(boxes, shown.items(), strict=False):
        show_picture(figure.add_axes(box), picture, name, size=11 if name == title else 9)
    bright, factor = patches.bright
    where = "where both channels fire most in the paintings"
    if not patches.paintings:
        where = "both channels fire together in none of the paintings"
    elif factor >= 1.1:
        where += f", brightened {factor:.1f} x"
    show_picture(figure.add_axes(boxes[-1]), mosaic(bright, 500), where, size=8.5)
    told = [f"{name} {significant(value)}" for name, value in outcome.figures.items()]
    figure.text(boxes[0][0], TOLD, "\n".join(flowed(told, 86 * (count - 1))), **SMALL)
    names = [f"{name}," for name in dict.fromkeys(patches.paintings)]
    figure.text(boxes[-1][0], TOLD, "\n".join(flowed(names, 86)).rstrip(","), **SMALL)
    return png(signed(figure, outcome.settings.network))


def flowed(parts: Sequence[str], longest: int) -> list[str]:
    """Return parts in lines of at most that many characters, none of them broken."""
    whole = (part.replace(" ", "\u00a0") for part in parts)
    return textwrap.wrap("  ".join(whole), longest, break_long_words=False, break_on_hyphens=False)


def faded(image: Tensor, importance: Tensor) -> Tensor:
    """Return a picture (1, 3, H, W) over white, transparent where `importance` (H, W) is low.

    Opaque from the 95th percentile of the importance on.

    Source: Fel et al. 2023 (MACO), section 3.
    """
    weight = importance.to(image)
    alpha = (weight / weight.quantile(0.95).clamp(min=1e-30)).clamp(max=1)
    return 1 - alpha * (1 - image)
