"""The index under the names that scikit-learn gives its neighbour searches."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_choice
from hashlens.codes import Codes
from hashlens.neighbors import Neighbors, RadiusNeighbors

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MODES = ("connectivity", "distance")


class NeighborMethods:
    """``kneighbors`` and its kin, as of :class:`sklearn.neighbors.NearestNeighbors`.

    They take packed codes and give distances in bits, and ids where scikit-learn gives rows.
    Without queries, each code of the index asks, and does not find itself.
    """

    @property
    @abstractmethod
    def ids(self) -> NDArray[np.int64]:
        """Ids in ascending order."""

    @abstractmethod
    def codes(self) -> Codes:
        """Packed codes in the order of the ids."""

    @abstractmethod
    def search(self, queries: object, k: int) -> Neighbors:
        """Find the k nearest codes of each query."""

    @abstractmethod
    def radius_search(self, queries: object, radius: int) -> RadiusNeighbors:
        """Find all codes within a radius of each query."""

    def kneighbors(
        self, X: object = None, n_neighbors: int = 5, return_distance: bool = True
    ) -> tuple[NDArray[Any], NDArray[np.int64]] | NDArray[np.int64]:
        """Find the nearest codes of each query.

        Parameters
        ----------
        X : uint8 array of shape (n_queries, ceil(n_bits / 8)), optional
        n_neighbors : int, >= 1
        return_distance : bool

        Returns
        -------
        distances : int32 array of shape (n_queries, n_neighbors), bits
            Only if `return_distance`.
        ids : int64 array of shape (n_queries, n_neighbors)
            By distance, then id; -1 where there are no more codes.

        Examples
        --------
        >>> from hashlens.search import HammingIndex
        >>> index = HammingIndex(np.array([[0], [1], [7]], np.uint8), 3)
        >>> index.kneighbors(n_neighbors=1)
        (array([[1],
               [1],
               [2]], dtype=int32), array([[1],
               [0],
               [1]]))
        """
        found = self.search(X, n_neighbors) if X is not None else self._others(n_neighbors)
        return (found.distances, found.ids) if return_distance else found.ids

    def radius_neighbors(
        self, X: object = None, radius: int = 1, return_distance: bool = True
    ) -> tuple[NDArray[Any], NDArray[Any]] | NDArray[Any]:
        """Find all codes within a radius of each query.

        Parameters
        ----------
        X : uint8 array of shape (n_queries, ceil(n_bits / 8)), optional
        radius : int, >= 0, bits
        return_distance : bool

        Returns
        -------
        distances : object array of shape (n_queries,) of int32 arrays, bits
            Only if `return_distance`.
        ids : object array of shape (n_queries,) of int64 arrays
            Each by distance, then id.

        Examples
        --------
        >>> from hashlens.search import HammingIndex
        >>> index = HammingIndex(np.array([[0], [1], [7]], np.uint8), 3)
        >>> index.radius_neighbors(radius=1, return_distance=False)
        array([array([1]), array([0]), array([], dtype=int64)], dtype=object)
        """
        balls = self._ball(X, radius)
        distances, ids = np.empty((2, len(balls)), object)
        for query in range(len(balls)):
            part = slice(balls.offsets[query], balls.offsets[query + 1])
            distances[query], ids[query] = balls.distances[part], balls.ids[part]
        return (distances, ids) if return_distance else ids

    def kneighbors_graph(
        self, X: object = None, n_neighbors: int = 5, mode: str = "connectivity"
    ) -> "csr_array[Any, tuple[int, int]]":
        """Give the nearest codes as a sparse matrix (n_queries, n_items).

        Columns are in the order of :attr:`ids`. `mode` is "connectivity" (ones) or "distance".

        Examples
        --------
        >>> from hashlens.search import HammingIndex
        >>> index = HammingIndex(np.array([[0], [1], [7]], np.uint8), 3)
        >>> index.kneighbors_graph(n_neighbors=1).toarray()
        array([[0., 1., 0.],
               [1., 0., 0.],
               [0., 1., 0.]])
        """
        check_choice("mode", mode, MODES)
        found = self.search(X, n_neighbors) if X is not None else self._others(n_neighbors)
        offsets = np.concatenate([[0], np.cumsum(found.found.sum(axis=1))])
        return self._graph(offsets, found.distances[found.found], found.ids[found.found], mode)

    def radius_neighbors_graph(
        self, X: object = None, radius: int = 1, mode: str = "connectivity"
    ) -> "csr_array[Any, tuple[int, int]]":
        """Give all codes within a radius as a sparse matrix (n_queries, n_items).

        Columns are in the order of :attr:`ids`. `mode` is "connectivity" (ones) or "distance":
        what ``DBSCAN(metric="precomputed")`` takes.
        """
        check_choice("mode", mode, MODES)
        balls = self._ball(X, radius)
        return self._graph(balls.offsets, balls.distances, balls.ids, mode)

    def _graph(
        self, offsets: NDArray[Any], distances: NDArray[Any], ids: NDArray[np.int64], mode: str
    ) -> "csr_array[Any, tuple[int, int]]":
        from scipy.sparse import csr_array

        values = distances.astype(np.float64) if mode == "distance" else np.ones(len(ids))
        columns = np.searchsorted(self.ids, ids)
        return csr_array((values, columns, offsets), shape=(len(offsets) - 1, len(self.ids)))

    def _others(self, k: int) -> Neighbors:
        """The k nearest of each code of the index but itself."""
        found = self.search(self.codes(), k + 1)
        kept = found.ids != self.ids[:, None]
        kept[kept.all(axis=1), -1] = False  # more than k equal codes of smaller id
        shape = (len(kept), k)
        return Neighbors(found.distances[kept].reshape(shape), found.ids[kept].reshape(shape))

    def _ball(self, X: object, radius: int) -> RadiusNeighbors:
        if X is not None:
            return self.radius_search(X, radius)
        balls = self.radius_search(self.codes(), radius)
        asking = np.repeat(self.ids, balls.counts)
        kept = balls.ids != asking
        offsets = np.concatenate([[0], np.cumsum(balls.counts - 1)])
        return RadiusNeighbors(offsets, balls.distances[kept], balls.ids[kept])
