"""What a search costs on this index and this machine, measured: the scan beside the tables.

Nothing is assumed about the codes. The scan's cost follows from its size, and is timed once. What
the tables cost depends on how near the neighbours lie: the index's own codes ask first, and from
then on every query that was answered corrects the expectation.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.search import scan
from hashlens.search.blocks import LANES, as_rows
from hashlens.search.multi.index import Budget, MultiIndex
from hashlens.search.segment import Live, Segment

Rows = NDArray[Any]

_SAMPLE = 16  # of the index's own codes, asking
_BATCH_BLOCKS = 1 << 14  # of the timed batch: a million codes
_RUNS = 3
_PICO = 1e12  # budgets are whole numbers: picoseconds
_MEMORY = 64  # queries that an expectation remembers


class Work(NamedTuple):
    """Probes and candidates of some queries, the seconds they took, and how many gave up."""

    probes: float
    candidates: float
    seconds: float
    n_queries: int
    n_given_up: int


@dataclass
class Expectation:
    """What a query is expected to cost by the tables.

    Attributes
    ----------
    seconds : float
        Of one query, the time spent on queries that are given up included.
    given_up : float
        Share of the queries that are given up, and scanned after all.
    """

    seconds: float
    given_up: float
    n_scans: int = 0

    @classmethod
    def of(cls, work: Work) -> Self:
        """Expect what was seen."""
        return cls(work.seconds / work.n_queries, work.n_given_up / work.n_queries)

    def learn(self, work: Work) -> None:
        """Move towards what was seen."""
        share = min(1.0, work.n_queries / _MEMORY)
        self.seconds += share * (work.seconds / work.n_queries - self.seconds)
        self.given_up += share * (work.n_given_up / work.n_queries - self.given_up)


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
    """

    scan_alone: float
    scan_batch: float
    probe: float
    candidate: float

    def scan_seconds(self, n_items: int, n_queries: int) -> float:
        """Time to scan for a batch."""
        return n_items * (self.scan_alone + (n_queries - 1) * self.scan_batch)

    def budget(self, seconds: float) -> Budget:
        """Give a query no more than these seconds."""
        parts = (round(_PICO * value) for value in (seconds, self.probe, self.candidate))
        return Budget(*parts)


def fit_costs(segment: Segment, tables: MultiIndex, threads: int, n_bits: int) -> Costs:
    """Time both ways of searching on the index itself."""
    rows, live = sample_rows(segment, n_bits), segment.live
    n_items = max(1, segment.n_items)
    alone = _median_seconds(lambda: scan.nearest(segment.blocks, live, rows[:1], 10, threads))
    part = slice(0, _BATCH_BLOCKS)
    blocks, some_live = segment.blocks[part], live[part]
    batch = _median_seconds(lambda: scan.nearest(blocks, some_live, rows, 10, threads))
    n_compared = len(rows) * min(n_items, LANES * _BATCH_BLOCKS)
    some = Costs(alone / n_items, batch / n_compared, 1e-8, 2e-9)
    seen = [
        _table_work(tables, live, rows, k, threads, some.budget(alone))
        for k in (1, 10, 100)
        for _ in range(2)
    ]
    return Costs(some.scan_alone, min(some.scan_alone, some.scan_batch), *_fit(seen, some))


def _fit(seen: list[Work], otherwise: Costs) -> tuple[float, float]:
    """Seconds of a probe and of a candidate: least squares, both positive."""
    counts = np.array([[work.probes, work.candidates] for work in seen])
    seconds = np.array([work.seconds for work in seen])
    probe, candidate = np.linalg.lstsq(counts, seconds)[0]
    if min(probe, candidate) > 0:
        return float(probe), float(candidate)
    # The two were not told apart: their usual ratio, at the speed that was seen.
    usual = np.array([otherwise.probe, otherwise.candidate])
    factor = float(seconds.sum() / max((counts @ usual).sum(), 1e-12)) or 1.0
    return factor * otherwise.probe, factor * otherwise.candidate


def _table_work(
    tables: MultiIndex, live: Live, rows: Rows, k: int, threads: int, budget: Budget
) -> Work:
    start = time.perf_counter()
    found = tables.nearest(rows, k, live, threads, budget)
    return work_of(found.work, found.finished, time.perf_counter() - start)


def work_of(work: NDArray[np.int64], finished: NDArray[np.bool_], seconds: float) -> Work:
    """Sum the work of queries."""
    probes, candidates = work.sum(0)
    return Work(float(probes), float(candidates), seconds, len(work), int((~finished).sum()))


def sample_rows(segment: Segment, n_bits: int) -> Rows:
    """Some of the index's own codes, evenly spread, as queries."""
    places = np.unique(np.linspace(0, segment.n_items - 1, _SAMPLE).astype(np.int64))
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
