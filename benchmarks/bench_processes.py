"""Training by two processes beside training by one: the same figure, within the spread of seeds.

    python -m benchmarks.bench_processes --data-dir DIR [--out benchmarks/results/processes.json]

RITQ, 48 bits, the trunk "cifarnet", on 4,000 images of MNIST's training set; 1,000 others of it
are the queries, and the 4,000 are searched. One process with all threads and two processes with
half of them each, in turn, seed by seed. "images/s" is that of the epochs; "seconds of a training"
has the start of the processes too.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks._record import RESULTS, environment, write_result

from hashlens.data import Dataset, Splits, load
from hashlens.deep.precision import resolve_precision
from hashlens.evaluation import average_precision, relevance
from hashlens.model import Model
from hashlens.search import HammingIndex
from hashlens.training import TrainOptions, train

METHOD, N_BITS, SETTINGS = "ritq", 48, {"trunk": "cifarnet"}
N_TRAIN, N_QUERIES, EPOCHS = 4_000, 1_000, 3
PROCESSES = (1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS / "processes.json")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--precision", default="auto", help="auto, 32-true or bf16-mixed")
    arguments = parser.parse_args()
    data = load("mnist", data_dir=arguments.data_dir).train
    rows = np.random.default_rng(0).permutation(len(data))[: N_TRAIN + N_QUERIES]
    base, queries = data.subset(rows[:N_TRAIN]), data.subset(rows[N_TRAIN:])
    precision = resolve_precision(arguments.precision, torch.device("cpu"))
    runs = []
    for seed in range(arguments.seeds):
        for n_processes in PROCESSES:
            runs.append(measured(base, queries, seed, n_processes, precision))
            print(runs[-1], flush=True)
    command = "python -m benchmarks.bench_processes --data-dir DIR"
    result = {
        "title": f"{METHOD}, {N_BITS} bits, {EPOCHS} epochs of {N_TRAIN:,} images of MNIST",
        "command": command,
        "rows": [summary(runs, n_processes) for n_processes in PROCESSES],
        "difference": difference(runs),
        "runs": runs,
        "precision": precision,
        "threads": torch.get_num_threads(),
        "environment": environment() | {"command": command},
    }
    write_result(arguments.out, result)
    print(*result["rows"], result["difference"], sep="\n")


def measured(
    base: Dataset, queries: Dataset, seed: int, n_processes: int, precision: str
) -> dict[str, Any]:
    """Train once; search for images that were not trained on."""
    options = TrainOptions(seed=seed, epochs=EPOCHS, precision=precision, devices=n_processes)
    began = time.monotonic()
    splits = Splits(base, queries)
    model = train(splits, method=METHOD, n_bits=N_BITS, settings=SETTINGS, options=options)
    seconds = time.monotonic() - began
    history, batch = model.card["history"], model.card["recipe"]["batch_size"]
    n_images = len(base) - int(model.card["validation"]["n_images"])  # a few are kept out
    n_trained = n_images // batch * batch * len(history)
    return {
        "processes": n_processes,
        "seed": seed,
        "mAP": mean_average_precision(model, base, queries),
        "last loss": history[-1]["loss"],
        "images/s": n_trained / history[-1]["seconds"],
        "seconds": seconds,
    }


def mean_average_precision(model: Model, base: Dataset, queries: Dataset) -> float:
    index = HammingIndex(model.encode(base), N_BITS)
    same = relevance(queries.labels, base.labels)
    return float(average_precision(index.histograms(model.encode(queries), same)).mean())


def summary(runs: list[dict[str, Any]], n_processes: int) -> dict[str, Any]:
    """Mean and spread over the seeds."""
    chosen = [run for run in runs if run["processes"] == n_processes]
    figures = [run["mAP"] for run in chosen]
    return {
        "processes": n_processes,
        "mAP": float(np.mean(figures)),
        "mAP, sd": float(np.std(figures, ddof=1)) if len(figures) > 1 else 0.0,
        "mAP, lowest": min(figures),
        "mAP, highest": max(figures),
        "images/s": float(np.median([run["images/s"] for run in chosen])),
        "seconds of a training": float(np.median([run["seconds"] for run in chosen])),
        "runs": len(chosen),
    }


def difference(runs: list[dict[str, Any]]) -> dict[str, float | bool]:
    """Two processes less one, seed by seed, beside what another seed changes."""
    one, two = (np.array([r["mAP"] for r in runs if r["processes"] == n]) for n in PROCESSES)
    spread = float(one.max() - one.min())
    return {
        "mean": float((two - one).mean()),
        "largest of a seed": float(np.abs(two - one).max()),
        "spread of seeds": spread,
        "mean within the spread": bool(abs((two - one).mean()) <= spread),
    }


if __name__ == "__main__":
    main()
