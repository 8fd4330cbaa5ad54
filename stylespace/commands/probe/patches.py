"""Patches: where in the bundled paintings two channels fire together.

People foretell what a unit answers to from natural pictures better than from pictures made for it
(Borowski et al. 2021), so that each probe is to be shown beside these.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from stylespace.assets import SAMPLE, paintings
from stylespace.images import resize, resize_to
from stylespace.networks.architectures import Reach
from stylespace.networks.network import Network
from stylespace.styles.gram import gram
from stylespace.styles.sources import open_picture

PAINTING_SIDE = 256
"""Longer side of the paintings in pixels."""
MOST_PATCHES = 9
SMALLEST_PATCH = 48
"""Side in pixels below which a patch shows nothing to the eye, whatever the layer sees."""
SHOWN_SIDE = 160
"""Side in pixels to which every patch is resized."""
LIGHT, BRIGHTEST = 0.9, 3.0
"""What the light twentieth of bright patches comes to at least, and the most that brightens them.
"""


def painting(name: str) -> Tensor:
    """Return a picture by path or sample:NAME at the size that entries are compared at."""
    return resize(open_picture(name), PAINTING_SIDE)


@dataclass(frozen=True, eq=False)
class Patches:
    """Where F_i F_j is largest, strongest first; fewer than nine where there are no more.

    pictures: (n, 3, s, s) in [0, 1]. products: F_i(u) F_j(u) at each. paintings: their names.
    positions: (row, column) in pixels of the painting at 256 px, the centre of what u sees.
    """

    pictures: Tensor
    products: tuple[float, ...]
    paintings: tuple[str, ...]
    positions: tuple[tuple[float, float], ...]

    @property
    def bright(self) -> tuple[Tensor, float]:
        """The pictures times one number, so that dark paintings are seen, and that number."""
        if not len(self.pictures):
            return self.pictures, 1.0
        light = float(self.pictures.mean(1).flatten().quantile(0.95))
        factor = min(max(LIGHT / max(light, 1e-6), 1.0), BRIGHTEST)
        return (factor * self.pictures).clamp(max=1), factor


@dataclass(frozen=True)
class _Place:
    """Where the patches of one painting lie, in its pixels.

    side: of each. rows (h,), columns (w,): centres of what the positions see. tops (h,), lefts
    (w,): corners of their patches, inside the painting.
    """

    side: int
    rows: Tensor
    columns: Tensor
    tops: Tensor
    lefts: Tensor

    def centre(self, row: int, column: int) -> tuple[float, float]:
        """Return the centre of what a position sees."""
        return float(self.rows[row]), float(self.columns[column])

    def crop(self, picture: Tensor, row: int, column: int) -> Tensor:
        """Return the patch of a position of picture (1, 3, H, W), resized: (1, 3, s, s)."""
        top, left = int(self.tops[row]), int(self.lefts[column])
        patch = picture[..., top : top + self.side, left : left + self.side]
        return resize_to(patch, SHOWN_SIDE, SHOWN_SIDE)

    def inside(self, row: int, column: int, reach: Reach, features: Tensor) -> Tensor:
        """Return what a layer (1, C, h, w) of that reach holds in a patch, (C, n)."""
        corners = self.tops[row], self.lefts[column]
        down, across = (
            ((centre >= corner) & (centre < corner + self.side)).nonzero()[:, 0]
            for length, corner in zip(features.shape[2:], corners, strict=True)
            for centre in [_centres(reach, length)]
        )
        return features[0][:, down][:, :, across].flatten(1)

    def others(self, row: int, column: int) -> Tensor:
        """(h, w): True where a patch lies half a side or more from that of a position."""
        down = (self.tops - self.tops[row]).abs()[:, None]
        across = (self.lefts - self.lefts[column]).abs()
        return torch.maximum(down, across) >= self.side / 2


class Paintings:
    """The bundled paintings at 256 px as a network sees them; each evaluated once a layer.

    Keeps the features of the layer asked for last, and the Gram matrices of every layer.

    Args:
        network: that measures.
        pictures: {name: (1, 3, H, W)}, taken as they are in place of the bundled paintings.
    """

    def __init__(self, network: Network, pictures: Mapping[str, Tensor] | None = None) -> None:
        self.network, self._opened = network.precise, pictures
        self._layer = ""
        self._features: list[Tensor] = []
        self._grams: dict[str, Tensor] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the paintings, in the order of all that is returned."""
        return tuple(self._pictures())

    def values(self, layer: str, i: int, j: int) -> list[float]:
        """Return G_ij of a layer in every painting, in the order of their names."""
        return self._all_grams(layer)[:, i, j].tolist()

    def percentile(
        self, layer: str, i: int, j: int, value: float, window: tuple[int, int]
    ) -> float:
        """Return the percentage of windows of the paintings whose mean F_i F_j is below a value.

        A value that is itself a mean over a picture is compared with its like: means vary the less
        the more positions they are over.

        window: (h, w) positions of the layer, of the picture that has the value; the windows are
            as large, or as a painting is where it is smaller, and lie at every position.
        """
        products = self._products(layer, i, j)
        means = torch.cat([_window_means(product, *window).flatten() for product in products])
        return 100 * float((means < value).double().mean())

    def agreement(self, layer: str) -> float:
        """Return the median cosine between a layer's Gram matrices of two different paintings.

        NaN of a single painting.
        """
        cosines = gram_cosines(tuple(self._all_grams(layer).double()))
        return median(cosines) if cosines else float("nan")

    def patches(self, layer: str, i: int, j: int) -> Patches:
        """Return the nine patches in which channels i and j fire together most.

        Each is a square around the centre of the receptive field, as large as it (at least 48 px,
        at most the painting's shorter side), moved inside the painting at its borders. In one
        painting two patches lie at least half a side apart, along one axis or both. Positions
        where one of the channels is silent are left out.
        """
        pictures = list(self._pictures().values())
        frames, strongest = self._found(layer, i, j)
        crops = [frames[k].crop(pictures[k], row, column) for _, k, row, column in strongest]
        return Patches(
            torch.cat(crops) if crops else torch.zeros(0, 3, SHOWN_SIDE, SHOWN_SIDE),
            tuple(product for product, *_ in strongest),
            tuple(self.names[k] for _, k, *_ in strongest),
            tuple(frames[k].centre(row, column) for _, k, row, column in strongest),
        )

    def activations(self, layer: str, i: int, j: int, names: Sequence[str]) -> dict[str, Tensor]:
        """Return what layers hold inside the nine patches of an entry, {layer: (C, n)}.

        Of the whole paintings' features, so that a patch has its surroundings; empty where there is
        no patch.
        """
        frames, strongest = self._found(layer, i, j)
        pictures, parts = list(self._pictures().values()), defaultdict(list)
        for k in sorted({k for _, k, *_ in strongest}):
            with torch.no_grad():
                features = self.network(pictures[k], list(names))
            for _, _, row, column in (one for one in strongest if one[1] == k):
                for name, values in features.items():
                    inside = frames[k].inside(row, column, self.network.reach(name), values.cpu())
                    parts[name].append(inside)
        return {name: torch.cat(found, 1) for name, found in parts.items()}

    def _found(
        self, layer: str, i: int, j: int
    ) -> tuple[list[_Place], list[tuple[float, int, int, int]]]:
        """Return the frame of every painting, and the `_strongest` places."""
        pictures = self._pictures().values()
        products = [product.clone() for product in self._products(layer, i, j)]
        frames = [self._frame(layer, *pair) for pair in zip(pictures, products, strict=True)]
        return frames, _strongest(products, frames)

    def _pictures(self) -> Mapping[str, Tensor]:
        if self._opened is None:
            self._opened = {name: painting(SAMPLE + name) for name in paintings()}
        return self._opened

    def _all_grams(self, layer: str) -> Tensor:
        """Return the Gram matrix of every painting, (n, C, C)."""
        if layer not in self._grams:
            self._grams[layer] = torch.cat([gram(features) for features in self._seen(layer)])
        return self._grams[layer]

    def _seen(self, layer: str) -> list[Tensor]:
        """Return the features (1, C, h, w) of every painting."""
        if layer != self._layer:
            self._features, self._layer = [], ""  # the old ones go before the new ones come
            pictures = self._pictures().values()
            with torch.no_grad():
                self._features = [self.network(one, [layer])[layer].cpu() for one in pictures]
            self._layer = layer
        return self._features

    def _products(self, layer: str, i: int, j: int) -> list[Tensor]:
        """Return F_i F_j in every painting, (h, w)."""
        return [features[0, i] * features[0, j] for features in self._seen(layer)]

    def _frame(self, layer: str, picture: Tensor, product: Tensor) -> _Place:
        """Return where the patches of a painting (1, 3, H, W) lie, for a product (h, w)."""
        reach = self.network.reach(layer)
        side = min(max(reach.field, SMALLEST_PATCH), *picture.shape[-2:])
        centres = [_centres(reach, count) for count in product.shape]
        corners = (
            (centre - (side - 1) / 2).round().long().clamp(0, length - side)
            for centre, length in zip(centres, picture.shape[-2:], strict=True)
        )
        return _Place(side, *centres, *corners)


def _centres(reach: Reach, count: int) -> Tensor:
    """Return the centres, in pixels, of what `count` positions of a layer see."""
    return torch.arange(count) * reach.stride + (reach.after - reach.before) / 2


def gram_cosines(grams: Sequence[Tensor]) -> list[float]:
    """Return the cosine between Gram matrices (C, C), two by two: 1 where they are alike."""
    return [
        float((a * b).sum() / (float(a.norm() * b.norm()) or 1)) for a, b in combinations(grams, 2)
    ]


def _window_means(product: Tensor, height: int, width: int) -> Tensor:
    """Return the mean of every window of a map (h, w); one larger than the map is cut to it."""
    rows, columns = min(height, product.shape[0]), min(width, product.shape[1])
    return avg_pool2d(avg_pool2d(product[None], (rows, 1), 1), (1, columns), 1)[0]


def _strongest(
    products: Sequence[Tensor], frames: Sequence[_Place]
) -> list[tuple[float, int, int, int]]:
    """Return (product, painting, row, column) of the strongest, their neighbourhoods left out.

    products: (h, w) of each painting; changed.
    """
    strongest: list[tuple[float, int, int, int]] = []
    while len(strongest) < MOST_PATCHES:
        peaks = [float(product.max()) for product in products]
        k = max(range(len(peaks)), key=peaks.__getitem__)
        if peaks[k] <= 0:
            break
        row, column = divmod(int(products[k].argmax()), products[k].shape[1])
        strongest.append((peaks[k], k, row, column))
        products[k] *= frames[k].others(row, column)
    return strongest
