"""The loops over codes, compiled by Numba for the machine they run on.

Codes lie in planes: a code of W words is W arrays of n words, shape (W, n), so that one
instruction works on the same word of several codes. Words are uint64; codes of at most 32 and at
most 16 bits have one plane of uint32 and uint16. Each kernel is compiled once for each word type
on its first use, and the result is kept in Numba's cache.

Every kernel walks over blocks of codes that stay in the first-level cache while all queries pass.
Where only near codes matter, a block is first reduced to its smallest distance: nearly every block
is refused by that one comparison, without a branch inside the loop.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numba.extending import intrinsic
from numpy.typing import NDArray

from hashlens.neighbors import MISSING_DISTANCE, MISSING_ID

Array = NDArray[Any]
Function = TypeVar("Function", bound=Callable[..., Any])

BLOCK = 256
POSITION_BITS = 40  # a candidate is one integer, distance << 40 | position: it sorts as wanted
_POSITION_MASK = (1 << POSITION_BITS) - 1


def _kernel(function: Function) -> Function:
    """Compile with Numba: no interpreter lock, no bounds check, cached on disk."""
    compiled = njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")(function)
    return cast(Function, compiled)


def _count_bits(_context: Any, word: Any) -> Any:
    """Count set bits by the processor's own instruction (LLVM's ``ctpop``)."""

    def generate(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return word(word), generate


_popcount: Any = intrinsic(_count_bits)


@_kernel
def _block_distances(planes: Array, query: Array, start: int, out: Array) -> Any:
    """Distances of the codes from `start` on, as many as `out` holds; return the smallest."""
    stop = start + out.shape[0]
    words = planes[0, start:stop]
    for j in range(out.shape[0]):
        out[j] = np.uint16(_popcount(words[j] ^ query[0]))
    for w in range(1, planes.shape[0]):
        words = planes[w, start:stop]
        for j in range(out.shape[0]):
            out[j] += np.uint16(_popcount(words[j] ^ query[w]))
    smallest = np.uint16(65535)
    for j in range(out.shape[0]):
        smallest = min(smallest, out[j])
    return smallest


@_kernel
def _keep_nearest(keys: Array, filled: int, limit: int, room: int) -> int:
    """Drop candidates above `limit`, and of those at `limit` all but the first `room`."""
    kept = 0
    for i in range(filled):
        distance = keys[i] >> POSITION_BITS
        if distance < limit or (distance == limit and room > 0):
            room -= distance == limit
            keys[kept] = keys[i]
            kept += 1
    return kept


@_kernel
def _offer_block(
    block: Array, start: int, k: int, keys: Array, counts: Array, state: Array
) -> None:
    """Take the codes of a block that are nearer than the limit, then lower the limit.

    `state` is (filled, limit, below): candidates kept, the distance from which on a code no longer
    matters, and how many candidates lie below it. Codes come in ascending position, so once k
    codes lie within a distance, a later one at that distance is never wanted.
    """
    filled, limit, below = state[0], state[1], state[2]
    if filled + block.shape[0] > keys.shape[0]:
        filled = _keep_nearest(keys, filled, limit, k - below)
    for j in range(block.shape[0]):
        distance = np.int64(block[j])
        if distance < limit:
            keys[filled] = (distance << POSITION_BITS) | (start + j)
            filled += 1
            counts[distance] += 1
            below += 1
            while below >= k:
                limit -= 1
                below -= counts[limit]
    state[0], state[1], state[2] = filled, limit, below


@_kernel
def _write_sorted(
    keys: Array, k: int, state: Array, counts: Array, distances: Array, positions: Array
) -> None:
    """Write the k nearest candidates by distance, then position, with a counting sort."""
    filled = _keep_nearest(keys, state[0], state[1], k - state[2])
    counts[:] = 0
    for i in range(filled):
        counts[keys[i] >> POSITION_BITS] += 1
    before = 0
    for distance in range(counts.shape[0]):
        here = counts[distance]
        counts[distance] = before
        before += here
    for i in range(filled):
        distance = keys[i] >> POSITION_BITS
        distances[counts[distance]] = distance
        positions[counts[distance]] = keys[i] & _POSITION_MASK
        counts[distance] += 1
    distances[filled:] = MISSING_DISTANCE
    positions[filled:] = MISSING_ID


@_kernel
def scan_nearest(
    planes: Array, queries: Array, start: int, stop: int, distances: Array, positions: Array
) -> None:
    """Find the k nearest codes of the range for each query: fills (n_queries, k) arrays."""
    n_queries, k = distances.shape
    n_levels = 8 * planes.itemsize * planes.shape[0] + 1
    keys = np.empty((n_queries, min(stop - start, 2 * k + BLOCK)), np.int64)
    counts = np.zeros((n_queries, n_levels), np.int64)
    state = np.zeros((n_queries, 3), np.int64)
    state[:, 1] = n_levels
    buffer = np.empty(BLOCK, np.uint16)
    for first in range(start, stop, BLOCK):
        block = buffer[: min(BLOCK, stop - first)]
        for q in range(n_queries):
            if state[q, 1] and _block_distances(planes, queries[q], first, block) < state[q, 1]:
                _offer_block(block, first, k, keys[q], counts[q], state[q])
    for q in range(n_queries):
        _write_sorted(keys[q], k, state[q], counts[q], distances[q], positions[q])


@_kernel
def scan_within(
    planes: Array, queries: Array, radius: int, counts: Array, positions: Array, write: bool
) -> None:
    """Count the codes at each distance up to `radius`, or write their positions.

    `counts` is (n_queries, radius + 1). To write, it holds where the next code of that query and
    distance goes, and `positions` comes out ordered by query, distance, position.
    """
    buffer = np.empty(BLOCK, np.uint16)
    for first in range(0, planes.shape[1], BLOCK):
        block = buffer[: min(BLOCK, planes.shape[1] - first)]
        for q in range(queries.shape[0]):
            if _block_distances(planes, queries[q], first, block) <= radius:
                for j in range(block.shape[0]):
                    if block[j] <= radius:
                        if write:
                            positions[counts[q, block[j]]] = first + j
                        counts[q, block[j]] += 1


@_kernel
def scan_levels(
    planes: Array, queries: Array, relevance: Array, exclude: Array, total: Array, relevant: Array
) -> None:
    """Count all and relevant codes at every distance: fills (n_queries, n_bits + 1) arrays."""
    n_levels = 8 * planes.itemsize * planes.shape[0] + 1
    buffer = np.empty(BLOCK, np.uint16)
    for q in range(queries.shape[0]):
        # Four tables in turn: two codes at the same distance do not wait for each other's store.
        tables = np.zeros((4, 2 * n_levels), np.int64)
        for first in range(0, planes.shape[1], BLOCK):
            block = buffer[: min(BLOCK, planes.shape[1] - first)]
            _block_distances(planes, queries[q], first, block)
            marks = relevance[q, first : first + block.shape[0]]
            for j in range(block.shape[0]):
                tables[j & 3, 2 * np.int64(block[j]) + marks[j]] += 1
        if exclude[q] >= 0:
            _block_distances(planes, queries[q], exclude[q], buffer[:1])
            tables[0, 2 * np.int64(buffer[0]) + relevance[q, exclude[q]]] -= 1
        for level in range(total.shape[1]):
            relevant[q, level] = tables[:, 2 * level + 1].sum()
            total[q, level] = relevant[q, level] + tables[:, 2 * level].sum()
