"""Points measured in fresh processes: in an order without order, kept as they come."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.growth.works import Work

from hashlens.bench.memory import available_bytes
from hashlens.provenance import commit

RUNS = 3
SEED = 0
_FREE_SHARE = 0.9  # of the memory that is free now
_MOST_SECONDS = 300


class Point(NamedTuple):
    """A work at a size."""

    work: Work
    n: int

    @property
    def expected(self) -> float:
        """Seconds its process takes, about."""
        return self.work.expected_seconds(self.n)

    def __str__(self) -> str:
        return f"{self.work.name}, {self.n:,} {self.work.of}"


def planned(points: list[Point], seconds: float) -> tuple[list[Point], list[Point]]:
    """Leave out the points that take longest, until the others fit; give those left out, too."""
    kept = sorted(points, key=lambda point: point.expected)
    left_out = []
    while kept and sum(point.expected for point in kept) > seconds:
        left_out.append(kept.pop())
    return kept, left_out


class Measured:
    """Points as lines of JSON in a file, so that an interrupted run goes on.

    Parameters
    ----------
    scratch : Path
        A folder for the file, and for what the works store.
    """

    def __init__(self, scratch: Path) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self.scratch = scratch
        self._file = scratch / "points.jsonl"
        self._commit = commit()
        text = self._file.read_text("utf-8") if self._file.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # a killed run may leave half a line
        self._file.write_text(whole, "utf-8")
        every = [json.loads(line) for line in whole.splitlines()]
        self.lines = [line for line in every if line["commit"] == self._commit]

    def of(self, point: Point) -> list[dict[str, Any]]:
        """Give what was measured at a point."""
        wanted = point.work.name, point.n
        return [line for line in self.lines if (line["work"], line["n"]) == wanted]

    def failed_below(self, point: Point) -> bool:
        """Tell whether this work failed at this size or a smaller one."""
        same = [line for line in self.lines if line["work"] == point.work.name]
        return any("failed" in line and line["n"] <= point.n for line in same)

    def measure(self, point: Point) -> dict[str, Any]:
        """Measure a point once, and keep it."""
        if point.work.prepare is not None:
            _run(point, self.scratch, "--prepare")
        found = {"work": point.work.name, "n": point.n, "commit": self._commit}
        found |= _run(point, self.scratch)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
        self.lines.append(found)
        return found


def measure_all(points: list[Point], measured: Measured, seconds: float) -> list[Point]:
    """Measure all points once, then the quick ones again while there is time; give those dropped.

    In random order: were they measured one size after another, a machine that slows down would
    look like a slope.
    """
    ends, dropped = time.monotonic() + seconds, []
    rng = random.Random(SEED)
    for run in range(RUNS):
        missing = [point for point in points if len(measured.of(point)) <= run]
        rng.shuffle(missing)
        for point in _in_time(missing, ends, dropped if run == 0 else []):
            if not measured.failed_below(point):
                found = measured.measure(point)
                said = found.get("failed") or found["seconds"]
                print(f"{point}: {said}, {found['peak_mib']:.0f} MiB", flush=True)
    return dropped


def _in_time(points: list[Point], ends: float, dropped: list[Point]) -> Iterator[Point]:
    """Give points in order, but for the longest ones when time runs out."""
    spent, expected, left = 0.0, 0.0, list(points)
    while left:
        slower = spent / expected if expected > 30 else 1.0
        while left and sum(each.expected for each in left) * slower > ends - time.monotonic():
            longest = max(left, key=lambda each: each.expected)
            left.remove(longest)
            dropped.append(longest)
        if left:
            began, point = time.monotonic(), left.pop(0)
            yield point
            spent += time.monotonic() - began
            expected += point.expected


def _run(point: Point, scratch: Path, *more: str) -> dict[str, Any]:
    """Run the process of a point: its seconds, and the most memory it had."""
    words = [sys.executable, "-m", "benchmarks.growth.point", point.work.name, str(point.n)]
    free = available_bytes()
    memory = ["--memory", str(int(_FREE_SHARE * free))] if free else []
    threads = str(point.work.threads)
    names = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, threads)}
    began = time.perf_counter()
    with (scratch / "errors.txt").open("w+") as errors:
        process = subprocess.Popen(
            [*words, str(scratch), *more, *memory],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        )
        said, status, usage = _wait(process)
        errors.seek(0)
        complaint = errors.read().strip()
    found = {"peak_mib": usage.ru_maxrss / 1024, "wall": time.perf_counter() - began}
    if status == 0 and said:
        return found | json.loads(said.splitlines()[-1])
    if status == -signal.SIGKILL:
        return found | {"failed": "killed: no memory, or more time than allowed"}
    return found | {"failed": complaint.splitlines()[-1] if complaint else f"status {status}"}


def _wait(process: "subprocess.Popen[str]") -> tuple[str, int, Any]:
    """Wait for a process as `os.wait4` does, which tells its memory; end it after five minutes."""
    signal.signal(signal.SIGALRM, lambda *_: process.kill())
    signal.alarm(_MOST_SECONDS)
    said = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    signal.alarm(0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return said, process.returncode, usage
