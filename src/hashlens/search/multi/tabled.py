"""Choosing between the scan and the tables, for each batch of queries, by what they cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.search import scan
from hashlens.search.blocks import LANES
from hashlens.search.multi.costs import Costs, Seen, fit_costs, sample_rows, sample_size
from hashlens.search.multi.index import Budget, FoundNearest, FoundWithin, MultiIndex
from hashlens.search.segment import Live, Segment, live_bits, read_only

METHODS = ("auto", "scan", "multi-index")

_PILOT = 16  # queries of a batch whose cost is seen before the others are sent
_UNSETTLED = Budget(0)
_RETRY = 64  # after so many choices of the scan, the next query tries the tables again

Rows = NDArray[Any]
Found = FoundNearest | FoundWithin


class Ask(NamedTuple):
    """What is wanted: the `k` nearest, or all within `radius`."""

    k: int = 0
    radius: int | None = None

    @property
    def bucket(self) -> tuple[str, int]:
        """Asks of one bucket cost about the same."""
        if self.radius is not None:
            return "radius", self.radius
        return "k", self.k.bit_length()


@dataclass(frozen=True)
class Plan:
    """How a batch of queries is searched, and why.

    Attributes
    ----------
    method : str
        "scan" or "multi-index".
    reason : str
    scan_seconds, table_seconds : float or None
        Expected for the batch; None where there are no tables, or where they cannot pay.
    """

    method: str
    reason: str
    scan_seconds: float | None = None
    table_seconds: float | None = None


class Tabled:
    """A segment, tables over its first codes, and what both ways of searching cost.

    Parameters
    ----------
    segment : Segment
    tables : MultiIndex
        Of the first codes; those behind them are scanned.
    n_bits : int
    threads : int
    """

    def __init__(self, segment: Segment, tables: MultiIndex, n_bits: int, threads: int) -> None:
        self.segment = segment
        self.tables = tables
        self._n_bits, self._threads = n_bits, threads
        self._costs: Costs | None = None
        self._seen: dict[tuple[str, int], Seen] = {}
        self._alone: dict[tuple[str, int], Budget | None] = {}  # of queries that come alone
        self._n_scans = 0

    def plan(self, ask: Ask, n_queries: int) -> Plan:
        """Compare what both ways are expected to cost."""
        if not self.segment.n_items or not n_queries:
            return Plan("scan", "there is nothing to compare", 0.0, 0.0)
        by_scan = self._fitted().scan_seconds(self.segment.n_items, n_queries)
        budget, expected = self._best(ask, n_queries)
        by_tables = n_queries * expected
        scan_time = f"{1e3 * by_scan:.3g} ms by the scan"
        if not budget:
            reason = f"no use of the tables is expected to beat {scan_time}"
            return Plan("scan", reason, by_scan)
        times = f"{1e3 * by_tables:.3g} ms by the tables, {scan_time}"
        return Plan(
            "multi-index", f"expected for {n_queries:,} queries: {times}", by_scan, by_tables
        )

    def scans_alone(self, k: int) -> bool:
        """Say whether a query that comes by itself now is scanned at once, and count it if so.

        False where that has still to be settled, or where the tables are to be tried again.
        """
        ask = Ask(k=k)
        known = self._alone.get(ask.bucket, _UNSETTLED) is None
        if not known or self._of(ask).is_due or self._n_scans + 1 >= _RETRY:
            return False
        self._n_scans += 1
        return True

    def nearest(self, live: Live, rows: Rows, k: int, method: str) -> scan.Nearest:
        """Find the k nearest live codes of each query, by distance, then position."""
        blocks, threads = self.segment.blocks, self._threads
        distances = np.empty((len(rows), k), np.int32)
        positions = np.empty((len(rows), k), np.int64)
        scanned = np.ones(len(rows), bool)
        for part, found in self._by_tables(Ask(k=k), live, rows, method):
            if isinstance(found, FoundNearest):
                distances[part], positions[part] = found.distances, found.positions
                scanned[part] = ~found.finished
        if scanned.all():
            return scan.nearest(blocks, live, rows, k, threads)
        tail = self._tail(live)
        if tail is not None:
            first, behind = tail
            rest = scan.nearest(blocks, behind, rows[~scanned], k, threads, first)
            known = distances[~scanned], positions[~scanned]
            distances[~scanned], positions[~scanned] = scan.merge([known, rest], k)
        if scanned.any():
            every = scan.nearest(blocks, live, rows[scanned], k, threads)
            distances[scanned], positions[scanned] = every
        return distances, positions

    def within(self, live: Live, rows: Rows, radius: int, method: str) -> scan.Within:
        """Find all live codes within a radius of each query, by distance, then position."""
        blocks, threads = self.segment.blocks, self._threads
        scanned = np.ones(len(rows), bool)
        balls = []
        for part, found in self._by_tables(Ask(radius=radius), live, rows, method):
            if isinstance(found, FoundWithin):
                which = np.arange(len(rows))[part]
                balls.append(scan.spread(found[:3], which, len(rows)))
                scanned[part] = ~found.finished
        tail = self._tail(live)
        if tail is not None and not scanned.all():
            first, behind = tail
            ball = scan.within(blocks, behind, rows[~scanned], radius, threads, first)
            balls.append(scan.spread(ball, np.flatnonzero(~scanned), len(rows)))
        if scanned.any() or not balls:
            ball = scan.within(blocks, live, rows[scanned], radius, threads)
            balls.append(scan.spread(ball, np.flatnonzero(scanned), len(rows)))
        return scan.merge_within(balls)

    def _by_tables(
        self, ask: Ask, live: Live, rows: Rows, method: str
    ) -> Iterator[tuple[slice, Found]]:
        """Send queries to the tables as long as that pays; the first ones tell."""
        done = 0
        while done < len(rows):
            left = len(rows) - done
            budget = None
            if method == "auto":
                budget = self._patience(ask, left)
                if budget is None:
                    return
                left = min(left, _PILOT) if done == 0 else left
            part = slice(done, done + left)
            found = self._look(ask, live, rows[part], budget)
            if budget is not None:
                self._of(ask).hear(found.work, found.finished)
            yield part, found
            done += left

    def _patience(self, ask: Ask, n_queries: int) -> Budget | None:
        """What the tables may cost for a query; None where it is scanned at once."""
        if not self.segment.n_items:
            return None
        if n_queries > 1:
            return self._budget(self._best(ask, n_queries)[0])
        bucket, seen = ask.bucket, self._of(ask)
        if bucket not in self._alone or seen.is_due:
            seen.judged()
            self._alone[bucket] = self._budget(self._best(ask, 1)[0])
        budget = self._alone[bucket]
        self._n_scans += budget is None
        if self._n_scans >= _RETRY:
            self._n_scans = 0
            return self._budget(self._fitted().scan_seconds(self.segment.n_items, 1) / 4)
        return budget

    def _budget(self, seconds: float) -> Budget | None:
        return self._fitted().budget(seconds) if seconds else None

    def _best(self, ask: Ask, n_queries: int) -> tuple[float, float]:
        """Budget of a query in the tables, and what it then costs, the scan included."""
        costs, seen = self._fitted(), self._of(ask)
        shared = min(self._threads, n_queries)  # threads that share the queries
        call = costs.call / n_queries
        by_scan = costs.scan_seconds(self.segment.n_items, n_queries) / n_queries
        after = by_scan if n_queries > 1 else costs.scan_after * self.segment.n_items
        times = (shared * max(0.0, seconds - call) for seconds in (by_scan, after))
        budget, expected = seen.best(*times)
        return (budget, expected / shared + call) if budget else (0.0, by_scan)

    def _look(self, ask: Ask, live: Live, rows: Rows, budget: Budget | None) -> Found:
        if ask.radius is not None:
            return self.tables.within(rows, ask.radius, live, self._threads, budget)
        return self.tables.nearest(rows, ask.k, live, self._threads, budget)

    def _of(self, ask: Ask) -> Seen:
        """What such queries cost; at first, what they cost when the index's own codes ask."""
        bucket = ask.bucket
        if bucket not in self._seen:
            costs = self._fitted()
            patience = costs.scan_after * self.segment.n_items
            rows = sample_rows(self.segment, self._n_bits, sample_size(patience))
            found = self._look(ask, self.segment.live, rows, costs.budget(patience))
            own = costs.seconds_of(found.work, found.finished)
            self._seen[bucket] = Seen(own, costs)
        return self._seen[bucket]

    def _fitted(self) -> Costs:
        if self._costs is None:
            self._costs = fit_costs(self.segment, self.tables, self._threads, self._n_bits)
        return self._costs

    def _tail(self, live: Live) -> tuple[int, Live] | None:
        """First block, and live bits, of the codes behind those in the tables."""
        n_items = self.tables.n_items
        if n_items == self.segment.n_items:
            return None
        first = n_items // LANES
        behind = live.copy()
        behind[: first + 1] &= live_bits(np.arange(LANES * (first + 1)) >= n_items)
        return first, read_only(behind)
