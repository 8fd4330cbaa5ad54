"""Terms that keep regular structure, which Gram matrices lose.

A Gram matrix says which features occur together within a receptive field, not how far apart they
repeat: a wall of bricks comes out as rubble. The terms here stand beside the Gram terms. Each is
relative to its target (0 at the target, about 1 as far as nothing is from it) and takes results
of another size than the source. A weight of 1 is the one that suits Gram weights that add up to
1: SHARE of theirs together.

A seamless picture continues at its opposite border; `wrap` makes a term measure it that way.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from stylespace.losses.objective import relative_square
from stylespace.losses.terms import Features, Term, Terms
from stylespace.networks.network import Network
from stylespace.settings import TextureSettings

FLAT_CHANNEL = 1e-6
"""Range, in the largest size, up to which a channel is even: the rounding of a resized picture."""
SHARE = 0.3
"""What a weight of 1 means: regular structure comes in whole, and the Gram terms still lead."""


def pattern_terms(
    settings: TextureSettings,
    network: Network,
    layers: Sequence[str],
    source: Tensor,
    *,
    wrap: bool = False,
) -> Terms:
    """Return the terms of regular structure that weigh something.

    source: (1, 3, h, w), the picture whose structure it is.
    """
    terms = Terms()
    if settings.histogram_weight:
        share = settings.histogram_weight / len(layers)
        with torch.no_grad():
            seen = network(source, layers)
        for name in layers:
            terms += histogram_term(name, seen[name], share)
    if settings.spectrum_weight:
        terms += spectrum_term(source, settings.spectrum_weight, wrap=wrap)
    if settings.autocorrelation_weight:
        terms += autocorrelation_term(source, settings.autocorrelation_weight, wrap=wrap)
    return terms


def histogram_term(layer: str, target_features: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of a layer's histograms, channel by channel, to those of its target.

    The mean squared difference of the sorted values (the squared Wasserstein-2 distance); of a
    target with more or fewer positions, its quantiles are read where the picture's lie.

    Args:
        layer: name. target_features: (1 or B, C, h, w), the source's activations.

    Source: R17 (arXiv:1701.08893). Departs: sorted values instead of bins, so that
    the loss is 0 only at the target; relative to it.
    """
    quantiles = target_features.flatten(2).sort(2).values

    def measure(image: Tensor, features: Features) -> Tensor:
        """Return the distance of a picture from its target, (B,)."""
        values = features[layer].flatten(2).sort(2).values
        goal = interpolate(quantiles, values.shape[2], mode="linear", align_corners=False)
        return relative_square(values, goal)

    return Term(f"histogram.{layer}", measure, (layer,), SHARE * weight)


def spectrum_term(target_picture: Tensor, weight: float = 1.0, *, wrap: bool = False) -> Term:
    """Relative distance of the picture to the nearest one with the target's power spectrum.

    A frequency of a picture is a vector of three colours. The target fixes it up to one phase,
    and with it the relations between the colours. See `fourier_waves` for borders and other sizes.

    Args:
        target_picture: (1 or B, 3, h, w), the source. wrap: the result is seamless.

    Source: Liu, Gousseau & Xia 2016, arXiv:1605.01141. Departs: relative to the
    target; borders; other sizes.
    """

    def measure(image: Tensor, features: Features) -> Tensor:
        """Return the distance of a picture from its target, (B,)."""
        waves = fourier_waves(image, image.shape[2:], wrap=wrap)
        goal = fourier_waves(target_picture.to(image), image.shape[2:])
        # The best phase is held: where it is best, its own derivative is zero.
        angle = (waves.detach() * goal.conj()).sum(1, keepdim=True).angle()
        nearest = torch.polar(torch.ones_like(angle), angle) * goal
        return relative_square(torch.view_as_real(waves), torch.view_as_real(nearest))

    return Term("spectrum", measure, (), SHARE * weight)


def fourier_waves(image: Tensor, grid: Sequence[int], *, wrap: bool = False) -> Tensor:
    """Return a picture's Fourier coefficients, its mean taken off, at the frequencies of a grid.

    They are divided by the root of the number of pixels: their squares are the power at a
    frequency, whatever the size. A picture that does not wrap is replaced by its periodic
    component, or the jump at its border would put a cross on the spectrum.

    Args:
        image: (B, C, h, w). grid: (H, W).

    Returns:
        complex (B, C, H, W).
    """
    x = _centred(image)
    x = x if wrap else periodic_component(x)
    for axis, length in zip((2, 3), grid, strict=True):
        x = _folded(x, axis, length)
    return torch.fft.fft2(x) / (image.shape[2] * image.shape[3]) ** 0.5


def _centred(x: Tensor) -> Tensor:
    """Take the mean off; a channel of one value has nothing left, not its rounding."""
    least, most = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    even = most - least <= FLAT_CHANNEL * torch.maximum(most, -least)
    return torch.where(even, torch.zeros_like(x), x - x.mean((2, 3), keepdim=True))


def _folded(x: Tensor, axis: int, length: int) -> Tensor:
    """Cut an axis into pieces of `length`, the last filled with zeros, and add them up.

    The spectrum of the sum is that of the whole, read at fewer or more frequencies.
    """
    missing = -x.shape[axis] % length
    whole = pad(x, (0, missing) if axis == 3 else (0, 0, 0, missing))
    return whole.unflatten(axis, (-1, length)).sum(axis)


def periodic_component(image: Tensor) -> Tensor:
    """Take off the smooth picture that carries the jumps between opposite borders: (B, C, H, W).

    Source: Moisan 2011, "Periodic plus smooth image decomposition".
    """
    jumps = _jumps(image, 2) + _jumps(image, 3)
    rows, columns = (
        2 * torch.fft.fftfreq(n, device=image.device, dtype=image.dtype).mul(2 * torch.pi).cos() - 2
        for n in image.shape[2:]
    )
    laplacian = rows[:, None] + columns
    laplacian[0, 0] = 1  # the jumps have no mean, and neither has the smooth picture
    return image - torch.fft.ifft2(torch.fft.fft2(jumps) / laplacian).real


def _jumps(image: Tensor, axis: int) -> Tensor:
    """Return a picture's jump across one seam on the two lines beside it, zero elsewhere."""
    length = image.shape[axis]
    jump = image.narrow(axis, length - 1, 1) - image.narrow(axis, 0, 1)
    first, last = torch.eye(length, device=image.device, dtype=image.dtype)[[0, -1]]
    line = (first - last)[:, None] if axis == 2 else first - last
    return jump * line


REACH = 0.5
"""Largest lag of an autocorrelation as a share of a side: a quarter of all pairs still overlap."""


def autocorrelation_term(
    target: Tensor, weight: float = 1.0, *, layer: str = "", wrap: bool = False
) -> Term:
    """Relative distance of autocorrelations, which hold at what distances structure repeats.

    Of the picture's colours or, with `layer`, of a layer's channels, over lags up to half of the
    sides of the source, or of the picture where that is smaller.

    Args:
        target: (1 or B, C, h, w): the source picture, or its activations at `layer`.
        wrap: the result is seamless. The source never is: it is measured inside its borders.

    Source: Sendik & Cohen-Or 2017, "Deep correlations for texture synthesis"; B16
    (arXiv:1606.01286) for shifted copies of feature maps; Gonthier et al. 2022 for pictures.
    Departs: all lags at once, by Fourier transforms; without the mean; relative to the target.
    """
    lags = _half(target)
    goal = autocorrelation(target, lags)

    def measure(image: Tensor, features: Features) -> Tensor:
        """Return the distance of a picture from its target, (B,)."""
        x = features[layer] if layer else image
        near = tuple(min(pair) for pair in zip(lags, _half(x), strict=True))
        margins = [lag - less for lag, less in zip(lags, near, strict=True)]
        shared = pad(goal, (-margins[1], -margins[1], -margins[0], -margins[0])).to(x)
        return relative_square(autocorrelation(x, near, wrap=wrap), shared)

    return Term(
        f"autocorrelation.{layer or 'picture'}", measure, (layer,) if layer else (), SHARE * weight
    )


def _half(x: Tensor) -> tuple[int, ...]:
    return tuple(int(REACH * side) for side in x.shape[2:])


def autocorrelation(x: Tensor, lags: Sequence[int], *, wrap: bool = False) -> Tensor:
    """Return the mean product of values that lie a lag apart, the mean of x taken off.

    Args:
        x: (B, C, h, w). lags: (ly, lx), the largest, less than the sides.
        wrap: pairs reach over the border to the opposite side; otherwise pairs inside count.

    Returns:
        (B, C, 2 ly + 1, 2 lx + 1), lag 0 in the middle.
    """
    x = _centred(x)
    sides = x.shape[2:]
    room = [n if wrap else n + lag for n, lag in zip(sides, lags, strict=True)]
    waves = torch.view_as_real(torch.fft.rfft2(x, room))
    products = torch.fft.irfft2(waves.square().sum(-1), room)
    dy, dx = (torch.arange(-lag, lag + 1, device=x.device) for lag in lags)
    pairs = (sides[0] - (0 if wrap else dy.abs()), sides[1] - (0 if wrap else dx.abs()))
    count = torch.as_tensor(pairs[0]).reshape(-1, 1) * torch.as_tensor(pairs[1])
    return products[:, :, dy % room[0]][..., dx % room[1]] / count.to(x)


def cut_evenly(picture: Tensor, stride: int) -> Tensor:
    """Roll a seamless picture (1, 3, H, W) so that its borders lie where it changes on average.

    It may be cut anywhere; by multiples of the network's total stride its features only move.
    """
    for axis in (2, 3):
        # The mean absolute difference of each line to the next, of the last to the first.
        steps = (picture.roll(-1, axis) - picture).abs().movedim(axis, 0).flatten(1).mean(1)
        at = torch.arange(len(steps) - 1, -1, -stride)  # lines that may come last
        inside = (steps.sum() - steps[at]) / (len(steps) - 1)
        last = int(at[(steps[at] / inside.clamp(min=1e-12)).log().abs().argmin()])
        picture = picture.roll(len(steps) - 1 - last, axis)
    return picture
