r"""Shells: the items at one distance from a query, whose order among themselves is open.

A shell has n items of which r are relevant, and lies behind N items of which P are relevant. A cut
at rank k keeps its first m = min(n, k - N) places. Over the open orders, each figure here is a sum
over shells in closed form: no ranking is made, and the order of the database cannot matter.

References
----------
McSherry and Najork, "Computing information retrieval performance measures efficiently in the
presence of tied scores", ECIR 2008, section 2.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.neighbors import DistanceHistograms

ORDERS = ("expected", "best", "worst")

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_DIRECT = 256  # up to here harmonic numbers come from a table, then from their expansion
_HARMONIC = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, _DIRECT + 1))])


@dataclass(frozen=True)
class Shells:
    """Shells of each query, nearest first, each array int64 of a shape (n_queries, n_shells).

    Attributes
    ----------
    size, relevant : n and r
    before, hits : N and P, all items and relevant items in nearer shells
    kept : m, places within the cut
    """

    size: Ints
    relevant: Ints
    before: Ints
    hits: Ints
    kept: Ints

    @classmethod
    def of(cls, histograms: DistanceHistograms, k: int | None) -> Self:
        """Shells of checked histograms, cut at rank k (None: no cut)."""
        size, relevant = check_histograms(histograms)
        before = np.cumsum(size, axis=1) - size
        hits = np.cumsum(relevant, axis=1) - relevant
        kept = size if k is None else np.clip(k - before, 0, size)
        return cls(size, relevant, before, hits, kept)

    def pick(self, where: Any) -> Self:
        """The shells at an index of the arrays."""
        arrays = (self.size, self.relevant, self.before, self.hits, self.kept)
        return type(self)(*(array[where] for array in arrays))

    def found(self, order: str) -> Floats:
        """Relevant items among the kept places of each shell: expected, most or fewest."""
        if order == "expected":
            expected: Floats = self.kept * self.relevant / np.maximum(self.size, 1)
            return expected
        if order == "best":
            return np.minimum(self.relevant, self.kept).astype(np.float64)
        others = self.size - self.relevant
        return np.maximum(self.kept - others, 0).astype(np.float64)

    def precision_sum(self, order: str) -> Floats:
        r"""Sum over the relevant items in the kept places of the precision at their ranks.

        .. math::

            \frac{r}{n} \sum_{i=1}^{m} \frac{P + 1 + (i - 1) \frac{r - 1}{n - 1}}{N + i}

        is the expectation; the best order puts relevant items first, the worst puts them last.
        """
        if order == "expected":
            slope = (self.relevant - 1) / np.maximum(self.size - 1, 1)
            constant = self.hits + 1 - slope * (self.before + 1)
            inner = slope * self.kept + constant * harmonic_span(self.before, self.kept)
            expected: Floats = self.relevant / np.maximum(self.size, 1) * inner
            return expected
        start = self.before if order == "best" else self.before + self.size - self.relevant
        count = self.found(order).astype(np.int64)
        bound: Floats = count + (self.hits - start) * harmonic_span(start, count)
        return bound


def harmonic_span(before: Ints, count: Ints) -> Floats:
    """Sum of 1 / (before + i) for i = 1 to count, to about 15 digits at any size.

    Examples
    --------
    >>> harmonic_span(np.array([0, 1]), np.array([2, 2])).round(6)
    array([1.5     , 0.833333])
    """
    span: Floats = count / (before + 1.0)
    several = count > 1  # rankings of features have few ties: most spans are one reciprocal
    span[several] = _long_span(before[several], before[several] + count[several])
    return span


def _long_span(before: Ints, after: Ints) -> Floats:
    table = _HARMONIC[np.minimum(after, _DIRECT)] - _HARMONIC[np.minimum(before, _DIRECT)]
    low, high = np.maximum(before, _DIRECT), np.maximum(after, _DIRECT)
    span: Floats = table + np.log1p((high - low) / low) + _expansion(high) - _expansion(low)
    return span


def _expansion(x: Ints) -> Floats:
    """H(x) - ln x - gamma, by Euler and Maclaurin; the next term is below 2e-17 from 256 on."""
    inverse = 1.0 / x
    square = inverse * inverse
    return np.asarray(inverse / 2 - square / 12 + square * square / 120)


def check_histograms(histograms: object) -> tuple[Ints, Ints]:
    """Return the two counts of histograms, int64 (n_queries, n_shells), or raise InputError."""
    wanted = "DistanceHistograms with 0 <= relevant <= total, ints of one (n_queries, n) shape"
    if not isinstance(histograms, DistanceHistograms):
        raise refuse("histograms", wanted, histograms)
    total, relevant = np.asarray(histograms.total), np.asarray(histograms.relevant)
    if total.dtype.kind not in "iu" or relevant.dtype.kind not in "iu":
        raise refuse("histograms", wanted, words(f"{total.dtype} and {relevant.dtype}"))
    if total.ndim != 2 or total.shape != relevant.shape:
        raise refuse("histograms", wanted, words(f"shapes {total.shape} and {relevant.shape}"))
    if (relevant < 0).any() or (relevant > total).any():
        raise refuse("histograms", wanted, words("counts outside of that"))
    return total.astype(np.int64, copy=False), relevant.astype(np.int64, copy=False)
