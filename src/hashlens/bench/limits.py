"""What the machine itself allows: reading memory, and comparing codes that are in registers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.search.blocks import LANES, as_blocks, as_rows, word_type, words_of
from hashlens.search.compiled import any_below, kernel
from hashlens.search.threads import run_in_parts

Array = NDArray[Any]


@kernel
def _total(values: Array) -> Any:
    total = np.uint64(0)
    for place in range(len(values)):
        total += values[place]
    return total


@kernel
def _compare(block: Array, rows: Array, n_times: int, limit: int) -> int:
    """Compare a block, which stays in registers, with all queries, again and again.

    The limit is an argument: with a known one, the compiler would see that none is below.
    """
    hits = 0
    for _ in range(n_times):
        for query in range(len(rows)):
            if any_below(block, 0, rows, query, limit):
                hits += 1
    return hits


def scanned_bytes(n_codes: int, n_bits: int) -> int:
    """Bytes that a scan has to read."""
    return n_codes * words_of(n_bits) * word_type(n_bits).itemsize


def reading(n_bytes: int, threads: int) -> Callable[[], None]:
    """Make a task that reads so many bytes, whichever cache or memory they are in.

    Examples
    --------
    >>> reading(1 << 10, 1)()
    """
    values = np.ones(max(1, n_bytes // 8), np.uint64)

    def read(start: int, stop: int) -> None:
        _total(values[start:stop])

    return lambda: run_in_parts(read, len(values), threads)


def comparing(codes: Codes, queries: Codes, n_bits: int, threads: int) -> Callable[[], None]:
    """Make a task that does the comparisons of a batch without reading the codes.

    Each is an exclusive or, a count of bits, and the smallest distance of 64 codes.

    Examples
    --------
    >>> comparing(np.zeros((70, 1), np.uint8), np.zeros((2, 1), np.uint8), 8, 1)()
    """
    block, rows = as_blocks(codes[:LANES], n_bits), as_rows(queries, n_bits)
    n_blocks = -(-len(codes) // LANES)

    def compare(start: int, stop: int) -> None:
        _compare(block, rows[start:stop], n_blocks, 0)

    return lambda: run_in_parts(compare, len(rows), threads)
