"""Precision and recall: at ranks, within a radius, and as a curve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_choice, check_int, refuse
from hashlens.evaluation.shells import ORDERS, Floats, Shells, check_histograms
from hashlens.neighbors import DistanceHistograms


def precision_at(
    histograms: DistanceHistograms, ks: Sequence[int], order: str = "expected"
) -> NDArray[np.float64]:
    """Share of relevant items among the first k, over the orders of items at equal distance.

    Parameters
    ----------
    histograms : DistanceHistograms
    ks : sequence of int, each >= 1
        Where fewer than k items exist, the missing ones count as not relevant.
    order : {"expected", "best", "worst"}

    Returns
    -------
    precision : float64 array of shape (n_queries, len(ks))

    References
    ----------
    McSherry and Najork, ECIR 2008, section 2.1.

    Examples
    --------
    >>> counts = DistanceHistograms(np.array([[2, 1]]), np.array([[1, 1]]))
    >>> precision_at(counts, [1, 2, 3]).round(3)
    array([[0.5  , 0.5  , 0.667]])
    """
    return _found_at(histograms, ks, order) / np.asarray(ks, np.float64)


def recall_at(
    histograms: DistanceHistograms, ks: Sequence[int], order: str = "expected"
) -> NDArray[np.float64]:
    """Share of the relevant items that are among the first k; 0 for a query that has none.

    Parameters
    ----------
    histograms : DistanceHistograms
    ks : sequence of int, each >= 1
    order : {"expected", "best", "worst"}

    Returns
    -------
    recall : float64 array of shape (n_queries, len(ks))

    Examples
    --------
    >>> counts = DistanceHistograms(np.array([[2, 1]]), np.array([[1, 1]]))
    >>> recall_at(counts, [1, 3])
    array([[0.25, 1.  ]])
    """
    found = _found_at(histograms, ks, order)
    recall: Floats = found / np.maximum(histograms.relevant.sum(axis=1, keepdims=True), 1)
    return recall


def _found_at(histograms: DistanceHistograms, ks: Sequence[int], order: str) -> Floats:
    check_choice("order", order, ORDERS)
    if np.ndim(ks) != 1 or not len(ks):
        raise refuse("ks", "a sequence of ints >= 1", ks)
    ranks = [check_int("ks", k, 1) for k in ks]
    columns = [Shells.of(histograms, k).found(order).sum(axis=1) for k in ranks]
    return np.stack(columns, axis=1)


def precision_within(
    histograms: DistanceHistograms, radius: int = 2
) -> tuple[NDArray[np.float64], float]:
    """Share of relevant items within a Hamming radius, where an empty ball counts as 0.

    Parameters
    ----------
    histograms : DistanceHistograms
    radius : int, >= 0, bits

    Returns
    -------
    precision : float64 array of shape (n_queries,)
    empty : float
        Share of the queries with no item at all within the radius.

    Examples
    --------
    >>> counts = DistanceHistograms(np.array([[4, 1], [0, 5]]), np.array([[3, 1], [0, 1]]))
    >>> precision_within(counts, 0)
    (array([0.75, 0.  ]), 0.5)
    """
    size, relevant = check_histograms(histograms)
    inside = slice(0, check_int("radius", radius, 0) + 1)
    if not len(size):
        raise refuse("histograms", "of at least one query", size)
    found, hits = size[:, inside].sum(axis=1), relevant[:, inside].sum(axis=1)
    return hits / np.maximum(found, 1), float((found == 0).mean())


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision and recall by Hamming radius, pooled over the queries.

    Attributes
    ----------
    radius : int64 (n_points,), bits
        The radii within which some query finds an item.
    precision, recall : float64 (n_points,)
    """

    radius: NDArray[np.int64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


def precision_recall_curve(histograms: DistanceHistograms) -> PrecisionRecall:
    """Precision and recall of "all items within radius t", for every t that finds anything.

    Micro-averaged: the items found by all queries are pooled, so a query with many neighbours
    weighs more. A radius has no ties, so the curve has no open order.

    Parameters
    ----------
    histograms : DistanceHistograms

    Returns
    -------
    curve : PrecisionRecall

    Examples
    --------
    >>> counts = DistanceHistograms(np.array([[0, 2, 2]]), np.array([[0, 2, 0]]))
    >>> curve = precision_recall_curve(counts)
    >>> curve.radius, curve.precision, curve.recall
    (array([1, 2]), array([1. , 0.5]), array([1., 1.]))
    """
    size, relevant = check_histograms(histograms)
    found, hits = np.cumsum(size.sum(axis=0)), np.cumsum(relevant.sum(axis=0))
    radius = np.flatnonzero(found)
    n_relevant = max(int(relevant.sum()), 1)
    return PrecisionRecall(radius, hits[radius] / found[radius], hits[radius] / n_relevant)
