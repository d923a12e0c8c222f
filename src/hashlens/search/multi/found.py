"""What a search of a multi-index has found so far: the nearest in a heap, or all in a list.

Codes come in no order of position, so that ties are settled by whole keys: distance, position.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.neighbors import MISSING_DISTANCE, MISSING_ID
from hashlens.search.compiled import kernel
from hashlens.search.scan_kernels import POSITION_BITS, POSITION_MASK

Array = NDArray[Any]
Int = int | np.int64

NO_CANDIDATE = (1 << 63) - 1  # fills a heap at first: larger than the key of any code
# Columns of a query's tally.
FOUND, LIMIT, PROBES, CANDIDATES, FINISHED = 0, 1, 2, 3, 4
N_COLUMNS = 5


@kernel
def _replace_largest(heap: Array, size: Int, key: Int) -> None:
    """Put a key in the place of the largest one of a heap."""
    place = 0
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= key:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = key


@kernel
def offer(keys: Array, tally: Array, key: Int, nearest: bool) -> None:
    """Keep a candidate: in the heap of the nearest, or in the list of all as long as it fits."""
    if nearest:
        if key < keys[0]:
            _replace_largest(keys, keys.shape[0], key)
            tally[LIMIT] = min(tally[LIMIT], keys[0] >> POSITION_BITS)
        return
    if tally[FOUND] < keys.shape[0]:
        keys[tally[FOUND]] = key
    tally[FOUND] += 1


@kernel
def write_sorted(heap: Array, distances: Array, positions: Array) -> None:
    """Take a heap apart, largest first, into rows with the missing at the end."""
    distances[:] = MISSING_DISTANCE
    positions[:] = MISSING_ID
    for size in range(heap.shape[0], 0, -1):
        if heap[0] != NO_CANDIDATE:
            distances[size - 1] = heap[0] >> POSITION_BITS
            positions[size - 1] = heap[0] & POSITION_MASK
        _replace_largest(heap, size - 1, heap[size - 1])
