"""From kernels to whole answers: working memory, threads, merging."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.neighbors import DistanceHistograms
from hashlens.search.kernels import BLOCK, scan_levels, scan_nearest, scan_within
from hashlens.search.threads import run_in_parts, worth_threads

Planes = NDArray[Any]  # (W, n)
Rows = NDArray[Any]  # (n_queries, W), the planes' word type
Nearest = tuple[NDArray[np.int32], NDArray[np.int64]]  # distances, positions: (n_queries, k)

_SCRATCH_BYTES = 1 << 25  # of one thread's candidates; more queries go in several steps


def nearest(planes: Planes, rows: Rows, k: int, threads: int) -> Nearest:
    """Find the k <= n nearest codes of each query, by distance, then position.

    The threads share the queries, or the codes where there are fewer queries than threads.
    """
    threads = worth_threads(len(rows) * planes.size, threads)
    n_ranges = threads if len(rows) < threads else 1
    distances = np.empty((n_ranges, len(rows), k), np.int32)
    positions = np.empty((n_ranges, len(rows), k), np.int64)
    bounds = [planes.shape[1] * part // n_ranges for part in range(n_ranges + 1)]

    def scan_queries(start: int, stop: int) -> None:
        for a, b in _steps(start, stop, 2 * k + BLOCK + 64 * planes.shape[0]):
            scan_nearest(planes, rows[a:b], 0, bounds[1], distances[0, a:b], positions[0, a:b])

    def scan_ranges(start: int, stop: int) -> None:
        for part in range(start, stop):
            first, last = bounds[part], bounds[part + 1]
            scan_nearest(planes, rows, first, last, distances[part], positions[part])

    if n_ranges == 1:
        run_in_parts(scan_queries, len(rows), threads)
        return distances[0], positions[0]
    run_in_parts(scan_ranges, n_ranges, threads)
    return _merge(distances, positions)


def within(
    planes: Planes, rows: Rows, radius: int, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Find all codes within a radius: offsets (n_queries + 1,), distances, positions.

    One scan counts, so that every answer's place is known; a second one writes.
    """
    counts = np.zeros((len(rows), radius + 1), np.int64)
    _scan_within(planes, rows, counts, np.empty(0, np.int64), threads)
    ends = np.cumsum(counts, dtype=np.int64).reshape(counts.shape)
    offsets = np.concatenate([[0], ends[:, -1]])
    positions = np.empty(int(offsets[-1]), np.int64)
    if len(positions):
        _scan_within(planes, rows, ends - counts, positions, threads)
    levels = np.tile(np.arange(radius + 1, dtype=np.int32), len(rows))
    return offsets, np.repeat(levels, counts.ravel()), positions


def _scan_within(
    planes: Planes, rows: Rows, counts: NDArray[np.int64], out: NDArray[np.int64], threads: int
) -> None:
    radius = counts.shape[1] - 1

    def scan(a: int, b: int) -> None:
        scan_within(planes, rows[a:b], radius, counts[a:b], out, len(out) > 0)

    _share(scan, planes, rows, threads)


def count_levels(
    planes: Planes,
    rows: Rows,
    relevance: NDArray[np.uint8],
    exclude: NDArray[np.int64],
    out: DistanceHistograms,
    threads: int,
) -> None:
    """Count all and relevant codes at every distance, into the arrays of `out`."""

    def scan(a: int, b: int) -> None:
        part = slice(a, b)
        scan_levels(
            planes, rows[part], relevance[part], exclude[part], out.total[part], out.relevant[part]
        )

    _share(scan, planes, rows, threads)


def _share(scan: Callable[[int, int], None], planes: Planes, rows: Rows, threads: int) -> None:
    run_in_parts(scan, len(rows), worth_threads(len(rows) * planes.size, threads))


def _steps(start: int, stop: int, words_per_query: int) -> list[tuple[int, int]]:
    step = max(1, _SCRATCH_BYTES // (8 * words_per_query))
    return [(first, min(first + step, stop)) for first in range(start, stop, step)]


def _merge(distances: NDArray[np.int32], positions: NDArray[np.int64]) -> Nearest:
    """Merge answers (n_ranges, n_queries, k) of ascending ranges; ties keep range order."""
    k = distances.shape[2]
    nearest = np.concatenate(list(distances), axis=1)
    order = np.argsort(nearest, axis=1, kind="stable")[:, :k]
    where = np.concatenate(list(positions), axis=1)
    return np.take_along_axis(nearest, order, 1), np.take_along_axis(where, order, 1)
