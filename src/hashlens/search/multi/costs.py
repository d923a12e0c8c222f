"""What a search costs on this index and this machine, measured: the scan beside the tables.

Nothing is assumed about the codes. The scan's cost follows from its size, and is timed once. What
the tables cost depends on how near the neighbours lie, and differs from query to query: it is what
the last queries took, at first the index's own codes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.search import scan
from hashlens.search.blocks import LANES, as_rows
from hashlens.search.multi.index import Budget, MultiIndex
from hashlens.search.segment import Segment

Rows = NDArray[Any]
Seconds = NDArray[np.float64]

_BATCH_BLOCKS = 1 << 14  # of the timed batch: a million codes
_RUNS = 5
_AT_ONCE = 16  # queries that are timed together
_SAMPLE_SECONDS = 0.25  # of scans, that the index's own codes may ask for as many as there are
_PICO = 1e12  # budgets are whole numbers: picoseconds
_MEMORY = 64  # queries that are remembered
ENOUGH = 8  # queries to judge by, without the index's own codes
_PROBE_IN_CANDIDATES = 10.0  # a probe costs as much as so many candidates, where it is not seen


@dataclass(frozen=True)
class Costs:
    """Seconds of the parts of a search.

    Attributes
    ----------
    scan_alone : float
        A code, for one query alone.
    scan_batch : float
        A code and query, in a batch.
    probe, candidate : float
        A key that is looked up in a table, and a code that is found there.
    call : float
        What one query alone costs by the tables beside that.
    """

    scan_alone: float
    scan_batch: float
    probe: float
    candidate: float
    call: float

    def of_work(self, work: NDArray[np.int64]) -> Seconds:
        """Seconds that probes and candidates (n_queries, 2) take."""
        seconds: Seconds = work @ np.array([self.probe, self.candidate])
        return seconds

    def scan_seconds(self, n_items: int, n_queries: int) -> float:
        """Time to scan for a batch."""
        return n_items * (self.scan_alone + (n_queries - 1) * self.scan_batch)

    def budget(self, seconds: float) -> Budget:
        """Give a query no more than these seconds."""
        parts = (round(_PICO * value) for value in (seconds, self.probe, self.candidate))
        return Budget(*parts)


class Seen:
    """Seconds that the last queries of one kind took by the tables; infinite where given up.

    Parameters
    ----------
    own : float array (n,), seconds
        Of the index's own codes: they count until enough queries have come.

    Examples
    --------
    >>> seen = Seen(np.array([1.0, 1.0, 1.0, np.inf]))
    >>> seen.best(scan=8.0)
    (1.5, 3.0)
    >>> seen.best(scan=1.0)
    (0.0, 1.0)
    """

    def __init__(self, own: Seconds) -> None:
        self._own = own
        self._last = np.empty(0)
        self._heard: list[Callable[[], Seconds]] = []
        self.n_new = 0

    def hear(self, seconds: Callable[[], Seconds], n: int) -> None:
        """Take note of n more queries, and work their seconds out once they are asked for."""
        self._heard.append(seconds)
        self.n_new += n

    def _known(self) -> Seconds:
        """Those of the last queries; the index's own codes as long as these are few."""
        heard = [seconds() for seconds in self._heard]
        self._heard.clear()
        self._last = np.concatenate([self._last, *heard])[-_MEMORY:]
        return self._last if len(self._last) >= ENOUGH else np.concatenate([self._own, self._last])

    def best(self, scan: float) -> tuple[float, float]:
        """Say how long a query should be looked for in the tables, before it is scanned.

        Returns
        -------
        budget : float, seconds
            0 where a scan at once is best.
        expected : float, seconds
            Of a query with that budget, the scan of those given up included.
        """
        ordered = np.sort(self._known())
        times = ordered[: int(np.isfinite(ordered).sum())]
        n_left = len(ordered) - 1 - np.arange(len(times))
        costs = (np.cumsum(times) + n_left * (times + scan)) / len(ordered)
        if not len(times) or costs.min() >= scan:
            return 0.0, scan
        at = int(costs.argmin())
        # The longest that was seen is not the longest there is.
        budget = scan if n_left[at] == 0 else min(scan, 1.5 * times[at])
        return float(budget), float(costs[at])


def fit_costs(segment: Segment, tables: MultiIndex, threads: int, n_bits: int) -> Costs:
    """Time both ways of searching on the index itself.

    Each look into the tables is for other codes, as queries are: to ask for the same ones again
    finds what they touch in the processor's caches.
    """
    blocks, live, n_items = segment.blocks, segment.live, segment.n_items
    sample = sample_rows(segment, n_bits, _AT_ONCE * (1 + _RUNS))
    rows = sample[:: 1 + _RUNS]
    alone = _median_seconds(lambda: scan.nearest(blocks, live, rows[:1], 10, threads))
    some, some_live = blocks[:_BATCH_BLOCKS], live[:_BATCH_BLOCKS]
    batch = _median_seconds(lambda: scan.nearest(some, some_live, rows, 10, threads))
    n_compared = len(rows) * min(n_items, LANES * _BATCH_BLOCKS)
    by_code = alone / n_items, min(alone / n_items, batch / n_compared)
    guess = Costs(*by_code, _PROBE_IN_CANDIDATES * 2e-9, 2e-9, 0.0)

    def look(rows: Rows, k: int) -> tuple[float, float]:
        """Seconds that it took, and those of the work by the guess."""
        start = time.perf_counter()
        found = tables.nearest(rows, k, live, 1, guess.budget(alone))
        return time.perf_counter() - start, float(guess.of_work(found.work).sum())

    look(rows, 1)  # compiles
    fresh = [sample[run :: 1 + _RUNS] for run in range(1, 1 + _RUNS) if run < len(sample)] or [rows]
    looks = np.array([[look(some, k) for k in (1, 10, 100)] for some in fresh]).sum(axis=1)
    factor = float(np.median(looks[:, 0] / np.maximum(looks[:, 1], 1e-12)))
    singles = np.array([look(some[:1], 1) for some in fresh])
    call = float(np.median(singles[:, 0] - factor * singles[:, 1]))
    return Costs(*by_code, factor * guess.probe, factor * guess.candidate, max(0.0, call))


def sample_size(scan_seconds: float) -> int:
    """How many of the index's own codes ask, at most a scan each."""
    return int(np.clip(_SAMPLE_SECONDS / max(scan_seconds, 1e-9), 8, _MEMORY))


def sample_rows(segment: Segment, n_bits: int, n: int) -> Rows:
    """Some of the index's own codes, evenly spread, as queries."""
    places = np.unique(np.linspace(0, segment.n_items - 1, n).astype(np.int64))
    codes = np.concatenate([segment.codes(place, place + 1) for place in places])
    return as_rows(codes, n_bits)


def _median_seconds(task: Callable[[], object]) -> float:
    task()  # compiles, warms up
    seconds = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))
