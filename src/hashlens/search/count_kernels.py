"""The loops that take every code's distance: counts by distance, and rankings of all.

The arguments are those of :mod:`hashlens.search.scan_kernels`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.search.blocks import LANES
from hashlens.search.compiled import kernel, lane_distances, lowest_bit, prefetch
from hashlens.search.scan_kernels import n_levels

Array = NDArray[Any]

_PLACES_AHEAD = 16  # two lines of memory


@kernel
def scan_levels(  # noqa: PLR0913
    blocks: Array,
    live: Array,
    rows: Array,
    marks: Array,
    wanted: Array,
    exclude: Array,
    total: Array,
    relevant: Array,
) -> None:
    """Count all and relevant live codes at every distance, added to (n_queries, n_bits + 1) arrays.

    A code is relevant where its mark is the one that the query wants. `marks` is uint8
    (n_queries, n_items), or (1, n_items) for all queries; `wanted` uint8 (n_queries,); `exclude` a
    position that a query does not count, or -1.
    """
    buffer = np.empty(LANES, np.uint16)
    for q in range(rows.shape[0]):
        tables = np.zeros((8, 2 * n_levels(blocks)), np.uint32)
        own = marks[min(q, marks.shape[0] - 1)]
        for block in range(blocks.shape[0]):
            lane_distances(blocks, block, rows, q, buffer)
            _count_lanes(buffer, live[block], own[LANES * block :], wanted[q], tables)
        for level in range(total.shape[1]):
            here = tables[:, 2 * level + 1].sum()
            relevant[q, level] += here
            total[q, level] += here + tables[:, 2 * level].sum()
        if exclude[q] >= 0:
            lane_distances(blocks, exclude[q] // LANES, rows, q, buffer)
            itself = np.int64(buffer[exclude[q] % LANES])
            relevant[q, itself] -= own[exclude[q]] == wanted[q]
            total[q, itself] -= 1


@kernel
def _count_lanes(buffer: Array, hits: Any, marks: Array, wanted: Any, tables: Array) -> None:
    """Count the live lanes of a block under twice their distance, plus one if relevant."""
    if ~hits == 0:
        for lane in range(LANES):
            buffer[lane] = 2 * buffer[lane] + (marks[lane] == wanted)
        _count_all(buffer, tables)
        return
    while hits != 0:
        lane = lowest_bit(hits)
        hits &= hits - np.uint64(1)
        level = 2 * np.int64(buffer[lane]) + (marks[lane] == wanted)
        tables[0, level] += np.uint32(1)


@kernel
def _count_all(levels: Array, tables: Array) -> None:
    """Count 64 levels, each in the next of eight tables: none waits for another's store."""
    for lane in range(0, LANES, 8):
        for i in range(8):
            tables[i, levels[lane + i]] += np.uint32(1)


@kernel
def scan_ranking(
    blocks: Array, live: Array, rows: Array, levels: Array, distances: Array, positions: Array
) -> None:
    """Rank all live codes for each query: fills (n_queries, n_live) arrays by a counting sort.

    `levels` is room for the distances of one query: (n_blocks, 64) of a type that holds them.
    """
    places = np.empty(n_levels(blocks), np.int64)
    for q in range(rows.shape[0]):
        tables = np.zeros((8, n_levels(blocks)), np.uint32)
        for block in range(blocks.shape[0]):
            lane_distances(blocks, block, rows, q, levels[block])
            _count_levels(levels, block, live[block], tables)
        before = 0
        for level in range(places.shape[0]):
            places[level] = before
            before += tables[:, level].sum()
            distances[q, places[level] : before] = level
        for block in range(blocks.shape[0]):
            _place(levels, block, live[block], places, positions[q])


@kernel
def _count_levels(levels: Array, block: Any, hits: Any, tables: Array) -> None:
    """Count the live lanes of a block, each in the next of eight tables."""
    if ~hits == 0:
        for lane in range(0, LANES, 8):
            for i in range(8):
                tables[i, levels[block, lane + i]] += np.uint32(1)
        return
    while hits != 0:
        tables[0, levels[block, lowest_bit(hits)]] += np.uint32(1)
        hits &= hits - np.uint64(1)


@kernel
def _place(levels: Array, block: Any, hits: Any, places: Array, positions: Array) -> None:
    """Write the positions of the live lanes of a block, each to the next place of its level.

    Stores are made in order, so that one to memory that is far would hold up all that follow: what
    comes soon in each level is asked for ahead.
    """
    if ~hits == 0:
        for lane in range(LANES):
            level = levels[block, lane]
            place = places[level]
            places[level] = place + 1
            positions[place] = LANES * block + lane
            prefetch(positions, place + _PLACES_AHEAD)
        return
    while hits != 0:
        lane = lowest_bit(hits)
        hits &= hits - np.uint64(1)
        level = levels[block, lane]
        positions[places[level]] = LANES * block + lane
        places[level] += 1
