"""The figure of a texture: source and result above the sorted Gram entries of both."""

from stylespace.commands.outcome import Outcome
from stylespace.commands.texture.novelty import new_layers
from stylespace.figures.canvas import plain_figure, png, signed
from stylespace.figures.sheets import show_picture, side_by_side, sorted_curves, to_scale
from stylespace.images import resize_to
from stylespace.styles.statistics.matrices import diagonal, off_diagonal


def texture_figure(outcome: Outcome) -> bytes:
    """Return a PNG: source and result above the sorted Gram entries of both, layer by layer."""
    sources, grams, image = outcome.beside.sources, outcome.beside.grams, outcome.image
    count, figures = len(grams), outcome.figures
    title = f"{outcome.settings.match}, relative Gram distance {figures['style_distance']:.2g}"
    if (nearest := figures.get("style_distance_nearest")) is not None:
        where = ", ".join(new_layers(figures)) or "no layer"
        title += f" (nearest other painting {nearest:.2g})\nnew at {where}"
    figure = plain_figure(max(8.0, 2.3 * count), 7.2)
    grid = figure.add_gridspec(
        3, 2 * count, height_ratios=(2, 1, 1), hspace=0.42, wspace=0.9, left=0.06, right=0.98,
        top=0.95, bottom=0.07,
    )  # fmt: skip
    if sources:
        small = [resize_to(one, 240, round(240 * one.shape[3] / one.shape[2])) for one in sources]
        alone = len(sources) == 1
        shown, image = to_scale(sources[0], image) if alone else (side_by_side(small), image)
        show_picture(figure.add_subplot(grid[0, :count]), shown, "source", size=9)
    show_picture(figure.add_subplot(grid[0, count:]), image, title, size=9)
    for place, (layer, pair) in enumerate(grams.items()):
        columns = slice(2 * place, 2 * place + 2)
        for row, part in enumerate((diagonal, off_diagonal), start=1):
            axes = figure.add_subplot(grid[row, columns])
            sorted_curves(axes, [part(one.cpu()) for one in pair])
            if part is off_diagonal:
                axes.set_xlabel("rank, 0 to 1", fontsize=7)
            axes.set_title(f"{layer}, {part.__name__.replace('_', '-')}", fontsize=8)
            if place == 0:
                axes.set_ylabel("Gram entry", fontsize=7)
                axes.legend(("target", "result"), fontsize=7, frameon=False)
    return png(signed(figure, outcome.settings.network))
