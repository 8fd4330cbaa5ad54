"""What a transfer is judged by: its own figures, and measures that no transfer optimises."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress

import torch
from torch import Tensor
from torch.nn.functional import normalize

from stylespace.errors import StylespaceError, UsageError
from stylespace.images import resize_to
from stylespace.images.colour import colour_distance
from stylespace.images.grain import grain
from stylespace.losses.guides import Regions, matched_regions
from stylespace.losses.matching import style_figures
from stylespace.losses.representations.sliced import LEAST_POSITIONS, sliced_distance
from stylespace.networks.loading import load_network
from stylespace.networks.network import Network
from stylespace.settings.shared import default_style_layers
from stylespace.styles import distances
from stylespace.styles.style import Style

SECOND_JUDGE = "alexnet-st"
"""A judge of another architecture, whose weights come from an extra."""
OTHER, FURTHER = "other_", "alexnet_"
"""What the measures of the judges begin with: `other_style`, `alexnet_style`, ..."""
REGIONS, REGION_SEED = 8, 1
"""Of `placed`: other regions than those of guides with few of them and seed 0."""
INSIDE = 0.501
"""Share of a region above which a position lies in it: half and half, to rounding, in none."""


def transfer_figures(
    network: Network, image: Tensor, content: Tensor, target: Style
) -> dict[str, float]:
    """Return what a transfer is judged by.

    Args:
        network: of the target's style space. image, content: (1, 3, H, W). target: the style.

    Returns:
        The relative Gram distance to the style per layer (`gram.conv1_1`, ...), their geometric
        mean `style_distance`, the content's own `content_style_distance`, the quotient
        `reduction`, and `content_similarity`, the structural similarity of the grey pictures.
    """
    layers = tuple(target.layers)
    figures = style_figures(Style.capture(network, image, layers), target)
    own = distances.gram_distances(Style.capture(network, content, layers), target)
    before = distances.geometric_mean(own)
    after = figures["style_distance"]
    return figures | {
        "content_style_distance": before,
        "reduction": before / after if after else float("inf"),
        "content_similarity": grey_similarity(image, content),
    }


def judge_of(network: str) -> str:
    """Return the embedded network that judges the results of another: of other filters."""
    return "vgg19-norm" if network.startswith("vgg16") else "vgg16-hed"


class Judges:
    """Judge pictures against a content and a style; networks are loaded once.

    What a result is judged by is another network than the one that made it, and is there always;
    where the extra `judge` is installed, a second one judges as well.

    Args:
        network: that made the results; its features' distributions are compared (`sliced`).
    """

    def __init__(self, network: Network) -> None:
        self.network = network.precise
        self.layers = default_style_layers(network.name)[:4]
        self._known: tuple[Tensor, Tensor, Regions] | None = None  # of the last pair
        device = str(network.device)
        self.others = {OTHER: load_network(judge_of(network.name), device=device)}
        if network.name != SECOND_JUDGE:
            with suppress(StylespaceError):
                self.others[FURTHER] = load_network(SECOND_JUDGE, device=device)

    @property
    def sentence(self) -> str:
        """Which network made the results and which judge them, a sentence."""
        judges = [f"{other.name} (`{prefix}...`)" for prefix, other in self.others.items()]
        return f"Made with {self.network.name}, judged by {' and '.join(judges)}."

    def figures(self, image: Tensor, content: Tensor, style: Tensor) -> dict[str, float]:
        """Return the measures of a result.

        Args:
            image, content: (1, 3, H, W). style: (1, 3, H', W'), of any size.

        Returns:
            `sliced`: sliced Wasserstein distance of features to the style's, the geometric mean
            over layers (H21). `other_style`, `other_content`: relative Gram distance to the style
            and relative feature distance to the content in the judge; `alexnet_style` and
            `alexnet_content` in the second one. `placed`: sliced Wasserstein distance in the judge
            between matched regions (see `matched_regions`): whether each takes after the part of
            the style that it is like. `similarity`: structural similarity of the grey pictures to
            the content. `content_colours`, `style_colours`: CIELAB distances. `grain`,
            `style_grain`: see `stylespace.images.grain`. 0 is the same, but similarity 1.
            Layers that a picture is too small for are left out, and regions and layers of fewer
            than LEAST_POSITIONS from sliced distances; NaN where none is left.
        """
        content = resize_to(content, *image.shape[2:])
        figures = {
            "sliced": self._sliced(image, style),
            "similarity": grey_similarity(image, content),
            "content_colours": colour_distance(image, content),
            "style_colours": colour_distance(image, style),
            "grain": grain(image),
            "style_grain": grain(style),
        }
        for prefix, judge in self.others.items():
            figures[f"{prefix}style"] = style_distance(judge, image, style)
            figures[f"{prefix}content"] = content_distance(judge, image, content)
        figures["placed"] = self._placed(self.others[OTHER], image, content, style)
        return figures

    def between(self, one: Tensor, other: Tensor) -> dict[str, float]:
        """Return how far two results are from each other, the same in either order.

        Args:
            one, other: (1, 3, H, W), of one size.

        Returns:
            `pixels`: root mean squared difference. `style`: symmetric relative Gram distance, the
            mean over the default style layers. `perceptual`: as `other_content`.
        """
        layers = fitting(self.network, default_style_layers(self.network.name), one, other)
        figures = {"pixels": float((one - other).square().mean().sqrt()), "style": math.nan}
        if layers:
            a, b = (Style.capture(self.network, picture, layers) for picture in (one, other))
            figures["style"] = distances.together(distances.symmetric_distances(a, b))
        figures["perceptual"] = content_distance(self.others[OTHER], one, other)
        return figures

    def _sliced(self, image: Tensor, style: Tensor) -> float:
        seen = both_features(self.network, self.layers, image, style)
        held = {name: pair for name, pair in seen.items() if enough(*pair)}
        return _mean({name: sliced_distance(*pair) for name, pair in held.items()})

    def _placed(self, judge: Network, image: Tensor, content: Tensor, style: Tensor) -> float:
        """Return the mean over regions, by their areas, of how far they are from their partners."""
        try:
            regions = self._regions(content, style)
        except UsageError:  # too small for a region
            return math.nan
        seen = both_features(judge, default_style_layers(judge.name), image, style)
        apart = {name: _between_regions(*pair, regions) for name, pair in seen.items()}
        return _mean({name: x for name, x in apart.items() if not math.isnan(x)})

    def _regions(self, content: Tensor, style: Tensor) -> Regions:
        """Return the regions of a pair, kept while the same pair is asked for."""
        known = self._known
        if known and torch.equal(known[0], content) and torch.equal(known[1], style):
            return known[2]
        regions = matched_regions(self.network, content, style, count=REGIONS, seed=REGION_SEED)
        self._known = content, style, regions
        return regions


def style_distance(network: Network, image: Tensor, style: Tensor) -> float:
    """Return the relative Gram distance to a style, the geometric mean over the default layers."""
    layers = fitting(network, default_style_layers(network.name), image, style)
    if not layers:
        return math.nan
    a, b = (Style.capture(network, picture, layers) for picture in (image, style))
    return distances.geometric_mean(distances.gram_distances(a, b))


def content_distance(network: Network, image: Tensor, content: Tensor) -> float:
    """Return the mean squared distance of unit features over layers, in [0, 4].

    LPIPS without its learned weights, over the default style layers but the first.

    Source: Zhang et al. 2018, eq. 1. Departs: every channel weighs alike.
    """
    seen = both_features(network, default_style_layers(network.name)[1:], image, content)
    if not seen:
        return math.nan
    apart = [normalize(a, dim=1) - normalize(b, dim=1) for a, b in seen.values()]
    return float(sum((x.square().sum(1).mean() for x in apart), torch.zeros(())) / len(apart))


def grey_similarity(image: Tensor, other: Tensor) -> float:
    """Return the structural similarity of two grey pictures (1, 3, H, W): 1 is identical.

    Source: Wang et al. 2004, scikit-image's implementation; window 7, or the largest odd number
    that fits.
    """
    from skimage.color import rgb2gray
    from skimage.metrics import structural_similarity

    a, b = (rgb2gray(x[0].cpu().double().numpy(), channel_axis=0) for x in (image, other))
    window = min(7, min(a.shape) - (min(a.shape) + 1) % 2)
    if window < 3:
        return math.nan
    return float(structural_similarity(a, b, win_size=window, data_range=1.0))


def _between_regions(a: Tensor, b: Tensor, regions: Regions) -> float:
    """Return the mean distance of the positions of regions in (1, C, h, w) and (1, C, h', w')."""
    masks = regions.at(a.shape[2:4], b.shape[2:4])
    pairs = zip(masks.content_masks[0].to(a), masks.style_masks[0].to(b), strict=True)
    total, area = 0.0, 0
    for mask, partner_mask in pairs:
        inside, partner = a[..., mask > INSIDE, None], b[..., partner_mask > INSIDE, None]
        if enough(inside, partner):
            total += inside.shape[2] * sliced_distance(inside, partner)
            area += inside.shape[2]
    return total / area if area else math.nan


def enough(*features: Tensor) -> bool:
    """Say whether features (1, C, h, w) have positions enough for a sliced distance."""
    return all(x[0, 0].numel() >= LEAST_POSITIONS for x in features)


def _mean(values: Mapping[str, float]) -> float:
    return distances.geometric_mean(values) if values else math.nan


def both_features(
    network: Network, layers: Sequence[str], one: Tensor, other: Tensor
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return {layer: features of both} for those layers that both pictures are large enough for."""
    layers = fitting(network, layers, one, other)
    with torch.no_grad():
        a, b = (network(picture, layers) for picture in (one, other)) if layers else ({}, {})
    return {name: (a[name], b[name]) for name in layers}


def fitting(network: Network, layers: Sequence[str], *pictures: Tensor) -> tuple[str, ...]:
    """Return those layers that every picture (1, 3, H, W) is large enough for."""
    shapes = [picture.shape[2:] for picture in pictures]
    return tuple(name for name in layers if all(network.fits([name], *shape) for shape in shapes))
