"""The figure of a probe: the picture beside the painting patches where its channels fire."""

import textwrap

from torch import Tensor

from stylespace.commands.outcome import Outcome
from stylespace.figures.canvas import plain_figure, png, signed
from stylespace.figures.sheets import mosaic, show_picture


def probe_figure(outcome: Outcome) -> bytes:
    """Return a PNG: a probe beside its painting patches, with its figures.

    Between them, if its importance is known, the picture as transparent as it is unimportant.
    """
    layer, i, j = outcome.settings.first
    title, patches = f"{layer}  {i},{j}", outcome.beside.patches
    shown = {title: outcome.image}
    if outcome.beside.importance is not None:
        shown["what mattered while it was made"] = faded(outcome.image, outcome.beside.importance)
    count = len(shown) + 1
    figure = plain_figure(4.6 * count, 5.2)
    boxes = [((k + 0.04) / count, 0.14, 0.92 / count, 0.78) for k in range(count)]
    for box, (name, picture) in zip(boxes, shown.items(), strict=False):
        show_picture(figure.add_axes(box), picture, name, size=11 if name == title else 9)
    told = "where the two channels fire together most in the paintings"
    if not patches.paintings:
        told = "the two channels fire together in none of the paintings"
    show_picture(figure.add_axes(boxes[-1]), mosaic(patches.pictures, 480), told, size=9)
    line = "   ".join(f"{name} {value:.3g}" for name, value in outcome.figures.items())
    figure.text(0.02, 0.07, "\n".join(textwrap.wrap(line, 130)), fontsize=7, va="center")
    names = ", ".join(dict.fromkeys(patches.paintings))
    figure.text(boxes[-1][0], 0.02, "\n".join(textwrap.wrap(names, 70)), fontsize=6.5, va="bottom")
    return png(signed(figure, outcome.settings.network))


def faded(image: Tensor, importance: Tensor) -> Tensor:
    """Return a picture (1, 3, H, W) over white, transparent where `importance` (H, W) is low.

    Opaque from the 95th percentile of the importance on.

    Source: Fel et al. 2023 (MACO), section 3.
    """
    weight = importance.to(image)
    alpha = (weight / weight.quantile(0.95).clamp(min=1e-30)).clamp(max=1)
    return 1 - alpha * (1 - image)
