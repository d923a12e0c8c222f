"""Is A better than B, or are these queries kind to it? A paired bootstrap over the queries."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_float, check_int, refuse, words

_BLOCK = 64  # resamples drawn at a time


@dataclass(frozen=True)
class Difference:
    """What a paired bootstrap says of two methods.

    Attributes
    ----------
    better, worse : str
        By their mean over the queries.
    difference : float
        Of the means, at least 0.
    low, high : float
        95 % interval of the difference (percentiles of the resamples).
    p_value : float
        Twice the share of resamples in which the order is not that of the means; at least
        1 / n_resamples.
    """

    better: str
    worse: str
    difference: float
    low: float
    high: float
    p_value: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0


def paired_bootstrap(
    figures: Mapping[str, NDArray[np.floating]],
    *,
    n_resamples: int = 2_000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Difference]:
    """Compare methods on the same queries, each pair once.

    Queries are drawn with replacement, the same for all methods, as often as there are queries;
    how the differences of the means scatter over the draws says how far they depend on the queries.

    Parameters
    ----------
    figures : mapping of str to float (n_queries,)
        A figure of each query, such as its average precision, for each method.
    n_resamples : int, >= 1
    level : float, 0 to 1
        Of the interval.
    seed : int

    Returns
    -------
    differences : list of Difference

    Raises
    ------
    InputError
        If the methods have not as many queries each, or none.

    References
    ----------
    B. Efron and R. Tibshirani, An introduction to the bootstrap, 1993, section 16.4. M. Smucker,
    J. Allan, B. Carterette, A comparison of statistical significance tests for information
    retrieval evaluation, CIKM 2007.

    Examples
    --------
    >>> [found] = paired_bootstrap({"a": np.array([0.5, 0.7, 0.9]), "b": np.array([0.4, 0.5, 0.6])})
    >>> found.better, round(found.difference, 3), found.is_clear
    ('a', 0.2, True)
    """
    n_resamples = check_int("n_resamples", n_resamples, 1)
    tail = 100 * (1 - check_float("level", level, 0.0, 1.0)) / 2
    names = list(figures)
    sizes = {len(values) for values in figures.values()}
    if len(sizes) != 1 or not min(sizes):
        got = words(f"{sorted(sizes)} queries")
        raise refuse("figures", "of as many queries for each method, at least one", got)
    table = np.stack([figures[name] for name in names], 1).astype(np.float64)  # (n_queries, m)
    means = table.mean(0)
    resampled = np.concatenate([*_resampled(table, n_resamples, seed)])  # (n_resamples, m)
    found = []
    for one, other in combinations(range(len(names)), 2):
        a, b = (one, other) if means[one] >= means[other] else (other, one)
        differences = resampled[:, a] - resampled[:, b]
        low, high = np.percentile(differences, [tail, 100 - tail])
        against = np.count_nonzero(differences <= 0) / n_resamples
        p_value = min(1.0, 2 * max(against, 0.5 / n_resamples))
        gap = float(means[a] - means[b])
        found.append(Difference(names[a], names[b], gap, float(low), float(high), p_value))
    return found


def _resampled(
    table: NDArray[np.float64], n_resamples: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    """Means over queries drawn with replacement, in blocks (n, m)."""
    rng = np.random.default_rng(seed)
    n_queries = len(table)
    for start in range(0, n_resamples, _BLOCK):
        size = min(_BLOCK, n_resamples - start)
        drawn = rng.integers(0, n_queries, (size, n_queries)) + n_queries * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n_queries).reshape(size, n_queries)
        yield counts @ table / n_queries


def mean_and_interval(values: object, level: float = 0.95) -> tuple[float, float | None]:
    """Mean over repeated runs, and half the width of its interval by Student's t.

    Parameters
    ----------
    values : float (n,)
        One figure a run, such as the mAP of each seed.
    level : float, 0 to 1

    Returns
    -------
    mean : float
    half_width : float or None
        None for one run: there is no spread to be seen.

    Examples
    --------
    >>> mean, half = mean_and_interval([0.5, 0.6, 0.7])
    >>> round(mean, 3), round(half, 3)
    (0.6, 0.248)
    """
    runs = np.asarray(values, np.float64)
    if runs.ndim != 1 or not len(runs):
        raise refuse("values", "one figure for each of at least one run", values)
    if len(runs) == 1:
        return float(runs[0]), None
    from scipy.stats import t

    spread = runs.std(ddof=1) / np.sqrt(len(runs))
    return float(runs.mean()), float(t.ppf((1 + level) / 2, len(runs) - 1) * spread)
