"""Candidates of a code search in a finer order: by a second distance, over or within shells."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_choice, check_int, refuse, words
from hashlens.neighbors import MISSING_ID, Neighbors
from hashlens.search.rerank.kernels import select_nearest
from hashlens.search.segment import read_only

SHELLS = ("within", "over")
_BELOW_ONE = 1 - 2.0**-11  # the largest share of a shell: added to 4096 it is still below 4097

Floats = NDArray[np.float32]


def check_candidates(
    neighbors: object, n_queries: int, n_rows: int, positions: object = None
) -> NDArray[np.int64]:
    """Return the row of each candidate, int64 (n_queries, m), -1 for none, or raise InputError.

    Parameters
    ----------
    neighbors : Neighbors
    n_queries, n_rows : int
        Of the queries, and of what the candidates are rows of.
    positions : int array of the shape of the ids, optional
        The row of each candidate; its id where None.

    Examples
    --------
    >>> near = Neighbors(np.array([[2, 3]], np.int32), np.array([[5, -1]]))
    >>> check_candidates(near, 1, 10, [[0, 0]])
    array([[ 0, -1]])
    """
    if not isinstance(neighbors, Neighbors):
        raise refuse("neighbors", "Neighbors", neighbors)
    if neighbors.ids.ndim != 2 or len(neighbors) != n_queries:
        raise refuse("neighbors", f"those of the {n_queries} queries", neighbors.ids)
    rows = neighbors.ids if positions is None else np.asarray(positions)
    name = "ids of neighbors" if positions is None else "positions"
    wanted = f"ints from 0 to {n_rows - 1} of shape {neighbors.ids.shape}, each a row"
    if rows.dtype.kind not in "iu" or rows.shape != neighbors.ids.shape:
        raise refuse(name, wanted, rows)
    if positions is not None:
        _check_range(name, wanted, rows[neighbors.found], (0, n_rows))
        return read_only(np.where(neighbors.found, rows, MISSING_ID).astype(np.int64))
    _check_range(name, wanted, rows, (MISSING_ID, n_rows))
    return read_only(np.ascontiguousarray(rows, np.int64))


def _check_range(name: str, wanted: str, rows: NDArray[Any], limits: tuple[int, int]) -> None:
    if rows.size and (int(rows.min()) < limits[0] or int(rows.max()) >= limits[1]):
        raise refuse(name, wanted, words(f"{rows.min()} to {rows.max()}"))


def nearest_first(
    neighbors: Neighbors, distances: Floats, k: int | None = None, shells: str = "over"
) -> Neighbors:
    """Put candidates in the order of other distances, then of ids.

    Parameters
    ----------
    neighbors : Neighbors
        Of a code search, (n_queries, m).
    distances : float32 (n_queries, m), >= 0
        Of each candidate, by which to order.
    k : int, >= 1, optional
        How many to give; all m where None.
    shells : {"over", "within"}
        By `distances` alone; or by Hamming distance first, and by `distances` among the
        candidates of one Hamming distance.

    Returns
    -------
    neighbors : Neighbors
        (n_queries, k), float32 distances, ids -1 at infinity where there is no k-th. Within
        shells a distance is the Hamming distance in bits plus a fraction below 1: the given
        distance over the largest that the query has to a candidate. In float32 the fraction
        keeps 24 bits less those of the Hamming distance: 18 for codes of 64 bits.

    Raises
    ------
    InputError
        If the shapes differ, a distance is below 0 or NaN, or within shells the neighbours'
        distances are not ints.

    Examples
    --------
    >>> near = Neighbors(np.array([[1, 1, 2]], np.int32), np.array([[4, 6, 5]]))
    >>> finer = np.array([[0.5, 0.25, 0.0]], np.float32)
    >>> nearest_first(near, finer).ids, nearest_first(near, finer, shells="within").ids
    (array([[5, 6, 4]]), array([[6, 4, 5]]))
    """
    check_choice("shells", shells, SHELLS)
    values = np.asarray(distances)
    wanted = f"float32 >= 0 of shape {neighbors.ids.shape}"
    if values.dtype != np.float32 or values.shape != neighbors.ids.shape:
        raise refuse("distances", wanted, values)
    if not (values >= 0).all():
        raise refuse("distances", wanted, words("NaN, or a number below 0"))
    if shells == "within":
        values = _with_bits(neighbors, values)
    k = values.shape[1] if k is None else check_int("k", k, 1)
    nearest = np.full((len(values), k), np.inf, np.float32)
    ids = np.full((len(values), k), MISSING_ID, np.int64)
    candidates = read_only(np.ascontiguousarray(neighbors.ids, np.int64))
    select_nearest(read_only(np.ascontiguousarray(values)), candidates, nearest, ids)
    return Neighbors(nearest, ids)


def _with_bits(neighbors: Neighbors, values: Floats) -> Floats:
    """Hamming distance plus a share of a bit, below 1, that grows with the finer distance."""
    if neighbors.distances.dtype.kind not in "iu":
        raise refuse("distances of neighbors", "Hamming distances: ints", neighbors.distances)
    finite = np.where(np.isfinite(values), values, np.float32(0))
    largest = finite.max(axis=1, keepdims=True, initial=0)
    share = np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)
    share = np.minimum(share, 1) * np.float32(_BELOW_ONE)
    return np.asarray(neighbors.distances + share, np.float32)
