"""What a collection on Milvus takes: rows in, queries out, memory and disk, for one image each.

    python -m benchmarks.bench_milvus [--out benchmarks/results/milvus.json] [--rows 400000]

A real server of one process on this machine, and codes around 2,000 centres (12 % of bits flipped).
Times of both engines come from one run, in turn; what counts for capacity is the processor time of
the server's process, which other work on the machine does not lengthen.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks._memory import proportional_bytes
from benchmarks._record import RESULTS, environment, write_result
from benchmarks.reliability._script import small_model

from hashlens.codes import Codes
from hashlens.collection import Collection, Queries
from hashlens.collection.records import Record, Records

AT_ONCE = 10_000
N_QUERIES, N_BATCHES, BATCH, K = 100, 10, 100, 10
SETTLE_SECONDS = 20  # until sealed segments are loaded in place of growing ones
SIDE = 16  # of a picture: 768 features, of which there must be as many as bits
TICKS = os.sysconf("SC_CLK_TCK")


class Case(NamedTuple):
    """What is stored."""

    bits: int
    rows: int
    features: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS / "milvus.json")
    parser.add_argument("--rows", type=int, default=400_000)
    arguments = parser.parse_args()
    n = arguments.rows
    cases = [Case(bits, rows, False) for bits in (64, 128) for rows in (n // 10, n)]
    cases += [Case(64, n // 100, True), Case(64, n // 20, True)]
    rows = [measured(case) for case in cases]
    command = "python -m benchmarks.bench_milvus"
    result = {
        "title": "A collection on a Milvus 2.3.5 of one process, on this machine",
        "command": command,
        "rows": rows,
        "environment": environment() | {"command": command},
    }
    write_result(arguments.out, result)
    for row in rows:
        print(row)


def measured(case: Case) -> dict[str, Any]:
    """Fill and ask a server that holds nothing else, beside a folder."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "examples"))
    from milvus_here import Standalone

    codes = made_codes(case)
    with tempfile.TemporaryDirectory() as scratch, Standalone(f"{scratch}/server") as server:
        pid = server.pid("standalone")
        made = small_model(case.bits, SIDE)
        keeping = {"store_features": case.features}
        milvus = Collection.create(f"{server.url}/codes", made, **keeping)
        folder = Collection.create(f"{scratch}/codes.hl", made, **keeping)
        before, clock = proportional_bytes(pid), Clock(pid)
        receive(milvus, records(codes, case))
        taken = clock.stop()
        settle(milvus)
        receive(folder, records(codes, case))
        found = searched(pid, milvus, folder, codes, case)
        return {
            "bits": case.bits,
            "features": milvus._store.n_features,
            "rows": case.rows,
            "rows in a second": round(case.rows / taken.wall),
            "core us a row in": round(1e6 * taken.cpu / case.rows, 1),
            **found,
            "memory MB": round((proportional_bytes(pid) - before) / 1e6),
            "stored MB": round(size(Path(scratch) / "server" / "data") / 1e6),
            "folder MB": round(size(Path(scratch) / "codes.hl") / 1e6),
        }


def searched(
    pid: int, milvus: Collection, folder: Collection, codes: Codes, case: Case
) -> dict[str, Any]:
    """Ask both the same, in turn, one query at a time and then many at once."""
    rng = np.random.default_rng(1)
    drawn = codes[rng.integers(0, len(codes), N_QUERIES + N_BATCHES * BATCH)]
    flips = np.packbits(rng.random((len(drawn), case.bits)) < 0.1, axis=1)
    asked = drawn ^ flips
    bounded = Collection.open(f"{milvus.place}?consistency=bounded")
    places = {"strong": milvus, "bounded": bounded, "folder": folder}
    seconds: dict[str, list[float]] = {name: [] for name in places}
    cpu = {"one": 0.0, "many": 0.0}
    for each in places.values():
        each.search_encoded(Queries(asked[:2], None), K)  # caches, and what is loaded once
    for i in range(N_QUERIES):
        found = {}
        for name, collection in places.items():
            clock = Clock(pid)
            found[name] = collection.search_encoded(Queries(asked[i : i + 1], None), K)[0]
            taken = clock.stop()
            seconds[name].append(taken.wall)
            cpu["one"] += taken.cpu if name == "bounded" else 0.0
        if len({tuple(hits.ids.tolist()) for hits in found.values()}) > 1:
            raise SystemExit("all must find the same. Got several answers.")
    for i in range(N_BATCHES):
        part = asked[N_QUERIES + i * BATCH : N_QUERIES + (i + 1) * BATCH]
        clock = Clock(pid)
        bounded.search_encoded(Queries(part, None), K)
        cpu["many"] += clock.stop().cpu
    return {
        **{f"{name} ms a query": 1e3 * float(np.median(t)) for name, t in seconds.items()},
        "core ms a query": 1000 * cpu["one"] / N_QUERIES,
        f"core ms a query of {BATCH} at once": 1000 * cpu["many"] / (N_BATCHES * BATCH),
        "queries": N_QUERIES,
    }


class Taken(NamedTuple):
    """Seconds on the wall, and of the server's processor time."""

    wall: float
    cpu: float


class Clock:
    """Measures a stretch of work of the server's process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began = time.perf_counter(), processor_seconds(pid)

    def stop(self) -> Taken:
        """Give what it took so far."""
        wall, cpu = self._began
        return Taken(time.perf_counter() - wall, processor_seconds(self._pid) - cpu)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def made_codes(case: Case) -> Codes:
    rng = np.random.default_rng(case.bits)
    centres = rng.random((2_000, case.bits)) < 0.5
    parts = [
        np.packbits(
            centres[rng.integers(0, 2_000, n)] ^ (rng.random((n, case.bits)) < 0.12), axis=1
        )
        for n in lengths(case.rows)
    ]
    return np.concatenate(parts)


def lengths(n_rows: int) -> Iterator[int]:
    for start in range(0, n_rows, AT_ONCE):
        yield min(AT_ONCE, n_rows - start)


def records(codes: Codes, case: Case) -> Iterator[Records]:
    """Make items as a folder of photos would give them."""
    rng, start = np.random.default_rng(2), 0
    for n in lengths(case.rows):
        items = [
            Record(
                i + 1, f"/data/photos/{i // 1000:05d}/{i:09d}.jpg", True, digest(i), None, {}, None
            )
            for i in range(start, start + n)
        ]
        vectors = None
        if case.features:
            raw = rng.standard_normal((n, SIDE * SIDE * 3), np.float32)
            vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float16)
        yield Records(items, codes[start : start + n], vectors)
        start += n


def digest(i: int) -> bytes:
    return i.to_bytes(32, "big")


def receive(collection: Collection, many: Iterator[Records]) -> None:
    with collection._store.receiving() as receiver:
        for each in many:
            receiver.put(each, [])


def settle(collection: Collection) -> None:
    """Have what was written put into sealed segments, as it is after some time."""
    connection = collection._store._connection
    for name in (connection.items, connection.features):
        if connection.client.has_collection(name):
            connection.client.flush(name)
    time.sleep(SETTLE_SECONDS)


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
