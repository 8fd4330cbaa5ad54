"""Figures for dark pages: finished ones with their colours turned, pictures as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Colour = tuple[float, float, float, float]
"""Red, green, blue and alpha in [0, 1]."""
GROUND, INK = "#1e2125", "#e6e3dc"
"""What white and the ink of a light figure become; greys lie between."""
BLACKEST = 0.137
"""Grey level of the ink of a light figure."""
GREYEST = 0.1
"""Difference of red, green and blue up to which a colour is a grey."""
CONTRAST = 4.5
"""Of every colour that is no grey with the ground at least, as letters need (WCAG 2.2, 1.4.3)."""
ON_PICTURE = "on a picture"
"""Label of what is written on a picture or on the cells of a map, and so keeps its colour."""
SIDES = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def darken(figure: Figure) -> Figure:
    """Turn the colours of a finished figure to those of a dark page, and return it.

    Greys change places with their opposites, other colours become lighter where they would be hard
    to see. Pictures, colour scales and what is labelled ON_PICTURE stay as they are, but for the
    white places of images with an alpha channel, which are the ground.
    """
    from matplotlib.image import AxesImage

    for artist in dict.fromkeys(figure.findobj()):
        if isinstance(artist, AxesImage):
            _ground_in(artist)
        elif _is_drawn(artist):
            _turn(artist)
    return figure


def turned(colour: Any) -> Colour:
    """Return a colour of any of matplotlib's kinds as it is on a dark page, its alpha kept."""
    from matplotlib.colors import to_rgb, to_rgba

    *plain, alpha = to_rgba(colour)
    found, ground = np.array(plain), np.array(to_rgb(GROUND))
    if np.ptp(found) <= GREYEST:
        share = (1 - found.mean()) / (1 - BLACKEST)
        found = np.clip(ground + share * (np.array(to_rgb(INK)) - ground), 0, 1)
    else:
        lighter = (found + (1 - found) * share for share in np.linspace(0, 1, 51))
        found = next(one for one in lighter if contrast(one, ground) >= CONTRAST)
    red, green, blue = found.tolist()
    return red, green, blue, alpha


def contrast(one: Any, other: Any) -> float:
    """Return the contrast of two colours, from 1 to 21.

    Source: WCAG 2.2, contrast ratio.
    """
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: Any) -> float:
    """Return the relative luminance of a colour of sRGB, in [0, 1].

    Source: WCAG 2.2, relative luminance.
    """
    from matplotlib.colors import to_rgb

    plain = np.array(to_rgb(colour))
    linear = np.where(plain <= 0.04045, plain / 12.92, ((plain + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _is_drawn(artist: Any) -> bool:
    """Say whether an artist has colours of its own, neither of a scale nor of its background's."""
    from matplotlib.cm import ScalarMappable

    scaled = isinstance(artist, ScalarMappable) and artist.get_array() is not None
    return not (scaled or hasattr(artist, "patch") or artist.get_label() == ON_PICTURE)


def _turn(artist: Any) -> None:
    """Turn every colour that an artist has."""
    for side in SIDES:
        known, change = (getattr(artist, f"{kind}_{side}", None) for kind in ("get", "set"))
        if known is None or change is None:
            continue
        found = known()
        several = np.ndim(found) == 2  # of collections
        change([turned(one) for one in found] if several else turned(found))


def _ground_in(image: Any) -> None:
    """Let the white places of an image with an alpha channel (H, W, 4) be the ground."""
    from matplotlib.colors import to_rgba

    pixels = np.array(image.get_array())
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        image.set_data(np.where((pixels == 1).all(2, keepdims=True), to_rgba(GROUND), pixels))
