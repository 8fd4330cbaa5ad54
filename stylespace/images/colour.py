"""Colour: CIELAB, one picture's colours on another's light, and how far two palettes are apart.

Pictures are sRGB, (B, 3, H, W) in [0, 1]. Light is linear, without sRGB's transfer curve. CIELAB
is that of daylight D65 with the white of sRGB itself, so that greys have no chroma at all.
"""

import numpy as np
import torch
from torch import Tensor

from stylespace.images import resize_to

XYZ = torch.tensor(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ],
    dtype=torch.float64,
)
"""CIE XYZ of linear sRGB; the second row is luminance. Source: ITU-R BT.709, D65."""
BIN = 16.0
"""Side of the bins of `colour_distance` in units of CIELAB; greys lie in the middle of theirs."""
ROUNDING = (1 / 255) ** 2 / 12
"""Variance of the rounding to 8 bits: colours that vary less than this do not vary."""
HALVINGS = 14
"""Steps of the search for the largest chroma that sRGB can show: to 0.02 units of CIELAB."""
EDGE = 1e-5
"""Light outside [0, 1] that is rounding."""

SINGLE_COLOUR = 1 / 255
"""Standard deviation below which a picture is said to be of one colour."""
GREY = 1.5 / 255
"""Difference of red, green and blue up to which a pixel is grey: a level of 8 bits."""

_RELATIVE = XYZ / XYZ.sum(1, keepdim=True)  # X/Xn, Y/Yn, Z/Zn of linear sRGB
_CUBE = 6 / 29  # below it CIELAB's cube root is a straight line


def is_single_colour(image: Tensor) -> bool:
    """Say whether a picture (1, 3, H, W) is of one colour, to rounding."""
    return float(image.detach().flatten(2).std(2, correction=0).max()) < SINGLE_COLOUR


def is_grey(image: Tensor) -> bool:
    """Say whether every pixel of a picture (1, 3, H, W) is grey, to rounding."""
    values = image.detach()
    return float((values.amax(1) - values.amin(1)).max()) <= GREY


def light(image: Tensor) -> Tensor:
    """Return the linear light of sRGB values in [0, 1], of any shape."""
    return torch.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055).pow(2.4))


def picture(values: Tensor) -> Tensor:
    """Return the sRGB values in [0, 1] of linear light, of any shape; clipped where it is out."""
    x = values.clamp(0, 1)
    return torch.where(x <= 0.0031308, 12.92 * x, 1.055 * x.pow(1 / 2.4) - 0.055)


def luminance(image: Tensor) -> Tensor:
    """Return the relative luminance of a picture, (B, 3, H, W) -> (B, 1, H, W) in [0, 1]."""
    return _mixed(light(image), XYZ[1:2])


def lab(image: Tensor) -> Tensor:
    """Return the CIELAB colours of a picture: L in [0, 100], a and b about -110 to 110.

    Args:
        image: (B, 3, H, W) in [0, 1].

    Returns:
        (B, 3, H, W).

    Departs: white is (1, 1, 1) of sRGB; that of the standard has a chroma of 0.01.
    """
    x, y, z = _root(_mixed(light(image), _RELATIVE)).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def in_gamut(colours: Tensor) -> Tensor:
    """Return the picture of CIELAB colours; those that sRGB cannot show lose chroma alone.

    L and the hue stay: chroma is scaled by the largest factor in [0, 1] that fits.

    Args:
        colours: (B, 3, H, W), L in [0, 100].

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    few, many = torch.zeros_like(colours[:, :1]), torch.ones_like(colours[:, :1])
    for _ in range(HALVINGS):
        middle = (few + many) / 2
        fits = _fits(_less_chroma(colours, middle))
        few, many = torch.where(fits, middle, few), torch.where(fits, many, middle)
    share = few.masked_fill(_fits(colours), 1)
    return picture(_light_of(_less_chroma(colours, share)))


def luminance_transfer(image: Tensor, content: Tensor) -> Tensor:
    """Return a picture with the lightness of `image` and the colours of `content`.

    In CIELAB: L of the one, a and b of the other. L comes out as it was, and so does the hue;
    where sRGB has no colour so strong at that lightness, the chroma is less (`in_gamut`).

    Args:
        image: (B, 3, H, W) in [0, 1]. content: (1 or B, 3, h, w), resized to it.

    Source: Gatys et al. 2016, arXiv:1606.05897, section 3.2. Departs: CIELAB, where that uses
    YIQ, whose luma changes with the hue; chroma is reduced, not clipped.
    """
    colours = lab(resize_to(content.to(image), *image.shape[2:]))[:, 1:]
    lightness = lab(image)[:, :1]
    return in_gamut(torch.cat([lightness, colours.expand(len(image), -1, -1, -1)], 1))


def match_colours(image: Tensor, target: Tensor) -> Tensor:
    """Return a picture recoloured after another, of which only the palette counts.

    Mean and covariance of the sRGB values become the target's, exactly before the result is
    clipped to [0, 1] (`colour_map`). Before a transfer the style picture is recoloured after the
    content; afterwards the result.

    Args:
        image: (B, 3, H, W) in [0, 1]. target: (1 or B, 3, h, w), of any size.

    Source: Gatys et al. 2016, arXiv:1606.05897, section 3.1. Departs: the symmetric map, which
    changes colours least, where that offers two others.
    """
    matrix, shift = (part.to(image) for part in colour_map(image, target.to(image)))
    mapped = torch.einsum("bij,bjhw->bihw", matrix, image) + shift[:, :, None, None]
    return mapped.clamp(0, 1)


def colour_map(image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the affine map x -> A x + b that gives colours the mean and covariance of a target's.

    A = S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2 for the covariances S and T: symmetric, and of all maps
    that do it the one that moves colours least (Monge's). A picture that has no variance in some
    direction (grey, of one colour) gets none there from any map: it comes out with the mean.

    Args:
        image: (B, 3, H, W). target: (1 or B, 3, h, w).

    Returns:
        A: (B, 3, 3), b: (B, 3), in float64 on the CPU.

    Source: Pitié & Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping".
    """
    (mean, spread), (goal, goal_spread) = _moments(image), _moments(target)
    root, inverse = _power(spread, 0.5), _power(spread, -0.5)
    matrix = inverse @ _power(root @ goal_spread @ root, 0.5, floor=0) @ inverse
    return matrix, goal - (matrix @ mean[:, :, None]).squeeze(2)


def colour_distance(a: Tensor, b: Tensor) -> float:
    """Return the earth mover's distance of two pictures' colours in units of CIELAB.

    0 for the same palette, about 2 for a difference that is just seen, 100 from black to white.
    Exact between histograms: CIELAB is cut into cubes of side BIN, and each that is not empty
    stands for its pixels by their mean. It never comes out below the distance of the mean
    colours, and is a metric of palettes. Symmetric, whatever the sizes; no randomness.

    Args:
        a: (1, 3, H, W) in [0, 1]. b: (1, 3, h, w).

    Source: Rubner, Tomasi & Guibas 2000, "The earth mover's distance" (signatures).
    """
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, kron, vstack

    (places, shares), (others, their) = _signature(a), _signature(b)
    costs = np.linalg.norm(places[:, None] - others, axis=2)
    n, m = costs.shape
    # What leaves each bin of a, and what arrives in each of b. scipy's wasserstein_distance_nd
    # takes twice as long for the same number.
    sums = vstack([kron(eye_array(n), np.ones((1, m))), kron(np.ones((1, n)), eye_array(m))])
    solved = linprog(costs.ravel(), A_eq=sums.tocsr(), b_eq=np.concatenate([shares, their]))
    return max(float(solved.fun), 0.0)


def _moments(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (B, 3) and covariance (B, 3, 3) of the colours of (B, 3, H, W), in float64."""
    colours = image.detach().cpu().double().flatten(2)
    mean = colours.mean(2)
    centred = colours - mean[:, :, None]
    return mean, centred @ centred.mT / colours.shape[2]


def _power(matrix: Tensor, exponent: float, *, floor: float = ROUNDING) -> Tensor:
    """Return a power of symmetric matrices (B, n, n); eigenvalues up to `floor` become 0."""
    values, vectors = torch.linalg.eigh(matrix)
    powers = torch.where(values > floor, values, torch.ones_like(values)).pow(exponent)
    return vectors * powers.masked_fill(values <= floor, 0)[:, None] @ vectors.mT


def _signature(image: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean colour (n, 3) and the share (n,) of each bin that is not empty."""
    colours = lab(image.detach().cpu().double())[0].flatten(1).T.numpy()
    _, bins, counts = np.unique(
        np.round(colours / BIN), axis=0, return_inverse=True, return_counts=True
    )
    sums = [np.bincount(bins.ravel(), channel) for channel in colours.T]
    return np.stack(sums, 1) / counts[:, None], counts / counts.sum()


def _fits(colours: Tensor) -> Tensor:
    """Say which colours sRGB can show: (B, 3, H, W) -> (B, 1, H, W)."""
    x = _light_of(colours)
    return ((x >= -EDGE) & (x <= 1 + EDGE)).all(1, keepdim=True)


def _less_chroma(colours: Tensor, share: Tensor) -> Tensor:
    return torch.cat([colours[:, :1], share * colours[:, 1:]], 1)


def _light_of(colours: Tensor) -> Tensor:
    """Return the linear sRGB of CIELAB colours, (B, 3, H, W), outside [0, 1] where they are."""
    lightness, a, b = colours.unbind(1)
    y = (lightness + 16) / 116
    return _mixed(_cube(torch.stack([y + a / 500, y, y - b / 200], 1)), _RELATIVE.inverse())


def _root(x: Tensor) -> Tensor:
    """Return CIELAB's cube root, a straight line near 0."""
    straight = x / (3 * _CUBE**2) + 4 / 29
    return torch.where(x > _CUBE**3, x.clamp(min=_CUBE**3).pow(1 / 3), straight)


def _cube(x: Tensor) -> Tensor:
    """Undo `_root`."""
    return torch.where(x > _CUBE, x.pow(3), 3 * _CUBE**2 * (x - 4 / 29))


def _mixed(x: Tensor, matrix: Tensor) -> Tensor:
    """Mix the channels of (B, 3, H, W) by a matrix (m, 3) -> (B, m, H, W)."""
    return torch.einsum("mc,bchw->bmhw", matrix.to(x), x)
