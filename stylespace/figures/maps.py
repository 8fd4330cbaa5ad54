"""The map of styles: pictures where classical scaling puts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylespace.figures import drawing
from stylespace.figures.drawing import DPI, FAINT, INK, SMALL, WIDTH
from stylespace.figures.formatting import legible, share
from stylespace.images import resize

NO_PICTURE = torch.full((1, 3, 1, 1), 0.85)
HIGHEST = 7.0
"""Inches of the map at most."""
NAMED = 30
"""Pictures up to which each carries its name."""
LINE = 0.15  # inches of a name's height
PADS = {True: (0.1, 0.04), False: (0.02, 0.02)}  # inches between boxes with and without names
MOVED = 0.05  # inches outside of a picture from which on a line leads to its place


@drawing.styled
def map_figure(
    coordinates: drawing.Values,
    thumbnails: Sequence[Tensor | None],
    names: Sequence[str],
    explained: float,
) -> drawing.Figure:
    """Return pictures around their places; those that would overlap are moved, a line leads back.

    Args:
        coordinates: (n, 2), as `classical_scaling` returns them.
        thumbnails: (1, 3, h, w) in [0, 1], one a place, of any sizes; None where there is no
            picture: a grey square.
        names: one a place, written below up to 30 pictures.
        explained: share of the distances' variance that the map explains.
    """
    points = drawing.array(coordinates)
    shown = [NO_PICTURE if one is None else one for one in thumbnails]
    boxes = _boxes(shown, names)
    spread = np.ptp(points, axis=0)
    room = np.array([WIDTH - 0.4, HIGHEST]) - boxes.max(0) - 0.2
    scale = (room / np.maximum(spread, 1e-300)).min() if spread.any() else 1.0
    height = float(min(max(spread[1] * scale + boxes[:, 1].max() + 0.2, 3.0), HIGHEST))
    origin = np.array([WIDTH - 0.4, height]) / 2 - (points.min(0) + spread / 2) * scale
    frame = _Frame(WIDTH - 0.4, height, scale, origin)
    figure = drawing.blank(WIDTH, height + 0.8)
    axes = drawing.place(figure, 0.2, 0.15, frame.width, frame.height)
    axes.set(xticks=[], yticks=[], autoscale_on=False)
    axes.spines[:].set(visible=True, color=FAINT, linewidth=0.5)
    targets = points * scale + origin
    centres = apart(targets, boxes, np.array([frame.width, frame.height]))
    _draw(axes, frame, points, centres, shown, names)
    note = "Classical scaling; the nearer two pictures, the more alike are their styles"
    drawing.headline(
        figure, f"Map of styles, showing {share(explained)} of the distances' variance", note
    )
    return figure


@dataclass(frozen=True)
class _Frame:
    """The map's frame in inches, and how coordinates become inches in it."""

    width: float
    height: float
    scale: float
    origin: np.ndarray

    def coordinates(self, inches: np.ndarray) -> np.ndarray:
        """Return inches from the lower left corner as coordinates of the map."""
        return (inches - self.origin) / self.scale


def apart(centres: np.ndarray, boxes: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return the centres (n, 2) of boxes moved until they overlap no more, inside a frame.

    Where the frame has no room for all, some overlap remains after the last round. Boxes at the
    same place leave it in different directions, always the same ones.

    Args:
        centres: where the boxes belong.
        boxes: (n, 2), widths and heights.
        frame: its width and height.
    """
    count = len(centres)
    angles = np.arange(count) * 2.399963  # the golden angle: no two alike
    moved = centres + 1e-4 * np.stack([np.cos(angles), np.sin(angles)], 1)
    wanted = (boxes[:, np.newaxis] + boxes) / 2 + np.array(PADS[count <= NAMED])
    rounds = 400 if count <= 40 else 60
    for number in range(rounds):
        moved = np.clip(moved, boxes / 2 + 0.03, np.maximum(frame - boxes / 2 - 0.03, boxes / 2))
        between = moved[:, np.newaxis] - moved
        overlap = wanted - np.abs(between)
        hit = (overlap > 1e-3).all(2) & ~np.eye(count, dtype=bool)
        if not hit.any():
            break
        ways = _away(between, overlap, straight=number >= rounds / 2)
        moved = moved + 0.3 * (ways * hit[..., np.newaxis]).sum(1)
    return moved


def _away(between: np.ndarray, overlap: np.ndarray, *, straight: bool) -> np.ndarray:
    """Return the ways (n, n, 2) out of the overlap of each two boxes.

    straight: along one axis, the shorter way; otherwise along the line between the centres, which
    spreads boxes at one place all around it.
    """
    if straight:
        shorter = overlap == overlap.min(2, keepdims=True)
        return np.where(between < 0, -1, 1) * overlap * shorter
    lengths = np.maximum(np.hypot(*between.transpose(2, 0, 1)), 1e-12)[..., np.newaxis]
    unit = between / lengths
    return unit * (overlap / np.maximum(np.abs(unit), 1e-9)).min(2, keepdims=True)


def _side(count: int) -> float:
    """Return the inches of the longer side of a thumbnail."""
    return float(np.clip(3.8 / np.sqrt(count), 0.28, 1.25))


def _boxes(thumbnails: Sequence[Tensor], names: Sequence[str]) -> np.ndarray:
    """Return the widths and heights (n, 2) in inches of the pictures with their names."""
    shapes = np.array([one.shape[:1:-1] for one in thumbnails], float)
    sizes = _side(len(thumbnails)) * shapes / shapes.max(1, keepdims=True)
    if len(names) > NAMED:
        return sizes
    written = np.array([drawing.text_width(_name(name, len(names))) for name in names])
    return np.stack([np.maximum(sizes[:, 0], written), sizes[:, 1] + LINE], 1)


def _name(name: str, count: int) -> str:
    return legible(name, 26 if count <= 12 else 14)


def _draw(
    axes: drawing.Axes,
    frame: _Frame,
    points: np.ndarray,
    centres: np.ndarray,
    thumbnails: Sequence[Tensor],
    names: Sequence[str],
) -> None:
    """Draw the pictures with their names, and lines from those that were moved."""
    named, side = len(names) <= NAMED, _side(len(names))
    middles = centres + np.array([0, LINE / 2 if named else 0])
    for point, middle, image, name in zip(points, middles, thumbnails, names, strict=True):
        small = resize(image, round(side * DPI))
        half = side * np.array(small.shape[:1:-1]) / max(small.shape[2:]) / 2
        (left, bottom), (right, top) = frame.coordinates(np.stack([middle - half, middle + half]))
        axes.imshow(
            drawing.coarse(drawing.pixels(small)),
            extent=(left, right, bottom, top),
            aspect="auto",
            interpolation="nearest",
            zorder=2,
        )
        if named:
            x, y = frame.coordinates(middle - np.array([0, half[1] + 0.02]))
            axes.text(x, y, _name(name, len(names)), ha="center", va="top", fontsize=SMALL)
            _lead(axes, frame, point, middle, half)
    corners = frame.coordinates(np.array([[0, 0], [frame.width, frame.height]]))
    axes.set(xlim=corners[:, 0], ylim=corners[:, 1])


def _lead(
    axes: drawing.Axes, frame: _Frame, point: np.ndarray, middle: np.ndarray, half: np.ndarray
) -> None:
    """Draw a line from the edge of a picture to its place, where that lies outside of it."""
    way = point * frame.scale + frame.origin - middle
    inside = float((half / np.maximum(np.abs(way), 1e-9)).min())
    if inside > 1 - MOVED / np.hypot(*way).clip(MOVED):
        return
    ends = np.stack([frame.coordinates(middle + inside * way), point])
    axes.plot(*ends.T, color=INK, linewidth=0.7, zorder=3)
    axes.plot(
        *point, "o", color=INK, markersize=4, markeredgecolor="white", markeredgewidth=0.7, zorder=4
    )
