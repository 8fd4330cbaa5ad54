"""Pairs of channels: how alike they fire, which fire together most, and an order by likeness."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylespace.styles.statistics.matrices import off_diagonal, wide
from stylespace.styles.statistics.orders import leaf_order


@dataclass(frozen=True)
class ChannelPair:
    """Two channels i < j that fire together.

    value: G_ij, in squared units of activation. cosine: G_ij / sqrt(G_ii G_jj), in [0, 1].
    """

    i: int
    j: int
    value: float
    cosine: float


def cosines(gram: Tensor) -> Tensor:
    """Return G_ij / sqrt(G_ii G_jj), (C, C) in float64.

    0 where the entry is 0, as all entries of a dead channel are. Infinite where it is not although
    a channel has no energy: a matrix that no features have.
    """
    matrix = wide(gram)
    lengths = matrix.diagonal().clamp(min=0).sqrt()
    quotients = matrix / lengths[:, None] / lengths
    return torch.where(matrix == 0, 0.0, quotients)


def cosine_values(gram: Tensor) -> Tensor:
    """Return the cosines of all pairs of channels that have energy, each once, ascending: (n,)."""
    return off_diagonal(_live(gram)[1])


def strongest_pairs(
    gram: Tensor, count: int = 8, *, disjoint: bool = False
) -> tuple[ChannelPair, ...]:
    """Return the pairs of channels with the largest entries of a matrix (C, C), largest first.

    Fewer where fewer entries are above 0; of equal ones the one of the lower channels is first.

    disjoint: no channel occurs twice: after the largest entry the largest one of the channels that
    are left, and so on. A loud channel makes many large entries, which look alike in a picture.

    Raises:
        ValueError: a count below 0.
    """
    if count < 0:
        raise ValueError(f"a count of pairs must be at least 0, got {count}")
    matrix, angles = wide(gram), cosines(gram)
    pairs = torch.triu_indices(len(matrix), len(matrix), 1).T.numpy()
    values = matrix[pairs[:, 0], pairs[:, 1]].numpy()
    if disjoint:
        chosen = disjoint_pairs(values, pairs, count)
    else:
        chosen = [k for k in np.argsort(-values, kind="stable")[:count] if values[k] > 0]
    return tuple(
        ChannelPair(int(i), int(j), float(matrix[i, j]), float(angles[i, j]))
        for i, j in pairs[chosen]
    )


def disjoint_pairs(strengths: np.ndarray, pairs: np.ndarray, count: int) -> list[int]:
    """Return the strongest entries of a layer of which no two share a channel, strongest first.

    Args:
        strengths: (p,), >= 0; those that are 0 are never taken. pairs: (p, 2), their channels.
        count: at most so many.
    """
    taken: set[int] = set()
    found: list[int] = []
    for entry in np.argsort(-strengths, kind="stable"):
        if len(found) == count or strengths[entry] <= 0:
            break
        channels = {int(channel) for channel in pairs[entry]}
        if taken.isdisjoint(channels):
            found.append(int(entry))
            taken |= channels
    return found


def similarity_order(gram: Tensor) -> tuple[int, ...]:
    """Return the channels of a matrix (C, C) so that like ones are neighbours.

    Two channels are alike where they fire together with the same others, and as much: their rows of
    cosines are near each other (Euclidean). Average-linkage clusters in optimal leaf order; of the
    two directions the one whose first channel has more energy than its last. Channels without
    energy come last, in the order of their numbers.

    Source: Bar-Joseph et al. 2001 (leaf order).
    """
    live, angles = _live(gram)
    order = live[_leaves(angles.numpy())].tolist()
    energies = wide(gram).diagonal()
    if order and energies[order[0]] < energies[order[-1]]:
        order.reverse()
    return (*order, *(energies <= 0).nonzero().flatten().tolist())


def _live(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Return the numbers of the channels that have energy, (c,), and their cosines, (c, c)."""
    matrix = wide(gram)
    live = (matrix.diagonal() > 0).nonzero().flatten()
    return live, cosines(matrix[live][:, live])


def _leaves(rows: np.ndarray) -> np.ndarray:
    """Return the order of rows (n, m) in which like ones are neighbours, (n,)."""
    if len(rows) < 3:
        return np.arange(len(rows))
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist, squareform

    distances = pdist(rows)
    return np.array(leaf_order(squareform(distances), linkage(distances, "average")))
