"""What each part of the recipe `fast` is worth: one thing changed at a time, on CIFAR-10.

    python -m benchmarks.bench_recipes --data-dir DIR [--out benchmarks/results/recipes.json]
        [--epochs 4] [--only fast,modern] [--seeds 1] [--go-on]

RITQ with 48 bits and the trunk "cifarnet". Judged by 2,000 training images that are kept out, never
by test images: accuracy of the classifier, and mAP of the codes among one another. Time is that of
the processor, of all its cores together: other programs hardly change it. The result is written
after each row; `--go-on` keeps the rows that it has, each with its commit.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from benchmarks._record import RESULTS, environment, rows_of, write_result

from hashlens.data import Splits, load
from hashlens.deep import RECIPES
from hashlens.provenance import commit
from hashlens.training import TrainOptions, train

SETTINGS = {"trunk": "cifarnet"}
FAST = RECIPES["fast"]
VARIANTS = {
    "fast": FAST,
    "modern": RECIPES["modern"],
    "gradient descent for filters too": replace(RECIPES["modern"], batch_size=500, warmup=0.2),
    "batches of 250": replace(FAST, batch_size=250),
    "batches of 1000": replace(FAST, batch_size=1000),
    "a rate of 0.06 for filters": replace(FAST, filter_rate=0.06),
    "a rate of 0.2 for filters": replace(FAST, filter_rate=0.2),
    "a fifth of the steps to climb": replace(FAST, warmup=0.2),
    "labels not smoothed": replace(FAST, label_smoothing=0.0),
    "shifts of 4 pixels": replace(FAST, crop_padding=4),
    "8 pixels cut out": replace(FAST, cutout=8),
    "nothing mirrored": replace(FAST, flip=False),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS / "recipes.json")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", default=",".join(VARIANTS), help="variants, with commas")
    parser.add_argument("--go-on", action="store_true", help="keep the rows of --out")
    arguments = parser.parse_args()
    data = load("cifar10", data_dir=arguments.data_dir)
    asked = f"--epochs {arguments.epochs} --seeds {arguments.seeds} --only {arguments.only!r}"
    command = f"python -m benchmarks.bench_recipes --data-dir DIR {asked}"
    rows = rows_of(arguments.out) if arguments.go_on else []
    had = {(row["changed"], row["epochs"], row["seed"]) for row in rows}
    for name in arguments.only.split(","):
        for seed in range(arguments.seeds):
            if (name, arguments.epochs, seed) in had:
                continue
            rows.append(measured(data, name, arguments.epochs, seed))
            print(rows[-1], flush=True)
            result = {
                "title": f"One thing changed at a time, {arguments.epochs} epochs of CIFAR-10",
                "command": command,
                "rows": rows,
                "threads": torch.get_num_threads(),
                "environment": environment() | {"command": command},
            }
            write_result(arguments.out, result)


def measured(data: Splits, name: str, epochs: int, seed: int) -> dict[str, Any]:
    """Train by a variant, which stands in for the recipe."""
    RECIPES["fast"] = VARIANTS[name]
    flip = VARIANTS[name].flip
    options = TrainOptions(recipe="fast", epochs=epochs, seed=seed, flip=flip)
    began = time.process_time()
    model = train(data, method="ritq", n_bits=48, settings=SETTINGS, options=options)
    seconds = time.process_time() - began
    figures = model.card["validation"]
    return {
        "changed": name,
        "epochs": epochs,
        "seed": seed,
        "CPU seconds": round(seconds),
        "accuracy": figures["accuracy"],
        "mAP": figures["map"],
        "commit": commit(),
    }


if __name__ == "__main__":
    main()
