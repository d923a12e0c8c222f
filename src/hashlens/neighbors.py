"""What a search returns: values with a fixed shape and a fixed order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words

# Relevance of one block of queries at a time: (start, stop) -> uint8 (stop - start, n_items), 1
# where an item is relevant. So the full matrix of queries by items never exists.
Relevance = Callable[[int, int], NDArray[Any]]

MISSING_ID = -1
_RELEVANCE_BYTES = 1 << 25  # of one block of queries
MISSING_DISTANCE = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Neighbors:
    """The k nearest items of each query, ordered by distance, then by id.

    The shape is always (n_queries, k): for one query too, and where fewer than k items exist,
    where the surplus has id -1 and the largest int32 as distance. Unpacks into its two arrays.

    Attributes
    ----------
    distances : int32 (n_queries, k), bits (float32 where features were compared)
    ids : int64 (n_queries, k)

    Examples
    --------
    >>> distances, ids = Neighbors(np.array([[0, 3]], np.int32), np.array([[7, 2]]))
    >>> ids
    array([[7, 2]])
    """

    distances: NDArray[Any]
    ids: NDArray[np.int64]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.distances, self.ids))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def found(self) -> NDArray[np.bool_]:
        """Boolean (n_queries, k): False where there was no k-th item."""
        found: NDArray[np.bool_] = self.ids != MISSING_ID
        return found


@dataclass(frozen=True)
class RadiusNeighbors:
    """All items within a radius of each query: a ragged list, each ordered by distance, then id.

    Attributes
    ----------
    offsets : int64 (n_queries + 1,)
        Query i owns the entries ``offsets[i]`` to ``offsets[i + 1]``.
    distances : int32 (n_found,), bits
    ids : int64 (n_found,)

    Examples
    --------
    >>> balls = RadiusNeighbors(np.array([0, 1, 1]), np.array([2], np.int32), np.array([5]))
    >>> balls[0].ids, len(balls[1].ids)
    (array([[5]]), 1)
    >>> balls.counts
    array([1, 0])
    """

    offsets: NDArray[np.int64]
    distances: NDArray[np.int32]
    ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, query: int) -> Neighbors:
        if not -len(self) <= query < len(self):
            raise IndexError(query)
        query %= len(self)
        part = slice(self.offsets[query], self.offsets[query + 1])
        return Neighbors(self.distances[None, part], self.ids[None, part])

    @property
    def counts(self) -> NDArray[np.int64]:
        """Items found for each query: int64 (n_queries,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class DistanceHistograms:
    """How many items, and how many relevant items, lie at each Hamming distance of each query.

    All that tie-aware retrieval figures need: no ranking is ever stored.

    Attributes
    ----------
    total : int64 (n_queries, n_bits + 1)
        Items at distance 0, 1, ..., n_bits.
    relevant : int64 (n_queries, n_bits + 1)
    """

    total: NDArray[np.int64]
    relevant: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.total)


@dataclass(frozen=True)
class SameLabel:
    """Relevance of items that have the query's label: a search compares the labels itself.

    Attributes
    ----------
    queries : uint8 (n_queries,)
    items : uint8 (n_items,)

    Examples
    --------
    >>> SameLabel(np.array([1, 0], np.uint8), np.array([0, 1, 1], np.uint8))(0, 2)
    array([[0, 1, 1],
           [1, 0, 0]], dtype=uint8)
    """

    queries: NDArray[np.uint8]
    items: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, int]:
        """Queries and items."""
        return len(self.queries), len(self.items)

    def __call__(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Relevance of the queries [start, stop): uint8 (stop - start, n_items)."""
        same: NDArray[np.bool_] = self.queries[start:stop, None] == self.items
        return same.view(np.uint8)


def relevance_block(relevance: Relevance, start: int, stop: int, n_items: int) -> NDArray[np.uint8]:
    """Ask for the relevance of the queries [start, stop) and check what came.

    Returns
    -------
    marks : uint8 array of shape (stop - start, n_items), C-contiguous, 0 or 1

    Raises
    ------
    InputError
        If it is not uint8 or bool of that shape, or holds other values.

    Examples
    --------
    >>> relevance_block(lambda start, stop: np.eye(3, dtype=bool)[start:stop], 1, 2, 3)
    array([[0, 1, 0]], dtype=uint8)
    """
    marks = np.asarray(relevance(start, stop))
    if marks.dtype == np.bool_:
        marks = marks.view(np.uint8)
    if marks.dtype != np.uint8 or marks.shape != (stop - start, n_items):
        wanted = f"uint8 of shape ({stop - start}, {n_items}) for queries {start} to {stop - 1}"
        raise refuse("relevance", wanted, marks)
    if marks.size and int(marks.max()) > 1:
        raise refuse("relevance", "0 or 1", words("other values"))
    return np.ascontiguousarray(marks)


def marks_of(
    relevance: Relevance, n_queries: int, n_items: int
) -> Iterator[tuple[slice, NDArray[np.uint8], NDArray[np.uint8]]]:
    """Give blocks of queries, marks of all items, and the mark that each query wants.

    Yields
    ------
    queries : slice
    marks : uint8 (queries of the block, or 1 for all of them, n_items)
    wanted : uint8 (queries of the block,)

    Examples
    --------
    >>> [(_, marks, wanted)] = marks_of(lambda start, stop: np.eye(2, dtype=bool), 2, 2)
    >>> marks, wanted
    (array([[1, 0],
           [0, 1]], dtype=uint8), array([1, 1], dtype=uint8))
    """
    if isinstance(relevance, SameLabel) and relevance.shape == (n_queries, n_items):
        yield slice(0, n_queries), relevance.items[None], relevance.queries
        return
    step = max(1, _RELEVANCE_BYTES // max(1, n_items))
    for first in range(0, n_queries, step):
        part = slice(first, min(first + step, n_queries))
        marks = relevance_block(relevance, first, part.stop, n_items)
        yield part, marks, np.ones(len(marks), np.uint8)


def check_exclude(value: object, n_queries: int, n_items: int) -> NDArray[np.int64]:
    """Return the item each query must not count, -1 for none: int64 (n_queries,).

    Examples
    --------
    >>> check_exclude(None, 2, 10)
    array([-1, -1])
    """
    if value is None:
        return np.full(n_queries, -1, np.int64)
    columns = np.asarray(value)
    wanted = f"ints from -1 to {n_items - 1} of shape ({n_queries},)"
    if columns.dtype.kind not in "iu" or columns.shape != (n_queries,):
        raise refuse("exclude", wanted, columns)
    if n_queries and (int(columns.min()) < -1 or int(columns.max()) >= n_items):
        raise refuse("exclude", wanted, words(f"{columns.min()} to {columns.max()}"))
    return columns.astype(np.int64)
