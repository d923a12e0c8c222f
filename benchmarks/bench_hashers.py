"""Time and memory to fit each hasher on 50,000 x 512 GIST vectors (CIFAR-10), 64 bits.

    python -m benchmarks.bench_hashers --data-dir DIR [--out benchmarks/results/hashers-fit.json]

Each fit runs in a process of its own, so that the peak of its memory is its own; the vectors
(98 MiB) and the imports are part of it. Times are medians over the runs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks._record import RESULTS, environment, spread, write_result

from hashlens.data import load
from hashlens.features import load_features
from hashlens.methods import METHODS, is_deep
from hashlens.reproduce.vectors import vectors_of
from hashlens.watcher import Watcher

N_BITS = 64

ONE_FIT = """
import json, sys
import numpy as np
from hashlens.features import Standardizer
from hashlens.methods import load_method
from hashlens.reproduce.cost import measured
method, n_bits, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
X = np.load(folder + "/vectors.npy")
y = np.load(folder + "/labels.npy")
X = Standardizer().fit(X).transform(X)
cost = {}
with measured("fit", cost):
    hasher = load_method(method)(n_bits).fit(X, y)
with measured("encode", cost):
    hasher.transform(X)
print(json.dumps([cost["fit_seconds"], cost["encode_seconds"], cost["fit_peak_mib"]]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--vectors", type=Path, help="folder that keeps the GIST vectors")
    parser.add_argument("--out", type=Path, default=RESULTS / "hashers-fit.json")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--methods", default=",".join(m for m in METHODS if not is_deep(m)))
    arguments = parser.parse_args()
    data = load("cifar10", data_dir=arguments.data_dir).train
    vectors = vectors_of(load_features("gist"), data, arguments.vectors, Watcher())
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/vectors.npy", vectors.features)
        labels = np.asarray(data.labels)[vectors.rows]
        np.save(f"{folder}/labels.npy", labels)
        rows = measure(arguments.methods.split(","), folder, arguments.runs)
    write_result(
        arguments.out,
        {
            "title": f"Fitting hashers on {len(labels):,} x 512 GIST vectors, {N_BITS} bits",
            "command": "python -m benchmarks.bench_hashers --data-dir DIR",
            "rows": rows,
            "environment": environment(),
        },
    )


def measure(methods: list[str], folder: str, runs: int) -> list[dict[str, Any]]:
    """Fit each method in turn, run after run, and print what is known after each."""
    found: dict[str, list[list[float]]] = {method: [] for method in methods}
    for _ in range(runs):
        for method in methods:
            words = [sys.executable, "-c", ONE_FIT, method, str(N_BITS), folder]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            found[method].append(json.loads(done.stdout))
            print(method, *(f"{value:.2f}" for value in found[method][-1]), flush=True)
    return [_row(method, figures) for method, figures in found.items()]


def _row(method: str, figures: list[list[float]]) -> dict[str, Any]:
    seconds, encode, peak = zip(*figures, strict=True)
    return {
        "method": method,
        "fit median seconds": spread(list(seconds))["median_seconds"],
        "iqr seconds": spread(list(seconds))["iqr_seconds"],
        "encode 50,000 seconds": spread(list(encode))["median_seconds"],
        "peak MiB": round(max(peak)),
        "n_runs": len(figures),
    }


if __name__ == "__main__":
    main()
