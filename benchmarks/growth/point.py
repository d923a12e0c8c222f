"""One work at one size, in this process: prints its seconds as JSON.

    python -m benchmarks.growth.point NAME SIZE SCRATCH [--prepare] [--memory BYTES]

``{"failed": "memory"}`` where the memory does not suffice.
"""

import argparse
import json
import resource
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("size", type=int)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--memory", type=int, help="bytes that may be allocated")
    asked = parser.parse_args()
    if asked.memory:
        resource.setrlimit(resource.RLIMIT_DATA, (asked.memory, asked.memory))
    print(json.dumps(run(asked)))


def run(asked: argparse.Namespace) -> dict[str, object]:
    from benchmarks.growth.works import works

    work = next(work for work in works() if work.name == asked.name)
    try:
        if not asked.prepare:
            seconds = work.measure(asked.size, work.threads, asked.scratch)
            return {"seconds": seconds, "peak_mib": peak_mib()}
        if work.prepare is not None:
            work.prepare(asked.size, asked.scratch)
        return {}
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            return {"failed": "memory"}
        raise


def peak_mib() -> float:
    """Most memory that this process had; not what the one that started it has, as ru_maxrss may."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    sys.exit(main())
