"""Graded relevance: normalised discounted cumulative gain, exact over all orders of the ties."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int, check_labels, refuse
from hashlens.evaluation.shells import Shells
from hashlens.neighbors import DistanceHistograms, Relevance

Floats = NDArray[np.float64]


def graded_relevance(query_labels: object, database_labels: object) -> list[Relevance]:
    """Give one relevance for each number of labels in common: at least 1, at least 2, and so on.

    Parameters
    ----------
    query_labels, database_labels : 0/1 arrays (n, n_classes)

    Returns
    -------
    grades : list of callable
        As of :func:`hashlens.evaluation.relevance`. As many as the most labels of one query.

    Examples
    --------
    >>> one, two = graded_relevance([[1, 1, 0]], [[1, 1, 1], [0, 1, 0]])
    >>> one(0, 1), two(0, 1)
    (array([[1, 1]], dtype=uint8), array([[1, 0]], dtype=uint8))
    """
    queries = check_labels("query_labels", query_labels)
    items = check_labels("database_labels", database_labels)
    if queries.ndim != 2 or queries.shape[1:] != items.shape[1:]:
        raise refuse("query_labels", "a 0/1 matrix, as database_labels", queries)
    wanted, found = queries.astype(np.float32), items.astype(np.float32).T

    def at_least(shared: int) -> Relevance:
        return lambda start, stop: (wanted[start:stop] @ found >= shared).view(np.uint8)

    return [at_least(grade) for grade in range(1, int(queries.sum(1).max(initial=0)) + 1)]


def ndcg(grades: Sequence[DistanceHistograms], *, k: int | None = None) -> Floats:
    r"""Normalised discounted cumulative gain of each query, in expectation over the ties.

    .. math::

        \frac{1}{Z} \sum_{i=1}^{k} \frac{2^{g_i} - 1}{\log_2(i + 1)}

    where g_i is the number of labels that the item at rank i shares with the query, and Z is the
    sum for the best order of all items. Of items at one distance each is as likely at each of
    their ranks, so that each rank of a shell has the shell's mean gain.

    Parameters
    ----------
    grades : sequence of DistanceHistograms
        Of the same queries and items: those that share at least 1 label, at least 2, and so on.
        See :func:`graded_relevance`.
    k : int, >= 1, optional
        Rank of the cut; all items where None.

    Returns
    -------
    ndcg : float64 array of shape (n_queries,)
        0 for a query that shares no label with any item.

    References
    ----------
    K. Järvelin and J. Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 2002.
    McSherry and Najork, ECIR 2008, section 2.5.

    Examples
    --------
    >>> total = np.array([[1, 1]])
    >>> shared_1, shared_2 = np.array([[1, 1]]), np.array([[0, 1]])
    >>> ndcg([DistanceHistograms(total, shared_1), DistanceHistograms(total, shared_2)]).round(3)
    array([0.797])
    """
    if not grades:
        raise refuse("grades", "histograms of at least one grade", grades)
    if k is not None:
        k = check_int("k", k, 1)
    shells = [Shells.of(histograms, k) for histograms in grades]
    first = shells[0]
    # 2^g - 1 is the sum of 2^(j - 1) over the grades j that an item reaches.
    gains = sum(2.0**j * shell.relevant for j, shell in enumerate(shells))
    discounts = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, _longest(first) + 2)))])
    spans = discounts[first.before + first.kept] - discounts[first.before]
    reached = (gains / np.maximum(first.size, 1) * spans).sum(1)
    ideal = _ideal(np.stack([shell.relevant.sum(1) for shell in shells], 1), k, discounts)
    return np.asarray(reached / np.where(ideal > 0, ideal, 1.0), np.float64)


def _longest(shells: Shells) -> int:
    return int(shells.size.sum(1).max(initial=1))


def _ideal(counts: NDArray[np.int64], k: int | None, discounts: Floats) -> Floats:
    """Sum of the gains in their best order; `counts` (n, n_grades) share at least 1, 2, ..."""
    places = counts if k is None else np.minimum(counts, k)
    # Items that reach grade j stand in the first places, and each adds 2^(j - 1).
    weights = 2.0 ** np.arange(counts.shape[1])
    return np.asarray((weights * discounts[places]).sum(1), np.float64)
