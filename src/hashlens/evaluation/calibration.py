"""What a Hamming distance means: how many of the items at it are of the query's class."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_float, check_int, refuse, words
from hashlens.errors import FormatError
from hashlens.evaluation.isotonic import falling_fit
from hashlens.evaluation.shells import check_histograms
from hashlens.neighbors import DistanceHistograms

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

QUANTILE = 1.6449  # of the normal distribution: a bound that holds in 95 of 100 cases


@dataclass(frozen=True, eq=False)
class DistanceMeaning:
    r"""Shares of same-class items by Hamming distance, counted on images no code was learnt from.

    The share *within* a radius comes with a promise, its lower bound: Wilson's, of one side and
    95 %, for m independent pairs,

    .. math::

        \frac{p + \frac{z^2}{2 m} - z \sqrt{\frac{p (1 - p)}{m} + \frac{z^2}{4 m^2}}}
             {1 + \frac{z^2}{m}}

    Pairs are not independent, as an image is in many of them, so m is not their number. With
    :math:`t_i` items found by query i, :math:`s_i` of them of its class, the share
    :math:`p = \sum s_i / \sum t_i` of a leave-one-out count has the variance
    :math:`v = 4 \sum (s_i - p t_i)^2 / (\sum t_i)^2`: 4 in place of 1, as every pair is counted
    from both of its ends. Then :math:`m = p (1 - p) / v`, and at most half the number of queries
    that find anything, which is what is left where no pair is wrong and v is 0.

    What is promised holds where a class is as frequent among the items as it was among the images
    that were counted; :meth:`for_share` changes that.

    Parameters
    ----------
    pairs, same : int64 (n_bits + 1,)
        Pairs at each distance, each counted from both ends; those of one class.
    support : int64 (n_bits + 1,)
        m of the formula, rounded down, for each radius.
    n_queries : int
        Images that were counted.
    odds : float
        What :meth:`for_share` multiplies the odds of "same class" by.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22,
    1927. The number of independent observations: E. L. Korn and B. I. Graubard, "Confidence
    intervals for proportions with small expected number of positive counts estimated from survey
    data", Survey Methodology 24, 1998. The variance: W. Hoeffding, "A class of statistics with
    asymptotically normal distribution", Annals of Mathematical Statistics 19, 1948, section 5.

    Examples
    --------
    >>> total, same = np.array([[2, 4, 4]] * 90), np.array([[2, 3, 0]] * 90)
    >>> meaning = DistanceMeaning.measure(DistanceHistograms(total, same))
    >>> round(meaning.precision_at(1), 2), round(meaning.precision_within(1), 2)
    (0.75, 0.83)
    >>> round(meaning.promised_within(1), 2), meaning.radius_for(0.7), meaning.radius_for(0.99)
    (0.72, 1, None)
    """

    pairs: Ints
    same: Ints
    support: Ints
    n_queries: int
    odds: float = 1.0

    def __post_init__(self) -> None:
        shapes = {np.shape(counts) for counts in (self.pairs, self.same, self.support)}
        if len(shapes) > 1 or len(self.pairs) < 2:
            raise refuse("the counts", "arrays of one shape (n_bits + 1,)", words(str(shapes)))
        if (self.same < 0).any() or (self.same > self.pairs).any() or (self.support < 0).any():
            raise refuse("the counts", "0 <= same <= pairs and support >= 0", words("others"))

    @classmethod
    def measure(cls, histograms: DistanceHistograms) -> Self:
        """Count pairs of images, each of which has been a query against all of the others.

        Parameters
        ----------
        histograms : DistanceHistograms
            Of at least two images, leave-one-out: n_queries rows and n_bits + 1 columns.
        """
        total, relevant = check_histograms(histograms)
        if len(total) < 2:
            raise refuse("histograms", "of at least two queries", total)
        found, hits = np.cumsum(total, axis=1), np.cumsum(relevant, axis=1)
        n_found = np.maximum(found.sum(axis=0), 1)
        precision = hits.sum(axis=0) / n_found
        variance = 4 * ((hits - precision * found) ** 2).sum(axis=0) / n_found**2
        most = (found > 0).sum(axis=0) / 2
        spread = precision * (1 - precision)
        independent = np.divide(spread, variance, out=most.copy(), where=variance > 0)
        support = np.minimum(independent, most).astype(np.int64)
        return cls(total.sum(axis=0), relevant.sum(axis=0), support, len(total))

    @property
    def n_bits(self) -> int:
        """Length of the codes, in bits."""
        return len(self.pairs) - 1

    @property
    def share(self) -> float:
        """Share of the items that are of the query's class, at whatever distance."""
        return float(self._shifted(np.array(self._measured_share)))

    @cached_property
    def at(self) -> Floats:
        """Share of same-class items at each distance, never rising: float64 (n_bits + 1,).

        The counts are smoothed by isotonic regression: the nearest shares, in squares weighted by
        the pairs, that never rise. To each distance a pair is added that is as often of one class
        as any pair, so that a distance at which none was seen has an answer, and a distance with a
        single pair is not sure of it.
        """
        weights: Floats = self.pairs.astype(np.float64) + 1
        return self._shifted(falling_fit((self.same + self._measured_share) / weights, weights))

    @cached_property
    def within(self) -> Floats:
        """Share of same-class items among all within each radius: float64 (n_bits + 1,).

        One pair is added as for :attr:`at`, so that a ball in which none was seen has an answer.
        """
        hits, found = np.cumsum(self.same), np.cumsum(self.pairs)
        return self._shifted((hits + self._measured_share) / (found + 1.0))

    @cached_property
    def promised(self) -> Floats:
        """Lower bound of the share within each radius, 0 where none was seen: (n_bits + 1,)."""
        precision = np.cumsum(self.same) / np.maximum(np.cumsum(self.pairs), 1)
        m = np.maximum(self.support, 1)
        half = QUANTILE**2 / (2 * m)
        root = np.sqrt(QUANTILE**2 * precision * (1 - precision) / m + half**2)
        bound = (precision + half - root) / (1 + 2 * half)
        return self._shifted(np.where(self.support > 0, np.maximum(bound, 0.0), 0.0))

    def precision_at(self, distance: int) -> float:
        """Share of the items at this very distance, 0 to n_bits, that are of the query's class."""
        return float(self.at[check_int("distance", distance, 0, self.n_bits)])

    def precision_within(self, radius: int) -> float:
        """Share of the items within this radius, 0 to n_bits, that are of the query's class."""
        return float(self.within[check_int("radius", radius, 0, self.n_bits)])

    def promised_within(self, radius: int) -> float:
        """Share within this radius, 0 to n_bits, that unseen queries reach: 95 % sure.

        It is a share of all that many queries find, not of what each of them finds.
        """
        return float(self.promised[check_int("radius", radius, 0, self.n_bits)])

    def radius_for(self, precision: float) -> int | None:
        """Find the largest radius for which this precision is promised; None if there is none.

        Parameters
        ----------
        precision : float, above 0, at most 1
        """
        if check_float("precision", precision, 0.0, 1.0) == 0:
            raise refuse("precision", "above 0", precision)
        kept = np.flatnonzero(self.promised >= precision)
        return int(kept[-1]) if len(kept) else None

    def for_share(self, share: float) -> Self:
        """Give the meaning in a collection where another share of the items is of a query's class.

        Distances within a class, and between classes, are taken to be as they were measured; the
        odds of "same class" are multiplied by the odds of `share` over those of the measured share.

        Parameters
        ----------
        share : float, above 0 and below 1

        Returns
        -------
        meaning : DistanceMeaning

        Raises
        ------
        InputError
            If `share` is not, or if all pairs that were counted are of one kind.
        """
        wanted, measured = check_float("share", share, 0.0, 1.0), self._measured_share
        if not 0 < wanted < 1:
            raise refuse("share", "above 0 and below 1", share)
        if not 0 < measured < 1:
            raise refuse("share", "left out where all pairs are of one kind", share)
        return replace(self, odds=wanted / (1 - wanted) * (1 - measured) / measured)

    def curves(self) -> dict[str, Any]:
        """What the counts say, JSON-able: shares at each distance, and within each radius."""
        return {
            "n_queries": self.n_queries,
            "share": self.share,
            "at": self.at.tolist(),
            "within": self.within.tolist(),
            "promised": self.promised.tolist(),
        }

    def to_dict(self) -> dict[str, Any]:
        """The counts, JSON-able, each array as a line of numbers with blanks between them."""
        arrays = {"pairs": self.pairs, "same": self.same, "support": self.support}
        lines = {name: " ".join(map(str, counts.tolist())) for name, counts in arrays.items()}
        return {"n_queries": self.n_queries, **lines}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Undo :meth:`to_dict`; FormatError if `stored` is something else."""
        try:
            pairs, same, support = (
                np.array([int(n) for n in stored[name].split()], np.int64)
                for name in ("pairs", "same", "support")
            )
            return cls(pairs, same, support, int(stored["n_queries"]))
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise FormatError(f"distances must be counts by distance. Got {error!r}.") from error

    @property
    def _measured_share(self) -> float:
        return float(self.same.sum() / max(int(self.pairs.sum()), 1))

    def _shifted(self, share: Floats) -> Floats:
        if self.odds == 1:
            return share
        shifted: Floats = self.odds * share / (self.odds * share + 1 - share)
        return shifted


def meaning_in(card: Mapping[str, Any], n_bits: int) -> DistanceMeaning | None:
    """Read what a model's card says of distances between codes of `n_bits`; None if nothing."""
    stored = card.get("distances", {}).get(str(n_bits))
    return None if stored is None else DistanceMeaning.from_dict(stored)
