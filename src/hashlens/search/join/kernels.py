"""The loops of a join: compare rows with buckets of codes, count and merge pairs.

A row is compared with the codes of its bucket, 64 at a time. A batch of rows comes sorted by
bucket, so the rows of one bucket pass over it while it is in the first-level cache; where all
codes are one bucket, this is a scan by tiles.

What is found is one integer a pair, row << 47 | position << 13 | distance: sorted, it is in the
order of the answer.
"""

from typing import NamedTuple

import numpy as np

from hashlens.search.blocks import LANES
from hashlens.search.compiled import Array, any_below, kernel, lanes_below, lowest_bit

ROW_BITS, POSITION_BITS, DISTANCE_BITS = 17, 34, 13
_ROW_SHIFT = np.uint64(POSITION_BITS + DISTANCE_BITS)
_DISTANCE_SHIFT = np.uint64(DISTANCE_BITS)
_BUCKET_SHIFT = np.uint64(ROW_BITS)
_POSITION_MASK = np.uint64((1 << POSITION_BITS) - 1)
_ROW_MASK = np.uint64((1 << ROW_BITS) - 1)
_TILE_WORDS = 16 * 1024 // 8  # half of the first-level cache
_ALL, _ONE = np.uint64(2**64 - 1), np.uint64(1)


class Table(NamedTuple):
    """Codes by bucket: bucket b is the places offsets[b] to offsets[b + 1] of ids and blocks."""

    offsets: Array  # int32 (n_buckets + 1,)
    ids: Array  # int32 (n_codes,), ascending within a bucket
    blocks: Array  # the codes in the order of `ids`


class Batch(NamedTuple):
    """Rows to be compared, and what each of them is to be compared with."""

    rows: Array  # words (n_rows, n_words)
    first: Array  # int32 (n_rows,): codes before it are not for this row
    floors: Array  # int64 (n_rows,): items up to it are not for this row
    offsets: Array  # int32 (n_codes + 1,): where the items of each code start
    items: Array  # int32 (n_items,), ascending within a code


class Runs(NamedTuple):
    """The rows of a batch by bucket."""

    probes: Array  # uint64 (n_rows,): bucket << 17 | row, sorted
    starts: Array  # int64 (n_rows,): the first place of the bucket that is for this row
    bounds: Array  # int64 (n_runs + 1,): where the rows of each bucket start


class Rule(NamedTuple):
    """A pair is taken in the first substring in which its codes agree."""

    masks: Array  # words (n_substrings, n_words): the bits of each substring
    substring: int  # the one that the table is of


@kernel
def find_runs(probes: Array, table: Table, first: Array) -> Runs:
    """Find the rows of each bucket that is not empty, and where each of them starts in it."""
    starts, bounds = np.empty(probes.shape[0], np.int64), np.empty(probes.shape[0] + 1, np.int64)
    n_runs, before = 0, np.int64(-1)
    for i in range(probes.shape[0]):
        bucket = np.int64(probes[i] >> _BUCKET_SHIFT)
        if bucket != before:
            bounds[n_runs] = i
            n_runs += 1
            before = bucket
        low, high = table.offsets[bucket], table.offsets[bucket + 1]
        from_code = first[np.int64(probes[i] & _ROW_MASK)]
        while low < high:
            middle = (low + high) // 2
            if table.ids[middle] < from_code:
                low = middle + 1
            else:
                high = middle
        starts[i] = low
    bounds[n_runs] = probes.shape[0]
    return Runs(probes, starts, bounds[: n_runs + 1])


@kernel
def search_runs(runs: Runs, table: Table, rows: Array, limit: int, found: Array) -> int:
    """Write row << 47 | place << 13 | distance of what is nearer than the limit.

    Returns how many there are, or -1 where `found` has no room for them.
    """
    probes, starts, blocks = runs.probes, runs.starts, table.blocks
    distances, filled = np.empty(LANES, np.uint16), 0
    tile = max(1, _TILE_WORDS // (LANES * blocks.shape[1])) * LANES
    for run in range(runs.bounds.shape[0] - 1):
        bucket = np.int64(probes[runs.bounds[run]] >> _BUCKET_SHIFT)
        low, high = np.int64(table.offsets[bucket]), np.int64(table.offsets[bucket + 1])
        for tile_start in range(low // LANES * LANES, high, tile):
            stop = min(tile_start + tile, high)
            for i in range(runs.bounds[run], runs.bounds[run + 1]):
                row, start = np.int64(probes[i] & _ROW_MASK), max(tile_start, starts[i])
                for block in range(start // LANES, (stop + LANES - 1) // LANES):
                    here = block * LANES
                    whole = start <= here and here + LANES <= stop
                    if whole and not any_below(blocks, block, rows, row, limit):
                        continue
                    hits = lanes_below(blocks, block, rows, row, limit, distances)
                    hits &= _ALL << np.uint64(max(start - here, 0))
                    hits &= _ALL >> np.uint64(max(here + LANES - stop, 0))
                    if filled + LANES > found.shape[0]:
                        return -1
                    while hits != 0:
                        lane = np.int64(lowest_bit(hits))
                        key = np.uint64(row) << _ROW_SHIFT | np.uint64(distances[lane])
                        found[filled] = key | np.uint64(here + lane) << _DISTANCE_SHIFT
                        filled += 1
                        hits &= hits - _ONE
    return filled


@kernel
def keep_first(found: Array, table: Table, rows: Array, rule: Rule) -> int:
    """Move those that no earlier substring has to the front, and return how many they are."""
    blocks, masks, kept = table.blocks, rule.masks, 0
    for i in range(found.shape[0]):
        row = np.int64(found[i] >> _ROW_SHIFT)
        place = np.int64((found[i] >> _DISTANCE_SHIFT) & _POSITION_MASK)
        block, lane = place // LANES, place % LANES
        agree, substring = False, 0
        while not agree and substring <= rule.substring:
            differing = np.uint64(0)
            for w in range(masks.shape[1]):
                bits = (blocks[block, w, lane] ^ rows[row, w]) & masks[substring, w]
                differing |= np.uint64(bits)
            agree = differing == 0
            substring += 1
        if agree and substring == rule.substring + 1:
            found[kept] = found[i]
            kept += 1
    return kept


@kernel
def write_items(found: Array, ids: Array, batch: Batch, out: Array, filled: int) -> int:
    """Write row << 47 | item << 13 | distance after the `filled` that are there.

    That is for each item of the codes at the places found. Returns how many there are now, or -1
    where `out` has no room for them.
    """
    offsets, items, floors = batch.offsets, batch.items, batch.floors
    for i in range(found.shape[0]):
        floor = floors[np.int64(found[i] >> _ROW_SHIFT)]
        code = ids[np.int64((found[i] >> _DISTANCE_SHIFT) & _POSITION_MASK)]
        key = found[i] & ~(_POSITION_MASK << _DISTANCE_SHIFT)
        low, at = np.int64(offsets[code]), np.int64(offsets[code + 1]) - 1
        while at >= low and items[at] > floor:
            if filled == out.shape[0]:
                return -1
            out[filled] = key | np.uint64(items[at]) << _DISTANCE_SHIFT
            filled += 1
            at -= 1
    return filled


@kernel
def add_degrees(pairs: Array, start: int, sizes: Array, both: bool, degrees: Array) -> None:
    """Add the size of the second code of each pair to the degree of the first, or vice versa too.

    Row r of the pairs is the code `start` + r.
    """
    for i in range(pairs.shape[0]):
        first = start + np.int64(pairs[i] >> _ROW_SHIFT)
        second = np.int64((pairs[i] >> _DISTANCE_SHIFT) & _POSITION_MASK)
        degrees[first] += sizes[second]
        if both:
            degrees[second] += sizes[first]


@kernel
def merge(first: Array, second: Array, parents: Array) -> None:
    """Join the trees of each pair; the root of a tree is its smallest member."""
    for i in range(first.shape[0]):
        a, b = _root(parents, first[i]), _root(parents, second[i])
        if a < b:
            parents[b] = a
        elif b < a:
            parents[a] = b


@kernel
def _root(parents: Array, item: int) -> int:
    while parents[item] != item:
        parents[item] = parents[parents[item]]
        item = parents[item]
    return item


@kernel
def flatten(parents: Array) -> None:
    """Make the root of each item its parent: parents come before their children."""
    for i in range(parents.shape[0]):
        parents[i] = parents[parents[i]]
