"""What a join compares with what: buckets or tiles, and batches of rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes, pack
from hashlens.search.blocks import LANES, as_blocks, as_rows, words_of
from hashlens.search.join import kernels
from hashlens.search.join.distinct import Distinct, bucket_keys, sort_by_key
from hashlens.search.threads import run_in_parts

Array = NDArray[Any]
Result = TypeVar("Result")
Tell = Callable[[int, int], None]
Finish = Callable[[int, NDArray[np.uint64]], Result]

_FIRST_BATCH = 1 << 12  # rows: few, so that the first pairs come soon
_PART_PAIRS = 1 << 20  # pairs of a batch and thread, or one row's: 8 bytes each
_SAMPLE, _FEW = 1 << 12, 1 << 6  # rows that a cost is estimated from
_CROWD = 1 << 14  # codes near to one row: no longer a matter for buckets
_LARGEST_TABLES = 1 << 32  # bytes
# Nanoseconds, measured: a block of 64 words, a row in one table, a code put into one table, a
# pair found once more.
_BLOCK_NS, _PROBE_NS, _BUILD_NS, _REPEATED_NS = 5.0, 60.0, 40.0, 30.0
_WORTH_THREADS_NS = 1e6


@dataclass(frozen=True)
class _Way:
    """The substrings whose buckets are searched, and the estimated cost in nanoseconds."""

    edges: list[int]  # substring s is the bits edges[s] to edges[s + 1]
    masks: Array  # words (n_substrings, n_words): these bits set
    tables: list[kernels.Table]
    row_ns: float  # for a row
    code_ns: float  # for a row and a code that it may be compared with

    def substring(self, number: int) -> tuple[int, int]:
        """Return the first bit and the bit after the last."""
        return self.edges[number], self.edges[number + 1]


class JoinSearch:
    """The pairs of a row of `codes` and an item of `others` that comes after the row's floor.

    Parameters
    ----------
    codes : packed codes (n_rows, n_bytes)
    others : Distinct
    floors : int64 (n_rows,)
    n_bits, radius : int
    """

    def __init__(
        self, codes: Codes, others: Distinct, floors: NDArray[np.int64], n_bits: int, radius: int
    ) -> None:
        self.rows, self.others, self.floors = as_rows(codes, n_bits), others, floors
        self.n_bits, self.radius = n_bits, radius
        self.first = np.searchsorted(others.last, floors, "right").astype(np.int32)

    def run(self, threads: int, tell: Tell | None, finish: Finish[Result]) -> Iterator[Result]:
        """Yield ``finish(start, found)`` of one range of rows after the other.

        `found` holds the pairs as :mod:`hashlens.search.join.kernels` writes them, in no order;
        row r is row `start` + r. `finish` runs in the threads.
        """
        n_rows, n_codes = len(self.rows), len(self.others.codes)
        if not n_rows or not n_codes:
            return
        way = self.way()
        total = self._work(way, 0, n_rows)
        if total == 0:  # no row has a code to be compared with
            return
        threads = threads if total > _WORTH_THREADS_NS else 1
        # Batches end at about a second: who listens to `tell`, or stops, does not wait.
        most = max(threads, min(threads << kernels.ROW_BITS, int(n_rows * threads * 1e9 / total)))
        start, size, done = 0, min(_FIRST_BATCH, most), 0.0
        while start < n_rows:
            stop = min(start + size, n_rows)
            parts = self._search(way, (start, stop), threads, finish)
            if parts is None:  # more pairs than there is room for; one row's always fit
                size = max(1, (stop - start) // 2)
                continue
            fullest = max(n_found for n_found, _ in parts)
            yield from (result for _, result in parts)
            done += self._work(way, start, stop)
            if tell is not None:
                tell(round(total if stop == n_rows else done), round(total))
            start = stop
            if 4 * fullest < _PART_PAIRS:
                size = min(2 * size, most)

    def _work(self, way: _Way, start: int, stop: int) -> float:
        n_rows = stop - start
        n_codes = n_rows * len(self.others.codes) - int(self.first[start:stop].sum(dtype=np.int64))
        return n_rows * way.row_ns + n_codes * way.code_ns

    def _search(
        self, way: _Way, rows: tuple[int, int], threads: int, finish: Finish[Result]
    ) -> list[tuple[int, Result]] | None:
        """Search a range of rows: the number of pairs and the result of each part of it."""
        parts: dict[int, tuple[int, Result] | None] = {}

        def search(start: int, stop: int) -> None:
            found = self._search_part(way, rows[0] + start, rows[0] + stop)
            parts[start] = found if found is None else (len(found), finish(rows[0] + start, found))

        run_in_parts(search, rows[1] - rows[0], threads)
        in_order = [parts[start] for start in sorted(parts)]
        whole = [part for part in in_order if part is not None]
        return whole if len(whole) == len(in_order) else None

    def _search_part(self, way: _Way, start: int, stop: int) -> NDArray[np.uint64] | None:
        rows, others = self.rows[start:stop], self.others
        batch = kernels.Batch(
            rows, self.first[start:stop], self.floors[start:stop], others.offsets, others.items
        )
        room = np.empty((2, max(_PART_PAIRS, len(others.items) + LANES)), np.uint64)
        near, pairs, n_pairs = room[0], room[1], 0
        for substring, table in enumerate(way.tables):
            n_near, n_kept = self._near(way, substring, slice(start, stop), near)
            if n_near >= 0:
                n_pairs = kernels.write_items(near[:n_kept], table.ids, batch, pairs, n_pairs)
            if n_near < 0 or n_pairs < 0:
                return None
        found: NDArray[np.uint64] = pairs[:n_pairs]
        return found

    def _near(self, way: _Way, substring: int, which: slice, near: Array) -> tuple[int, int]:
        """Search some rows in one table: how many are near, or -1, and how many are kept."""
        table, rows = way.tables[substring], np.ascontiguousarray(self.rows[which])
        keys, _ = bucket_keys(rows, *way.substring(substring), len(self.others.codes))
        probes = np.sort(keys << kernels.ROW_BITS | np.arange(len(rows), dtype=np.uint64))
        runs = kernels.find_runs(probes, table, np.ascontiguousarray(self.first[which]))
        n_near = kernels.search_runs(runs, table, rows, self.radius + 1, near)
        rule = kernels.Rule(way.masks, substring)
        return n_near, kernels.keep_first(near[: max(n_near, 0)], table, rows, rule)

    def way(self) -> _Way:
        """Choose the way that costs less on these codes."""
        tiles = self._way_by([0, 0])
        buckets = self.buckets(self._work(tiles, 0, len(self.rows)))
        return self.tiles() if buckets is None else buckets

    def _way_by(self, edges: list[int]) -> _Way:
        """Cut at `edges`, no table built, at the cost of a comparison with each code."""
        bits = np.arange(self.n_bits)
        inside = np.array([(bits >= low) & (bits < high) for low, high in pairwise(edges)])
        masks = as_rows(pack(inside), self.n_bits)
        return _Way(edges, masks, [], 0.0, self._compare_ns / LANES)

    def tiles(self) -> _Way:
        """Compare each row with each code: one bucket, of no bits."""
        table, _ = self._table(as_rows(self.others.codes, self.n_bits), 0, 0)
        return replace(self._way_by([0, 0]), tables=[table])

    def buckets(self, most_ns: float = float("inf")) -> _Way | None:
        """Build the buckets of radius + 1 substrings, unless they cost more than `most_ns`.

        That is estimated from the table's buckets and a sample of the rows; the tables are built
        one by one, and no further than it takes to know.
        """
        if self.radius >= self.n_bits:  # all pairs
            return None if most_ns < float("inf") else self.tiles()
        n_tables, n_codes = self.radius + 1, len(self.others.codes)
        edges = [self.n_bits * i // n_tables for i in range(n_tables + 1)]
        build_ns = n_codes * n_tables * _BUILD_NS
        size = n_codes * n_tables * (8 + self.others.codes.shape[1])
        if build_ns > most_ns or size > _LARGEST_TABLES:
            return None
        rows = as_rows(self.others.codes, self.n_bits)
        way = replace(self._way_by(edges), code_ns=0.0)
        for substring in range(n_tables):
            table, sizes = self._table(rows, *way.substring(substring))
            code_ns = self._compare_ns / LANES * float(sizes.mean()) / n_codes
            way = replace(way, tables=[*way.tables, table], code_ns=way.code_ns + code_ns)
            row_ns = _PROBE_NS + 2 * self._compare_ns * float((sizes > 0).mean())
            repeated_ns = _REPEATED_NS * self._repeated(way) if most_ns < float("inf") else 0.0
            way = replace(way, row_ns=way.row_ns + row_ns + repeated_ns)
            if build_ns + self._work(way, 0, len(self.rows)) > most_ns:
                return None
        return way

    def _repeated(self, way: _Way) -> float:
        """Estimate how many pairs of a row the last table finds that an earlier one has found.

        Where codes crowd within the radius, each pair is found in nearly every table.
        """
        some = slice(None, None, 1 + len(self.rows) // _FEW)
        near = np.empty(_FEW * _CROWD, np.uint64)
        n_near, n_kept = self._near(way, len(way.tables) - 1, some, near)
        n_rows = len(self.rows[some])
        return (n_near - n_kept) / n_rows if n_near >= 0 else float("inf")

    def _table(self, rows: Array, start: int, stop: int) -> tuple[kernels.Table, NDArray[np.int64]]:
        """Sort the codes by the bits `start` to `stop`; tell the sizes of some rows' buckets."""
        offsets, ids = sort_by_key(*bucket_keys(rows, start, stop, len(rows)))
        some = self.rows[:: 1 + len(self.rows) // _SAMPLE]
        keys = bucket_keys(some, start, stop, len(rows))[0].astype(np.int64)
        sizes = (offsets[keys + 1] - offsets[keys]).astype(np.int64)
        table = kernels.Table(offsets, ids, as_blocks(self.others.codes[ids], self.n_bits))
        return table, sizes

    @property
    def _compare_ns(self) -> float:
        return _BLOCK_NS * words_of(self.n_bits)
