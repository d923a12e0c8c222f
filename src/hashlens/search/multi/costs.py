"""What a search costs on this index and this machine, measured: the scan beside the tables.

Nothing is assumed about the codes. The scan's cost follows from its size, and is timed once. What
the tables cost depends on how near the neighbours lie, and differs from query to query: it is what
the last queries took, at first the index's own codes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.search import scan
from hashlens.search.blocks import LANES, as_rows
from hashlens.search.multi.index import Budget, MultiIndex
from hashlens.search.segment import Segment

Rows = NDArray[Any]
Seconds = NDArray[np.float64]
Work = NDArray[np.int64]
Flags = NDArray[np.bool_]

_BATCH_BLOCKS = 1 << 14  # of the timed batch: a million codes
_RUNS = 5
_AT_ONCE = 16  # queries that are timed together
_SAMPLE_SECONDS = 0.25  # of scans, that the index's own codes may ask for as many as there are
_PICO = 1e12  # budgets are whole numbers: picoseconds
_MEMORY = 64  # queries that are remembered
_FEW = 0.1  # of the queries
ENOUGH = 8  # queries to judge by, without the index's own codes
_PROBE_IN_CANDIDATES = 10.0  # a probe costs as much as so many candidates, where it is not seen


@dataclass(frozen=True)
class Costs:
    """Seconds of the parts of a search.

    Attributes
    ----------
    scan_alone : float
        A code, for one query alone.
    scan_after : float
        The same, after a look into the tables: they have displaced the codes from the caches.
    scan_batch : float
        A code and query, in a batch.
    probe, candidate : float
        A key that is looked up in a table, and a code that is found there.
    call : float
        What one query alone costs by the tables beside that.
    """

    scan_alone: float
    scan_after: float
    scan_batch: float
    probe: float
    candidate: float
    call: float

    def of_work(self, work: Work) -> Seconds:
        """Seconds that probes and candidates (n_queries, 2) take."""
        seconds: Seconds = work @ np.array([self.probe, self.candidate])
        return seconds

    def seconds_of(self, work: Work, finished: Flags) -> Seconds:
        """Seconds that queries took; infinite for those that came to no end."""
        return np.where(finished, self.of_work(work), np.inf)

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
    costs : Costs

    Examples
    --------
    >>> seen = Seen(np.array([1.0, 1.0, 1.0, np.inf]), Costs(1.0, 1.0, 1.0, 1.0, 1.0, 0.0))
    >>> seen.best(scan=8.0, after=9.0)
    (1.5, 3.25)
    >>> seen.best(scan=1.0, after=1.0)
    (0.0, 1.0)
    """

    def __init__(self, own: Seconds, costs: Costs) -> None:
        self._own = own
        self._last = np.empty(0)
        self._costs = costs
        self._heard: list[tuple[Work, Flags]] = []
        self._n_new, self._wait = 0, ENOUGH

    def hear(self, work: Work, finished: Flags) -> None:
        """Take note of more queries: their probes and candidates (n, 2), and who came to an end."""
        self._heard.append((work, finished))
        self._n_new += len(work)

    @property
    def is_due(self) -> bool:
        """Whether enough queries have come to judge anew: more each time, as judging takes time."""
        return self._n_new >= self._wait

    def judged(self) -> None:
        """Count anew: it is due again after twice as many, but no more than are remembered."""
        if self.is_due:
            self._wait = min(2 * self._wait, _MEMORY)
        self._n_new = 0

    def _known(self) -> Seconds:
        """Those of the last queries; the index's own codes as long as these are few."""
        heard, self._heard = self._heard, []  # other threads may search meanwhile
        if heard:
            work, finished = (np.concatenate(part) for part in zip(*heard, strict=True))
            seconds = self._costs.seconds_of(work, finished)
            self._last = np.concatenate([self._last, seconds])[-_MEMORY:]
        return self._last if len(self._last) >= ENOUGH else np.concatenate([self._own, self._last])

    def best(self, scan: float, after: float) -> tuple[float, float]:
        """Say how long a query should be looked for in the tables, before it is scanned.

        Parameters
        ----------
        scan, after : float, seconds
            Of a scan, at once and after the tables.

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
        costs = (np.cumsum(times) + n_left * (times + after)) / len(ordered)
        if not len(times) or costs.min() >= scan:
            return 0.0, scan
        at = int(costs.argmin())
        # Of a few that were given up it is not known what they would have taken: nobody is given
        # up before a scan's time then, or none would be heard of that takes but little longer.
        few = n_left[at] <= _FEW * len(ordered)
        budget = after if few else min(after, 1.5 * times[at])
        return float(budget), float(costs[at])


def fit_costs(segment: Segment, tables: MultiIndex, threads: int, n_bits: int) -> Costs:
    """Time both ways of searching on the index itself.

    Probes and candidates are timed on codes that were not asked before, as queries are: to ask for
    the same ones again finds what they touch in the processor's caches.
    """
    blocks, live, n_items = segment.blocks, segment.live, segment.n_items
    sample = sample_rows(segment, n_bits, _AT_ONCE * (1 + _RUNS))
    rows = sample[:: 1 + _RUNS]
    alone = _median_seconds(lambda: scan.nearest(blocks, live, rows[:1], 10, threads))
    some, some_live = blocks[:_BATCH_BLOCKS], live[:_BATCH_BLOCKS]
    batch = _median_seconds(lambda: scan.nearest(some, some_live, rows, 10, threads))
    n_compared = len(rows) * min(n_items, LANES * _BATCH_BLOCKS)
    each, in_batch = alone / n_items, min(alone / n_items, batch / n_compared)
    guess = Costs(each, each, in_batch, _PROBE_IN_CANDIDATES * 2e-9, 2e-9, 0.0)

    def look(rows: Rows, k: int) -> tuple[float, float]:
        """Seconds that it took, and those of the work by the guess."""
        start = time.perf_counter()
        found = tables.nearest(rows, k, live, 1, guess.budget(alone))
        return time.perf_counter() - start, float(guess.of_work(found.work).sum())

    look(rows, 1)  # compiles
    fresh = [sample[run :: 1 + _RUNS] for run in range(1, 1 + _RUNS) if run < len(sample)] or [rows]
    looks, scans = [], []
    for some in fresh:
        looks.append(np.sum([look(some, k) for k in (1, 10, 100)], axis=0))
        scans.append(_seconds_of(partial(scan.nearest, blocks, live, some[:1], 10, threads)))
    factor = float(np.median([took / max(guessed, 1e-12) for took, guessed in looks]))
    singles = np.array([look(some[:1], 1) for some in fresh])
    call = float(np.median(singles[:, 0] - factor * singles[:, 1]))
    return replace(
        guess,
        scan_after=max(alone, float(np.median(scans))) / n_items,
        probe=factor * guess.probe,
        candidate=factor * guess.candidate,
        call=max(0.0, call),
    )


def sample_size(scan_seconds: float) -> int:
    """How many of the index's own codes ask."""
    return int(np.clip(_SAMPLE_SECONDS / max(scan_seconds, 1e-9), 8, _MEMORY))


def sample_rows(segment: Segment, n_bits: int, n: int) -> Rows:
    """Some of the index's own codes, evenly spread, as queries."""
    places = np.unique(np.linspace(0, segment.n_items - 1, n).astype(np.int64))
    codes = np.concatenate([segment.codes(place, place + 1) for place in places])
    return as_rows(codes, n_bits)


def _median_seconds(task: Callable[[], object]) -> float:
    task()  # compiles, warms up
    return float(np.median([_seconds_of(task) for _ in range(_RUNS)]))


def _seconds_of(task: Callable[[], object]) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start
