"""One query by itself of few codes, answered in few steps.

What Python does for a search of any kind takes as long as comparing 60,000 codes. The one that is
asked most often, a well-formed query without a filter, has a way of its own; all else, and all that
is wrong, goes the long way, where the checks are.
"""

from typing import NamedTuple, Self

import numpy as np

from hashlens.codes import code_size
from hashlens.search.scan import Nearest
from hashlens.search.scan_kernels import scan_code
from hashlens.search.segment import Segment
from hashlens.search.threads import worth_threads

_UINT8, _INT32, _INT64 = np.dtype(np.uint8), np.dtype(np.int32), np.dtype(np.int64)


class Alone(NamedTuple):
    """What a well-formed query looks like.

    Examples
    --------
    >>> segment = Segment.of_codes(np.array([[1], [2], [7]], np.uint8), 3)
    >>> Alone.of_length(3).nearest(segment, np.array([[6]], np.uint8), 1, 1)
    (array([[1]], dtype=int32), array([[1]]))
    >>> Alone.of_length(3).nearest(segment, np.array([[8]], np.uint8), 1, 1) is None
    True
    """

    shape: tuple[int, int]
    last: int  # the largest last byte: nothing is set behind the last bit

    @classmethod
    def of_length(cls, n_bits: int) -> Self:
        """Queries of so many bits."""
        return cls((1, code_size(n_bits)), 255 >> -n_bits % 8)

    def nearest(self, segment: Segment, queries: object, k: object, threads: int) -> Nearest | None:
        """Find the k nearest codes that may be found; None where it is another kind of search."""
        if type(queries) is not np.ndarray or queries.dtype is not _UINT8:
            return None
        if queries.shape != self.shape or type(k) is not int or k < 1:
            return None
        code, blocks = queries.tobytes(), segment.blocks
        if code[-1] > self.last or worth_threads(blocks.size, threads) > 1:
            return None
        distances, positions = np.empty((1, k), _INT32), np.empty((1, k), _INT64)
        scan_code(blocks, segment.live, code, distances, positions)
        return distances, positions
