"""What a benchmark result says of itself: machine, versions, commit, command."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from hashlens.provenance import provenance

RESULTS = Path(__file__).resolve().parent / "results"


def environment() -> dict[str, Any]:
    """Describe this run, with the load of the last minute: a busy machine from a quiet one."""
    return {**provenance(("faiss-cpu",)), "load_average": os.getloadavg()[0]}


def spread(seconds: list[float]) -> dict[str, float | int]:
    """Median, quartiles' distance and number of runs of some durations in seconds."""
    low, middle, high = np.percentile(seconds, [25, 50, 75])
    return {"n_runs": len(seconds), "median_seconds": middle, "iqr_seconds": high - low}


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write a result as JSON with a stable layout."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
