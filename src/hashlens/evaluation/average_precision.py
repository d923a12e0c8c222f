"""Average precision of Hamming rankings, exact over all orders of the ties."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_choice, check_int, refuse
from hashlens.evaluation.shells import ORDERS, Floats, Shells
from hashlens.neighbors import DistanceHistograms

DENOMINATORS = ("relevant", "retrieved", "min")


def average_precision(
    histograms: DistanceHistograms,
    *,
    k: int | None = None,
    denominator: str = "relevant",
    order: str = "expected",
) -> NDArray[np.float64]:
    r"""Average precision of each query, over the orders of items at equal distance.

    The sum of the precision at the ranks of the relevant items among the first k, divided by a
    denominator that has to be named: the three in use give three different figures.

    Differs from scikit-learn's ``average_precision_score``, which takes all items of one distance
    as found at once; the two agree where no distance occurs twice.

    Parameters
    ----------
    histograms : DistanceHistograms
    k : int, >= 1, optional
        Rank of the cut; all items where None.
    denominator : {"relevant", "retrieved", "min"}
        All relevant items R; those found in the first k; or min(R, k). A query whose denominator
        is 0 has average precision 0.
    order : {"expected", "best", "worst"}
        The mean over all orders of the ties, or the largest or smallest value any order gives.

    Returns
    -------
    average_precision : float64 array of shape (n_queries,)

    Raises
    ------
    InputError
        If an argument is none of the above.

    References
    ----------
    McSherry and Najork, ECIR 2008, section 2.3. He, Cakir, Bargal and Sclaroff, "Hashing as
    tie-aware learning to rank", CVPR 2018, eq. 7.

    Examples
    --------
    >>> counts = DistanceHistograms(np.array([[2, 1]]), np.array([[1, 1]]))
    >>> average_precision(counts).round(4)
    array([0.7083])
    >>> average_precision(counts, order="best").round(4)
    array([0.8333])
    """
    if k is not None:
        k = check_int("k", k, 1)
    check_choice("order", order, ORDERS)
    check_choice("denominator", denominator, DENOMINATORS)
    shells = Shells.of(histograms, k)
    n_relevant = shells.relevant.sum(axis=1)
    if denominator == "retrieved" and k is not None:
        return _over_retrieved(shells, order)
    if denominator == "min" and k is not None:
        n_relevant = np.minimum(n_relevant, k)
    figures: Floats = shells.precision_sum(order).sum(axis=1) / np.maximum(n_relevant, 1)
    return figures


def _over_retrieved(shells: Shells, order: str) -> Floats:
    """Divide by the relevant items found: their number is open only in the shell the cut splits."""
    split = (shells.kept > 0) & (shells.kept < shells.size)
    whole = (shells.kept > 0) & ~split
    sums = np.where(whole, shells.precision_sum(order), 0.0).sum(axis=1)
    hits = np.where(whole, shells.relevant, 0).sum(axis=1)
    figures: Floats = sums / np.maximum(hits, 1)
    for query, column in np.argwhere(split):
        figures[query] = _split_shell(shells.pick((query, column)), float(sums[query]), order)
    return figures


def _split_shell(shell: Shells, sum_before: float, order: str) -> float:
    r"""One query's figure when its last shell keeps m of its n places.

    The kept places hold j relevant items with hypergeometric probability p_j; given j, they are a
    whole shell of m items of which j are relevant. The expectation is the sum over j of
    p_j (A + c_j) / (P + j), with A the sum over the shells before and c_j that of the kept places.
    """
    size, relevant, kept = int(shell.size), int(shell.relevant), int(shell.kept)
    fewest, most = max(0, kept - (size - relevant)), min(relevant, kept)
    j = np.arange(fewest, most + 1)
    places = np.full_like(j, kept)
    whole = Shells(places, j, places * 0 + shell.before, places * 0 + shell.hits, places)
    figures = (sum_before + whole.precision_sum(order)) / np.maximum(whole.hits + j, 1)
    if order == "expected":
        return float(_hypergeometric(j, size, relevant, kept) @ figures)
    return float(figures.max() if order == "best" else figures.min())


def _hypergeometric(j: NDArray[np.int64], size: int, relevant: int, kept: int) -> Floats:
    """Probability of j relevant items among `kept` of `size`, for all possible j in a row.

    Built from the ratios of neighbours and then normalised: no factorial is formed.
    """
    low = j[:-1]
    ratios = (relevant - low) * (kept - low) / ((low + 1) * (size - relevant - kept + low + 1))
    logs = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum(), np.float64)


@dataclass(frozen=True)
class MeanAveragePrecision:
    """Mean average precision, with all that has to be said to compare it.

    Attributes
    ----------
    expected : float
        Mean over all orders of the ties: the figure to quote.
    best, worst : float
        The most and the least that an order of the ties can give.
    k : int or None
        Rank of the cut.
    denominator : str
        "relevant", "retrieved" or "min", as for :func:`average_precision`.
    n_queries : int
    n_without_relevant : int
        Queries without any relevant item.
    zero_relevant : str
        What such a query counts as.
    """

    expected: float
    best: float
    worst: float
    k: int | None
    denominator: str
    n_queries: int
    n_without_relevant: int
    zero_relevant: str = "0, and in the mean"


def mean_average_precision(
    histograms: DistanceHistograms, *, k: int | None = None, denominator: str = "relevant"
) -> MeanAveragePrecision:
    """Mean of :func:`average_precision` over the queries, with its bounds over the ties.

    Parameters
    ----------
    histograms : DistanceHistograms
        Of at least one query.
    k, denominator
        As for :func:`average_precision`.

    Returns
    -------
    figure : MeanAveragePrecision

    Raises
    ------
    InputError
        If there is no query, or an argument is not as above.

    Examples
    --------
    >>> counts = DistanceHistograms(np.array([[2, 1]]), np.array([[1, 1]]))
    >>> figure = mean_average_precision(counts)
    >>> round(figure.worst, 4), round(figure.expected, 4), round(figure.best, 4)
    (0.5833, 0.7083, 0.8333)
    """
    means = {
        order: average_precision(histograms, k=k, denominator=denominator, order=order)
        for order in ORDERS
    }
    if not len(histograms):
        raise refuse("histograms", "of at least one query", histograms.total)
    return MeanAveragePrecision(
        expected=float(means["expected"].mean()),
        best=float(means["best"].mean()),
        worst=float(means["worst"].mean()),
        k=k,
        denominator=denominator,
        n_queries=len(histograms),
        n_without_relevant=int((histograms.relevant.sum(axis=1) == 0).sum()),
    )
