"""The exact index: every code is compared, the answer is never approximate."""

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int, check_n_bits
from hashlens.codes import check_codes, code_size
from hashlens.neighbors import (
    MISSING_DISTANCE,
    MISSING_ID,
    DistanceHistograms,
    Neighbors,
    RadiusNeighbors,
    Relevance,
    check_exclude,
    relevance_block,
)
from hashlens.search import scan
from hashlens.search.ids import check_ids, ids_at
from hashlens.search.storage import StoredIndex, as_planes, read_index, write_index
from hashlens.search.threads import check_threads

_RELEVANCE_BYTES = 1 << 25  # of one block of queries


class HammingIndex:
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

    def __init__(
        self, codes: object, n_bits: int, *, ids: object = None, threads: int | None = None
    ) -> None:
        self._n_bits = check_n_bits(n_bits)
        packed = check_codes("codes", codes, self._n_bits)
        self._threads = check_threads(threads)
        self._ids: NDArray[np.int64] | None = None
        if ids is not None:
            given = check_ids(ids, len(packed))
            order = np.argsort(given, kind="stable")
            # Stored by ascending id, so that order by position is order by id.
            packed, self._ids = packed[order], _read_only(given[order])
        self._planes = _read_only(as_planes(packed, self._n_bits))

    @property
    def n_bits(self) -> int:
        """Length of the codes in bits."""
        return self._n_bits

    @property
    def n_items(self) -> int:
        """Number of codes."""
        return int(self._planes.shape[1])

    def __len__(self) -> int:
        return self.n_items

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids in ascending order, int64 (n,): the order in which :meth:`histograms` counts."""
        return np.arange(self.n_items) if self._ids is None else self._ids

    def search(self, queries: object, k: int) -> Neighbors:
        """Find the k nearest codes of each query.

        Parameters
        ----------
        queries : uint8 array of shape (n_queries, ceil(n_bits / 8))
        k : int, >= 1
            May exceed the number of codes.

        Returns
        -------
        neighbors : Neighbors
            int32 distances in bits and int64 ids of shape (n_queries, k), by distance, then id;
            where there is no k-th code, the largest int32 and -1.

        Raises
        ------
        InputError
            If the queries are not packed codes of `n_bits` bits, or k < 1.
        """
        rows = self._query_words(queries)
        k = check_int("k", k, 1)
        distances = np.full((len(rows), k), MISSING_DISTANCE, np.int32)
        positions = np.full((len(rows), k), MISSING_ID, np.int64)
        wanted = min(k, self.n_items)
        if wanted:
            nearest = scan.nearest(self._planes, rows, wanted, self._threads)
            distances[:, :wanted], positions[:, :wanted] = nearest
        return Neighbors(distances, ids_at(positions, self._ids))

    def radius_search(self, queries: object, radius: int) -> RadiusNeighbors:
        """Find all codes within a radius of each query.

        Parameters
        ----------
        queries : uint8 array of shape (n_queries, ceil(n_bits / 8))
        radius : int, >= 0, bits

        Returns
        -------
        neighbors : RadiusNeighbors
            For each query, every code at distance <= radius, by distance, then id.

        Raises
        ------
        InputError
            If the queries are not packed codes of `n_bits` bits, or radius < 0.

        Examples
        --------
        >>> codes = np.array([[0], [1], [3]], np.uint8)
        >>> HammingIndex(codes, 2).radius_search(codes, 1).counts
        array([2, 3, 2])
        """
        rows = self._query_words(queries)
        radius = min(check_int("radius", radius, 0), self._n_bits)
        offsets, distances, positions = scan.within(self._planes, rows, radius, self._threads)
        return RadiusNeighbors(offsets, distances, ids_at(positions, self._ids))

    def histograms(
        self, queries: object, relevance: Relevance, *, exclude: object = None
    ) -> DistanceHistograms:
        """Count all and relevant codes at each distance of each query.

        Parameters
        ----------
        queries : uint8 array of shape (n_queries, ceil(n_bits / 8))
        relevance : callable
            ``relevance(start, stop)`` gives uint8 (or bool) of shape (stop - start, n): 1 where
            the code is relevant for the query. Columns are in the order of :attr:`ids`.
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
        rows = self._query_words(queries)
        skipped = check_exclude(exclude, len(rows), self.n_items)
        total = np.zeros((len(rows), self._n_bits + 1), np.int64)
        relevant = np.zeros_like(total)
        step = max(1, _RELEVANCE_BYTES // max(1, self.n_items))
        for first in range(0, len(rows), step):
            part = slice(first, min(first + step, len(rows)))
            marks = _read_only(relevance_block(relevance, first, part.stop, self.n_items))
            counts = DistanceHistograms(total[part], relevant[part])
            scan.count_levels(self._planes, rows[part], marks, skipped[part], counts, self._threads)
        return DistanceHistograms(total, relevant)

    def save(self, path: str | Path) -> None:
        """Write the index to one file with checksums (layout: :mod:`hashlens.search.storage`).

        A file of that name is replaced only once the new one is complete on disk.
        """
        write_index(Path(path), StoredIndex(self._n_bits, self._planes, self._ids))

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        mmap: bool = True,
        verify: bool = True,
        threads: int | None = None,
    ) -> Self:
        """Read an index from its file.

        Parameters
        ----------
        path : str or Path
        mmap : bool
            Map the file, so that several processes share its memory; otherwise copy it.
        verify : bool
            Read all of the file once to check its checksum. The header's checksum and the
            file's size are checked in any case.
        threads : int, optional
            As for the class.

        Raises
        ------
        FormatError
            If the file is damaged, cut off, no index, or of a newer version.
        """
        stored = read_index(Path(path), mmap=mmap, verify=verify)
        empty = np.empty((0, code_size(stored.n_bits)), np.uint8)
        index = cls(empty, stored.n_bits, threads=threads)
        index._planes = _read_only(stored.planes)
        index._ids = None if stored.ids is None else _read_only(stored.ids)
        return index

    def _query_words(self, queries: object) -> NDArray[Any]:
        packed = check_codes("queries", queries, self._n_bits)
        return np.ascontiguousarray(as_planes(packed, self._n_bits).T)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Read-only view: a mapped file is so anyway, and kernels are compiled for one kind only."""
    view = array.view()
    view.flags.writeable = False
    return view
