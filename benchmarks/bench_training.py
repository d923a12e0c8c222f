"""Time from images to a figure: hashlens' recipes, and the field's usual way, on CIFAR-10.

    python -m benchmarks.bench_training --data-dir DIR [--out benchmarks/results/training.json]
        [--runs fast:1,fast:4,fast:11,modern:4,usual] [--minutes 25] [--go-on]

48 bits, RITQ: features learnt with a classifier, then PCA and ITQ. `fast:4` is hashlens' recipe of
that name with the trunk "cifarnet" for 4 epochs; `usual` is what repositories of the field do: a
residual network (ResNet-20), Adam at 0.001 throughout, each image cropped and mirrored by
torchvision in a DataLoader with a worker a core, float32. It trains for `--minutes`, and is scored
after each epoch; its clock stands still meanwhile, and while its images are decoded, which
hashlens' time has in it. Both end with codes for the test images: "seconds" is all of that, on all
cores that torch takes. No figure chooses anything: numbers of epochs are given. The result is
written after each row: a run that is interrupted keeps what it has. `--go-on` keeps the rows of
other runs, each with its commit and date.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks._record import RESULTS, environment, rows_of, write_result
from benchmarks._usual import UsualTraining

from hashlens.codes import Codes
from hashlens.data import Splits, load
from hashlens.evaluation import average_precision, relevance
from hashlens.provenance import commit
from hashlens.search import HammingIndex
from hashlens.training import TrainOptions, train

N_BITS, SETTINGS, K = 48, {"trunk": "cifarnet"}, 1_000
CLOSE = 0.7
WANTED = {"ritq-loo": 0.85, "dlbh-full": 0.93}  # mAP, and mAP of the first 1,000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--out", type=Path, default=RESULTS / "training.json")
    parser.add_argument(
        "--runs", default="fast:1,fast:4,fast:11,modern:4,usual", help="in this order"
    )
    parser.add_argument("--minutes", type=float, default=25.0, help="of the usual way")
    parser.add_argument("--go-on", action="store_true", help="keep the rows of other runs in --out")
    arguments = parser.parse_args()
    data = load(arguments.data, data_dir=arguments.data_dir)
    names = arguments.runs.split(",")
    kept = rows_of(arguments.out) if arguments.go_on else []
    rows = [row for row in kept if row["run"] not in names]
    for name in names:
        ways = usual(data, arguments.minutes) if name == "usual" else ours(data, name)
        for row in ways:
            rows.append(row | {"run": name, "commit": commit(), "date": str(date.today())})
            print(rows[-1], flush=True)
            write_result(arguments.out, result_of(arguments, rows))


def result_of(arguments: argparse.Namespace, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Put together what is stored."""
    command = f"python -m benchmarks.bench_training --data-dir DIR --runs {arguments.runs}"
    return {
        "title": f"{arguments.data}, RITQ, {N_BITS} bits: time to a figure",
        "command": command,
        "rows": rows,
        "reached": list(goals(rows)),
        "threads": torch.get_num_threads(),
        "environment": environment() | {"command": command},
    }


def ours(data: Splits, name: str) -> Iterator[dict[str, Any]]:
    """Train by one of hashlens' recipes, for so many epochs; encode in both ways."""
    recipe, epochs = name.split(":")
    options = TrainOptions(recipe=recipe, epochs=int(epochs))
    began = time.monotonic()
    model = train(data, method="ritq", n_bits=N_BITS, settings=SETTINGS, options=options)
    training = time.monotonic() - began
    for way in (f"hashlens, {recipe}", f"hashlens, {recipe}, mirror images averaged"):
        began = time.monotonic()
        codes = model.encode(data.test)
        seconds = training + time.monotonic() - began
        figures = scored(data, codes, model.encode)
        times = {"training s": round(training, 1), "seconds": round(seconds, 1)}
        yield {"way": way, "epochs": int(epochs)} | times | figures
        model.encoder.flip_average = True  # as `hashlens train --flip-average`, the hash layer kept


def usual(data: Splits, minutes: float) -> Iterator[dict[str, Any]]:
    """Train in the usual way; a row an epoch."""
    training, seconds, epoch = UsualTraining(data.train), 0.0, 0
    while seconds < 60 * minutes:
        began = time.monotonic()
        training.one_epoch()
        trained = time.monotonic()
        hashed = training.fit_hash(N_BITS)
        codes = hashed(data.test)
        ended = time.monotonic()
        seconds, epoch = seconds + trained - began, epoch + 1
        whole = seconds + ended - trained
        figures = scored(data, codes, hashed)
        times = {"training s": round(seconds, 1), "seconds": round(whole, 1)}
        yield {"way": "the usual way", "epochs": epoch} | times | figures


def scored(data: Splits, test: Codes, encode: Callable[..., Codes]) -> dict[str, float | None]:
    """Both protocols: each test image among the others, and among the training images.

    The second takes a while, and is left out where the first says that it is out of reach.
    """
    same, itself = relevance(data.test.labels, data.test.labels), np.arange(len(test))
    alone = HammingIndex(test, N_BITS).histograms(test, same, exclude=itself)
    figure = float(average_precision(alone).mean())
    if figure < CLOSE:
        return {"ritq-loo": figure, "dlbh-full": None}
    wanted = relevance(data.test.labels, data.train.labels)
    among = HammingIndex(encode(data.train), N_BITS).histograms(test, wanted)
    first = average_precision(among, k=K, denominator="retrieved")
    return {"ritq-loo": figure, "dlbh-full": float(first.mean())}


def goals(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give the figures to reach; the last is the best that the usual way came to in its time."""
    for figure, wanted in WANTED.items():
        yield from reached(rows, figure, wanted)
    usual = [row for row in rows if row["run"] == "usual"]
    if usual:
        short = [row for row in rows if row["way"] == "hashlens, fast"]
        yield from reached([*short, *usual], "ritq-loo", max(row["ritq-loo"] for row in usual))


def reached(rows: list[dict[str, Any]], figure: str, wanted: float) -> Iterator[dict[str, Any]]:
    """Give each way's shortest training that reaches a figure, or the best where none does."""
    for way in dict.fromkeys(row["way"] for row in rows):
        own = [row for row in rows if row["way"] == way and row[figure] is not None]
        if not own:
            continue
        there = [row for row in own if row[figure] >= wanted]
        if there:
            best = min(there, key=lambda row: row["seconds"])
        else:
            best = max(own, key=lambda row: row[figure])
        yield {
            "figure": f"{figure}, mAP{'@1000' if figure == 'dlbh-full' else ''}",
            "wanted": round(wanted, 4),
            "way": way,
            "reached": "yes" if there else "no",
            "epochs": best["epochs"],
            "minutes": round(best["seconds"] / 60, 1),
            "mAP": best[figure],
        }


if __name__ == "__main__":
    main()
