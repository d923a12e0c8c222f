"""Slopes of what was measured: the exponent of time, and the bytes an item."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

RANGE = 256
"""The slope of time is that of the sizes down to this part of the largest."""


class Slope(NamedTuple):
    """A slope with the ends of its 95 % interval."""

    slope: float
    low: float
    high: float


def line(x: Sequence[float], y: Sequence[float]) -> Slope:
    """Fit a straight line by least squares; its interval is Student's.

    Examples
    --------
    >>> line([0, 1, 2], [1, 3, 5]).slope
    2.0
    """
    found = stats.linregress(np.asarray(x, float), np.asarray(y, float))
    half = float(found.stderr * stats.t.ppf(0.975, len(x) - 2)) if len(x) > 2 else float("nan")
    return Slope(float(found.slope), float(found.slope) - half, float(found.slope) + half)


def exponent(n: Sequence[int], seconds: Sequence[float]) -> Slope:
    """Fit seconds = c n^exponent to the larger sizes, on logarithms."""
    upper = [i for i, size in enumerate(n) if size * RANGE >= n[-1]]
    return line(np.log([n[i] for i in upper]), np.log([seconds[i] for i in upper]))


def each_more(n: Sequence[int], seconds: Sequence[float]) -> float:
    """Seconds that one item more takes, between the two largest sizes."""
    return (seconds[-1] - seconds[-2]) / (n[-1] - n[-2])


def bytes_each(n: Sequence[int], mib: Sequence[float]) -> Slope:
    """Bytes that one item more takes, by a straight line through all sizes."""
    return line(n, [value * 2**20 for value in mib])
