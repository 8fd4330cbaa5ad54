"""Plots for scripts and notebooks: the panels of reports, drawn into anybody's axes.

What is drawn has the look of the house whatever matplotlib is set to, and matplotlib stays as it is
set. In figures that are dark the colours are those of dark pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stylespace.errors import StyleError, UsageError, check_known, check_type, public
from stylespace.figures import drawing
from stylespace.figures.dark import darken, luminance
from stylespace.figures.drawing import FAINT, INK, MEDIUM, RULE, SMALL
from stylespace.figures.formatting import FONT, legible
from stylespace.figures.heat_maps import SHORT_UNITS, add_bar, paint, scale_of, sizes
from stylespace.figures.measures import MEASURES, MOST_LINES, PARTS, draw_sparsity
from stylespace.figures.spectra import draw_spectra
from stylespace.styles.statistics.layers import layer_statistics
from stylespace.styles.statistics.pairs import similarity_order
from stylespace.styles.statistics.spectra import spectrum
from stylespace.styles.style import Style

Styles = Style | Mapping[str, Style] | Sequence[Style]
"""One style, several by name, or several that are named after their pictures."""
SIDE = 4.6
"""Inches of a new plot."""


@public
@drawing.styled
def plot_gram(
    style: Styles, layer: str, ax: Any = None, *, order: Sequence[int] | None = None
) -> Any:
    """Draw the Gram matrix of a layer as a heat map with its diagonal in a strip above.

    Args:
        style: one, or several, which are drawn on one scale and in one order of channels.
        layer: its name.
        ax: matplotlib's axes to draw into, as many as there are styles; None: a new figure of
            pyplot's.
        order: the C channels in the order of rows and columns; None: like ones beside each other,
            by the first style.

    Returns:
        The axes, an array of them of several styles. Colours are sizes of entries, in squared units
        of activation, on a logarithmic scale from the 1st percentile of those above 0.

    Raises:
        UsageError: a layer that a style lacks, an order that does not name each channel once, or
            not as many axes as styles.
        StyleError: styles of different style spaces.

    Example:
        >>> import stylespace as ss
        >>> style = ss.Style.capture(ss.load_network(), "sample:gogh-auvers", ["conv2_1"])
        >>> ax = ss.plot_gram(style, "conv2_1")
        >>> ax.figure.savefig("gram.png")
    """
    styles = _named(style, layer)
    grams = {name: one.layers[layer].gram for name, one in styles.items()}
    first = next(iter(grams.values()))
    order = similarity_order(first) if order is None else [int(channel) for channel in order]
    if sorted(order) != list(range(len(first))):
        raise UsageError(f"order must name each of the {len(first)} channels of {layer!r} once.")
    matrices = [sizes(gram, order) for gram in grams.values()]
    scale = scale_of(matrices)
    places = _places(ax, len(styles))
    for axes, name, matrix in zip(places, grams, matrices, strict=True):
        _dress(axes)
        strip = axes.inset_axes((0, 1.02, 1, 0.04))
        paint(axes, strip, matrix, scale)
        title = legible(layer) if len(styles) == 1 else f"{legible(name)}, {legible(layer)}"
        _title(strip, title)
        axes.set(xlabel="channel j, in order of similarity", ylabel="channel i")
    boxes = (1.04, 0, 0.04, 0.04), (1.04, 0.06, 0.04, 0.94)
    swatch, bar = (places[-1].inset_axes(box) for box in boxes)
    add_bar(swatch, bar, scale, SHORT_UNITS)
    return _shown(places, style)


@public
@drawing.styled
def plot_sparsity(
    style: Styles, ax: Any = None, *, measure: str = "near_zero", part: str = "off_diagonal"
) -> Any:
    """Draw how sparse the entries of the Gram matrices are, layer by layer.

    Args:
        style: one, or several: up to four are lines, more are a table with a row each.
        ax: matplotlib's axes to draw into; None: a new figure of pyplot's.
        measure: exactly_zero or near_zero, shares of the entries, hoyer or gini; each in [0, 1].
        part: diagonal or off_diagonal, the entries i < j.

    Returns:
        The axes.

    Raises:
        UsageError: an unknown measure or part, or no style.
        StyleError: styles of different style spaces.

    Example:
        >>> import stylespace as ss
        >>> names, network = ("gogh-auvers", "durer-lion"), ss.load_network()
        >>> layers = ["conv1_1", "conv2_1"]
        >>> styles = {one: ss.Style.capture(network, f"sample:{one}", layers) for one in names}
        >>> ax = ss.plot_sparsity(styles, measure="gini")
    """
    check_known("measure", measure, MEASURES)
    check_known("part", part, PARTS)
    styles = _named(style)
    numbers = {
        name: {layer: layer_statistics(one.gram, one.mean) for layer, one in own.layers.items()}
        for name, own in styles.items()
    }
    (axes,) = _places(ax, 1)
    _dress(axes)
    draw_sparsity(axes, numbers, measure, part)
    _title(axes, f"{MEASURES[measure]}, {PARTS[part]}")
    if len(styles) <= MOST_LINES:
        _legend(axes, styles)
    return _shown([axes], None)


@public
@drawing.styled
def plot_spectrum(style: Styles, ax: Any = None, *, layer: str | None = None) -> Any:
    """Draw the eigenvalues of Gram matrices over their ranks, as shares of the trace.

    The effective rank, trace^2 / sum of squares, is a marker on a single curve, and one below
    several.

    Args:
        style: one, or several, a curve each.
        ax: matplotlib's axes to draw into; None: a new figure of pyplot's.
        layer: its name; None: every layer of one style, the middle one of several.

    Returns:
        The axes, both logarithmic.

    Raises:
        UsageError: a layer that a style lacks, or no style.
        StyleError: styles of different style spaces.

    Example:
        >>> import stylespace as ss
        >>> names, network = ("sample:gogh-auvers", "sample:durer-lion"), ss.load_network()
        >>> styles = [ss.Style.capture(network, one, ["conv1_1", "conv2_1"]) for one in names]
        >>> ax = ss.plot_spectrum(styles[0])
        >>> ax = ss.plot_spectrum(styles, layer="conv2_1")
    """
    styles = _named(style, layer)
    first = next(iter(styles.values()))
    layers = [layer] if layer is not None else list(first.layers)
    if len(styles) == 1:
        curves = {one: spectrum(first.layers[one].gram) for one in layers}
        title = layers[0] if len(layers) == 1 else "eigenvalues of every layer"
    else:
        title = layers[len(layers) // 2]
        styles = _named(style, title)
        curves = {name: spectrum(one.layers[title].gram) for name, one in styles.items()}
    (axes,) = _places(ax, 1)
    _dress(axes)
    draw_spectra(axes, curves)
    _title(axes, title)
    _legend(axes, curves)
    return _shown([axes], None)


def _named(style: Any, layer: str | None = None) -> dict[str, Style]:
    """Return styles by their names, if they can be drawn together.

    Raises:
        UsageError, StyleError: see the plots.
    """
    named = isinstance(style, Mapping)
    several = isinstance(style, Sequence) and not isinstance(style, str)
    found = list(style.values()) if named else list(style) if several else [style]
    for one in found:
        check_type("style", one, Style)
    names = [str(name) for name in style] if named else _names(found)
    for name, one in zip(names, found, strict=True):
        if difference := found[0].space.difference(one.space):
            raise StyleError(
                f"{name!r} lives in another style space ({difference}): draw it alone."
            )
        if layer is not None:
            check_known(f"layer of {name!r}", layer, one.layers)
    if not found:
        raise UsageError("there is no style to draw: give one, or several.")
    return dict(zip(names, found, strict=True))


def _names(styles: Sequence[Style]) -> list[str]:
    """Return the names of the pictures of styles; those of none or of one name are counted."""
    pictures = [one.provenance.get("pictures") or [] for one in styles]
    names = [", ".join(str(one["name"]) for one in each) or "style" for each in pictures]
    alone = [len(styles) == 1 or names.count(name) == 1 for name in names]
    return [
        name if single else f"{name} {place}"
        for place, (name, single) in enumerate(zip(names, alone, strict=True), 1)
    ]


def _places(ax: Any, count: int) -> list[Any]:
    """Return the axes to draw into, new ones of pyplot's for None.

    Raises:
        UsageError: not so many axes.
    """
    from matplotlib.axes import Axes

    if ax is None:
        from matplotlib import pyplot

        size = (count * (SIDE + 0.3) + 0.6, SIDE)
        _, made = pyplot.subplots(1, count, figsize=size, layout="constrained", squeeze=False)
        return list(made[0])
    places = list(np.ravel(np.array(ax, dtype=object)))
    if len(places) != count or not all(isinstance(one, Axes) for one in places):
        wanted = "axes of matplotlib" if count == 1 else f"{count} axes of matplotlib, one a style"
        raise UsageError(f"ax must be {wanted}; None makes a new figure.")
    return places


def _dress(axes: Any) -> None:
    """Give axes that were made in another look that of the house."""
    axes.set_facecolor("white")
    axes.set_axisbelow(True)
    axes.grid(False)
    axes.spines[:].set(visible=True, color=FAINT, linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(
        which="both", color=FAINT, labelcolor=INK, labelsize=SMALL, labelfontfamily=FONT,
        direction="out", length=2.5, width=0.6, top=False, right=False, labeltop=False,
        labelright=False, grid_color=RULE, grid_linewidth=0.6, grid_linestyle="-", grid_alpha=1,
    )  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(fontfamily=FONT, fontsize=SMALL, color=INK, fontweight="normal")


def _title(axes: Any, text: str) -> None:
    """Write a title at the left, and no other."""
    axes.set_title("", loc="center")
    axes.set_title(
        text, loc="left", fontfamily=FONT, fontsize=MEDIUM, color=INK, fontweight="normal"
    )


def _legend(axes: Any, names: Mapping[str, object]) -> None:
    """Name the curves, if there are several."""
    if len(names) > 1:
        from matplotlib.lines import Line2D

        axes.legend(handles=[Line2D([], [], **look) for look in drawing.looks(names)], loc="best")


def _shown(places: list[Any], style: Any) -> Any:
    """Return the axes, dark in a dark figure; an array of them of several styles."""
    for axes in places:
        ground = axes.figure.get_facecolor()
        if ground[3] and luminance(ground[:3]) < 0.2:
            darken(axes)
    alone = style is None or isinstance(style, Style)
    return places[0] if alone else np.array(places, dtype=object)
