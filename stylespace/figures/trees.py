"""Matrices of distances, ordered by and beside their dendrogram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stylespace.figures import drawing
from stylespace.figures.dark import ON_PICTURE, luminance
from stylespace.figures.drawing import FAINT, INK, LARGE, SMALL
from stylespace.figures.formatting import legible, number
from stylespace.figures.scaling import check_distances
from stylespace.styles.statistics.orders import leaf_order

WRITTEN = 12
"""Pictures up to which the distances are written into their cells."""
NAMED = 60
"""Pictures up to which rows and columns carry names."""
TREE = 1.9  # inches of the dendrogram


@drawing.styled
def distances_figure(names: Sequence[str], matrix: drawing.Values, title: str) -> drawing.Figure:
    """Return a matrix of distances beside the dendrogram that orders it.

    The dendrogram is of average linkage of the same distances; among the orders that it allows,
    neighbours have the smallest sum of distances.

    Args:
        names: of the n pictures.
        matrix: (n, n), symmetric distances, in the units of the heights of the tree.
        title: what is measured.

    Raises:
        ValueError: the matrix is not square and symmetric.
    """
    values, count = drawing.array(matrix), len(names)
    check_distances(values)
    tree = linkage(values)
    order = leaves(tree, count)
    labels = [legible(names[index], 26) for index in order] if count <= NAMED else []
    side = min(max(0.56 * count, 1.2), 6.4)
    margin = max(0.25 + drawing.widest(labels, _size(count)), 0.55)
    width = margin + side + 0.15 + TREE + (1.1 if count > WRITTEN else 0.25)
    told = legible(title[:1].upper() + title[1:], 90)
    figure = drawing.blank(
        max(width, 0.5 + 1.15 * drawing.text_width(told, LARGE)), margin + side + 0.75
    )
    axes = drawing.place(figure, margin, margin, side, side)
    ordered = values[np.ix_(order, order)]
    shown = axes.imshow(ordered, cmap=drawing.shades(), vmin=0, vmax=float(values.max()) or 1.0)
    _name(axes, labels)
    if count <= WRITTEN:
        _write(axes, ordered)
    else:
        box = drawing.place(figure, margin + side + 0.15 + TREE + 0.25, margin, 0.16, side)
        figure.colorbar(shown, cax=box).outline.set(edgecolor=FAINT, linewidth=0.5)
    _draw_tree(drawing.place(figure, margin + side + 0.05, margin, TREE, side), tree, count)
    drawing.headline(figure, told, "Average linkage; 0: the same style")
    return figure


def linkage(matrix: np.ndarray) -> np.ndarray | None:
    """Return average linkage as scipy writes it, (n - 1, 4), of distances (n, n).

    The first of the two clusters that are joined is the one that `leaf_order` puts first. None for
    a single picture.
    """
    from scipy.cluster.hierarchy import linkage as linked

    if len(matrix) < 2:
        return None
    both = (matrix + matrix.T) / 2
    tree = linked(both[np.triu_indices(len(both), 1)], method="average")
    return _turned(tree, leaf_order(both, tree))


def _turned(tree: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """Return a tree whose leaves are read in an order that keeps each cluster in one piece."""
    firsts = [*np.argsort(order)]
    turned = tree.copy()
    for row in turned:
        row[:2] = sorted(row[:2], key=lambda cluster: firsts[int(cluster)])
        firsts.append(firsts[int(row[0])])
    return turned


def leaves(tree: np.ndarray | None, count: int) -> list[int]:
    """Return the pictures in the order of the leaves."""
    from scipy.cluster.hierarchy import leaves_list

    return list(range(count)) if tree is None else leaves_list(tree).tolist()


def _size(count: int) -> float:
    """Return the points of the names: smaller where there are many."""
    return SMALL if count <= 40 else 5.5


def _name(axes: drawing.Axes, labels: Sequence[str]) -> None:
    places = range(len(labels))
    size = _size(len(labels))
    axes.set_yticks(places, labels, fontsize=size)
    axes.set_xticks(places, labels, rotation=90, fontsize=size)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _write(axes: drawing.Axes, values: np.ndarray) -> None:
    """Write every value into its cell, light on dark."""
    top, shade = float(values.max()) or 1.0, drawing.shades()
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if luminance(shade(value / top)) < 0.2 else INK
        text = number(float(value), 2)
        size = SMALL if len(text) < 8 else 5.5
        axes.text(
            column, row, text, ha="center", va="center", color=colour, fontsize=size,
            label=ON_PICTURE,
        )  # fmt: skip


def _draw_tree(axes: drawing.Axes, tree: np.ndarray | None, count: int) -> None:
    """Draw the dendrogram, leaves at the left beside their rows."""
    from scipy.cluster.hierarchy import dendrogram

    axes.set_yticks([])
    axes.set_ylim(count - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("distance at which they join")
    if tree is None:
        axes.set_axis_off()
        return
    drawn = dendrogram(tree, no_plot=True)
    for heights, places in zip(drawn["dcoord"], drawn["icoord"], strict=True):
        axes.plot(heights, (np.array(places) - 5) / 10, color=INK, linewidth=0.9, clip_on=False)
    axes.set_xlim(0, 1.05 * float(tree[:, 2].max()) or 1.0)
    axes.locator_params(axis="x", nbins=4)
