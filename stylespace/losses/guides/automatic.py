"""Automatic guides: the parts of two pictures that deep features hold to be of one kind."""

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.errors import UsageError
from stylespace.images import resize_to
from stylespace.losses.guides.regions import Regions, place_in_words
from stylespace.networks.network import Network
from stylespace.settings.shared import default_content_layer

SIDE = 256
"""Longer side in pixels at which pictures are compared: regions need no finer features."""
SIMILAR = 0.5
"""Least cosine of the two sides of a region, an angle of 60 degrees. Mirrored and recoloured
photographs reach .85 to 1; three photographs with a painting or each other give .35 to .91."""
MASK_SIDE = 1024
"""Longer side in pixels of the largest masks: larger ones hold no more."""
LEAST_SHARE = 0.02
"""Share of the style that a region needs there: less is chance, and too little for statistics."""
MOST_REGIONS = 12
"""Regions that can be told apart in a figure."""
STARTS, ROUNDS = 4, 30
"""Of the clustering: the best of so many starts, each at most so many rounds."""


@torch.no_grad()
def matched_regions(
    network: Network,
    content: Tensor,
    style: Tensor,
    *,
    count: int = 6,
    layer: str | None = None,
    seed: int = 0,
) -> Regions:
    """Find regions of two pictures that are of one kind, whatever their colours.

    The positions of both pictures are clustered together by the direction of their features,
    spherical k-means seen from the middle of both; a region is a cluster's positions in each
    picture. So that colours and the way that a picture faces do not count, the features are those
    of the grey picture (the mean of its channels, brought to one mean and contrast), averaged with
    those of its mirror image, which makes them mirror exactly. A region of the content that takes
    less than LEAST_SHARE of the style, or whose two means have a cosine below SIMILAR, has no
    partner: its style mask is zero all over, and the remarks name it.

    Args:
        network: whose features are compared; at the border it reads the last pixels again.
        content, style: (1, 3, H, W) and (1, 3, H', W') in [0, 1].
        count: clusters, 1 to MOST_REGIONS; those that the content does not hold are left out.
        layer: default: the network's content layer (conv4_2 of VGG): finer than the fifth block,
            which moves borders by half a stride of 16 pixels, and less broken up than the third.
        seed: of the clustering's starts.

    Returns:
        Regions of the pictures at their own sizes, or with MASK_SIDE pixels on the longer side of
        larger ones: masks of 0 and 1 that do not overlap, the content's without a rest.

    Raises:
        UsageError: `count` out of range, an unknown layer, or a picture too small for it.

    Source: Dhillon & Modha 2001 (spherical k-means); Arthur & Vassilvitskii 2007 (its starts).
    """
    if not 1 <= count <= MOST_REGIONS:
        raise UsageError(f"{count} regions: 1 to {MOST_REGIONS} can be asked for.")
    network, layer = network.precise, layer or default_content_layer(network.name)
    pictures = (content, style)
    directions = _directions([matched_features(network, one, layer) for one in pictures])
    centres = _centres(directions, count, seed)
    masks, means = [], []
    for one, picture in zip(directions, pictures, strict=True):
        likeness = torch.einsum("kc,bchw->bkhw", centres, one)
        # Averaged over each position and its neighbours: regions hang together.
        likeness = F.avg_pool2d(likeness, 3, 1, 1, count_include_pad=False)
        masks.append(_hard(likeness, _bounded(picture, MASK_SIDE)))
        inside = _hard(likeness, (one.shape[2], one.shape[3]))
        means.append(torch.einsum("bkhw,bchw->kc", inside, one))
    held = masks[0].sum((0, 2, 3)) > 0
    similarity = (F.normalize(means[0]) * F.normalize(means[1])).sum(1)
    return _paired(masks[0][:, held], masks[1][:, held], similarity[held])


def _paired(content: Tensor, style: Tensor, similarity: Tensor) -> Regions:
    """Number the regions from the largest in the content, and name those without a partner."""
    areas = content.mean((0, 2, 3))
    order = areas.argsort(descending=True, stable=True)
    content, style, similarity = content[:, order], style[:, order], similarity[order]
    share = style.mean((0, 2, 3))
    alone = ((share < LEAST_SHARE) | (similarity < SIMILAR)).cpu()
    names = tuple(
        f"region {number} ({float(area):.0%} of the content, around the {place_in_words(mask)})"
        for number, (area, mask) in enumerate(zip(areas[order], content[0], strict=True), start=1)
    )
    unmatched = tuple(alone.nonzero()[:, 0].tolist())
    remarks = tuple(
        f"{names[k]} has no partner in the style ({_reason(float(share[k]), float(similarity[k]))})"
        ": it takes after the whole style."
        for k in unmatched
    )
    style = style * (~alone)[None, :, None, None].to(style)
    return Regions(content, style, names, tuple(similarity.tolist()), unmatched, remarks)


def _reason(share: float, similarity: float) -> str:
    if share < LEAST_SHARE:
        return f"{share:.1%} of it is alike, less than {LEAST_SHARE:.0%}"
    return f"cosine {similarity:.2f}, below {SIMILAR}"


def matched_features(network: Network, picture: Tensor, layer: str | None = None) -> Tensor:
    """Return features (1, C, h, w) that mirror with the picture and do not know its colours.

    layer: see `matched_regions`.
    """
    layer = layer or default_content_layer(network.name)
    network = network.with_padding("replicate")  # zeros would make the border a region
    stride = network.reach(layer).stride
    # Sides that the stride divides: the mirror image is cut at the same places.
    sides = (max(1, round(n / stride)) * stride for n in _bounded(picture, SIDE))
    grey = _evened(resize_to(picture, *sides).mean(1, keepdim=True)).expand(-1, 3, -1, -1)
    there, back = (network(one, [layer])[layer] for one in (grey, grey.flip(3)))
    return (there + back.flip(3)) / 2


def _bounded(picture: Tensor, side: int) -> tuple[int, int]:
    """Return (H, W) of a picture, made smaller where its longer side is longer than `side`."""
    scale = min(1.0, side / max(picture.shape[2:]))
    height, width = (max(1, round(scale * n)) for n in picture.shape[2:])
    return height, width


MIDDLE, CONTRAST = 0.45, 0.22
"""Mean and standard deviation of grey photographs, which every picture is brought to."""


def _evened(grey: Tensor) -> Tensor:
    """Bring a grey picture to one mean and contrast; one of a single grey has none to bring."""
    deviation = grey.std(correction=0).clamp(min=1 / 255)
    return (grey - grey.mean()) / deviation * CONTRAST + MIDDLE


EVEN = 1e-3
"""Distance from the mean below which features are all alike: rounding, in an even picture."""


def _directions(features: list[Tensor]) -> list[Tensor]:
    """Return features as unit vectors, seen from halfway between their own mean and that of both.

    Positions are brought to length 1 first, so that contrast does not count. From its own mean
    every picture would hold every kind, and partners be found where there are none; from the mean
    of both alone, photographs and paintings fall apart.
    """
    units = [F.normalize(one, dim=1) for one in features]
    own = [one.mean((2, 3), keepdim=True) for one in units]
    both = sum(own) / len(own)
    return [
        F.normalize(one - (mean + both) / 2, dim=1, eps=EVEN)
        for one, mean in zip(units, own, strict=True)
    ]


def _centres(directions: list[Tensor], count: int, seed: int) -> Tensor:
    """Cluster unit vectors (1, C, h, w) of both pictures together: (count, C), unit or zero.

    Each picture counts alike, whatever its number of positions.
    """
    flat = [one.flatten(2)[0].T for one in directions]
    points = torch.cat(flat).cpu().double()
    weights = torch.cat([torch.full((len(one),), 1 / len(one)) for one in flat]).double()
    generator = torch.Generator().manual_seed(seed)
    found = [
        _rounds(points, weights, _start(points, weights, count, generator)) for _ in range(STARTS)
    ]
    return max(found, key=lambda one: one[0])[1].to(directions[0])


def _start(points: Tensor, weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw `count` points, each the likelier the farther it lies from those before."""
    chance, drawn = weights, []
    for _ in range(count):
        drawn.append(points[torch.multinomial(chance, 1, generator=generator)])
        distance = (1 - (points @ torch.cat(drawn).T).amax(1)).clamp(min=0)
        chance = weights * (distance + 1e-12)  # points that are all alike are drawn all the same
    return torch.cat(drawn)


def _rounds(points: Tensor, weights: Tensor, centres: Tensor) -> tuple[float, Tensor]:
    """Move centres to the mean directions of their points until they stay; return the fit too."""
    labels = None
    for _ in range(ROUNDS):
        nearest = (points @ centres.T).argmax(1)
        if labels is not None and bool((nearest == labels).all()):
            break
        labels = nearest
        sums = torch.zeros_like(centres).index_add_(0, labels, points * weights[:, None])
        centres = F.normalize(sums, dim=1)
    return float(((points @ centres.T).amax(1) * weights).sum()), centres


def _hard(likeness: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return masks (1, K, H, W) of 0 and 1: to which centre every pixel is most alike."""
    fine = F.interpolate(likeness, shape, mode="bilinear", align_corners=False)
    numbers = torch.arange(likeness.shape[1], device=likeness.device)[:, None, None]
    return (fine.argmax(1, keepdim=True) == numbers).to(likeness)
