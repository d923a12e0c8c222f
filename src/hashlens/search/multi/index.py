"""Exact search that visits few codes: multi-index hashing.

Each code is cut into m substrings, and a table for each substring lists the codes by it. Codes
within r bits of a query differ from it in at most floor(r / m) bits of at least one substring, so
they are met in the tables at keys near the query's own, ring by ring; the rest is never touched.
Where neighbours are near, that is a small part of all codes. Where they are far, more keys are
near than there are codes, and a scan is faster: a query can be given a budget.

References
----------
M. Norouzi, A. Punjani and D. J. Fleet, "Fast exact search in Hamming space with multi-index
hashing", TPAMI 2014, sections 3 and 4.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int, check_n_bits
from hashlens.search.blocks import Blocks
from hashlens.search.multi.arrays import check_tables
from hashlens.search.multi.build import MAX_WIDTH, build_tables, substrings_of
from hashlens.search.multi.choice import choose_tables
from hashlens.search.multi.found import (
    CANDIDATES,
    FINISHED,
    FOUND,
    N_COLUMNS,
    PROBES,
    Int,
)
from hashlens.search.multi.kernels import Search, search_nearest, search_within
from hashlens.search.multi.keys import Tables
from hashlens.search.scan_kernels import POSITION_BITS, POSITION_MASK
from hashlens.search.segment import read_only
from hashlens.search.threads import run_in_parts

Array = NDArray[Any]

_ROOM = 256  # answers of a radius search that are kept at once; a query with more goes again


class Budget(NamedTuple):
    """What one query may cost: `most` >= 0 in any unit, and that unit for what it does."""

    most: int
    per_probe: int = 1
    per_candidate: int = 1


_NO_END = Budget(-1, 0, 0)


class FoundNearest(NamedTuple):
    """The k nearest codes of each query; rows that are not finished hold nothing of use."""

    distances: NDArray[np.int32]  # (n_queries, k)
    positions: NDArray[np.int64]  # (n_queries, k)
    work: NDArray[np.int64]  # (n_queries, 2): probes, candidates
    finished: NDArray[np.bool_]  # (n_queries,)


class FoundWithin(NamedTuple):
    """All codes within a radius; a query that is not finished has none."""

    offsets: NDArray[np.int64]  # (n_queries + 1,)
    distances: NDArray[np.int32]
    positions: NDArray[np.int64]
    work: NDArray[np.int64]  # (n_queries, 2): probes, candidates
    finished: NDArray[np.bool_]  # (n_queries,)


@dataclass(frozen=True, eq=False)
class MultiIndex:
    """Tables over the first `n_items` positions of a set of codes.

    Attributes
    ----------
    n_bits : int, 1 to 4096
    offsets : uint32 or int64
        Table after table, 2^width + 1 each: the codes of a key are the entries from its offset
        to the next one.
    positions : uint32 or int64 (n_tables, n_items)
        Where the codes are, by key, then position.
    codes : unsigned (n_tables, n_items, n_words)
        The codes themselves in the same order, so that those of a key are read in one run.

    Examples
    --------
    >>> from hashlens.search.blocks import as_blocks, as_rows
    >>> codes = np.array([[1], [2], [7]], np.uint8)
    >>> index = MultiIndex.build(as_blocks(codes, 3), 3, 3)
    >>> found = index.nearest(as_rows(codes[1:2], 3), 2, np.array([7], np.uint64), threads=1)
    >>> found.distances, found.positions
    (array([[0, 2]], dtype=int32), array([[1, 0]]))
    """

    n_bits: int
    offsets: Array
    positions: Array
    codes: Array
    _tables: Tables = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Read-only, as mapped arrays are: kernels are compiled for one kind only.
        arrays = (self.offsets, self.positions, self.codes.reshape(-1))
        parts = substrings_of(self.n_bits, self.n_tables)
        offsets, positions, codes = (read_only(array) for array in arrays)
        tables = Tables(offsets, positions, codes, *parts)
        object.__setattr__(self, "_tables", tables)

    @property
    def n_tables(self) -> int:
        """Number of substrings."""
        return len(self.positions)

    @property
    def n_items(self) -> int:
        """Number of codes."""
        return int(self.positions.shape[1])

    @property
    def size_bytes(self) -> int:
        """Memory of the tables."""
        return self.offsets.nbytes + self.positions.nbytes + self.codes.nbytes

    @staticmethod
    def build(
        blocks: Blocks,
        n_items: int,
        n_bits: int,
        n_tables: int | None = None,
        threads: int = 1,
        tell: Callable[[int, int], None] | None = None,
    ) -> "MultiIndex":
        """Sort the codes of the first `n_items` positions into tables.

        Parameters
        ----------
        blocks : array (n_blocks, n_words, 64), see :mod:`hashlens.search.blocks`
        n_items : int
        n_bits : int, 1 to 4096
        n_tables : int, ceil(n_bits / 26) to n_bits, optional
            By default what a sample of the codes makes cheapest.
        threads : int
        tell : callable, optional
            Called as ``tell(done, n_tables)`` after each table.

        Raises
        ------
        InputError
            If `n_bits` or `n_tables` is out of range.
        """
        check_n_bits(n_bits)
        if n_tables is None:
            n_tables = choose_tables(blocks, n_items, n_bits)
        check_int("n_tables", n_tables, -(-n_bits // MAX_WIDTH), n_bits)
        arrays = build_tables(blocks, n_items, n_bits, n_tables, threads, tell)
        return MultiIndex(n_bits, *arrays)

    def nearest(
        self, rows: Array, k: int, live: Array, threads: int, budget: Budget | None = None
    ) -> FoundNearest:
        """Find the k nearest live codes of each query, by distance, then position.

        Parameters
        ----------
        rows : array (n_queries, n_words), see :func:`hashlens.search.blocks.as_rows`
        k : int >= 1
        live : uint64 (n_blocks,)
            Bit j of word b: position 64 b + j may be found.
        threads : int
            They share the queries.
        budget : Budget, optional
            A query that would cost more is given up, and one that would probe more keys than
            there are codes too. Without a budget, every query is finished.
        """
        distances = np.empty((len(rows), k), np.int32)
        positions = np.empty((len(rows), k), np.int64)
        search = _begin(rows, live, self.n_bits, min(k, self.n_items), budget)

        def find(start: int, stop: int) -> None:
            search_nearest(self._tables, search, start, stop, distances, positions)

        run_in_parts(find, len(rows), threads)
        return FoundNearest(distances, positions, *_account(search.tally))

    def within(
        self, rows: Array, radius: int, live: Array, threads: int, budget: Budget | None = None
    ) -> FoundWithin:
        """Find all live codes within `radius` bits of each query, by distance, then position.

        The parameters are those of :meth:`nearest`.
        """
        search = _begin(rows, live, radius, min(_ROOM, self.n_items), budget)

        def find(start: int, stop: int) -> None:
            search_within(self._tables, search, start, stop)

        run_in_parts(find, len(rows), threads)
        lists = [self._list(search, query) for query in range(len(rows))]
        found = np.concatenate([np.empty(0, np.int64), *lists])
        return FoundWithin(
            np.cumsum([0, *map(len, lists)], dtype=np.int64),
            (found >> POSITION_BITS).astype(np.int32),
            found & POSITION_MASK,
            *_account(search.tally),
        )

    def _list(self, search: Search, query: int) -> NDArray[np.int64]:
        """Sort what was found within the radius of one query; nothing where it was given up."""
        if not search.tally[query, FINISHED]:
            return np.empty(0, np.int64)
        keys, n_found = search.keys[query], int(search.tally[query, FOUND])
        if n_found > len(keys):  # it was counted, but did not fit
            one = search.rows[query : query + 1]
            again = _begin(one, search.live, search.radius, n_found, None)
            search_within(self._tables, again, 0, 1)
            keys = again.keys[0]
        return np.sort(keys[:n_found])

    def to_arrays(self) -> dict[str, Array]:
        """Give the tables as plain arrays, to be saved."""
        return {"offsets": self.offsets, "positions": self.positions, "codes": self.codes}

    @staticmethod
    def from_arrays(arrays: Mapping[str, Array], n_bits: int) -> "MultiIndex":
        """Take the arrays of :meth:`to_arrays`, which may be memory-mapped.

        Raises
        ------
        FormatError
            If arrays are missing, unknown, of another shape or type, or do not belong together.
        """
        return MultiIndex(n_bits, *check_tables(arrays, check_n_bits(n_bits)))


def _begin(rows: Array, live: Array, radius: Int, room: int, budget: Budget | None) -> Search:
    keys = np.empty((len(rows), room), np.int64)
    tally = np.zeros((len(rows), N_COLUMNS), np.int64)
    return Search(rows, read_only(live), radius, budget or _NO_END, keys, tally)


def _account(tally: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return tally[:, PROBES : CANDIDATES + 1], tally[:, FINISHED] > 0
