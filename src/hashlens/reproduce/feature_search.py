"""Exact search by Euclidean distance, among all items or among candidates."""

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_matrix
from hashlens.neighbors import Neighbors
from hashlens.search.rerank.features import rerank

Ids = NDArray[np.int64]


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
        k = min(k, len(ids))
        if k == 0:
            return ids[:0]
        candidates = Neighbors(np.zeros((1, len(ids)), np.int32), ids[None])
        nearest: Ids = rerank(candidates, query[None], self.vectors, k=k).ids[0]
        return nearest

    def _rounding(self, query: NDArray[np.float32]) -> float:
        """Bound how far two scores may be off: sums of d products, each off by half a unit."""
        unit = 2.0**-24  # of a float32
        largest = max(self._largest, float(query @ query))
        n_products = int(self.vectors.shape[1])
        return 2 * (4 * n_products + 8) * unit * largest
