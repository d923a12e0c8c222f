"""Accelerated gradient ascent on the smooth objective of one bit of KSH."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SMALL_GAIN = 3e-3  # part of the objective; three steps in a row that gain less end the ascent
_HALVINGS = 60


def ascend(
    K: Floats, times: Callable[[Floats], Floats], start: Floats, n_iterations: int
) -> Floats:
    """Maximise ``b^T R b``, b = 2 / (1 + exp(-K a)) - 1, by accelerated gradient ascent.

    The first step is as long as `start`. A step that gains less than half of what the gradient
    promises is halved, and so are all after it (Beck and Teboulle, "A fast iterative
    shrinkage-thresholding algorithm for linear inverse problems", 2009, section 4).

    Parameters
    ----------
    K : float64 array of shape (l, m)
    times : callable
        Computes ``R @ v``; R is symmetric.
    start : float64 array of shape (m,)
    n_iterations : int >= 0
        At most so many steps.

    Returns
    -------
    a : float64 array of shape (m,)

    Examples
    --------
    >>> target = np.array([1.0, 1.0, -1.0])
    >>> a = ascend(np.eye(3), lambda v: target * (target @ v), np.array([0.5, 0.1, 0.1]), 50)
    >>> np.sign(a)
    array([ 1.,  1., -1.])
    """
    a, v = start, start
    z, zv = K @ start, K @ start  # K a, K v
    length, pace, value, idle = 0.0, 1.0, -np.inf, 0
    for _ in range(n_iterations):
        b = _soft(zv)
        Rb = times(b)
        g = K.T @ (Rb * (1 - b**2))  # the gradient at v
        promise = float(g @ g)
        if promise == 0:
            break
        length = length or float(np.linalg.norm(start)) / np.sqrt(promise)
        Kg = K @ g
        length, reached = _step(zv, Kg, (float(b @ Rb), promise), length, times)
        a, a_before = v + length * g, a
        z, z_before = zv + length * Kg, z
        pace, pace_before = (1 + np.sqrt(1 + 4 * pace**2)) / 2, pace
        pull = (pace_before - 1) / pace
        v, zv = a + pull * (a - a_before), z + pull * (z - z_before)
        idle = idle + 1 if abs(reached - value) <= _SMALL_GAIN * abs(reached) else 0
        if idle == 3:
            break
        value = reached
    return a


def _step(
    z: Floats,
    Kg: Floats,
    value_and_promise: tuple[float, float],
    length: float,
    times: Callable[[Floats], Floats],
) -> tuple[float, float]:
    """Halve the step until it gains at least half of what the gradient promises."""
    value, promise = value_and_promise
    reached = value
    for _ in range(_HALVINGS):
        b = _soft(z + length * Kg)
        reached = float(b @ times(b))
        if reached >= value + length * promise / 2:
            break
        length /= 2
    return length, reached


def _soft(z: Floats) -> Floats:
    b: Floats = np.tanh(z / 2)  # 2 / (1 + exp(-z)) - 1
    return b
