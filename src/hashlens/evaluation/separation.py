"""Distances within classes and between them, and how far the two lie apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.evaluation.shells import check_histograms
from hashlens.neighbors import DistanceHistograms

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Separation:
    """Pairs of items by distance.

    Attributes
    ----------
    within, between : int64 (n_bits + 1,)
        Pairs of one class, and of two, at each distance; all pairs are between where there are no
        labels.
    n_queries : int
        Items whose distances to all others were counted.
    """

    within: Ints
    between: Ints
    n_queries: int

    @classmethod
    def of(cls, histograms: DistanceHistograms) -> "Separation":
        """Sum histograms over their queries."""
        total, relevant = check_histograms(histograms)
        return cls(relevant.sum(axis=0), (total - relevant).sum(axis=0), len(total))

    @property
    def nearer(self) -> float | None:
        """Probability that a pair of one class is nearer than a pair of two; a tie counts half.

        None without pairs of both kinds.

        Examples
        --------
        >>> Separation(np.array([2, 2, 0]), np.array([0, 1, 1]), 3).nearer
        0.875
        """
        n_within, n_between = int(self.within.sum()), int(self.between.sum())
        if not n_within or not n_between:
            return None
        farther = n_between - np.cumsum(self.between)
        wins = self.within @ (farther + self.between / 2)
        return float(wins / n_within / n_between)

    @property
    def mean_distances(self) -> tuple[float | None, float | None]:
        """Mean distance within classes and between them, in bits; None without such pairs."""
        return _mean(self.within), _mean(self.between)

    def to_dict(self) -> dict[str, Any]:
        """The counts and the figures, JSON-able."""
        within, between = self.mean_distances
        return {
            "n_queries": self.n_queries,
            "within": self.within.tolist(),
            "between": self.between.tolist(),
            "mean_within": within,
            "mean_between": between,
            "nearer": self.nearer,
        }


def _mean(counts: Ints) -> float | None:
    n = int(counts.sum())
    return float(counts @ np.arange(len(counts)) / n) if n else None
