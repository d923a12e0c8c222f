"""The loops that compare every code, compiled by Numba for the machine they run on.

Codes lie in blocks of 64 (:mod:`hashlens.search.blocks`). A block is first reduced to its smallest
distance: where only near codes matter, nearly every block is refused by that one comparison. Some
blocks at a time stay in the first-level cache while all queries pass.

``live`` has a bit for each code: 1 where it may be found. Tombstones, filters and the empty lanes
of the last block are all in it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.neighbors import MISSING_DISTANCE, MISSING_ID
from hashlens.search.blocks import LANES
from hashlens.search.compiled import any_below, kernel, lanes_below, lowest_bit

Array = NDArray[Any]

POSITION_BITS = 40  # a candidate is one integer, distance << 40 | position: it sorts as wanted
POSITION_MASK = (1 << POSITION_BITS) - 1
_TILE_BYTES = 1 << 14  # of codes that all queries pass over, half a first-level cache


@kernel
def n_levels(blocks: Array) -> Any:
    """Distances that two codes can have, those of the padding included."""
    return 8 * blocks.itemsize * blocks.shape[1] + 1


@kernel
def blocks_of_tile(blocks: Array) -> Any:
    """Blocks that stay in the cache while the queries pass."""
    return max(1, _TILE_BYTES // (blocks.itemsize * blocks.shape[1] * LANES))


@kernel
def next_near(blocks: Array, block: Any, rows: Array, q: Any, last: Any, limit: Any) -> Any:
    """Find the first block of [block, last) with a code nearer than the limit; `last` if none.

    A loop of its own, with little beside it: twice as fast for one query of long codes as the same
    test inside a loop that does more.
    """
    while block < last and not any_below(blocks, block, rows, q, limit):
        block += 1
    return block


@kernel
def keep_nearest(keys: Array, filled: int, limit: int, room: int) -> int:
    """Drop candidates above `limit`, and of those at `limit` all but the first `room`."""
    kept = 0
    for i in range(filled):
        distance = keys[i] >> POSITION_BITS
        if distance < limit or (distance == limit and room > 0):
            room -= distance == limit
            keys[kept] = keys[i]
            kept += 1
    return kept


@kernel
def write_sorted(
    keys: Array, filled: int, counts: Array, distances: Array, positions: Array
) -> None:
    """Write candidates by distance, then position, with a counting sort; then what is missing.

    The candidates come by ascending position. `counts` has a place for each distance.
    """
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
        positions[counts[distance]] = keys[i] & POSITION_MASK
        counts[distance] += 1
    distances[filled:] = MISSING_DISTANCE
    positions[filled:] = MISSING_ID


@kernel
def scan_nearest(  # noqa: PLR0913 - a kernel is given all it works on
    blocks: Array,
    live: Array,
    rows: Array,
    first: int,
    last: int,
    distances: Array,
    positions: Array,
) -> None:
    """Find the k nearest live codes of the blocks [first, last): fills (n_queries, k) arrays.

    For each query, a code matters while its distance is below a limit. Codes come by ascending
    position, so once k codes lie within a distance, a later one at that distance is never wanted.
    """
    n_queries, k = distances.shape
    keys = np.empty((n_queries, min(LANES * (last - first), 2 * k + LANES)), np.int64)
    counts = np.zeros((n_queries, n_levels(blocks)), np.int64)
    limits = np.full(n_queries, n_levels(blocks), np.int64)
    below = np.zeros(n_queries, np.int64)  # candidates nearer than the limit: always less than k
    filled = np.zeros(n_queries, np.int64)
    buffer = np.empty(LANES, np.uint16)
    step = blocks_of_tile(blocks) if n_queries > 1 else max(1, last - first)
    for start in range(first, last, step):
        stop = min(start + step, last)
        for q in range(n_queries):
            limit = limits[q]
            block = next_near(blocks, start, rows, q, stop, limit)
            while block < stop:
                hits = live[block] & lanes_below(blocks, block, rows, q, limit, buffer)
                if filled[q] + LANES > keys.shape[1]:
                    filled[q] = keep_nearest(keys[q], filled[q], limit, k - below[q])
                limit = _offer(hits, buffer, block, k, q, keys, counts, filled, below, limit)
                block = next_near(blocks, block + 1, rows, q, stop, limit)
            limits[q] = limit
    for q in range(n_queries):
        kept = keep_nearest(keys[q], filled[q], limits[q], k - below[q])
        write_sorted(keys[q], kept, counts[q], distances[q], positions[q])


@kernel
def scan_code(blocks: Array, live: Array, code: bytes, distances: Array, positions: Array) -> None:
    """Find the nearest live codes of one query, given as the bytes of its code: fills (1, k)."""
    row = np.zeros((1, blocks.shape[1]), blocks.dtype)
    size = blocks.itemsize
    for place in range(len(code)):
        row[0, place // size] |= np.uint64(code[place]) << np.uint64(8 * (place % size))
    scan_nearest(blocks, live, row, 0, blocks.shape[0], distances, positions)


@kernel
def _offer(  # noqa: PLR0913 - whole arrays: a slice of one costs more than what is done here
    hits: Any,
    buffer: Array,
    block: int,
    k: int,
    q: int,
    keys: Array,
    counts: Array,
    filled: Array,
    below: Array,
    limit: int,
) -> int:
    """Take the codes of a block that are nearer than the limit; give the limit after that."""
    place, nearer = filled[q], below[q]
    while hits != 0:
        lane = lowest_bit(hits)
        hits &= hits - np.uint64(1)
        distance = np.int64(buffer[lane])
        if distance < limit:
            keys[q, place] = (distance << POSITION_BITS) | (LANES * block + lane)
            place += 1
            counts[q, distance] += 1
            nearer += 1
            while nearer >= k:
                limit -= 1
                nearer -= counts[q, limit]
    filled[q], below[q] = place, nearer
    return limit


@kernel
def scan_within(  # noqa: PLR0913
    blocks: Array,
    live: Array,
    rows: Array,
    first: int,
    radius: int,
    keys: Array,
    found: Array,
) -> None:
    """Collect the live codes within a radius of each query, by ascending position.

    The blocks from `first` on are searched.

    `keys` is (n_queries, room) and `found` (n_queries,) comes out with how many there are: more
    than fit the room are counted, not kept.
    """
    buffer = np.empty(LANES, np.uint16)
    step = blocks_of_tile(blocks)
    limit = np.int64(radius + 1)
    for start in range(first, blocks.shape[0], step):
        stop = min(start + step, blocks.shape[0])
        for q in range(rows.shape[0]):
            block = next_near(blocks, start, rows, q, stop, limit)
            while block < stop:
                hits = live[block] & lanes_below(blocks, block, rows, q, limit, buffer)
                while hits != 0:
                    lane = lowest_bit(hits)
                    hits &= hits - np.uint64(1)
                    if found[q] < keys.shape[1]:
                        distance = np.int64(buffer[lane])
                        position = LANES * block + lane
                        keys[q, found[q]] = (distance << POSITION_BITS) | position
                    found[q] += 1
                block = next_near(blocks, block + 1, rows, q, stop, limit)


@kernel
def sort_found(
    keys: Array, found: Array, counts: Array, offsets: Array, distances: Array, positions: Array
) -> None:
    """Write what was found for each query to its place, by distance, then position."""
    for q in range(keys.shape[0]):
        if found[q] <= keys.shape[1]:
            part = slice(offsets[q], offsets[q] + found[q])
            write_sorted(keys[q], found[q], counts, distances[part], positions[part])
