"""Tables of a multi-index as kernels see them, and the keys of their buckets."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.search.compiled import kernel, lowest_bit
from hashlens.search.multi.found import Int

Array = NDArray[Any]

# Columns of `Tables.substrings`: where the table's offsets begin, and where the key is in a code.
FIRST, WORD, SHIFT, WIDTH = 0, 1, 2, 3


class Tables(NamedTuple):
    """A multi-index as kernels see it."""

    offsets: Array  # (all keys of all tables,)
    positions: Array  # (n_tables, n_items)
    codes: Array  # (n_tables * n_items * n_words,), each table's in the order of its positions
    substrings: Array  # int64 (n_tables, 4)
    masks: Array  # uint64 (n_tables, 2): the key's bits in its word, and in the next word


@kernel
def key_of(low: Any, high: Any, shift: Int, width: Int) -> Int:
    """Read a substring out of the word it begins in and the next one."""
    key = np.uint64(low) >> np.uint64(shift)
    if shift + width > 64:
        key |= np.uint64(high) << np.uint64(64 - shift)
    return np.int64(key & np.uint64((1 << width) - 1))


@kernel
def next_mask(mask: Int) -> Int:
    """Give the next larger integer with as many set bits (Gosper's hack)."""
    lowest = mask & -mask
    above = mask + lowest
    return above | ((above ^ mask) >> (2 + np.int64(lowest_bit(np.uint64(mask)))))


@kernel
def n_keys_at(width: Int, radius: Int) -> Int:
    """Count the keys of `width` bits that differ in `radius` bits from one of them."""
    n_keys = np.int64(1)
    for i in range(radius):
        n_keys = n_keys * (width - i) // (i + 1)
    return n_keys
