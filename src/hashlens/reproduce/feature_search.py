"""Exact search by Euclidean distance, among all items or among candidates."""

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_matrix

Ids = NDArray[np.int64]

_AT_ONCE = 1 << 16  # numbers


class FeatureSearch:
    """Exact nearest neighbours by Euclidean distance, in memory.

    A product of the matrix and the query gives all distances but for rounding; what may be among
    the nearest is then compared again by its differences from the query, in float32. So a search
    among all items and one among candidates that are all items give the same.

    Parameters
    ----------
    vectors : float32 (n, d)
        They are copied, out of a file too.

    Examples
    --------
    >>> search = FeatureSearch(np.array([[0, 0], [3, 4], [1, 0]], np.float32))
    >>> search.nearest(np.array([1, 1], np.float32), 2)
    array([2, 0])
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.vectors = np.array(check_matrix("vectors", vectors), np.float32)
        self._squares = np.einsum("ij,ij->i", self.vectors, self.vectors)
        self._largest = float(self._squares.max())

    def nearest(self, query: NDArray[np.float32], k: int) -> Ids:
        """Find the k nearest of all items, by distance, then id."""
        scores = self._squares - 2 * (self.vectors @ query)  # |x - q|^2 - |q|^2
        k = min(k, len(scores))
        limit = np.partition(scores, k - 1)[k - 1] + self._rounding(query)
        return self.order(np.flatnonzero(scores <= limit), query, k)

    def order(self, ids: Ids, query: NDArray[np.float32], k: int) -> Ids:
        """Find the k nearest of some items, by distance, then id."""
        distances = self._distances(ids, query)
        if k < len(ids):
            near = distances <= np.partition(distances, k - 1)[k - 1]
            ids, distances = ids[near], distances[near]
        nearest: Ids = ids[np.lexsort((ids, distances))[:k]]
        return nearest

    def _distances(self, ids: Ids, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squared distances, a few rows at a time, so that their differences stay in the cache."""
        distances = np.empty(len(ids), np.float32)
        step = max(1, _AT_ONCE // len(query))
        for start in range(0, len(ids), step):
            rows = slice(start, start + step)
            differences = self.vectors[ids[rows]]
            differences -= query
            np.einsum("ij,ij->i", differences, differences, out=distances[rows])
        return distances

    def _rounding(self, query: NDArray[np.float32]) -> float:
        """Bound how far two scores may be off: sums of d products, each off by half a unit."""
        unit = 2.0**-24  # of a float32
        largest = max(self._largest, float(query @ query))
        n_products = int(self.vectors.shape[1])
        return 2 * (4 * n_products + 8) * unit * largest
