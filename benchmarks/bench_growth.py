"""How time and memory grow with size: searching, storing, evaluating, joining, learning.

    python -m benchmarks.bench_growth [--minutes 12] [--only GROUP,...] [--folder DIR] [--out FILE]

Each point is measured in a process of its own, which is given as many threads as its work says:
its seconds inside of that process, without its start, and the most memory that the process had.
All points once in random order, then again, up to three times, while there is time. What does not
fit into the minutes is left out, the points that take longest first. An interrupted run goes on
with the same command: what is measured already, at this commit, is kept in the folder.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks._record import RESULTS, environment, write_result
from benchmarks.growth.measuring import Measured, Point, measure_all, planned
from benchmarks.growth.slopes import bytes_each, each_more, exponent
from benchmarks.growth.works import Work, works

LEAST = 3  # sizes that a slope needs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--only", help="groups of works, with commas between them")
    parser.add_argument("--at-most", type=int, metavar="N", help="no more sizes of each work")
    folder = Path(tempfile.gettempdir()) / "hashlens-growth"
    parser.add_argument("--folder", type=Path, default=folder, help="for points and data")
    parser.add_argument("--fresh", action="store_true", help="measure all points anew")
    parser.add_argument("--out", type=Path, default=RESULTS / "growth.json")
    arguments = parser.parse_args()
    if arguments.fresh:
        shutil.rmtree(arguments.folder, ignore_errors=True)
    groups = arguments.only.split(",") if arguments.only else {work.group for work in works()}
    chosen = [work for work in works() if work.group in groups]
    measured, seconds = Measured(arguments.folder), 60 * arguments.minutes
    every = [Point(work, n) for work in chosen for n in work.sizes[: arguments.at_most]]
    wanted = [point for point in every if not measured.of(point)]
    kept, left_out = planned(wanted, seconds)
    for point in left_out:
        print(f"left out for lack of time: {point}", flush=True)
    points = [point for point in every if point in kept or measured.of(point)]
    dropped = [*left_out, *measure_all(points, measured, seconds)]
    result = {
        "title": "How time and memory grow with size",
        "command": "python -m benchmarks.bench_growth",
        **summary(chosen, measured),
        "left out": [str(point) for point in dropped],
        "environment": environment(),
    }
    write_result(arguments.out, result)


def summary(chosen: list[Work], measured: Measured) -> dict[str, list[dict[str, Any]]]:
    """Slopes of each work, and what did not come to an end."""
    found: dict[str, list[dict[str, Any]]] = {"time": [], "memory": [], "failed": []}
    for work in chosen:
        points = {n: measured.of(Point(work, n)) for n in work.sizes}
        done = {n: [run for run in runs if "seconds" in run] for n, runs in points.items()}
        done = {n: runs for n, runs in done.items() if runs}
        failed = [run for runs in points.values() for run in runs if "failed" in run]
        found["failed"] += [
            {"work": work.name, "n": run["n"], "why": run["failed"]} for run in failed
        ]
        if len(done) >= LEAST:
            found["time"] += [time_row(work, figure, done) for figure in work.growth]
            found["memory"].append(memory_row(work, done))
    return found


def time_row(work: Work, figure: str, done: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    n = list(done)
    runs = {size: [run["seconds"][figure] for run in done[size]] for size in n}
    seconds = [float(np.median(runs[size])) for size in n]
    slope = exponent(n, seconds)
    return {
        **about(work),
        "figure": figure,
        "expected": work.growth[figure],
        "exponent": slope._asdict(),
        "seconds each": each_more(n, seconds),
        "points": [
            {"n": size, "seconds": middle, "runs": runs[size]}
            for size, middle in zip(n, seconds, strict=True)
        ],
    }


def memory_row(work: Work, done: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    n = list(done)
    mib = [float(np.median([run["peak_mib"] for run in done[size]])) for size in n]
    return {
        **about(work),
        "bytes each": bytes_each(n, mib)._asdict(),
        "points": [{"n": size, "mib": value} for size, value in zip(n, mib, strict=True)],
    }


def about(work: Work) -> dict[str, Any]:
    return {"group": work.group, "work": work.name, "of": work.of, "threads": work.threads}


if __name__ == "__main__":
    main()
