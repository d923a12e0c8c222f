"""The loops over the tables of a multi-index, see :mod:`hashlens.search.multi.index`.

A search goes ring by ring: all keys of one table at one distance from the query's own key. Each
key is a jump in memory, so keys go in groups: all places of a group are asked for before the
first is read. The codes of a bucket lie side by side and are read in one run.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.search.blocks import LANES
from hashlens.search.compiled import kernel, lowest_bit, popcount, prefetch
from hashlens.search.multi.found import (
    CANDIDATES,
    FINISHED,
    FOUND,
    LIMIT,
    NO_CANDIDATE,
    PROBES,
    Int,
    offer,
    write_sorted,
)
from hashlens.search.multi.keys import (
    FIRST,
    SHIFT,
    WIDTH,
    WORD,
    Tables,
    key_of,
    n_keys_at,
    next_mask,
)
from hashlens.search.scan_kernels import POSITION_BITS

Array = NDArray[Any]
Ring = tuple[Int, Int, Int, bool]  # query, table, radius, and whether the nearest are wanted

_GROUP = 32  # keys whose places are asked for together
_LINE_BYTES = 64
_LINES_AHEAD = 4  # of a bucket; the rest of a long one the processor itself sees coming


class Search(NamedTuple):
    """Queries, what is wanted, and what is known so far."""

    rows: Array  # (n_queries, n_words)
    live: Array  # uint64 (n_blocks,)
    radius: Int  # farther codes do not matter
    budget: tuple[int, int, int]  # most (negative: no end), cost of a probe, of a candidate
    keys: Array  # int64 (n_queries, room): candidates, a heap with the largest first, or a list
    tally: Array  # int64 (n_queries, 5)


@kernel
def _near_codes(codes: Array, first: Int, n_codes: Int, rows: Array, query: Int, limit: Int) -> Any:
    """Set a bit for each of at most 64 codes in a row that is within the limit."""
    n_words = rows.shape[1]
    near = np.uint64(0)
    if n_words == 1:
        for i in range(n_codes):
            distance = np.int64(popcount(codes[first + i] ^ rows[query, 0]))
            near |= np.uint64(distance <= limit) << np.uint64(i)
        return near
    for i in range(n_codes):
        distance = np.int64(0)
        for word in range(n_words):
            differing = codes[first + i * n_words + word] ^ rows[query, word]
            distance += np.int64(popcount(differing))
        near |= np.uint64(distance <= limit) << np.uint64(i)
    return near


@kernel
def _is_new(tables: Tables, rows: Array, first: Int, ring: Ring) -> bool:
    """Tell whether no earlier ring held this code: its own substrings say so.

    Earlier tables have been visited up to the ring's radius, later ones up to one less.
    """
    query, table, radius, _ = ring
    codes, masks = tables.codes, tables.masks
    for other in range(masks.shape[0]):
        word = tables.substrings[other, WORD]
        differing = np.uint64(codes[first + word] ^ rows[query, word]) & masks[other, 0]
        distance = np.int64(popcount(differing))
        if masks[other, 1]:
            differing = np.uint64(codes[first + word + 1] ^ rows[query, word + 1])
            distance += np.int64(popcount(differing & masks[other, 1]))
        if distance < radius + (other < table):
            return False
    return True


@kernel
def _accept(tables: Tables, search: Search, ring: Ring, entry: Int) -> None:
    """Offer a code that is near enough, if it is new and may be found."""
    query, table, _, nearest = ring
    n_words = search.rows.shape[1]
    first = (table * tables.positions.shape[1] + entry) * n_words
    if not _is_new(tables, search.rows, first, ring):
        return
    position = np.int64(tables.positions[table, entry])
    block = position // LANES
    known = 0 <= block < search.live.shape[0]
    if known and (search.live[block] >> np.uint64(position % LANES)) & np.uint64(1):
        distance = np.int64(0)
        for word in range(n_words):
            distance += np.int64(popcount(tables.codes[first + word] ^ search.rows[query, word]))
        key = (distance << POSITION_BITS) | position
        offer(search.keys[query], search.tally[query], key, nearest)


@kernel
def _visit(tables: Tables, search: Search, ring: Ring, buckets: Array, n_buckets: Int) -> None:
    """Offer the codes of some buckets of a table: starts and stops are the rows of `buckets`."""
    query, table, _, _ = ring
    codes, rows, tally = tables.codes, search.rows, search.tally
    before = table * tables.positions.shape[1]
    for i in range(n_buckets):
        start, stop = buckets[0, i], buckets[1, i]
        tally[query, CANDIDATES] += stop - start
        for entry in range(start, stop, LANES):
            n_codes = min(LANES, stop - entry)
            first = (before + entry) * rows.shape[1]
            near = _near_codes(codes, first, n_codes, rows, query, tally[query, LIMIT])
            while near:
                _accept(tables, search, ring, entry + np.int64(lowest_bit(near)))
                near &= near - np.uint64(1)


@kernel
def _too_dear(search: Search, tally: Array, n_keys: Int) -> bool:
    """Tell whether so many more probes are more than the budget has left."""
    most, probe, candidate = search.budget
    spent = (tally[PROBES] + n_keys) * probe + tally[CANDIDATES] * candidate
    return bool(0 <= most < spent)


@kernel
def _find_buckets(tables: Tables, table: Int, n_words: Int, group: Array, size: Int) -> Int:
    """Turn places of keys into starts and stops of their buckets; return how many hold codes."""
    filled, before = 0, table * tables.positions.shape[1]
    line = _LINE_BYTES // tables.codes.itemsize
    for i in range(size):
        start = np.int64(tables.offsets[group[0, i]])
        stop = np.int64(tables.offsets[group[0, i] + 1])
        stop = min(stop, tables.positions.shape[1])  # a damaged file is no reason to leave it
        if 0 <= start < stop:
            group[0, filled], group[1, filled] = start, stop
            filled += 1
            first, last = (before + start) * n_words, (before + stop) * n_words
            for word in range(first, min(last, first + _LINES_AHEAD * line), line):
                prefetch(tables.codes, word)
    return filled


@kernel
def _visit_ring(tables: Tables, search: Search, ring: Ring, group: Array) -> bool:
    """Visit the buckets of all keys of a ring: False where the budget ends it."""
    query, table, radius, _ = ring
    row, place = search.rows[query], tables.substrings[table]
    low, high = row[place[WORD]], row[min(place[WORD] + 1, row.shape[0] - 1)]
    own_key = key_of(low, high, place[SHIFT], place[WIDTH])
    left, mask = n_keys_at(place[WIDTH], radius), (1 << radius) - 1
    while left > 0:
        size = min(left, _GROUP)
        for i in range(size):
            group[0, i] = place[FIRST] + (own_key ^ mask)
            prefetch(tables.offsets, group[0, i])
            mask = next_mask(mask) if radius else 0
        left -= size
        search.tally[query, PROBES] += size
        n_buckets = _find_buckets(tables, table, row.shape[0], group, size)
        _visit(tables, search, ring, group, n_buckets)
        if _too_dear(search, search.tally[query], 0):
            return False
    return True


@kernel
def _search_rings(tables: Tables, search: Search, query: Int, nearest: bool, group: Array) -> bool:
    """Visit ring after ring: True once the answer is proven, False where it costs too much."""
    tally = search.tally[query]
    n_tables, n_items = tables.positions.shape
    radius = 0
    while True:
        for table in range(n_tables):
            width = tables.substrings[table, WIDTH]
            if radius > width:  # this table has been visited as a whole
                return True
            n_keys = n_keys_at(width, radius)
            if n_keys > max(1, n_items) or _too_dear(search, tally, n_keys):
                return False
            if not _visit_ring(tables, search, (query, table, radius, nearest), group):
                return False
            # A code not met differs in more than `radius` bits of each table up to this one, and
            # in `radius` or more of the others: all codes up to this distance have been met.
            if n_tables * radius + table >= tally[LIMIT]:
                return True
        radius += 1


@kernel
def _answer(tables: Tables, search: Search, query: Int, nearest: bool, group: Array) -> None:
    """Search for one query; where no budget may end it, by visiting all codes if need be."""
    tally = search.tally
    for first_attempt in (True, False):
        search.keys[query, :] = NO_CANDIDATE
        tally[query, FOUND], tally[query, LIMIT] = 0, search.radius
        if first_attempt:
            finished = _search_rings(tables, search, query, nearest, group)
        else:
            group[0, 0], group[1, 0] = 0, tables.positions.shape[1]
            _visit(tables, search, (query, 0, -1, nearest), group, 1)
            finished = True
        if finished or search.budget[0] >= 0:
            break
    tally[query, FINISHED] = finished


@kernel
def search_within(tables: Tables, search: Search, start: Int, stop: Int) -> None:
    """Find all codes within the radius for the queries start to stop.

    A query that costs more than the budget is given up. Without a budget, where more keys would
    be probed than there are codes, all codes are visited.
    """
    group = np.empty((2, _GROUP), np.int64)
    for query in range(start, stop):
        _answer(tables, search, query, False, group)


@kernel
def search_nearest(
    tables: Tables, search: Search, start: Int, stop: Int, distances: Array, positions: Array
) -> None:
    """Find the nearest codes, as many as there is room for, and write them by (distance, position).

    Queries are given up as in :func:`search_within`; their rows hold nothing of use.
    """
    group = np.empty((2, _GROUP), np.int64)
    for query in range(start, stop):
        search.tally[query, FINISHED] = 1
        if search.keys.shape[1]:
            _answer(tables, search, query, True, group)
        write_sorted(search.keys[query], distances[query], positions[query])
