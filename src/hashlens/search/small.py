"""Small searches by NumPy alone: the answers of the kernels, without what loading these costs.

Loading Numba and one kernel takes about a second of processor time, in which NumPy compares some
hundred million words. So a process that searches little never loads them: what is compared without
kernels is counted, and once that is :data:`MOST_WORDS` in all, kernels it is.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.neighbors import MISSING_DISTANCE, MISSING_ID, Neighbors
from hashlens.search.blocks import as_rows

MOST_WORDS = 1 << 25
"""Words of 64 bits that a process compares without kernels: a few tenths of a second."""

_KERNELS = "hashlens.search.compiled"


class _Tally:
    """What was compared so far; threads may miscount a little."""

    words = 0


def suffices(n_words: int) -> bool:
    """Tell whether so many words shall be compared without kernels, and count them if so.

    Not once the kernels are loaded, for whatever reason: then they are faster.
    """
    if _KERNELS in sys.modules or _Tally.words + n_words > MOST_WORDS:
        return False
    _Tally.words += n_words
    return True


def nearest(
    codes: Codes,
    ids: NDArray[np.int64],
    queries: Codes,
    k: int,
    n_bits: int,
    where: NDArray[np.bool_] | None = None,
) -> Neighbors:
    """Find the k nearest codes of each query, as :meth:`hashlens.search.HammingIndex.search` does.

    Parameters
    ----------
    codes : uint8 (n, ceil(n_bits / 8))
    ids : int64 (n,), ascending
    queries : uint8 (n_queries, ceil(n_bits / 8))
    k : int, >= 1
    n_bits : int
    where : bool (n,), optional
        The codes that may be found.

    Returns
    -------
    neighbors : Neighbors
        By distance, then id; missing ones as :class:`Neighbors` says.

    Examples
    --------
    >>> codes = np.array([[0], [7], [1]], np.uint8)
    >>> nearest(codes, np.array([3, 4, 8]), np.array([[3]], np.uint8), 2, 3)
    Neighbors(distances=array([[1, 1]], dtype=int32), ids=array([[4, 8]]))
    """
    if where is not None:
        codes, ids = codes[where], ids[where]
    rows, asked = as_rows(codes, n_bits), as_rows(queries, n_bits)
    distances = np.full((len(asked), k), MISSING_DISTANCE, np.int32)
    names = np.full((len(asked), k), MISSING_ID, np.int64)
    for q, query in enumerate(asked):
        apart = np.zeros(len(rows), np.int32)
        for word in range(rows.shape[1]):
            apart += np.bitwise_count(rows[:, word] ^ query[word])
        first = _first(apart, k)
        distances[q, : len(first)], names[q, : len(first)] = apart[first], ids[first]
    return Neighbors(distances, names)


def _first(distances: NDArray[np.int32], k: int) -> NDArray[np.int64]:
    """Places of the k smallest, by distance, then place."""
    near = np.arange(len(distances))
    if k < len(distances):
        near = np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1])
    return near[np.argsort(distances[near], kind="stable")[:k]]
