"""The figures of one row of a table, from rankings that come in blocks of queries."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hashlens.evaluation import (
    average_precision,
    ndcg,
    precision_at,
    precision_recall_curve,
    precision_within,
)
from hashlens.evaluation.shells import ORDERS
from hashlens.neighbors import DistanceHistograms
from hashlens.reproduce.figures import Row

RANKS = (1, 10, 100, 1000)


class Tally:
    """Gathers the figures of queries, so that no more than one block of them is in memory.

    Parameters
    ----------
    k : int or None
        Rank at which average precision is cut.
    denominator : {"relevant", "retrieved", "min"}
    n_bits : int or None
        Of the codes; None for features, whose distances are no bits.
    ranks : sequence of int
        Where precision is taken, up to the median number of relevant items: beyond it, precision
        says nothing.
    """

    def __init__(
        self,
        k: int | None,
        denominator: str,
        n_bits: int | None = None,
        ranks: Sequence[int] = RANKS,
    ) -> None:
        self.k, self.denominator, self.n_bits, self.ranks = k, denominator, n_bits, ranks
        self.precisions: list[NDArray[np.float64]] = []  # (n, 3): expected, best, worst
        self.at: list[NDArray[np.float64]] = []  # (n, len(ranks))
        self.within: list[NDArray[np.float64]] = []
        self.n_relevant: list[NDArray[np.int64]] = []
        self.gains: list[NDArray[np.float64]] = []  # of graded labels
        self.n_empty = 0
        self.pooled: list[NDArray[np.int64]] = []  # all and relevant items by distance

    def add(self, block: DistanceHistograms, grades: Sequence[DistanceHistograms] = ()) -> None:
        """Take the figures of a block of queries; with several labels, also by grades."""
        if grades:
            self.gains.append(ndcg(grades, k=self.k))
        figures = [
            average_precision(block, k=self.k, denominator=self.denominator, order=order)
            for order in ORDERS
        ]
        self.precisions.append(np.stack(figures, axis=1))
        self.at.append(precision_at(block, self.ranks))
        self.n_relevant.append(block.relevant.sum(axis=1))
        if self.n_bits is not None:
            within, empty = precision_within(block, min(2, self.n_bits))
            self.within.append(within)
            self.n_empty += round(empty * len(block))
            self.pooled.append(np.stack([block.total.sum(axis=0), block.relevant.sum(axis=0)]))

    @property
    def n_without_relevant(self) -> int:
        """Queries without any relevant item."""
        return sum(int((counts == 0).sum()) for counts in self.n_relevant)

    @property
    def average_precisions(self) -> NDArray[np.float64]:
        """Average precision of each query, the expectation over the ties."""
        return np.concatenate(self.precisions)[:, 0]

    def row(self, name: str) -> Row:
        """Average over all queries."""
        expected, best, worst = np.concatenate(self.precisions).mean(axis=0)
        at = np.concatenate(self.at).mean(axis=0)
        most = max(1.0, float(np.median(np.concatenate(self.n_relevant))))
        within = np.concatenate(self.within) if self.within else None
        return Row(
            name=name,
            n_bits=self.n_bits,
            map=float(expected),
            map_best=float(best),
            map_worst=float(worst),
            precision_at={k: float(v) for k, v in zip(self.ranks, at, strict=True) if k <= most},
            precision_within_2=None if within is None else float(within.mean()),
            empty_balls=None if within is None else self.n_empty / len(within),
            ndcg=float(np.concatenate(self.gains).mean()) if self.gains else None,
        )

    def curve(self) -> dict[str, list[float]]:
        """Precision and recall by radius, pooled over all queries."""
        total, relevant = np.sum(self.pooled, axis=0)
        curve = precision_recall_curve(DistanceHistograms(total[None], relevant[None]))
        return {
            "radius": curve.radius.tolist(),
            "precision": curve.precision.tolist(),
            "recall": curve.recall.tolist(),
        }
