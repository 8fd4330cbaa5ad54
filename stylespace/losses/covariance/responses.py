"""Content responses: what a position shows, as a few soft maps on a layer's grid.

A layer of hundreds of channels says what stands where in more words than a loss over all of them
can afford. `reduced` says it in `count` maps, the same ones for both pictures.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from stylespace.errors import UsageError, unknown

SEED = 0
ROUNDS = 400
"""Rounds of the non-negative factorisation at most."""


@dataclass(frozen=True, eq=False)
class Reduced:
    """Soft maps of two pictures.

    content: (1, count, h, w). style: (1, count, h', w'). explained: the share in [0, 1] of the
    responses' energy, both pictures counting alike, that the maps hold.
    """

    content: Tensor
    style: Tensor
    explained: float


def reduced(
    content: Tensor, style: Tensor, count: int, method: str = "pca", *, centred: bool = False
) -> Reduced:
    """Reduce the responses of two pictures to `count` maps that mean the same in both.

    All methods are fitted to the positions of both pictures together, each picture with the same
    say whatever its size, and are deterministic.

    "pca": the directions of most energy, as signed maps, strongest first. At full rank the
    covariance distance does not change. "nmf": non-negative parts, strongest first, each scaled to
    a unit vector of channels. "kmeans": clusters, as the share that each has in a position:
    exp(-d^2 / 2 v) of the distance d to its centre, v the mean square of the distances to the
    nearest one, adding up to 1 over the maps.

    Args:
        content: (1, K, h, w). style: (1, K, h', w'), of the same layer and network.
        count: 1 to K, and not above the number of positions. method: one of REDUCTIONS.
        centred: count the energy about each picture's mean response, and fit "pca" to it: for
            the centred form of the distance.

    Raises:
        UsageError: an unknown method, a count out of range, negative responses for "nmf".
        ValueError: shapes that do not go together.

    Departs: "pca" takes no common mean off, or the distance at full rank would be another.
    """
    if method not in REDUCTIONS:
        raise unknown("method", method, REDUCTIONS)
    _check(content, style, count)
    pictures = [_rows(one) for one in (content, style)]
    energy = _energy(pictures, centred)
    if energy == 0 and method != "kmeans":
        maps, explained = [np.zeros((len(one), count)) for one in pictures], 1.0
    else:
        maps, fitted = REDUCTIONS[method](pictures, count, centred)
        rests = [one - other for one, other in zip(pictures, fitted, strict=True)]
        explained = 1 - _energy(rests, centred) / energy if energy else 1.0
    a, b = (_maps(rows, like) for rows, like in zip(maps, (content, style), strict=True))
    return Reduced(a, b, min(1.0, max(0.0, explained)))


def on_grid(responses: Tensor, grid: Sequence[int]) -> Tensor:
    """Bring responses to a grid (h, w): means over area where it is coarser, else bilinear.

    Each side by itself. Both keep a constant map and the range of values.

    Args:
        responses: (B, K, h', w'), of the whole picture, as the grid is.
    """
    if tuple(responses.shape[2:]) == tuple(grid):
        return responses
    height, width = (min(n, m) for n, m in zip(responses.shape[2:], grid, strict=True))
    means = adaptive_avg_pool2d(responses, (height, width))
    return interpolate(means, tuple(grid), mode="bilinear", align_corners=False)


Rows = list[np.ndarray]
Reduction = Callable[[Rows, int, bool], tuple[Rows, Rows]]


def _check(content: Tensor, style: Tensor, count: int) -> None:
    shapes = f"{tuple(content.shape)} and {tuple(style.shape)}"
    if content.ndim != 4 or style.ndim != 4 or len(content) != 1 or len(style) != 1:
        raise ValueError(f"responses must be (1, K, h, w), got {shapes}")
    if content.shape[1] != style.shape[1]:
        raise ValueError(f"responses of as many channels are needed, got {shapes}")
    most = min(content.shape[1], sum(one[0, 0].numel() for one in (content, style)))
    if not 1 <= count <= most:
        raise UsageError(
            f"{count} content maps: 1 to {most}, the channels and positions there are."
        )


def _rows(responses: Tensor) -> np.ndarray:
    """(1, K, h, w) -> (N, K), divided by sqrt(N): the squares add up to a mean over positions."""
    rows = responses[0].detach().flatten(1).T.cpu().double().numpy()
    return rows / len(rows) ** 0.5


def _maps(rows: np.ndarray, like: Tensor) -> Tensor:
    """(N, count) -> (1, count, h, w), in the precision and on the device of the responses."""
    whole = torch.from_numpy(np.ascontiguousarray(rows.T)).to(like)
    return whole.view(1, -1, *like.shape[2:])


def _energy(pictures: Rows, centred: bool) -> float:
    own = [one - one.mean(0) for one in pictures] if centred else pictures
    return float(sum(np.square(one).sum() for one in own))


def _principal(pictures: Rows, count: int, centred: bool) -> tuple[Rows, Rows]:
    own = [one - one.mean(0) for one in pictures] if centred else pictures
    vectors = np.linalg.eigh(sum(one.T @ one for one in own))[1][:, : -count - 1 : -1]
    largest = np.abs(vectors).argmax(0)
    vectors = vectors * np.sign(vectors[largest, range(count)])  # eigenvectors have no sign
    scores = [one @ vectors for one in pictures]
    return [_counted(one) for one in scores], [one @ vectors.T for one in scores]


def _parts(pictures: Rows, count: int, centred: bool) -> tuple[Rows, Rows]:
    if min(one.min() for one in pictures) < 0:
        raise UsageError("negative responses have no nmf: take pca, or responses after the ReLU.")
    from sklearn.decomposition import NMF

    model = NMF(count, init="nndsvda", random_state=SEED, max_iter=ROUNDS)
    shares = _quietly(model.fit_transform, np.concatenate(pictures))
    lengths = np.linalg.norm(model.components_, axis=1)
    unit = model.components_ / np.where(lengths > 0, lengths, 1)[:, None]
    shares = shares * lengths
    order = np.argsort(-np.square(shares).sum(0), kind="stable")
    both = _apart(shares[:, order], pictures)
    return [_counted(one) for one in both], [one @ unit[order] for one in both]


def _clusters(pictures: Rows, count: int, centred: bool) -> tuple[Rows, Rows]:
    from sklearn.cluster import KMeans

    values = np.concatenate([_counted(one) for one in pictures])
    say = np.concatenate([np.full(len(one), 1 / len(one)) for one in pictures])
    model = KMeans(count, n_init=4, random_state=SEED)
    labels = _quietly(model.fit_predict, values, sample_weight=say)
    centres = model.cluster_centers_
    squares = np.square(model.transform(values))
    width = np.average(squares.min(1), weights=say) or 1.0
    shares = np.exp(-(squares - squares.min(1, keepdims=True)) / (2 * width))
    shares /= shares.sum(1, keepdims=True)
    fitted = [one / len(one) ** 0.5 for one in _apart(centres[labels], pictures)]
    return _apart(shares, pictures), fitted


def _quietly(fit: Callable[..., np.ndarray], *values: object, **options: object) -> np.ndarray:
    """Fit without a word on rounds that ran out or points that coincide: the energy says it."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit(*values, **options)


def _counted(rows: np.ndarray) -> np.ndarray:
    """Undo the division by sqrt(N)."""
    return rows * len(rows) ** 0.5


def _apart(rows: np.ndarray, pictures: Rows) -> Rows:
    """Cut rows of both pictures into those of each."""
    return np.split(rows, [len(pictures[0])])


REDUCTIONS: dict[str, Reduction] = {"pca": _principal, "nmf": _parts, "kmeans": _clusters}
"""How responses can be reduced."""
