"""Items counted by their distance from each query: what every figure of a ranking is made from."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.evaluation import graded_relevance, relevance
from hashlens.neighbors import DistanceHistograms, Relevance, SameLabel
from hashlens.search import HammingIndex


def relevance_grades(
    query_labels: NDArray[np.generic], labels: NDArray[np.generic]
) -> list[Relevance]:
    """Give what is relevant; with several labels an image, also what shares at least 2, 3, ...

    Examples
    --------
    >>> labels = np.array([[True, True], [True, False]])
    >>> one, two = relevance_grades(labels[:1], labels)
    >>> one(0, 1), two(0, 1)
    (array([[1, 1]], dtype=uint8), array([[1, 0]], dtype=uint8))
    """
    grades = [relevance(query_labels, labels)]
    if query_labels.ndim == 2:
        grades += graded_relevance(query_labels, labels)[1:]  # the first is the one above
    return grades


def counts_by_grade(
    index: HammingIndex,
    codes: Codes,
    grades: Sequence[Relevance],
    *,
    exclude_self: bool,
    start: int = 0,
) -> list[DistanceHistograms]:
    """Count all and relevant items at each distance, for each grade of relevance.

    Parameters
    ----------
    index : HammingIndex
        Of the database.
    codes : uint8 (n, ceil(n_bits / 8))
        Of consecutive queries.
    grades : sequence of callable
        Of all queries: see `relevance_grades`.
    exclude_self : bool
        The queries are the items of the database, and none may find itself.
    start : int
        Number of the first of these queries.
    """
    exclude = start + np.arange(len(codes)) if exclude_self else None
    parts = [_part(grade, start, len(codes)) for grade in grades]
    return [index.histograms(codes, part, exclude=exclude) for part in parts]


def _part(relevant: Relevance, start: int, n: int) -> Relevance:
    """Relevance for `n` queries from `start` on, which are counted from 0 then."""
    if isinstance(relevant, SameLabel):  # stays what it is: a search compares single labels itself
        return SameLabel(relevant.queries[start : start + n], relevant.items)
    return lambda low, high: relevant(start + low, start + high)
