"""Durations: engines in turn, run after run, so that a disturbance meets all of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Task = Callable[[], object]

_STREAM_SECONDS = 2e-3


def spread(seconds: list[float]) -> dict[str, float | int]:
    """Median, quartiles, their distance, and the number of some durations in seconds.

    Examples
    --------
    >>> spread([1.0, 2.0, 3.0])["median_seconds"]
    2.0
    """
    low, middle, high = (float(v) for v in np.percentile(seconds, [25, 50, 75]))
    return {
        "n_runs": len(seconds),
        "median_seconds": middle,
        "iqr_seconds": high - low,
        "quartile_seconds": low,
        "third_quartile_seconds": high,
    }


def seconds_of(task: Task) -> float:
    """Time one call."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def _warm_up(task: Task) -> None:
    spent = 0.0
    while spent < _STREAM_SECONDS:
        spent += seconds_of(task)


@dataclass(frozen=True)
class Timed:
    """A task to be timed.

    Attributes
    ----------
    task : callable
    runs : int
        How often at the most.
    n_done : int
        What a call does, such as its queries: its time is divided by that.
    before : callable, optional
        A call of the same kind: each timed one comes in a stream of such, of 2 ms and at least one.
    """

    task: Task
    runs: int
    n_done: int = 1
    before: Task | None = None


def interleaved(tasks: Mapping[str, Timed]) -> dict[str, list[float]]:
    """Time tasks in turn; each as often as it says, and every other time in the opposite order.

    What a task leaves in the processor's caches is then no constant gift to the one behind it.

    Returns
    -------
    seconds : dict of list of float
        Of one of the things that a call does.

    Examples
    --------
    >>> found = interleaved({"a": Timed(lambda: print("a"), 2), "b": Timed(lambda: print("b"), 1)})
    a
    b
    a
    >>> len(found["a"]), len(found["b"])
    (2, 1)
    """
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for run in range(max((timed.runs for timed in tasks.values()), default=0)):
        for name, timed in list(tasks.items())[:: -1 if run % 2 else 1]:
            if run < timed.runs:
                if timed.before:
                    _warm_up(timed.before)
                seconds[name].append(seconds_of(timed.task) / timed.n_done)
    return seconds
