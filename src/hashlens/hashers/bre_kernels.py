"""The coordinate step of BRE: the exact best value of one weight, its loops compiled by Numba.

Pairs of rows are kept row by row: row i is paired with ``partners[offsets[i]:offsets[i + 1]]``,
so that each pair has two places, with the same value in both. The residual of a pair is
B d - Hamming, and the objective times B^2 is the sum of its squares.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.compiling import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bits = NDArray[np.bool_]

_SEEN = 1e-12  # a kernel value below this share of the largest is rounding: it moves no row


class Pairs(NamedTuple):
    """Pairs of rows, row by row.

    Attributes
    ----------
    offsets : int64 array of shape (n + 1,)
    partners : int64 array of shape (2 n_pairs,)
    """

    offsets: Ints
    partners: Ints


@compiled
def _gains(pairs: Pairs, residuals: Floats, bits: Bits, gains: Floats) -> None:
    """Find how much lower the term of a pair is where the bit differs in it than where not.

    With r the residual without the bit, the term is r^2 where it agrees and (r - 1)^2 where it
    differs: 2 r - 1 lower.
    """
    for i in range(len(bits)):
        for place in range(pairs.offsets[i], pairs.offsets[i + 1]):
            without = residuals[place] + (bits[i] != bits[pairs.partners[place]])
            gains[place] = 2 * without - 1


@compiled
def _best_interval(pairs: Pairs, gains: Floats, bits: Bits, flips: Ints, breaks: Floats) -> int:
    """Flip the rows `flips` of `bits` in turn; tell after which one the objective is lowest.

    -1 where it is lowest before the first. Rows of one break point flip together.
    """
    gain, best_gain, best = 0.0, 0.0, -1
    last = len(flips) - 1
    for t in range(last + 1):
        i = flips[t]
        for place in range(pairs.offsets[i], pairs.offsets[i + 1]):
            agrees = bits[i] == bits[pairs.partners[place]]
            gain += gains[place] if agrees else -gains[place]
        bits[i] = not bits[i]
        if gain > best_gain and (t == last or breaks[t] < breaks[t + 1]):
            best_gain, best = gain, t
    return best


@compiled
def _take(pairs: Pairs, gains: Floats, residuals: Floats, old: Bits, new: Bits) -> bool:
    """Change one bit of the rows from `old` to `new`, if that makes the objective lower."""
    fall = 0.0
    for i in range(len(old)):
        if new[i] == old[i]:
            continue
        for place in range(pairs.offsets[i], pairs.offsets[i + 1]):
            j = pairs.partners[place]
            if new[j] == old[j]:  # a pair of which both flip stays as it was
                fall += gains[place] if new[i] != new[j] else -gains[place]
    if fall <= 0:
        return False
    for i in range(len(old)):
        for place in range(pairs.offsets[i], pairs.offsets[i + 1]):
            j = pairs.partners[place]
            residuals[place] -= int(new[i] != new[j]) - int(old[i] != old[j])
    return True


def best_weight(pairs: Pairs, gains: Floats, rest: Floats, column: Floats) -> float | None:
    """Find the w for which the bits ``rest + w * column >= 0`` give the lowest objective.

    Row i flips where w passes -rest_i / column_i and nowhere else. So w is swept over the sorted
    break points from minus to plus infinity: each row flips once, and each flip changes the
    objective by the pairs of that row only. Returned is the middle of the best
    interval between two break points; outside them all, a point at their mean distance; None
    where no row depends on w.
    """
    size = np.abs(column)
    moving = np.flatnonzero(size > _SEEN * size.max())
    if not len(moving):
        return None
    breaks = -rest[moving] / column[moving]
    order = np.argsort(breaks, kind="stable")
    flips, breaks = moving[order], breaks[order]
    bits = rest >= 0
    bits[moving] = column[moving] < 0  # at w = minus infinity
    best = _best_interval(pairs, gains, bits, flips, breaks)
    step = (breaks[-1] - breaks[0]) / (len(breaks) - 1) if breaks[0] < breaks[-1] else 1.0
    if best < 0:
        return float(breaks[0] - step)
    if best == len(breaks) - 1:
        return float(breaks[-1] + step)
    return float(breaks[best] + 0.5 * (breaks[best + 1] - breaks[best]))


def sweep(
    pairs: Pairs, residuals: Floats, columns: Floats, scores: Floats, weights: Floats
) -> None:
    """Give one weight of each bit its best value, bit after bit.

    Row k of `columns` and `scores`, and ``weights[k]``, belong to bit k: the kernel of the rows
    with one anchor, the sums whose signs are the bits, and the weight of that anchor. Residuals,
    scores and weights are changed in place. A weight is changed only if the bits that the new one
    really gives, rounding included, are better: the objective never rises.
    """
    gains = np.empty_like(residuals)
    for k in range(len(weights)):
        old = scores[k] >= 0
        _gains(pairs, residuals, old, gains)
        rest = scores[k] - weights[k] * columns[k]
        weight = best_weight(pairs, gains, rest, columns[k])
        if weight is None:
            continue
        moved = rest + weight * columns[k]
        if _take(pairs, gains, residuals, old, moved >= 0):
            scores[k], weights[k] = moved, weight
