"""What a benchmark result says of itself: machine, versions, commit, command."""

import datetime
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

_PACKAGES = (
    "hashlens", "numpy", "scipy", "numba", "llvmlite", "scikit-learn", "torch", "torchvision",
    "timm", "faiss-cpu", "pillow",
)  # fmt: skip


def environment() -> dict[str, Any]:
    """Describe this run: processor, cores, system, versions, commit, command line, date.

    Returns
    -------
    record : dict of JSON values
        ``load_average`` (of the last minute) tells a busy machine from a quiet one;
        ``commit_clean`` is False where tracked files of the working tree differ from ``commit``.
    """
    return {
        "cpu": _cpu(),
        "cores": _cores(),
        "load_average": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "commit": _git("rev-parse", "HEAD"),
        "commit_clean": _git("status", "--porcelain", "--untracked-files=no") == "",
        "command": _command(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def spread(seconds: list[float]) -> dict[str, float | int]:
    """Median, quartiles' distance and number of runs of some durations in seconds."""
    low, middle, high = np.percentile(seconds, [25, 50, 75])
    return {"n_runs": len(seconds), "median_seconds": middle, "iqr_seconds": high - low}


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write a result as JSON with a stable layout."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _command() -> str:
    """The command line, with the module's name in place of its path."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    start = f"python -m {module.name}" if module else f"python {Path(sys.argv[0]).name}"
    return " ".join([start, *sys.argv[1:]])
