"""Hierarchical search: codes choose the candidates, stored features put them in order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_choice, check_int, check_matrix, refuse
from hashlens.neighbors import Neighbors
from hashlens.search.rerank import kernels
from hashlens.search.rerank.exact import directions
from hashlens.search.rerank.order import check_candidates, nearest_first
from hashlens.search.rerank.page_ahead import ask_for_rows
from hashlens.search.segment import read_only
from hashlens.search.threads import check_threads, run_in_parts, worth_threads

METRICS = ("euclidean", "cosine")

_TYPES = {np.dtype(np.float16): np.uint16, np.dtype(np.float32): np.float32}


def rerank(  # noqa: PLR0913 - what to order, by what, and how, each named by keyword
    neighbors: Neighbors,
    queries: object,
    features: object,
    *,
    k: int,
    metric: str = "euclidean",
    positions: object = None,
    threads: int | None = None,
) -> Neighbors:
    """Order the candidates of a code search by their features.

    Parameters
    ----------
    neighbors : Neighbors
        The m nearest by code of each query, (n_queries, m).
    queries : float array of shape (n_queries, d)
        Features of the queries.
    features : float16 or float32 array of shape (n, d)
        Stored features; may be a mapped file, of which only the candidates' rows are read.
    k : int, >= 1
        How many to give of each query.
    metric : {"euclidean", "cosine"}
        The Euclidean distance, or 1 - cosine, from 0 to 2; a row of zeros is at 1.
    positions : int array of shape (n_queries, m), optional
        The row of each candidate in `features`; its id where None.
    threads : int, optional
        Most threads; the available processors where None.

    Returns
    -------
    neighbors : Neighbors
        float32 distances and ids of shape (n_queries, k), by distance, then id. Missing ones
        are last, with id -1 at infinity, where a row that holds NaN or infinity is too.

    Raises
    ------
    InputError
        If the queries or the features are not as above, or a candidate is no row of them.

    References
    ----------
    K. Lin, H.-F. Yang, J.-H. Hsiao, C.-S. Chen, "Deep learning of binary hash codes for fast
    image retrieval", CVPR workshops 2015, section 3.2.

    Examples
    --------
    >>> by_code = Neighbors(np.array([[1, 1, 2]], np.int32), np.array([[0, 2, 1]]))
    >>> features = np.array([[0, 3], [1, 0], [0, 1]], np.float16)
    >>> distances, ids = rerank(by_code, [[1.0, 0.0]], features, k=2)
    >>> ids, distances.round(2)
    (array([[1, 2]]), array([[0.  , 1.41]], dtype=float32))
    """
    k = check_int("k", k, 1)
    distances = feature_distances(
        neighbors, queries, features, metric=metric, positions=positions, threads=threads
    )
    return nearest_first(neighbors, distances, k)


def feature_distances(
    neighbors: Neighbors,
    queries: object,
    features: object,
    *,
    metric: str = "euclidean",
    positions: object = None,
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Compare each candidate of a code search with its query by their features.

    The rows are gathered, widened and compared in one pass. Sums are taken in float32, those of
    the cosine in float64.

    Parameters
    ----------
    neighbors, queries, features, metric, positions, threads
        As for :func:`rerank`.

    Returns
    -------
    distances : float32 array of shape (n_queries, m)
        In the order of the neighbours; infinity where there is none.

    Examples
    --------
    >>> by_code = Neighbors(np.array([[1, 1]], np.int32), np.array([[1, 0]]))
    >>> feature_distances(by_code, [[2, 0]], np.eye(2, dtype=np.float32), metric="cosine")
    array([[1., 0.]], dtype=float32)
    """
    check_choice("metric", metric, METRICS)
    stored = _stored("features", features)
    rows = check_matrix("queries", queries, n_columns=stored.shape[1], min_rows=0)
    wanted = check_candidates(neighbors, len(rows), len(stored), positions)
    compared, lengths = directions(rows) if metric == "cosine" else (rows, np.empty(0))
    compared = read_only(np.ascontiguousarray(compared, np.float32))
    out = np.empty(wanted.shape, np.float32)
    ask_for_rows(stored, wanted)
    words = wanted.size * stored.shape[1] * stored.itemsize // 8

    def compare(a: int, b: int) -> None:
        kernels.feature_distances(stored, compared[a:b], wanted[a:b], lengths[a:b], out[a:b])

    run_in_parts(compare, len(rows), worth_threads(words, check_threads(threads)))
    return out


def _stored(name: str, value: object) -> NDArray[Any]:
    """Return stored features as the kernels take them, read-only: float16 as its bits, uint16."""
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    wanted = "float16 or float32 of this machine's byte order, in rows (n, d >= 1) without gaps"
    if array.ndim != 2 or array.dtype not in _TYPES or not array.dtype.isnative:
        raise refuse(name, wanted, array)
    if not array.shape[1] or not array.flags.c_contiguous or not array.flags.aligned:
        raise refuse(name, wanted, array)
    # Read-only as a mapped file is: kernels are compiled for one kind only.
    return read_only(array.view(np.ndarray).view(_TYPES[array.dtype]))
