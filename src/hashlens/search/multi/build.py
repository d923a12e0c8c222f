"""Making the tables of a multi-index: a counting sort of the codes by each substring."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.search.blocks import LANES, Blocks, word_type, words_of
from hashlens.search.compiled import kernel, prefetch
from hashlens.search.multi.found import Int
from hashlens.search.multi.keys import FIRST, SHIFT, WIDTH, WORD, key_of
from hashlens.search.threads import run_in_parts

Array = NDArray[Any]
Keys = tuple[Int, Int]  # a range of keys; threads fill other ranges of the same table

MAX_WIDTH = 26  # bits of a key: 2^26 offsets
_CODES_PER_THREAD = 1 << 15  # fewer are not worth waking a thread for


def substrings_of(n_bits: int, n_tables: int) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Cut a code into substrings as even as possible.

    Returns
    -------
    substrings : int64 (n_tables, 4)
        Of each table: where its offsets begin, the word and the bit of that word where its key
        begins, and the key's bits.
    masks : uint64 (n_tables, 2)
        The key's bits in that word, and in the next one where it goes on.

    Examples
    --------
    >>> substrings, masks = substrings_of(7, 2)
    >>> substrings
    array([[0, 0, 0, 3],
           [9, 0, 3, 4]])
    >>> masks[:, 0]
    array([  7, 120], dtype=uint64)
    """
    bounds = [n_bits * table // n_tables for table in range(n_tables + 1)]
    rows, masks, first = [], [], 0
    for start, stop in pairwise(bounds):
        rows.append((first, start // 64, start % 64, stop - start))
        mask = ((1 << (stop - start)) - 1) << (start % 64)
        masks.append((mask & (1 << 64) - 1, mask >> 64))
        first += (1 << (stop - start)) + 1
    return np.array(rows, np.int64), np.array(masks, np.uint64)


def build_tables(
    blocks: Blocks,
    n_items: int,
    n_bits: int,
    n_tables: int,
    threads: int,
    tell: Callable[[int, int], None] | None = None,
) -> tuple[Array, Array, Array]:
    """Sort the codes into tables, one after another: offsets, positions, codes.

    The threads share the keys of a table, so that only what is kept is ever in memory.
    """
    substrings, _ = substrings_of(n_bits, n_tables)
    count = count_type(n_items)
    offsets = np.empty(n_offsets(substrings), count)
    positions = np.empty((n_tables, n_items), count)
    codes = np.empty((n_tables, n_items, words_of(n_bits)), word_type(n_bits))

    threads = max(1, min(threads, n_items // _CODES_PER_THREAD))

    def fill_one(table: int) -> None:
        substring = substrings[table]
        first, keys = substring[FIRST], _key_ranges(blocks, n_items, substring, threads)
        here = offsets[first : first + (1 << int(substring[WIDTH])) + 1]

        def fill(start: int, stop: int) -> None:
            ends = keys[start], keys[stop]
            _count_keys(blocks, n_items, substring, ends, here)
            _place_codes(blocks, substring, ends, here, positions[table], codes[table])

        run_in_parts(fill, threads, threads)

    for table in range(n_tables):
        fill_one(table)
        if tell is not None:
            tell(table + 1, n_tables)
    return offsets, positions, codes


def count_type(n_items: int) -> np.dtype[Any]:
    """Integers of offsets and positions: half the memory where 32 bits are enough."""
    return np.dtype(np.int64 if n_items >= 1 << 32 else np.uint32)


def n_offsets(substrings: NDArray[np.int64]) -> int:
    """Offsets of all tables: one for each key of a table, and the end."""
    return int(substrings[-1, FIRST]) + (1 << int(substrings[-1, WIDTH])) + 1


def _key_ranges(blocks: Blocks, n_items: int, substring: Array, n_parts: int) -> list[int]:
    """Cut a table's keys in ranges of about as many codes, judged by a sample of them."""
    n_sampled = min(n_items, 64 * n_parts)
    at = np.arange(n_sampled) * (n_items // max(1, n_sampled))
    word, n_words = int(substring[WORD]), blocks.shape[1]
    low = blocks[at // LANES, word, at % LANES].astype(np.uint64)
    high = blocks[at // LANES, min(word + 1, n_words - 1), at % LANES].astype(np.uint64)
    shift, width = int(substring[SHIFT]), int(substring[WIDTH])
    keys = low >> np.uint64(shift)
    if shift + width > 64:
        keys |= high << np.uint64(64 - shift)
    ordered = np.sort(keys & np.uint64((1 << width) - 1))
    inner = [int(ordered[n_sampled * part // n_parts]) for part in range(1, n_parts)]
    return [0, *inner, 1 << width]


@kernel
def _count_keys(blocks: Blocks, n_items: Int, substring: Array, keys: Keys, offsets: Array) -> None:
    """Set the offset after each key of the range to where the codes of that key begin."""
    first, stop = keys
    word, after = substring[WORD], min(substring[WORD] + 1, blocks.shape[1] - 1)
    offsets[0] = 0
    offsets[first + 1 : stop + 1] = 0
    before = np.int64(0)
    for position in range(n_items):
        block, lane = position // LANES, position % LANES
        low, high = blocks[block, word, lane], blocks[block, after, lane]
        key = key_of(low, high, substring[SHIFT], substring[WIDTH])
        if first <= key < stop:
            offsets[key + 1] += 1
        before += key < first
    for key in range(first, stop):
        count = np.int64(offsets[key + 1])
        offsets[key + 1] = before
        before += count


@kernel
def _place_codes(
    blocks: Blocks, substring: Array, keys: Keys, offsets: Array, positions: Array, codes: Array
) -> None:
    """Put the codes of a range of keys in order; the offset after a key moves on to their end.

    Each code goes to another place in memory: those of a block are asked for together.
    """
    flat, (n_items, n_words) = codes.reshape(-1), codes.shape
    word, after = substring[WORD], min(substring[WORD] + 1, n_words - 1)
    own = np.empty((2, LANES), np.int64)  # the keys of a block that are in the range; their lanes
    for block in range(-(-n_items // LANES)):
        n_own = 0
        for lane in range(min(LANES, n_items - block * LANES)):
            low, high = blocks[block, word, lane], blocks[block, after, lane]
            key = key_of(low, high, substring[SHIFT], substring[WIDTH])
            if keys[0] <= key < keys[1]:
                own[0, n_own], own[1, n_own] = key, lane
                n_own += 1
                prefetch(offsets, key + 1)
        for i in range(n_own):
            entry = np.int64(offsets[own[0, i] + 1])
            prefetch(positions, entry)
            prefetch(flat, entry * n_words)
        for i in range(n_own):
            entry = np.int64(offsets[own[0, i] + 1])
            offsets[own[0, i] + 1] = entry + 1
            positions[entry] = block * LANES + own[1, i]
            for w in range(n_words):
                codes[entry, w] = blocks[block, w, own[1, i]]
