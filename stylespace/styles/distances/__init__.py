"""Distances between styles, chosen by name, in memory or over many style files.

Relative distances to a target are what matching losses are. Between two styles of equal standing
there are four kinds, all of them free of units, symmetric, never negative, 0 for the same style:

| kind          | of two styles, per layer                                | range  | a metric |
|---------------|---------------------------------------------------------|--------|----------|
| `gram`        | squared Frobenius distance by the mean squared norm     | [0, 2] | its root |
| `cosine`      | 1 - cosine of the two Gram matrices                     | [0, 1] | its root |
| `bures`       | squared Wasserstein-2 distance of the normal            | [0, 2] | its root |
|               | distributions of (mean, covariance), by the mean energy |        |          |
| `wasserstein` | Wasserstein-1 distance of the sorted entries, as a      | [0, 1] | itself   |
|               | share of the area under the higher of the two           |        |          |

The ranges are those of ReLU features, whose entries and means are not negative. `as_metric` takes
the roots. `symmetric_distances` compares two styles layer by layer in one of them,
`distance_matrix` a few with each other, `streamed_distances` hundreds of files. Even as metrics,
only `bures` tells every two layers apart: `gram` does not see the mean, `cosine` does not see the
scale either, and `wasserstein` does not see which channel is which.
"""

from stylespace.styles.distances.bures import bures_distance
from stylespace.styles.distances.kinds import DISTANCES, Distance, distance_named
from stylespace.styles.distances.matrices import (
    TOGETHER,
    as_metric,
    distance_matrix,
    style_distances,
    symmetric_distances,
    together,
)
from stylespace.styles.distances.relative import (
    geometric_mean,
    gram_distances,
    layer_pairs,
    relative_distance,
)
from stylespace.styles.distances.streamed import (
    BURES_MOST,
    StreamedDistances,
    streamed_distances,
    style_header,
)
