"""Re-ranking candidates by mapped float16 features: the fused kernel beside numpy, one thread.

    python -m benchmarks.bench_rerank [--out benchmarks/results/rerank.json] [--runs 101]

The two in turn, each time with new candidates at random rows. Medians, and the distance of the
quartiles; "on disk" is with the file dropped from the system's memory before each run.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks._record import RESULTS, environment, spread, write_result
from threadpoolctl import threadpool_limits

from hashlens.bench.timing import seconds_of
from hashlens.neighbors import Neighbors
from hashlens.search.rerank.features import rerank

CANDIDATES, K = 1_000, 10
N_ROWS = {256: 400_000, 512: 200_000}  # by number of features: 200 MB each, beyond the caches
N_COLD_RUNS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS / "rerank.json")
    parser.add_argument("--runs", type=int, default=101, help="runs of each time in memory")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, threadpool_limits(1, user_api="blas"):
        rows = [row for width in N_ROWS for row in timed(Path(scratch), width, arguments.runs)]
    command = "python -m benchmarks.bench_rerank"
    result = {
        "title": f"Re-ranking {CANDIDATES:,} candidates by mapped float16 features, one thread",
        "command": command,
        "rows": rows,
        "environment": environment() | {"command": command},
    }
    write_result(arguments.out, result)
    for row in rows:
        print(row)


def timed(scratch: Path, width: int, n_runs: int) -> list[dict[str, Any]]:
    """Time of one query, its features in memory and on disk: the ways in turn."""
    rng, n_rows = np.random.default_rng(width), N_ROWS[width]
    path = scratch / f"features-{width}.f16"
    with path.open("wb") as file:
        for _ in range(10):
            block = rng.standard_normal((n_rows // 10, width), np.float32)
            file.write(block.astype(np.float16).tobytes())
        os.fsync(file.fileno())
    shape = (n_rows, width)
    queries = rng.standard_normal((n_runs, 1, width), np.float32)
    ways: dict[str, Callable[..., Any]] = {
        "fused": lambda near, query, stored: rerank(near, query, stored, k=K, threads=1),
        "numpy": numpy_product,
    }
    stored = np.memmap(path, np.float16, "r", shape=shape)
    stored.max()  # all of it is in memory
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for query in queries:
        for name, way in ways.items():
            seconds[name].append(seconds_of(partial(way, drawn(rng, n_rows), query, stored)))
    del stored
    cold: dict[str, list[float]] = {name: [] for name in ways}
    for query in queries[:N_COLD_RUNS]:
        for name, way in ways.items():
            forget(path)
            stored = np.memmap(path, np.float16, "r", shape=shape)
            cold[name].append(seconds_of(partial(way, drawn(rng, n_rows), query, stored)))
            del stored
    path.unlink()
    return [
        {"features": width, "items": n_rows, "k": K, "pages": pages}
        | {f"{name}, ms": 1000 * float(np.median(values)) for name, values in measured.items()}
        | {"numpy / fused": float(np.median(measured["numpy"]) / np.median(measured["fused"]))}
        | {
            f"{name}, iqr ms": 1000 * spread(values)["iqr_seconds"]
            for name, values in measured.items()
        }
        | {"runs": len(measured["fused"])}
        for pages, measured in (("in memory", seconds), ("on disk", cold))
    ]


def drawn(rng: np.random.Generator, n_rows: int) -> Neighbors:
    """Candidates at random rows: new ones each time, so that no cache has them."""
    ids = rng.choice(n_rows, CANDIDATES, replace=False)[None]
    return Neighbors(np.zeros_like(ids, np.int32), ids)


def numpy_product(near: Neighbors, query: np.ndarray, stored: np.ndarray) -> Neighbors:
    """The same in numpy: gather, widen, squared lengths and one product in float32, sort."""
    rows = stored[near.ids[0]].astype(np.float32)
    distances = np.einsum("ij,ij->i", rows, rows) - 2 * (rows @ query[0])
    first = np.argsort(distances)[:K]
    return Neighbors(distances[None, first], near.ids[:, first])


def forget(path: Path) -> None:
    """Drop a file from the system's memory."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
