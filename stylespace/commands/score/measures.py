"""The formulas of protocols: what is kept of a picture, and how two of them are compared."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from stylespace.commands.transfer.metrics import grey_similarity
from stylespace.images.colour import colour_distance
from stylespace.losses.representations.sliced import sliced_distance
from stylespace.networks.network import Network
from stylespace.networks.state_dicts import read_state
from stylespace.networks.weights import stlpips_file
from stylespace.styles.distances import geometric_mean, gram_distances
from stylespace.styles.distances.relative import layer_pairs
from stylespace.styles.moments import LayerStyle
from stylespace.styles.style import Style, measured_style

Features = Mapping[str, Tensor]
See = Callable[[Network, Tensor, Sequence[str]], Any]


@dataclass(frozen=True)
class Measure:
    """How a formula is computed.

    compare: of what is kept of the result and of the reference. see: what is kept of a picture
    (1, 3, H, W), as the network of the protocol sees it; None for the picture itself.
    """

    compare: Callable[[Any, Any], float]
    see: See | None = None

    @property
    def of_styles(self) -> bool:
        """Whether a style, means and Gram matrices, is all that it needs."""
        return self.see is _style


def _style(network: Network, image: Tensor, layers: Sequence[str]) -> Style:
    return measured_style(network, image, layers)


def _features(network: Network, image: Tensor, layers: Sequence[str]) -> Features:
    """Return the features of a picture: {layer: (1, C, h, w)}, on the CPU."""
    with torch.no_grad():
        return {name: x.cpu() for name, x in network(image, layers).items()}


def _relative_gram(result: Style, reference: Style) -> float:
    return geometric_mean(gram_distances(result, reference))


def _plain_gram(result: Style, reference: Style) -> float:
    return _mean_over_layers(result, reference, _plain_gram_of_layer)


def _plain_gram_of_layer(a: LayerStyle, b: LayerStyle) -> float:
    """Return ||G - A||^2 / (4 C^2)."""
    difference = a.gram.cpu().double() - b.gram.cpu().double()
    return float(difference.square().sum()) / (4 * len(difference) ** 2)


def _mean_over_layers(
    result: Style, reference: Style, compare: Callable[[LayerStyle, LayerStyle], float]
) -> float:
    pairs = layer_pairs(result, reference).values()
    return sum(compare(*pair) for pair in pairs) / len(pairs)


def _moments(result: Style, reference: Style) -> float:
    pairs = layer_pairs(result, reference).values()
    return sum(float((_first_two(a) - _first_two(b)).square().sum()) for a, b in pairs)


def _first_two(layer: LayerStyle) -> Tensor:
    """Return the means and the standard deviations of the channels: (2, C)."""
    mean = layer.mean.cpu().double()
    variance = layer.gram.diagonal().cpu().double() - mean.square()
    return torch.stack([mean, variance.clamp(min=0).sqrt()])


def _sliced(result: Features, reference: Features) -> float:
    pairs = {name: (result[name], x) for name, x in reference.items()}
    return geometric_mean({name: sliced_distance(*pair) for name, pair in pairs.items()})


def _squares(result: Features, reference: Features) -> float:
    differences = (result[name].double() - x.double() for name, x in reference.items())
    return sum(float(one.square().sum()) for one in differences) / 2


def _calibrated(result: Features, reference: Features) -> float:
    """Return the distance of unit features, each channel weighed as people's choices have it.

    Source: Z18 eq. 1; weights: GL22.
    """
    weights, total = _calibration(), 0.0
    for name, x in reference.items():
        apart = (normalize(result[name], dim=1) - normalize(x, dim=1)).square()
        total += float(torch.einsum("c,bchw->bhw", weights[name], apart).mean())
    return total


@functools.cache
def _calibration() -> dict[str, Tensor]:
    """Return how much each channel of alexnet-st counts: {layer: (C,)}."""
    state = read_state(stlpips_file("the calibrated distance"))
    return {f"conv{k + 1}": state[f"lin{k}.model.1.weight"].flatten().float() for k in range(5)}


MEASURES = {
    "relative-gram": Measure(_relative_gram, _style),
    "plain-gram": Measure(_plain_gram, _style),
    "moments": Measure(_moments, _style),
    "sliced": Measure(_sliced, _features),
    "features": Measure(_squares, _features),
    "calibrated": Measure(_calibrated, _features),
    "structure": Measure(grey_similarity),
    "colours": Measure(colour_distance),
}
"""{measure: how it is computed}; their formulas are in `stylespace.settings.protocols`."""
