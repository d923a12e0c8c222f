"""The control row: figures of real-valued features, ranked without any code."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_choice, check_matrix
from hashlens.evaluation.average_precision import average_precision
from hashlens.neighbors import DistanceHistograms, Relevance, check_exclude, relevance_block

METRICS = ("cosine", "euclidean")

_BLOCK_ITEMS = 1 << 21  # distances held at a time
_LAST = np.uint64(0xFFFF_FFFF_FFFF_FFFE)  # sorts behind every distance, and is not relevant


def rank_features(  # noqa: PLR0913 - the ranking and the figure, each named by keyword
    queries: object,
    database: object,
    relevance: Relevance,
    *,
    metric: str = "cosine",
    exclude: object = None,
    k: int | None = None,
    denominator: str = "relevant",
) -> NDArray[np.float64]:
    """Average precision of each query when the features themselves rank the database.

    Parameters
    ----------
    queries : float array of shape (n_queries, n_features)
    database : float array of shape (n_items, n_features)
    relevance : callable
        See :func:`hashlens.evaluation.relevance`.
    metric : {"cosine", "euclidean"}
        Compared in float32. A row of zeros is at cosine 0 from everything.
    exclude : int array of shape (n_queries,), optional
        The item that a query must not count (itself, in leave-one-out); -1 for none.
    k, denominator
        As for :func:`hashlens.evaluation.average_precision`; equal distances are ties, and the
        figure is the expectation over their orders.

    Returns
    -------
    average_precision : float64 array of shape (n_queries,)

    Raises
    ------
    InputError
        If the features are not finite matrices of as many columns, or another argument is wrong.

    Examples
    --------
    >>> from hashlens.evaluation import relevance
    >>> rank_features([[1.0, 0.1]], [[0, 1], [1, 0]], relevance([7], [7, 8]))
    array([0.5])
    """
    blocks = feature_histograms(queries, database, relevance, metric=metric, exclude=exclude)
    figures = [average_precision(block, k=k, denominator=denominator) for block in blocks]
    return np.concatenate(figures)


def feature_histograms(
    queries: object,
    database: object,
    relevance: Relevance,
    *,
    metric: str = "cosine",
    exclude: object = None,
) -> Iterator[DistanceHistograms]:
    """Rank the database by features: for each block of queries, its items by distinct distance.

    What every figure on rankings takes: column i counts the items at the i-th smallest distance
    that the query has to any item. (A radius in bits means nothing here.)

    Parameters
    ----------
    queries, database, relevance, metric, exclude
        As for :func:`rank_features`.

    Returns
    -------
    blocks : iterator of DistanceHistograms
        Of consecutive queries.

    Examples
    --------
    >>> from hashlens.evaluation import relevance
    >>> blocks = feature_histograms([[1, 0]], [[1, 0], [2, 0], [0, 1]], relevance([1], [1, 2, 1]))
    >>> [(block.total, block.relevant) for block in blocks]
    [(array([[2, 1]]), array([[1, 1]]))]
    """
    items = check_matrix("database", database)
    rows = check_matrix("queries", queries, n_columns=items.shape[1])
    skipped = check_exclude(exclude, len(rows), len(items))
    prepare = {"cosine": _directions, "euclidean": _centred}
    rows, items = prepare[check_choice("metric", metric, METRICS)](rows, items)
    lengths = np.einsum("ij,ij->i", items, items) if metric == "euclidean" else None
    return _blocks(rows, items, lengths, relevance, skipped)


def _blocks(
    rows: NDArray[Any],
    items: NDArray[Any],
    lengths: NDArray[Any] | None,
    relevance: Relevance,
    skipped: NDArray[np.int64],
) -> Iterator[DistanceHistograms]:
    step = max(1, _BLOCK_ITEMS // len(items))
    for start in range(0, len(rows), step):
        stop = min(start + step, len(rows))
        distances = -(rows[start:stop] @ items.T)
        if lengths is not None:
            distances = lengths + 2 * distances  # |x - q|^2 - |q|^2: the same order
        marks = relevance_block(relevance, start, stop, len(items))
        keys = _sort_keys(distances) << np.uint64(1) | marks
        skip = np.flatnonzero(skipped[start:stop] >= 0)
        keys[skip, skipped[start:stop][skip]] = _LAST
        yield _count_ties(np.sort(keys, axis=1))


def _directions(rows: NDArray[Any], items: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Divide rows by their lengths, so that a product is a cosine; zeros stay zeros."""
    directions = _unit(items)
    return directions if rows is items else _unit(rows), directions


def _unit(matrix: NDArray[Any]) -> NDArray[Any]:
    peak = np.abs(matrix).max(axis=1, keepdims=True)
    scaled = matrix / np.where(peak > 0, peak, 1)  # first, so that no square overflows
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    scaled /= np.where(lengths > 0, lengths, 1)
    return scaled.astype(np.float32, copy=False)


def _centred(rows: NDArray[Any], items: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Scale to [-1, 1] and subtract the database's mean, so that float32 loses less."""
    peak = max(float(np.abs(rows).max()), float(np.abs(items).max())) or 1.0
    mean = (items / peak).mean(axis=0, dtype=np.float64)
    return (rows / peak - mean).astype(np.float32), (items / peak - mean).astype(np.float32)


def _sort_keys(distances: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Integers in the order of the floats: flip a negative float's bits, else its sign bit."""
    bits = (distances + np.float32(0)).view(np.uint32)  # + 0: a negative zero equals zero
    sign = np.uint32(1 << 31)
    return np.where(bits & sign, ~bits, bits | sign).astype(np.uint64)


def _count_ties(keys: NDArray[np.uint64]) -> DistanceHistograms:
    """Count runs of equal distance in sorted rows of keys, distance << 1 | relevant."""
    n_rows = len(keys)
    one = np.uint64(1)
    shell = np.zeros(keys.shape, np.int64)
    np.cumsum(keys[:, 1:] >> one != keys[:, :-1] >> one, axis=1, out=shell[:, 1:])
    n_shells = int(shell[:, -1].max()) + 1
    shell += n_shells * np.arange(n_rows)[:, None]
    counted = keys != _LAST
    total = np.bincount(shell[counted], minlength=n_rows * n_shells)
    relevant = np.bincount(shell[keys & one == one], minlength=n_rows * n_shells)
    shape = (n_rows, n_shells)
    return DistanceHistograms(total.reshape(shape), relevant.reshape(shape))
