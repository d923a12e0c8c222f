"""Time inside a process: one call, or the median of several."""

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

Result = TypeVar("Result")
Seconds = dict[str, float]

_AT_LEAST, _MOST_RUNS = 0.3, 101


def clocked(task: Callable[[], Result]) -> tuple[float, Result]:
    began = time.perf_counter()
    result = task()
    return time.perf_counter() - began, result


def median_of(task: Callable[[], object]) -> float:
    """Call for a third of a second, three times at least; one call before does not count."""
    task()
    seconds: list[float] = []
    while len(seconds) < 3 or (sum(seconds) < _AT_LEAST and len(seconds) < _MOST_RUNS):
        seconds.append(clocked(task)[0])
    return float(np.median(seconds))
