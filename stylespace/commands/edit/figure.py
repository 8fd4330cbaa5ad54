"""The figure of an edit: the painting, what came of it, and where they differ."""

from stylespace.commands.outcome import Outcome
from stylespace.figures.canvas import plain_figure, png, signed
from stylespace.figures.formatting import number
from stylespace.figures.sheets import show_picture

FOOT = 0.16
"""Inches below the pictures."""


def edit_figure(outcome: Outcome) -> bytes:
    """Return a PNG: a painting, what an edit made of it, and where they differ.

    The difference is grey where nothing changed, twice as strong as it is.
    """
    (layer, i, j), painting, image = outcome.settings.place(), outcome.beside, outcome.image
    before, after = (number(outcome.figures[name]) for name in ("painting_value", "value"))
    title = f"{layer}  {i},{j}  from {before} to {after}"
    difference = (0.5 + 2 * (image - painting)).clamp(0, 1)
    shown = {"painting": painting, title: image, "difference x 2": difference}
    height = 4.2 * image.shape[2] / image.shape[3]
    whole = height + 0.4 + FOOT
    figure = plain_figure(13, whole)
    for place, (name, picture) in enumerate(shown.items()):
        box = (0.01 + place * 0.33, FOOT / whole, 0.32, height / whole)
        show_picture(figure.add_axes(box), picture, name, size=10)
    return png(signed(figure, outcome.settings.network))
