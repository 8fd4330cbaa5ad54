"""One scene under another light, season or weather: altered photographs as a ground truth.

A transfer from a photograph to an altered one can be scored, since what should come out is
known: the same alteration of the content. `evening` and `autumn` depend on a pixel's colour
alone, so that matching colours may go a long way; `fog` and `lamp` on its place as well.

Each takes and gives (B, 3, H, W) in [0, 1], depends on places only relative to the sides, and
has no randomness. Light is mixed as light, without sRGB's transfer curve.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from stylespace.images.colour import in_gamut, lab, light, luminance, picture

Colour = tuple[float, float, float]
"""Linear red, green, blue."""
DUSK: Colour = (0.62, 0.95, 1.75)
SUNSET: Colour = (1.35, 0.93, 0.55)
"""Tints of the evening's shadows and of its lights, relative to white."""
HUES = ((0, 0), (50, 50), (100, 62), (170, 82), (240, 240), (360, 360))
"""Autumn's hues for a summer's, in degrees of CIELAB: yellow 100, leaves 110 to 150, orange 65."""
LOW_SUN: Colour = (1.0, 0.9, 0.7)
"""Autumn's light, where a summer's is white."""
HAZE: Colour = (0.66, 0.69, 0.72)
"""What fog looks like where nothing is seen through it."""
NIGHT: Colour = (0.035, 0.045, 0.075)
BULB: Colour = (1.0, 0.74, 0.42)
"""Light that a lamp does not reach, and its own at the brightest place."""


def evening(image: Tensor, *, stops: float = 1.6) -> Tensor:
    """Return a picture at dusk: exposed less, shadows towards blue, lights towards orange.

    The light is divided by 2^stops and tinted between DUSK and SUNSET by the pixel's lightness,
    by a smooth step. Depends on the colour alone; the order of lightness stays.

    Args:
        image: (B, 3, H, W) in [0, 1]. stops: of exposure, at least 1 so that nothing clips.
    """
    level = picture(luminance(image))
    bright = level.square() * (3 - 2 * level)
    dusk, sunset = (_tint(image, colour) for colour in (DUSK, SUNSET))
    return picture(light(image) * (dusk + bright * (sunset - dusk)) / 2**stops)


def autumn(image: Tensor, *, strength: float = 1.0) -> Tensor:
    """Return a picture in autumn: greens become orange, under a low sun.

    The hue of CIELAB goes through the broken line HUES; colours that it turns gain up to 40 % of
    chroma, as far as sRGB has it, and keep their lightness. Then the light is that of LOW_SUN.
    Depends on the colour alone.

    Args:
        image: (B, 3, H, W) in [0, 1]. strength: share of the change, in [0, 1].
    """
    lightness, a, b = lab(image).unbind(1)
    hue = torch.rad2deg(torch.atan2(b, a)) % 360
    turn = strength * (_broken_line(hue, HUES) - hue)
    largest = max(start - end for start, end in HUES)
    chroma = torch.hypot(a, b) * (1 - 0.4 * turn / largest)
    angle = torch.deg2rad(hue + turn)
    leaves = in_gamut(torch.stack([lightness, chroma * angle.cos(), chroma * angle.sin()], 1))
    return picture(light(leaves) * _colour(image, LOW_SUN) ** strength)


def fog(image: Tensor, *, density: float = 1.8, distance: Tensor | None = None) -> Tensor:
    """Return a picture in fog: mixed towards HAZE, the more the farther away.

    Light gets through as exp(-density d). Depends on the place.

    Args:
        image: (B, 3, H, W) in [0, 1]. density: optical depth of the farthest place, at least 0.
        distance: (1 or B, 1, H, W) in [0, 1]; None: `guessed_distance`.
    """
    distance = guessed_distance(image) if distance is None else distance
    seen = torch.exp(-density * distance)
    return picture(seen * light(image) + (1 - seen) * _colour(image, HAZE))


def guessed_distance(image: Tensor) -> Tensor:
    """Guess how far away things are: (B, 3, H, W) -> (B, 1, H, W) in [0.1, 1].

    It grows from the lower border to the upper one; on the same height bright surroundings (sky)
    count as farther than dark ones.
    """
    down, _ = _places(image)
    brightness = _surroundings(picture(luminance(image)))
    return 0.1 + 0.9 * (1 - down) * (0.45 + 0.55 * brightness)


def lamp(image: Tensor, *, place: tuple[float, float] = (0.4, 0.35), reach: float = 0.28) -> Tensor:
    """Return a picture at night by one lamp: bright and warm around a place, dark elsewhere.

    The light at distance r is NIGHT + BULB / (1 + (r / reach)^2)^2: that of a lamp in front of a
    wall, but for the angle. Depends on the place.

    Args:
        image: (B, 3, H, W) in [0, 1]. place: of the lamp, down and across, as shares of the
            sides. reach: distance of a quarter of the light, as a share of the longer side.
    """
    down, across = _places(image)
    height, width = (side / max(image.shape[2:]) for side in image.shape[2:])
    squared = ((down - place[0]) * height).square() + ((across - place[1]) * width).square()
    falling = 1 / (1 + squared / reach**2).square()
    night, bulb = (_colour(image, colour) for colour in (NIGHT, BULB))
    return picture(light(image) * (night + (1 - night) * bulb * falling))


ALTERATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    alter.__name__: alter for alter in (evening, autumn, fog, lamp)
}
"""Alterations by name, (B, 3, H, W) in [0, 1] -> the same."""


def _colour(image: Tensor, colour: Colour) -> Tensor:
    """Return a colour as (1, 3, 1, 1), beside an image."""
    return image.new_tensor(colour)[None, :, None, None]


def _tint(image: Tensor, colour: Colour) -> Tensor:
    """Return a colour that leaves the luminance of white: (1, 3, 1, 1)."""
    tint = _colour(image, colour)
    return tint / luminance(picture(tint / tint.amax())) / tint.amax()


def _places(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return how far down (H, 1) and across (1, W) the middles of pixels lie, in [0, 1]."""
    down, across = (
        (torch.arange(side, device=image.device, dtype=image.dtype) + 0.5) / side
        for side in image.shape[2:]
    )
    return down[:, None], across[None]


def _surroundings(x: Tensor) -> Tensor:
    """Return the mean of x (B, 1, H, W) around each position: a Gaussian of 1/12 of the sides."""
    for matrix, axis in zip((_blur(x, side) for side in x.shape[2:]), (2, 3), strict=True):
        x = torch.tensordot(x, matrix, dims=([axis], [1])).movedim(-1, axis)
    return x


def _blur(x: Tensor, side: int) -> Tensor:
    """Return the matrix (side, side) of a Gaussian blur, each row adding up to 1."""
    places = torch.arange(side, device=x.device, dtype=x.dtype) / side
    weights = torch.exp(-((places[:, None] - places) * 12).square() / 2)
    return weights / weights.sum(1, keepdim=True)


def _broken_line(x: Tensor, points: tuple[tuple[float, float], ...]) -> Tensor:
    """Interpolate between points (x, y) of ascending x, the first at (0, 0)."""
    y, slope = torch.zeros_like(x), 0.0
    for (left, low), (right, high) in zip(points[:-1], points[1:], strict=True):
        y = y + ((high - low) / (right - left) - slope) * (x - left).clamp(min=0)
        slope = (high - low) / (right - left)
    return y
