"""Hierarchical deep search at a million images: codes, features, codes and then features.

    python -m benchmarks.bench_hierarchical --model MODEL --data-dir DIR [--items 1000000]
        [--encoded FOLDER] [--out benchmarks/results/hierarchical.json]

The training images of a data set and augmented copies of them are encoded into FOLDER (a run that
was interrupted goes on there) and searched with test images. Beside it, the speed-up of codes over
features is measured at the paper's lengths, 4096 reals and 128 bits, on random numbers: on what
they are, the time does not depend.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks._record import RESULTS, environment, write_result
from numba import njit
from threadpoolctl import threadpool_limits

from hashlens.cli.output import LineWatcher
from hashlens.data import load
from hashlens.model import Model
from hashlens.reproduce.copies import Copies
from hashlens.reproduce.enlarged import Enlarged, enlarge
from hashlens.reproduce.feature_search import FeatureSearch
from hashlens.reproduce.hierarchical import (
    Study,
    interleaved,
    measure,
    milliseconds,
    unseen_queries,
)
from hashlens.search import HammingIndex

PAPER = {
    "reference": "Lin et al., CVPR workshops 2015, section 4.5",
    "speed-up": 971.3,
    "n_features": 4096,
    "n_bits": 128,
    "features ms": 109.767,
    "codes ms": 0.113,
    "conditions": "Yahoo-1M (1,124,087 product images), 1,000 queries of the same set, "
    "exhaustive search by L2 distance; search on the CPU, in C/C++; the processor is not named "
    "(the features came from a GeForce GTX 780 in about 60 ms an image). The text gives the two "
    "times as those of one distance between two vectors and between two codes.",
}
PAPER_ITEMS = 100_000  # 1.6 GB of features
PAPER_CANDIDATES = 1_000
N_TIMED_AT_PAPER_SIZE = 30
NO_MIRROR = ("mnist", "svhn", "digits")


def main() -> None:
    arguments, watcher = _arguments(), LineWatcher()
    model = Model.load(arguments.model)
    splits = load(arguments.data, data_dir=arguments.data_dir)
    copies = Copies(arguments.items, flip=arguments.data not in NO_MIRROR)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.encoded or Path(scratch) / "encoded"
        database = enlarge(model, splits.train, folder, copies, watcher)
        queries = unseen_queries(model, splits.test, database, arguments.queries)
        study = Study(sizes=_sizes(arguments.items), n_timed=arguments.timed)
        load_before = os.getloadavg()
        rows = measure(database, queries, study, watcher)
    watcher.stage("the paper's lengths")
    paper_rows = at_paper_size(PAPER_ITEMS)
    result = {
        "title": f"Hierarchical deep search: {arguments.data} enlarged to {arguments.items:,} "
        "images",
        "command": f"python -m benchmarks.bench_hierarchical --model MODEL --data "
        f"{arguments.data} --data-dir DIR --items {arguments.items}",
        "rows": rows,
        "paper": PAPER,
        "rows_at_paper_size": paper_rows,
        "model": _model(model),
        "encode": _encoding(model, database, queries.features.shape[1]),
        "queries": {
            "number": len(queries.codes),
            "timed": study.n_timed,
            "timed_k": study.timed_k,
            "left_out_as_in_database": queries.left_out,
        },
        "database": {"images": database.n_images, "copies": len(database) - database.n_images},
        "threads": 1,
        "load_averages": {"before": load_before, "after": os.getloadavg()},
        "environment": environment(),
    }
    write_result(arguments.out, result)
    for row in rows + paper_rows:
        print(row)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a trained model")
    parser.add_argument("--data", default="cifar10", help="benchmark it was trained on")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--timed", type=int, default=100, help="queries that are timed")
    parser.add_argument("--encoded", type=Path, help="folder that keeps the encoded items")
    parser.add_argument("--out", type=Path, default=RESULTS / "hierarchical.json")
    return parser.parse_args()


def _sizes(n_items: int) -> tuple[int, ...]:
    """Hundredth, tenth and whole, none below 1,000."""
    return (*(n for n in (n_items // 100, n_items // 10) if n >= 1_000), n_items)


def _model(model: Model) -> dict[str, Any]:
    """What it is and how it was trained, but for where its files lay."""
    said = ("data", "recipe", "history", "seconds", "seed", "validation")
    card = {key: model.card[key] for key in said if key in model.card}
    about = {"method": model.method, "n_bits": model.n_bits, "settings": model.settings}
    return about | {"card": card}


def _encoding(model: Model, database: Enlarged, n_features: int) -> dict[str, Any]:
    blank = np.zeros((1, *model.preprocessing.shape), np.uint8)
    one = interleaved({"one": lambda _: model.embed_pixels(blank)}, 50)["one"]
    return {
        "n_features": n_features,
        "images_per_second": len(database) / database.seconds,
        "one image": milliseconds(one),
        "torch_threads": torch.get_num_threads(),
    }


@njit(nogil=True)
def plain_distances(vectors: np.ndarray, query: np.ndarray, out: np.ndarray) -> None:
    """Squared distances by the loop one writes first: one sum, in order."""
    for i in range(vectors.shape[0]):
        total = np.float32(0)
        for j in range(vectors.shape[1]):
            difference = vectors[i, j] - query[j]
            total += difference * difference
        out[i] = total


def at_paper_size(n_items: int) -> list[dict[str, Any]]:
    """Time one query of 4096 reals and of 128 bits over as many items, k = 10."""
    rng = np.random.default_rng(0)
    n_features, n_bits = PAPER["n_features"], PAPER["n_bits"]
    vectors = rng.random((n_items, n_features), np.float32)
    queries = rng.random((N_TIMED_AT_PAPER_SIZE, n_features), np.float32)
    codes = rng.integers(0, 256, (n_items, n_bits // 8), dtype=np.uint8)
    asked = rng.integers(0, 256, (N_TIMED_AT_PAPER_SIZE, n_bits // 8), dtype=np.uint8)
    search = FeatureSearch(vectors)
    del vectors
    index = HammingIndex(codes, n_bits, threads=1)
    out = np.empty(n_items, np.float32)

    def plain(i: int) -> np.ndarray:
        plain_distances(search.vectors, queries[i], out)
        return np.argpartition(out, 10)[:10]

    def hierarchical(i: int) -> np.ndarray:
        candidates = index.search(asked[i : i + 1], PAPER_CANDIDATES).ids[0]
        return search.order(candidates, queries[i], 10)

    ways: dict[str, Callable[[int], object]] = {
        "features, plain loop": plain,
        "features, matrix product": lambda i: search.nearest(queries[i], 10),
        "codes": lambda i: index.search(asked[i : i + 1], 10),
        f"{PAPER_CANDIDATES:,} by codes, then features": hierarchical,
    }
    with threadpool_limits(1, user_api="blas"):
        seconds = interleaved(ways, N_TIMED_AT_PAPER_SIZE)
    codes_ms = milliseconds(seconds["codes"])["median ms"]
    return [
        {"items": n_items, "search": name}
        | milliseconds(values)
        | {"ns an item": 1e6 * milliseconds(values)["median ms"] / n_items}
        | {"times codes alone": milliseconds(values)["median ms"] / codes_ms}
        for name, values in seconds.items()
    ]


if __name__ == "__main__":
    main()
