"""The judges of a study: measures that no way optimises and that no guide shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import interpolate

from stylespace.assets import weights_path
from stylespace.commands.transfer.metrics import (
    both_features,
    content_distance,
    enough,
    grey_similarity,
    style_distance,
)
from stylespace.errors import StylespaceError
from stylespace.images import resize_to
from stylespace.images.colour import colour_distance, lab
from stylespace.images.grain import grain, spectrum
from stylespace.losses.guides.masks import resized
from stylespace.losses.local.copies import copy_index
from stylespace.losses.representations.sliced import sliced_distance
from stylespace.networks.loading import load_network
from stylespace.networks.network import Network
from stylespace.settings.shared import default_style_layers
from stylespace.studies.curves import logarithmic
from stylespace.studies.measures import JUDGES
from stylespace.studies.plans import Shapes

CONTOURS = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")
"""Layers of vgg16-hed that its contour heads read."""
RANKS = {"conv1_1": 32, "conv2_1": 48, "conv3_1": 128}
"""Principal components of each layer that `effectiveness` compares."""
EFFECTIVENESS = (0.7468, 0.2557, 2.3768)
"""What those layers count."""
COHERENCE = (12.1835, 0.2979)
"""What agreement of contours counts, and the first layer's effectiveness."""
HALVES_SEED, MOST = 104729, 1024
"""Of the halves of a cloud of features: how they are drawn, and the positions of each at most."""
INSIDE = 0.501
"""Share of a figure above which a position lies in it."""


class Jury:
    """Judges pictures against a content and a style; its networks are loaded once.

    One that cannot be had is left out, and so are its measures; `missing` says why.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.networks: dict[str, Network] = {}
        self.missing: dict[str, str] = {}
        for name in JUDGES:
            try:
                self.networks[name] = load_network(name, device=device)
            except StylespaceError as error:
                self.missing[name] = str(error)

    def figures(
        self,
        image: Tensor,
        content: Tensor,
        style: Tensor,
        *,
        made_by: str = "",
        masks: tuple[Shapes, Shapes] | None = None,
    ) -> dict[str, float]:
        """Return the measures of a result; see `stylespace.studies.measures`.

        Args:
            image, content: (1, 3, H, W). style: (1, 3, H', W'), of any size.
            made_by: the filters that made the image, which do not judge it. masks: of the
                figures of content and style, for the measure of that name.
        """
        content = resize_to(content, *image.shape[2:])
        figures = {
            "similarity": grey_similarity(image, content),
            "content_colours": colour_distance(image, content),
            "style_colours": colour_distance(image, style),
            "grain": grain(image),
            "grid4": grid_energy(image, 4),
            "grid8": grid_energy(image, 8),
        }
        laid = resize_to(style, *image.shape[2:])
        with suppress(StylespaceError):  # the content is the style
            figures["copy_index"] = float(copy_index(image, laid, start=content))
        judges = {name: one for name, one in self.networks.items() if name != made_by}
        for name, judge in judges.items():
            figures[f"style.{name}"] = style_distance(judge, image, style)
            figures[f"content.{name}"] = content_distance(judge, image, content)
        if first := judges.get(JUDGES[0]):
            both = both_features(first, default_style_layers(first.name)[:4], image, style)
            figures["sliced"] = _mean([debiased(*pair) for pair in both.values()])
            if masks:
                pictures = zip(masks, (image, style), strict=True)
                drawn = [drawn_mask(mask, *one.shape[2:]) for mask, one in pictures]
                apart = [_between_parts(*pair, *drawn) for pair in both.values()]
                figures["figures"] = _mean(apart)
            figures |= effects(first, image, content, style)
        return figures

    def between_crops(
        self, image: Tensor, content: Tensor, style: Tensor, *, made_by: str = ""
    ) -> dict[str, float]:
        """Return `crops.NAME`: how far each measure is apart in two crops of a result.

        Of distances to style and content the logarithm. The crops are the first and the last
        four fifths of both sides.
        """
        content = resize_to(content, *image.shape[2:])
        height, width = (round(0.8 * side) for side in image.shape[2:])
        first, last = (
            self.figures(
                image[..., down, across], content[..., down, across], style, made_by=made_by
            )
            for down, across in (
                (slice(height), slice(width)),
                (slice(-height, None), slice(-width, None)),
            )
        )
        return {f"crops.{name}": _apart(name, first[name], last[name]) for name in first}


def _apart(name: str, one: float, other: float) -> float:
    """Return how far two values of a measure are apart."""
    if logarithmic(name) and min(one, other) > 0:
        return abs(math.log(one / other))
    return abs(one - other)


def _mean(values: Sequence[float]) -> float:
    """Return the mean of those that are numbers; not a number where none is."""
    there = [value for value in values if not math.isnan(value)]
    return sum(there) / len(there) if there else math.nan


def scores(image: Tensor, truth: Tensor) -> dict[str, float]:
    """Return how far a result (1, 3, H, W) is from what should have come out.

    `truth_colours`: mean CIELAB distance over pixels; 2.3 is just noticeable (Mahy et al. 1994).
    `truth_similarity`: structural similarity of the grey pictures, 1 is the same.
    """
    image = resize_to(image, *truth.shape[2:])
    error = float((lab(image) - lab(truth)).norm(dim=1).mean())
    return {"truth_colours": error, "truth_similarity": grey_similarity(image, truth)}


def debiased(a: Tensor, b: Tensor) -> float:
    """Return how far two clouds of features are apart beyond what halves of one are.

    Positions are halved at random; the mean of the two distances between halves of different
    clouds, less the mean of those between halves of one. Around 0, and of either sign, for clouds
    of one distribution.

    Args:
        a, b: (1, C, h, w) each, of any size, with twice the positions of a sliced distance.
    """
    (a1, a2), (b1, b2) = _halves(a), _halves(b)
    if not all(enough(x) for x in (a1, b1)):
        return math.nan
    between = (sliced_distance(a1, b1) + sliced_distance(a2, b2)) / 2
    return between - (sliced_distance(a1, a2) + sliced_distance(b1, b2)) / 2


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return features (1, C, h, w) at two random halves of positions: (1, C, n, 1), n <= MOST."""
    flat = x.flatten(2)
    order = torch.randperm(flat.shape[2], generator=torch.Generator().manual_seed(HALVES_SEED))
    half = min(flat.shape[2] // 2, MOST)
    return flat[:, :, order[:half], None], flat[:, :, order[half : 2 * half], None]


def _between_parts(a: Tensor, b: Tensor, one: Tensor, other: Tensor) -> float:
    """Return the mean of the distances between figures, and between grounds, of two features."""
    apart = []
    masks = [resized(mask, *x.shape[2:])[0, 0] for mask, x in ((one, a), (other, b))]
    for part in (masks, [1 - mask for mask in masks]):
        inside = [x[..., mask > INSIDE, None] for x, mask in zip((a, b), part, strict=True)]
        apart.append(debiased(*inside))
    return sum(apart) / 2


def drawn_mask(shapes: Shapes, height: int, width: int) -> Tensor:
    """Return a mask (1, 1, height, width) of 0 and 1 from polygons and circles in percent."""
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    for corners in shapes.get("polygons", ()):
        across = [x * width / 100 for x in corners[::2]]
        down = [y * height / 100 for y in corners[1::2]]
        draw.polygon(list(zip(across, down, strict=True)), fill=1)
    for x, y, radius in shapes.get("circles", ()):
        x, y, radius = x * width / 100, y * height / 100, radius * width / 100
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    return torch.from_numpy(np.array(mask, dtype=np.float32))[None, None]


def grid_energy(image: Tensor, stride: int) -> float:
    """Return the energy at the multiples of 1 / stride cycles a pixel, over that beside them.

    Of the grey picture (1, 3, H, W) under a Hann window, down and across; 1 where no grid is. A
    network of that stride leaves one.
    """
    power, ratios = spectrum(image), []
    for axis, side in enumerate(power.shape):
        line = power.sum(1 - axis)[: side // 2 + 1]
        for multiple in range(1, stride // 2 + 1):
            at = round(multiple * side / stride)
            own = line[max(at - 1, 0) : at + 2].mean()
            beside = torch.cat([line[max(at - 6, 1) : at - 2], line[at + 3 : at + 7]])
            if len(beside) and beside.mean() > 0:
                ratios.append(float(own / beside.mean()))
    return sum(ratios) / len(ratios) if ratios else math.nan


def effects(judge: Network, image: Tensor, content: Tensor, style: Tensor) -> dict[str, float]:
    """Return the effectiveness and the coherence of a result, higher is better.

    Source: Y20. Departs: features and contours of vgg16-hed; the weights were fitted to people's
    choices with other ones, so that both are indicative. Ranks are at most the positions.
    """
    layers = tuple(RANKS)
    both = both_features(judge, layers, image, style)
    parts = [_closeness(*pair, RANKS[name]) for name, pair in both.items()]
    if len(parts) < len(RANKS):
        return {"effectiveness": math.nan, "coherence": math.nan}
    agreement = _agreement(contours(judge, image), contours(judge, content))
    return {
        "effectiveness": sum(w * part for w, part in zip(EFFECTIVENESS, parts, strict=True)),
        "coherence": COHERENCE[0] * agreement + COHERENCE[1] * parts[0],
    }


def _closeness(a: Tensor, b: Tensor, rank: int) -> float:
    """Return minus the logarithm of the divergence KL(a | b) of Gaussians of features.

    a, b: (1, C, h, w). Along the `rank` first principal components of b.
    """
    x, y = (one[0].flatten(1).T.double() for one in (a, b))
    mean = y.mean(0)
    axes = torch.linalg.eigh(torch.cov(y.T)).eigenvectors.flip(1)
    axes = axes[:, : min(rank, len(x) - 1, len(y) - 1)]
    moments = [(one - mean) @ axes for one in (x, y)]
    floor = 1e-6 * moments[1].var(0).mean() * torch.eye(axes.shape[1], dtype=torch.float64)
    own, goal = (torch.cov(one.T).reshape(floor.shape) + floor for one in moments)
    shift = moments[1].mean(0) - moments[0].mean(0)
    within = torch.linalg.solve(goal, own).trace() + shift @ torch.linalg.solve(goal, shift)
    divergence = (within - len(floor) + torch.logdet(goal) - torch.logdet(own)) / 2
    return -math.log(max(float(divergence), 1e-12))


def _agreement(a: Tensor, b: Tensor) -> float:
    """Return the share of contours (H, W) in [0, 1] that two pictures have in common (Dice)."""
    total = a.square().sum() + b.square().sum()
    return float(2 * (a * b).sum() / total) if total > 0 else 1.0


def contours(judge: Network, image: Tensor) -> Tensor:
    """Return where vgg16-hed sees contours in a picture (1, 3, H, W): (H, W) in [0, 1].

    Source: Xie & Tu 2015, "Holistically-nested edge detection" (fused output).
    """
    heads = _heads()
    with torch.no_grad():
        features = judge(image, CONTOURS)
        sides = []
        for number, name in enumerate(CONTOURS, 1):
            x = features[name].float().cpu()
            side = torch.einsum("c,bchw->bhw", heads[f"side{number}.weight"].flatten(), x)
            side = side + heads[f"side{number}.bias"]
            sides.append(interpolate(side[:, None], image.shape[2:], mode="bilinear")[:, 0])
        fused = torch.einsum("s,sbhw->bhw", heads["fuse.weight"].flatten(), torch.stack(sides))
    return torch.sigmoid(fused[0] + heads["fuse.bias"])


@lru_cache(maxsize=1)
def _heads() -> Mapping[str, Tensor]:
    """Return the filters of the contour heads."""
    tensors = load_file(weights_path("vgg16-hed"))
    return {name: one.float() for name, one in tensors.items() if not name.startswith("features")}
