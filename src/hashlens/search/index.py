"""The exact index: the answer is never approximate."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int, refuse
from hashlens.neighbors import (
    DistanceHistograms,
    Neighbors,
    RadiusNeighbors,
    Relevance,
    check_exclude,
    marks_of,
)
from hashlens.search import scan
from hashlens.search.ids import ids_at
from hashlens.search.neighbor_methods import NeighborMethods
from hashlens.search.segment import Live, Segment, live_bits, read_only
from hashlens.search.tabled_content import TabledContent


class HammingIndex(TabledContent, NeighborMethods):
    """Exact nearest neighbours by Hamming distance among packed codes.

    Parameters
    ----------
    codes : uint8 array of shape (n, ceil(n_bits / 8))
        Packed codes (see :mod:`hashlens.codes`); n may be 0. They are copied.
    n_bits : int, 1 to 4096
    ids : int array of shape (n,), optional
        A distinct id >= 0 for each code; its position where None.
    threads : int, optional
        Most threads a search may use; the available processors where None.

    Raises
    ------
    InputError
        If the codes are not packed codes of `n_bits` bits, or the ids not distinct.

    Examples
    --------
    >>> from hashlens.codes import pack
    >>> index = HammingIndex(pack([[0, 0, 0], [1, 1, 1], [0, 0, 1]]), 3)
    >>> distances, ids = index.search(pack([[0, 1, 1]]), k=2)
    >>> distances, ids
    (array([[1, 1]], dtype=int32), array([[1, 2]]))
    """

    def search(
        self, queries: object, k: int, *, where: object = None, method: str = "auto"
    ) -> Neighbors:
        """Find the k nearest codes of each query.

        Parameters
        ----------
        queries : uint8 array of shape (n_queries, ceil(n_bits / 8))
        k : int, >= 1
            May exceed the number of codes.
        where : bool array of shape (n_items,), optional
            True, in the order of :attr:`ids`, for each code that may be found.
        method : str
            "scan", "multi-index" (needs :meth:`build_tables`), or "auto": the one that is
            expected to be faster. The answer is the same.

        Returns
        -------
        neighbors : Neighbors
            int32 distances in bits and int64 ids of shape (n_queries, k), by distance, then id;
            where there is no k-th code, the largest int32 and -1.

        Raises
        ------
        InputError
            If the queries are not packed codes of `n_bits` bits, k < 1, `where` is no such
            array, or there are no tables for "multi-index".
        """
        near = self._nearest_alone(queries, k, method) if where is None else None
        if near is not None:
            return Neighbors(near[0], ids_at(near[1], self._ids))
        rows = self._query_words(queries)
        k = check_int("k", k, 1)
        self._check_method(method)
        found = []
        for segment, live, first in self._searched(where):
            tabled = self._tabled_for(segment, method)
            if tabled is None:
                near = scan.nearest(segment.blocks, live, rows, k, self._threads)
            else:
                near = tabled.nearest(live, rows, k, method)
            found.append(scan.moved(near, first))
        distances, positions = scan.merge(found, k)
        return Neighbors(distances, ids_at(positions, self._ids))

    def radius_search(
        self, queries: object, radius: int, *, where: object = None, method: str = "auto"
    ) -> RadiusNeighbors:
        """Find all codes within a radius of each query.

        Parameters
        ----------
        queries : uint8 array of shape (n_queries, ceil(n_bits / 8))
        radius : int, >= 0, bits
        where, method
            As for :meth:`search`.

        Returns
        -------
        neighbors : RadiusNeighbors
            For each query, every code at distance <= radius, by distance, then id.

        Raises
        ------
        InputError
            If the queries are not packed codes of `n_bits` bits, radius < 0, or `where` is no
            such array.

        Examples
        --------
        >>> codes = np.array([[0], [1], [3]], np.uint8)
        >>> HammingIndex(codes, 2).radius_search(codes, 1).counts
        array([2, 3, 2])
        """
        rows = self._query_words(queries)
        radius = min(check_int("radius", radius, 0), self._n_bits)
        self._check_method(method)
        found = []
        for segment, live, first in self._searched(where):
            tabled = self._tabled_for(segment, method)
            if tabled is None:
                ball = scan.within(segment.blocks, live, rows, radius, self._threads)
            else:
                ball = tabled.within(live, rows, radius, method)
            found.append((ball[0], *scan.moved(ball[1:], first)))
        offsets, distances, positions = scan.merge_within(found)
        return RadiusNeighbors(offsets, distances, ids_at(positions, self._ids))

    def rank(self, queries: object) -> Neighbors:
        """Rank all codes for each query.

        Parameters
        ----------
        queries : uint8 array of shape (n_queries, ceil(n_bits / 8))

        Returns
        -------
        neighbors : Neighbors
            int32 distances and int64 ids of shape (n_queries, n_items), by distance, then id.

        Raises
        ------
        InputError
            If the queries are not packed codes of `n_bits` bits.

        Examples
        --------
        >>> codes = np.array([[0], [1], [3]], np.uint8)
        >>> HammingIndex(codes, 2).rank(codes[2:]).ids
        array([[2, 1, 0]])
        """
        rows = self._query_words(queries)
        found = [
            scan.moved(
                scan.ranking(segment.blocks, live, rows, segment.n_live, self._threads), first
            )
            for segment, live, first in self._searched(None)
        ]
        distances, positions = scan.merge(found, self.n_items)
        return Neighbors(distances, ids_at(positions, self._ids))

    def histograms(
        self, queries: object, relevance: Relevance, *, exclude: object = None
    ) -> DistanceHistograms:
        """Count all and relevant codes at each distance of each query.

        Parameters
        ----------
        queries : uint8 array of shape (n_queries, ceil(n_bits / 8))
        relevance : callable
            ``relevance(start, stop)`` gives uint8 (or bool) of shape (stop - start, n_items): 1
            where the code is relevant for the query. Columns are in the order of :attr:`ids`.
            It is called for one block of queries at a time, so the full matrix never exists.
        exclude : int array of shape (n_queries,), optional
            The column that a query must not count (itself, in leave-one-out); -1 for none.

        Returns
        -------
        histograms : DistanceHistograms
            int64 of shape (n_queries, n_bits + 1).

        Raises
        ------
        InputError
            If the queries, the relevance or the excluded columns are not as above.

        Examples
        --------
        >>> codes = np.array([[0], [1], [3]], np.uint8)
        >>> same = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], np.uint8)
        >>> counts = HammingIndex(codes, 2).histograms(
        ...     codes, lambda start, stop: same[start:stop], exclude=[0, 1, 2]
        ... )
        >>> counts.total[0], counts.relevant[0]
        (array([0, 1, 1]), array([0, 1, 0]))
        """
        whole = self._whole()
        rows = self._query_words(queries)
        skipped = check_exclude(exclude, len(rows), whole.n_items)
        total = np.zeros((len(rows), self._n_bits + 1), np.int64)
        relevant = np.zeros_like(total)
        counts = DistanceHistograms(total, relevant)
        for part, marks, wanted in marks_of(relevance, len(rows), whole.n_items):
            some = DistanceHistograms(total[part], relevant[part])
            scan.count_levels(
                whole.blocks, whole.live, rows[part], read_only(marks), wanted, skipped[part],
                some, self._threads,
            )  # fmt: skip
        return counts

    def _whole(self) -> Segment:
        """All codes that may be found, in one segment."""
        first = self._segments[0]
        if len(self._segments) == 1 and first.n_live == first.n_items:
            return first
        return Segment.of_codes(self.codes(), self._n_bits)

    def _searched(self, where: object) -> Iterator[tuple[Segment, Live, int]]:
        """Segments, the bits of the codes that may be found, and the first position."""
        chosen = None if where is None else self._chosen(where)
        for segment, first in self._placed():
            live = segment.live
            if chosen is not None:
                live = read_only(live & live_bits(chosen[first : first + segment.n_items]))
            yield segment, live, first

    def _chosen(self, where: object) -> NDArray[np.bool_]:
        """What may be found, for all positions."""
        chosen = np.asarray(where)
        if chosen.dtype != np.bool_ or chosen.shape != (self.n_items,):
            raise refuse("where", f"bool of shape ({self.n_items},)", chosen)
        live = self._live_positions()
        if live is None:
            return chosen
        everywhere = np.zeros(self._n_positions, bool)
        everywhere[live] = chosen
        return everywhere
