"""Exact Hamming search, hashlens beside faiss: same codes, one thread, runs interleaved.

    python -m benchmarks.bench_search [--out benchmarks/results/search.json] [--runs 5]

A row is printed only after both gave the same distances. Times are medians with the distance of
the quartiles; the ratio is that of the medians of one run of this program.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from benchmarks._record import RESULTS, environment, spread, write_result

from hashlens.search import HammingIndex

N_CODES = 1_000_000
BATCH = 1_000
SINGLE_RUNS = 9  # single queries for each run of a batch
CASES = ((64, 10), (64, 100), (128, 10))  # bits, k

Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS / "search.json")
    parser.add_argument("--runs", type=int, default=5, help="runs of each batch (default: 5)")
    parser.add_argument("--bits", type=int, help="only the cases of this length")
    parser.add_argument("--k", type=int, help="only the cases of this many neighbours")
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    cases = [
        (n_bits, k)
        for n_bits, k in CASES
        if arguments.bits in (None, n_bits) and arguments.k in (None, k)
    ]
    rows = [row for n_bits, k in cases for row in compare(n_bits, k, arguments.runs)]
    record = environment()
    result = {
        "title": "Exact search, one thread: hashlens beside faiss IndexBinaryFlat",
        "command": record["command"],
        "environment": record,
        "threads": 1,
        "seed": 0,
        "rows": rows,
    }
    write_result(arguments.out, result)
    print(table(rows))


def compare(n_bits: int, k: int, n_runs: int) -> list[dict[str, Any]]:
    """Two rows: one query at a time, and a batch."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (N_CODES, n_bits // 8), dtype=np.uint8)
    queries = rng.integers(0, 256, (BATCH, n_bits // 8), dtype=np.uint8)
    peer = faiss.IndexBinaryFlat(n_bits)
    peer.add(codes)
    index = HammingIndex(codes, n_bits, threads=1)
    engines: dict[str, Search] = {"hashlens": index.search, "faiss": peer.search}
    refuse_unequal(engines, queries, k)
    singles = [queries[i : i + 1] for i in range(n_runs * SINGLE_RUNS)]
    return [
        row("one query", n_bits, k, 1, interleave(engines, singles, k)),
        row(f"batch of {BATCH:,}", n_bits, k, BATCH, interleave(engines, [queries] * n_runs, k)),
    ]


def refuse_unequal(engines: dict[str, Search], queries: np.ndarray, k: int) -> None:
    """Stop unless all engines give the same distances (this also compiles and warms up)."""
    for part in (queries, queries[:1]):
        ours, theirs = (np.asarray(next(iter(search(part, k)))) for search in engines.values())
        if not np.array_equal(ours, theirs):
            raise SystemExit(f"hashlens and faiss differ at k = {k}: no figures")


def interleave(
    engines: dict[str, Search], inputs: list[np.ndarray], k: int
) -> dict[str, list[float]]:
    """Seconds of each engine on each input, engines in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for queries in inputs:
        for name, search in engines.items():
            start = time.perf_counter()
            search(queries, k)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def row(
    what: str, n_bits: int, k: int, n_queries: int, seconds: dict[str, list[float]]
) -> dict[str, Any]:
    engines = {name: spread(values) for name, values in seconds.items()}
    ratio = engines["faiss"]["median_seconds"] / engines["hashlens"]["median_seconds"]
    return {
        "n_codes": N_CODES, "n_bits": n_bits, "k": k, "queries": what, "n_queries": n_queries,
        "engines": engines, "faiss_over_hashlens": ratio,
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: milliseconds a query, median ± quartiles' distance."""
    lines = [
        "| codes | k | queries | hashlens, ms a query | faiss, ms a query | faiss / hashlens |",
        "|---|---|---|---|---|---|",
    ]
    for entry in rows:
        cells = [
            "{median_seconds:.3f} ± {iqr_seconds:.3f}".format(
                **{unit: 1000 * engine[unit] / entry["n_queries"] for unit in
                   ("median_seconds", "iqr_seconds")}
            )
            for engine in entry["engines"].values()
        ]  # fmt: skip
        lines.append(
            f"| {entry['n_codes']:,} x {entry['n_bits']} bits | {entry['k']} | {entry['queries']} "
            f"| {' | '.join(cells)} | {entry['faiss_over_hashlens']:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
