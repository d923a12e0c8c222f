"""Sketches of features: 512 bits that tell most pairs apart without reading their features.

A bit is the side of a random plane on which a vector lies, so that two vectors at an angle differ
in a share of the bits that is the angle over pi: random hyperplane LSH. A crowd of codes has more
pairs than there is time to compare by features.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import as_words, binarize

N_BITS = 512  # a line of the cache
_SIGMAS = 6.0
_AT_ONCE = 4096
_SEED = 0


def sketches(features: NDArray[np.float16], rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Sketch rows of features: uint64 (n, 8).

    Parameters
    ----------
    features : float16 (m, d), may be mapped
    rows : int64 (n,)
    """
    planes = np.random.default_rng(_SEED).standard_normal((features.shape[1], N_BITS), np.float32)
    out = np.empty((len(rows), N_BITS // 64), np.uint64)
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        out[part] = as_words(binarize(features[rows[part]].astype(np.float32) @ planes))
    return out


def no_sketches(n: int) -> NDArray[Any]:
    """Sketches of no bits."""
    return np.empty((n, 0), np.uint64)


def most_bits(cosine: float) -> int:
    """Bits that sketches of vectors with at least this cosine differ in, at most.

    Six standard deviations above what is expected at the very limit: of a billion pairs there,
    one is missed.

    Examples
    --------
    >>> most_bits(1.0), most_bits(0.96), most_bits(-1.0)
    (0, 85, 512)
    """
    share = math.acos(max(-1.0, min(1.0, cosine))) / math.pi
    return round(N_BITS * share + _SIGMAS * math.sqrt(N_BITS * share * (1 - share)))
