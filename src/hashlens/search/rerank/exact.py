"""Cosines of float16 numbers by NumPy alone, bit for bit those of the compiled kernel.

A product of two float16 numbers is a multiple of 2^-48. Where rows and query are no longer than 4
(stored features have length 1), no sum of such products exceeds 16, and float64 holds each one
exactly: the order of the terms does not matter. What is left, a root, a product and a quotient, is
rounded once each, here as in the kernel.
"""

import numpy as np
from numpy.typing import NDArray

from hashlens.search.rerank.page_ahead import ask_for_rows

Floats = NDArray[np.float32]
_LONGEST = 4.0
_AT_ONCE = 1 << 20  # numbers that are widened at once


def directions(rows: NDArray[np.floating]) -> tuple[Floats, NDArray[np.float64]]:
    """Scale each row by a power of two that loses nothing, and give its length after that.

    Returns
    -------
    scaled : float32 (n, d)
        The largest number of each row is at least 0.5 and below 1; a row of zeros stays.
    lengths : float64 (n,)
        1 for a row of zeros.

    Examples
    --------
    >>> directions(np.array([[6.0, 8.0], [0.0, 0.0]]))
    (array([[0.375, 0.5  ],
           [0.   , 0.   ]], dtype=float32), array([0.625, 1.   ]))
    """
    largest = np.abs(rows).max(axis=1, initial=0, keepdims=True)
    scaled = np.ldexp(rows.astype(np.float64), -np.frexp(largest)[1]).astype(np.float32)
    lengths = np.linalg.norm(scaled.astype(np.float64), axis=1)
    return scaled, np.where(lengths > 0, lengths, 1.0)


def cosine_distances(
    queries: Floats, features: NDArray[np.float16], wanted: NDArray[np.int64]
) -> Floats | None:
    """Compare stored rows with queries, as `feature_distances` does for the cosine.

    Parameters
    ----------
    queries : float32 (n_queries, d)
    features : float16 (n, d)
    wanted : int64 (n_queries, m)
        The rows to compare with each query; -1 for none.

    Returns
    -------
    distances : float32 (n_queries, m), or None where a sum may not be exact
        1 - cosine; infinity where there is no row.

    Examples
    --------
    >>> rows = np.array([[1, 0], [0, 2]], np.float16)
    >>> cosine_distances(np.array([[0, 1]], np.float32), rows, np.array([[0, 1, -1]]))
    array([[ 1.,  0., inf]], dtype=float32)
    """
    with np.errstate(over="ignore"):
        narrow = queries.astype(np.float16)
    if features.dtype != np.float16 or not (narrow == queries).all():
        return None
    if not (np.linalg.norm(queries, axis=1) <= _LONGEST).all():
        return None
    ask_for_rows(features, wanted)
    asked, lengths = directions(queries)
    out = np.full(wanted.shape, np.inf, np.float32)
    step = max(1, _AT_ONCE // features.shape[1])
    for q, row in enumerate(wanted):
        there = np.flatnonzero(row >= 0)
        for part in (there[i : i + step] for i in range(0, len(there), step)):
            found = _distances(features[row[part]].astype(np.float64), asked[q], lengths[q])
            if found is None:
                return None
            out[q, part] = found
    return out


def _distances(rows: NDArray[np.float64], query: Floats, length: float) -> Floats | None:
    squares = np.einsum("ij,ij->i", rows, rows)
    if not (squares <= _LONGEST**2).all():  # false for NaN too
        return None
    products = rows @ query.astype(np.float64)
    roots = np.where(squares > 0, np.sqrt(squares) * length, 1.0)
    distances = (1 - products / roots).astype(np.float32)
    return np.maximum(distances, np.float32(0))
