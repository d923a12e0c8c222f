"""Whether two small grey pictures agree, once the one is laid on the other.

A crop of a picture is a window of it: moved by a little, and wider or narrower. The window is found
by the steps of Gauss and Newton [1]_: what is seen through it, and how that changes as it moves and
grows, are fitted to the other picture by least squares, with brightness and contrast left free.
How well they agree is the correlation of the pixels.

.. [1] Lucas and Kanade, "An iterative image registration technique", IJCAI 1981.
"""

from typing import Any

import numpy as np

from hashlens.search.compiled import Array, kernel
from hashlens.search.rerank.kernels import adding_kernel

SIDE = 32  # of a picture, in pixels
N_COLUMNS = 6  # what is seen, its changes by height, width, down and right; and what it should be
SPREAD = 32  # standard deviation of the pixels of a picture
_MIDDLE = np.float32((SIDE - 1) / 2)
_STEPS = 8
_SHARE = 0.6  # of the pixels at least, that are inside both
_MOST_GROWN, _MOST_MOVED = 0.2, 4.0
# Measured on copies of photos: below these, fewer than one true pair in a thousand is found later.
_HOPELESS, _HOPELESS_LATER, _LATER = 0.15, 0.6, 4


@adding_kernel
def _product(x: Array, y: Array) -> Any:
    total = np.float32(0)
    for i in range(x.shape[0]):
        total += np.float32(x[i]) * np.float32(y[i])
    return total


@kernel
def agree(asked: Array, known: Array, least: Any, work: Array) -> bool:
    """Whether two pictures agree, seen through a window of the one or of the other.

    Parameters
    ----------
    asked, known : int8 (SIDE * SIDE,)
        Of mean 0 and standard deviation `SPREAD`, or all 0.
    least : float
        Correlation.
    work : float32 (N_COLUMNS + 2, SIDE * SIDE)
        Overwritten.
    """
    if _product(asked, known) < _HOPELESS * SPREAD * SPREAD * SIDE * SIDE:
        return False
    work[N_COLUMNS] = asked
    work[N_COLUMNS + 1] = known
    first, second, columns = work[N_COLUMNS], work[N_COLUMNS + 1], work[:N_COLUMNS]
    return correlation(first, second, least, columns) or correlation(second, first, least, columns)


@kernel
def correlation(asked: Array, known: Array, least: Any, columns: Array) -> bool:
    """Whether the asked picture is seen through a window of the known one."""
    window, gram = np.zeros(4, np.float32), np.empty((N_COLUMNS, N_COLUMNS), np.float32)
    for step in range(_STEPS + 1):
        n = _look_through(known, asked, window, columns)
        if n < _SHARE * SIDE * SIDE:
            return False
        _write_gram(columns, n, gram)
        power = np.sqrt(gram[0, 0] * gram[N_COLUMNS - 1, N_COLUMNS - 1])
        found = gram[0, N_COLUMNS - 1] / power if power > 0 else np.float32(-1)
        if found >= least:
            return True
        if found <= 0 or (step >= _LATER and found < _HOPELESS_LATER):
            return False
        if not _move(window, gram):
            return False
    return False


@kernel
def _look_through(known: Array, asked: Array, window: Array, columns: Array) -> int:
    """Write what is seen of `known`, pixel for pixel of `asked`; return how many pixels are."""
    n, last = 0, np.float32(SIDE - 1)
    for y in range(SIDE):
        above = np.float32(y) - _MIDDLE
        down = _MIDDLE + above * (np.float32(1) + window[0]) + window[2]
        if down < 0 or down > last:
            continue
        top = min(int(down), SIDE - 2)
        part_y = down - np.float32(top)
        for x in range(SIDE):
            beside = np.float32(x) - _MIDDLE
            right = _MIDDLE + beside * (np.float32(1) + window[1]) + window[3]
            if right < 0 or right > last:
                continue
            left = min(int(right), SIDE - 2)
            part_x, at = right - np.float32(left), top * SIDE + left
            step, step_below = known[at + 1] - known[at], known[at + SIDE + 1] - known[at + SIDE]
            upper, lower = known[at] + part_x * step, known[at + SIDE] + part_x * step_below
            across, along = lower - upper, step + part_y * (step_below - step)
            columns[0, n] = upper + part_y * across
            columns[1, n] = across * above
            columns[2, n] = along * beside
            columns[3, n] = across
            columns[4, n] = along
            columns[5, n] = asked[y * SIDE + x]
            n += 1
    return n


@kernel
def _write_gram(columns: Array, n: int, gram: Array) -> None:
    """Write the products of all pairs of columns, less their means."""
    for i in range(N_COLUMNS):
        column = columns[i, :n]
        column -= column.mean()
        for j in range(i + 1):
            gram[i, j] = gram[j, i] = _product(column, columns[j, :n])


@kernel
def _move(window: Array, gram: Array) -> bool:
    """Move the window by what fits best; return False where it goes astray."""
    n = N_COLUMNS - 1
    for i in range(n):  # elimination; the products of a set of columns need no other order
        gram[i, i] = gram[i, i] * np.float32(1.001) + np.float32(1e-3)
        for j in range(i + 1, n):
            factor = gram[j, i] / gram[i, i]
            for k in range(i, N_COLUMNS):
                gram[j, k] -= factor * gram[i, k]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            gram[i, n] -= gram[i, j] * gram[j, n]
        gram[i, n] /= gram[i, i]
    contrast = gram[0, n]
    if not contrast > np.float32(0.1):
        return False
    for i in range(4):
        window[i] += gram[i + 1, n] / contrast
    grown, moved = np.abs(window[:2]).max(), np.abs(window[2:]).max()
    return bool(grown <= _MOST_GROWN and moved <= _MOST_MOVED)
