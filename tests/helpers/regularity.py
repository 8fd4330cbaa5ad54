"""How regular a picture is: measures of repetition and of seams beside the package's terms."""

import torch
from scipy.signal import correlate


def autocorrelation_error(picture, source, *, reach=0.25):
    """Return how far a picture's repetitions are from its source's: 0 the same, about 1 unlike.

    The relative error ||a - t|| / ||t|| of the autocorrelations, each without its mean, summed
    over colours and divided by its value at lag 0, over lags up to `reach` of the smaller sides.
    Pairs of pixels inside the pictures count, so that sizes may differ.

    Args:
        picture: (1, C, H, W). source: (1, C, h, w).
        reach: above 0, at most 1/2. A quarter: the spectrum of one period cannot tell a lag d
            from side - d, so that near half a side it leaves the error where it was.
    """
    smaller = [min(pair) for pair in zip(picture.shape[2:], source.shape[2:], strict=True)]
    lags = [int(reach * side) for side in smaller]
    found, goal = (_normalised_autocorrelation(one, lags) for one in (picture, source))
    return float((found - goal).norm() / goal.norm())


def _normalised_autocorrelation(picture, lags):
    """(1, C, h, w) -> (2 ly + 1, 2 lx + 1) in float64, 1 at lag 0; scipy's, not the term's."""
    x = picture[0].detach().double().cpu()
    x = (x - x.mean((1, 2), keepdim=True)).numpy()
    products = torch.from_numpy(sum(correlate(one, one, method="fft") for one in x))
    for axis, (side, lag) in enumerate(zip(x.shape[1:], lags, strict=True)):
        offsets = torch.arange(-lag, lag + 1)
        count = (side - offsets.abs()).double()
        products = products.index_select(axis, side - 1 + offsets)
        products = products / (count[:, None] if axis == 0 else count)
    middle = products[lags[0], lags[1]]
    return products / middle if middle else products


def seam_ratio(picture):
    """Return how visible the borders are once a picture is repeated: about 1 where they are not.

    The mean absolute difference of pixels across the seam over that of neighbours inside.

    Args:
        picture: (B, C, H, W).

    Returns:
        (left to right, top to bottom). Along a seam that happens to follow a line of the pattern
        the ratio is that line's, however well it joins.
    """
    pair = (_steps(picture, axis) for axis in (3, 2))
    return tuple(float(steps[-1] / steps[:-1].mean()) for steps in pair)


def _steps(picture, axis):
    """The mean absolute difference of each line to the next, the last to the first."""
    return (picture.roll(-1, axis) - picture).abs().movedim(axis, 0).flatten(1).mean(1)
