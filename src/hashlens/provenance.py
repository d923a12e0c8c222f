"""Where a figure comes from: machine, versions, time."""

import json
import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import hashlens
from hashlens.whole_file import whole_file

VECTOR_FLAGS = ("avx2", "avx512f", "avx512_vpopcntdq", "avx512_bf16")
PACKAGES = ("numpy", "torch", "scikit-learn", "numba", "timm", "pillow")


def provenance(more_packages: tuple[str, ...] = ()) -> dict[str, Any]:
    """Describe this run, JSON-able: machine, versions, commit, command line, date."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "hashlens": hashlens.__version__,
        "commit": commit(),
        "command": _command(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "n_cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else (os.cpu_count() or 1),
        "versions": {name: _version(name) for name in (*PACKAGES, *more_packages)},
    }


def environment(more_packages: tuple[str, ...] = ()) -> dict[str, Any]:
    """Describe this run with the load of the last minute: a busy machine from a quiet one."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {**provenance(more_packages), "load_average": load}


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write a result as JSON with a stable layout, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _command() -> str:
    """Give the command line, with a module's name in place of its path."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    name = Path(sys.argv[0]).name
    start = name if module is None else f"python -m {module.name.removesuffix('.__main__')}"
    return " ".join([start, *sys.argv[1:]])


def commit() -> str:
    """Name the commit this runs from, with "+changes" where files differ; "" outside a checkout."""
    here = Path(__file__).parent
    if shutil.which("git") is None or not (here.parents[1] / ".git").exists():
        return ""
    revision = _git(here, "rev-parse", "--short=12", "HEAD")
    changed = _git(here, "status", "--porcelain", "--untracked-files=no")
    return revision + ("+changes" if changed else "")


def _git(folder: Path, *words: str) -> str:
    result = subprocess.run(
        ["git", "-C", str(folder), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """Name the processor and the vector instructions that matter here."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "unknown"
    name = next((line for line in text.splitlines() if line.startswith("model name")), "unknown")
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    seen = [
        flag for flag in ("avx2", "avx512f", "avx512_vpopcntdq", "avx512_bf16") if flag in flags
    ]
    return f"{name.partition(':')[2].strip() or name} ({', '.join(seen) or 'no AVX2'})"
