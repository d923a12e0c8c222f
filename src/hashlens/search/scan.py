"""The scan: from kernels to whole answers. Working memory, threads, merging."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.neighbors import MISSING_ID, DistanceHistograms
from hashlens.search.blocks import LANES, Blocks
from hashlens.search.count_kernels import scan_levels, scan_ranking
from hashlens.search.scan_kernels import scan_nearest, scan_within, sort_found
from hashlens.search.threads import run_in_parts, worth_threads

Live = NDArray[np.uint64]  # (n_blocks,): a bit for each code that may be found
Rows = NDArray[Any]  # (n_queries, n_words), the blocks' word type
Nearest = tuple[NDArray[np.int32], NDArray[np.int64]]  # distances, positions: (n_queries, k)
Within = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]  # offsets, and those of all

_SCRATCH_BYTES = 1 << 25  # of one thread's candidates; more queries go in several steps
_ROOM = 256  # answers within a radius that a query is given room for at first


def nearest(
    blocks: Blocks, live: Live, rows: Rows, k: int, threads: int, first: int = 0
) -> Nearest:
    """Find the k nearest live codes of each query among the blocks from `first` on.

    By distance, then position; missing ones are marked. The threads share the queries, or the
    codes where there are fewer queries than threads.
    """
    threads = worth_threads(len(rows) * (len(blocks) - first) * blocks.shape[1] * LANES, threads)
    if len(rows) < threads:
        return _nearest_by_ranges(blocks, live, rows, k, threads, first)
    distances = np.empty((len(rows), k), np.int32)
    positions = np.empty((len(rows), k), np.int64)
    words = min(2 * k + LANES, LANES * len(blocks)) + LANES * blocks.shape[1]
    step = max(1, _SCRATCH_BYTES // (8 * words))
    if threads == 1 and len(rows) <= step:  # one query: without what follows, twice as fast
        scan_nearest(blocks, live, rows, first, len(blocks), distances, positions)
        return distances, positions

    def scan_queries(start: int, stop: int) -> None:
        for a in range(start, stop, step):
            part = slice(a, min(a + step, stop))
            scan_nearest(
                blocks, live, rows[part], first, len(blocks), distances[part], positions[part]
            )

    run_in_parts(scan_queries, len(rows), threads)
    return distances, positions


def _nearest_by_ranges(
    blocks: Blocks, live: Live, rows: Rows, k: int, threads: int, first: int
) -> Nearest:
    """Share the codes among the threads."""
    bounds = [first + (len(blocks) - first) * part // threads for part in range(threads + 1)]
    distances = np.empty((threads, len(rows), k), np.int32)
    positions = np.empty((threads, len(rows), k), np.int64)

    def scan_ranges(start: int, stop: int) -> None:
        for part in range(start, stop):
            a, b = bounds[part], bounds[part + 1]
            scan_nearest(blocks, live, rows, a, b, distances[part], positions[part])

    run_in_parts(scan_ranges, threads, threads)
    return merge(list(zip(distances, positions, strict=True)), k)


def moved(found: Nearest, first: int) -> Nearest:
    """Count positions from another first one; missing ones stay missing."""
    distances, positions = found
    if first:
        positions[positions != MISSING_ID] += first
    return distances, positions


def merge(found: Sequence[Nearest], k: int) -> Nearest:
    """Merge answers (n_queries, any) of ranges by ascending position into the k nearest.

    Examples
    --------
    >>> near = [(np.array([[1, 4]], np.int32), np.array([[5, 7]]))]
    >>> near.append((np.array([[0, 1]], np.int32), np.array([[8, 9]])))
    >>> merge(near, 2)
    (array([[0, 1]], dtype=int32), array([[8, 5]]))
    """
    if len(found) == 1:
        return found[0]
    near = np.concatenate([distances for distances, _ in found], axis=1)
    where = np.concatenate([positions for _, positions in found], axis=1)
    order = np.argsort(near, axis=1, kind="stable")[:, :k]  # ties keep the order of the ranges
    return np.take_along_axis(near, order, 1), np.take_along_axis(where, order, 1)


def spread(ball: Within, queries: NDArray[np.int64], n_queries: int) -> Within:
    """Give the ball of some queries as one of all: the others find nothing.

    Examples
    --------
    >>> ball = np.array([0, 1]), np.array([2], np.int32), np.array([7])
    >>> spread(ball, np.array([1]), 3)[0]
    array([0, 0, 1, 1])
    """
    counts = np.zeros(n_queries, np.int64)
    counts[queries] = np.diff(ball[0])
    return np.concatenate([[0], np.cumsum(counts)]), ball[1], ball[2]


def merge_within(found: Sequence[Within]) -> Within:
    """Merge the balls of ranges by ascending position: the same queries in each.

    Examples
    --------
    >>> balls = [(np.array([0, 1]), np.array([2], np.int32), np.array([0]))]
    >>> balls.append((np.array([0, 1]), np.array([1], np.int32), np.array([4])))
    >>> merge_within(balls)
    (array([0, 2]), array([1, 2], dtype=int32), array([4, 0]))
    """
    if len(found) == 1:
        return found[0]
    n_queries = len(found[0][0]) - 1
    query = np.concatenate([np.repeat(np.arange(n_queries), np.diff(ball[0])) for ball in found])
    near = np.concatenate([ball[1] for ball in found])
    order = np.lexsort((near, query))
    offsets: NDArray[np.int64] = np.sum([ball[0] for ball in found], axis=0)
    return offsets, near[order], np.concatenate([ball[2] for ball in found])[order]


def within(
    blocks: Blocks, live: Live, rows: Rows, radius: int, threads: int, first: int = 0
) -> Within:
    """Find all live codes within a radius: offsets (n_queries + 1,), distances, positions."""
    keys = np.empty((len(rows), min(_ROOM, LANES * len(blocks))), np.int64)
    found = np.zeros(len(rows), np.int64)

    def collect(a: int, b: int) -> None:
        scan_within(blocks, live, rows[a:b], first, radius, keys[a:b], found[a:b])

    _share(collect, blocks, rows, threads)
    offsets = np.concatenate([[0], np.cumsum(found)])
    distances = np.empty(int(offsets[-1]), np.int32)
    positions = np.empty(int(offsets[-1]), np.int64)
    counts = np.empty(radius + 1, np.int64)
    sort_found(keys, found, counts, offsets, distances, positions)
    crowded = np.flatnonzero(found > keys.shape[1])  # once more, with room for all

    def collect_again(a: int, b: int) -> None:
        for query in crowded[a:b]:
            row, n_found = rows[query : query + 1], found[query : query + 1]
            room = np.empty((1, n_found[0]), np.int64)
            scan_within(blocks, live, row, first, radius, room, np.zeros(1, np.int64))
            place, own = offsets[query : query + 1], np.empty(radius + 1, np.int64)
            sort_found(room, n_found, own, place, distances, positions)

    if len(crowded):
        _share(collect_again, blocks, rows[crowded], threads)
    return offsets, distances, positions


def ranking(blocks: Blocks, live: Live, rows: Rows, n_live: int, threads: int) -> Nearest:
    """Rank all live codes of each query by distance, then position."""
    distances = np.empty((len(rows), n_live), np.int32)
    positions = np.empty((len(rows), n_live), np.int64)
    kind = np.min_scalar_type(8 * blocks.itemsize * blocks.shape[1])

    def scan(a: int, b: int) -> None:
        levels = np.empty((len(blocks), LANES), kind)
        scan_ranking(blocks, live, rows[a:b], levels, distances[a:b], positions[a:b])

    _share(scan, blocks, rows, threads)
    return distances, positions


def count_levels(  # noqa: PLR0913 - what is counted, and where to
    blocks: Blocks,
    live: Live,
    rows: Rows,
    marks: NDArray[np.uint8],
    wanted: NDArray[np.uint8],
    exclude: NDArray[np.int64],
    out: DistanceHistograms,
    threads: int,
) -> None:
    """Count all live codes, and those with the wanted mark, at every distance; added to `out`."""
    shared = len(marks) == 1

    def scan(a: int, b: int) -> None:
        part = slice(a, b)
        scan_levels(
            blocks, live, rows[part], marks if shared else marks[part], wanted[part],
            exclude[part], out.total[part], out.relevant[part],
        )  # fmt: skip

    _share(scan, blocks, rows, threads)


def _share(scan: Callable[[int, int], None], blocks: Blocks, rows: Rows, threads: int) -> None:
    run_in_parts(scan, len(rows), worth_threads(len(rows) * blocks.size, threads))
