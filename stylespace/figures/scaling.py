"""Classical multidimensional scaling: points in the plane from a matrix of distances."""

import numpy as np

from stylespace.figures import drawing


def classical_scaling(matrix: drawing.Values) -> tuple[np.ndarray, float]:
    """Return the points whose distances in the plane come closest to a matrix's, and how close.

    Each axis points to where its largest coordinate is positive, so that the map of the same
    distances is the same everywhere.

    Args:
        matrix: (n, n), symmetric distances >= 0.

    Returns:
        Coordinates (n, 2), centred, the wider axis first; the share in [0, 1] of the distances'
        variance that they explain: of the two largest eigenvalues in the sizes of all. 1 where
        all distances are 0. Distances that no points have, in any number of dimensions, have
        negative eigenvalues, which count against the map.

    Raises:
        ValueError: the matrix is not square and symmetric.

    Source: Torgerson 1952; Mardia, Kent & Bibby 1979, section 14.2 and eq. 14.4.7.
    """
    distances = drawing.array(matrix)
    check_distances(distances)
    squares = np.square((distances + distances.T) / 2)
    centred = squares - squares.mean(0) - squares.mean(1)[:, np.newaxis] + squares.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    largest = np.maximum(values[::-1][:2], 0.0)
    points = np.zeros((len(distances), 2))
    points[:, : len(largest)] = vectors[:, ::-1][:, :2] * np.sqrt(largest)
    peaks = points[np.abs(points).argmax(0), (0, 1)]
    total = np.abs(values).sum()
    return points * np.where(peaks < 0, -1.0, 1.0), float(largest.sum() / total) if total else 1.0


def check_distances(matrix: np.ndarray) -> None:
    """Refuse what is no matrix of distances.

    Raises:
        ValueError: the matrix is not square and symmetric.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise ValueError(f"distances must be (n, n), got {matrix.shape}")
    if not np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-9 * np.abs(matrix).max()):
        raise ValueError("distances must be symmetric; take the mean of both directions")
