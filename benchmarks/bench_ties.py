"""Finer orders of the candidates of a code search: what each adds to plain Hamming distance.

    python -m benchmarks.bench_ties --model MODEL [--data cifar10] [--data-dir DIR]
        [--kept FOLDER] [--out benchmarks/results/ties.json]

Codes of each length come from ITQ, on the features of a trained network (so they are those of
RITQ) and on GIST vectors, which know no labels. ITQ and the weights of the bits are learnt from
training images alone; 1,000 test images are searched among all test images but the query itself.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks._record import RESULTS, environment, write_result
from threadpoolctl import threadpool_limits

from hashlens.cli.output import LineWatcher
from hashlens.codes import binarize
from hashlens.data import Dataset, load, load_pixels
from hashlens.evaluation import average_precision, paired_bootstrap, precision_at, relevance
from hashlens.features import Standardizer, load_features
from hashlens.hashers import ITQ
from hashlens.model import Model
from hashlens.neighbors import DistanceHistograms, Neighbors
from hashlens.reproduce.vectors import vectors_of
from hashlens.search import HammingIndex
from hashlens.search.rerank.bit_weights import label_weights, projection_weights
from hashlens.search.rerank.by_bits import by_projections, by_weights
from hashlens.search.rerank.features import feature_distances
from hashlens.search.rerank.order import SHELLS, nearest_first

BITS = (12, 16, 32, 48, 64)
N_TRAINING, N_QUERIES = 20_000, 1_000
QUERIES_AT_ONCE, CANDIDATES = 250, 1_000
PLAIN = "Hamming distance, ties expected"


class Vectors(NamedTuple):
    """Features and labels of training images, and of the test images that are searched."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def main() -> None:
    arguments, watcher = _arguments(), LineWatcher()
    with tempfile.TemporaryDirectory() as scratch, threadpool_limits(1, user_api="blas"):
        figures = measure(arguments, arguments.kept or Path(scratch), watcher)
    write_result(arguments.out, summary(figures, arguments.data))
    print(*figures, sep="\n")


def measure(
    arguments: argparse.Namespace, folder: Path, watcher: LineWatcher
) -> list[dict[str, Any]]:
    """Figures of every order, of both kinds of vectors at each length."""
    splits = load(arguments.data, data_dir=arguments.data_dir)
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(len(splits.train), N_TRAINING, replace=False))
    asked = np.sort(rng.choice(len(splits.test), N_QUERIES, replace=False))
    figures = []
    model = Model.load(arguments.model)
    for name, vectors in materials(model, splits, chosen, folder, watcher):
        for n_bits in arguments.bits:
            watcher.stage(f"{name}, {n_bits} bits")
            rows = compare(vectors, n_bits, asked)
            figures += [{"vectors": name, "n_bits": n_bits} | row for row in rows]
    return figures


def summary(figures: list[dict[str, Any]], data: str) -> dict[str, Any]:
    """The result: the mAP of each order in a table of lengths, and all figures behind it."""
    command = f"python -m benchmarks.bench_ties --model MODEL --data {data}"
    table: dict[tuple[str, str], dict[str, Any]] = {}
    for row in figures:
        if row["mAP"] is not None:
            key = row["vectors"], row["order"]
            line = table.setdefault(key, {"vectors": key[0], "order": key[1]})
            line[f"mAP, {row['n_bits']} bits"] = row["mAP"]
    return {
        "title": f"Finer orders of the candidates of a code search, {data}",
        "command": command,
        "training_images": N_TRAINING,
        "queries": N_QUERIES,
        "rows": list(table.values()),
        "figures": figures,
        # Without the folders of this machine that the command line named.
        "environment": environment() | {"command": command},
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a trained model")
    parser.add_argument("--data", default="cifar10", help="benchmark it was trained on")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--kept", type=Path, help="folder that keeps the vectors")
    parser.add_argument("--bits", type=int, nargs="+", default=BITS)
    parser.add_argument("--out", type=Path, default=RESULTS / "ties.json")
    return parser.parse_args()


def materials(
    model: Model, splits: Any, chosen: np.ndarray, folder: Path, watcher: LineWatcher
) -> Iterator[tuple[str, Vectors]]:
    """Two kinds of vectors: a trained network's, and GIST as z-scores."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.asarray(splits.train.labels)[chosen], np.asarray(splits.test.labels)
    everything = np.arange(len(splits.test))
    train = embedded(model, splits.train, chosen, folder, watcher)
    test = embedded(model, splits.test, everything, folder, watcher)
    yield model.method, Vectors(train, labels[0], test, labels[1])
    gist = load_features("gist")
    train = vectors_of(gist, splits.train, folder, watcher, strict=True).features[chosen]
    test = vectors_of(gist, splits.test, folder, watcher, strict=True).features
    z_scores = Standardizer().fit(train)
    yield "gist", Vectors(z_scores.transform(train), labels[0], z_scores.transform(test), labels[1])


def embedded(
    model: Model, data: Dataset, rows: np.ndarray, folder: Path, watcher: LineWatcher
) -> np.ndarray:
    """Features of some images, kept under the name of what made them."""
    what = json.dumps(model.card, sort_keys=True) + data.name
    name = hashlib.sha256(what.encode() + rows.tobytes()).hexdigest()[:16]
    path = folder / f"features-{name}.npy"
    if not path.exists():
        watcher.stage(f"encoding {data.name}", len(rows))
        pixels = load_pixels(data.images, model.preprocessing, strict=True).pixels[rows]
        np.save(path, model.embed_pixels(pixels).features)
    return np.load(path)


class Orders(NamedTuple):
    """What the finer orders need: of the items, of the queries, and learnt from training images."""

    features: np.ndarray
    codes: np.ndarray
    asked: np.ndarray
    projections: np.ndarray
    weights: dict[str, np.ndarray]

    @classmethod
    def learnt(cls, vectors: Vectors, n_bits: int, asked: np.ndarray) -> "Orders":
        """Learn the hasher and the weights, and encode."""
        hasher = ITQ(n_bits=n_bits).fit(vectors.train)
        seen = hasher.project(vectors.train)
        of_labels = label_weights(binarize(seen), vectors.train_labels, n_bits)
        projections = hasher.project(vectors.test[asked])
        weights = {
            "weights without labels": projection_weights(seen),
            "weights from labels": of_labels,
            "projections times weights from labels": np.abs(projections) * of_labels,
        }
        codes = hasher.transform(vectors.test)
        return cls(vectors.test, codes, asked, projections, weights)

    def of(
        self, near: Neighbors, part: slice, kinds: tuple[str, ...] = SHELLS
    ) -> Iterator[tuple[str, Neighbors]]:
        """Each order of the candidates of some queries."""
        queries, codes = self.asked[part], self.codes
        compared = feature_distances(near, self.features[queries], self.features, threads=1)
        for shells in kinds:
            projected = by_projections(near, self.projections[part], codes, shells=shells)
            yield f"projections, {shells} shells", projected
            for name, learnt in self.weights.items():
                weights = learnt if learnt.ndim == 1 else learnt[part]
                found = by_weights(near, codes[queries], codes, weights, shells=shells)
                yield f"{name}, {shells} shells", found
            yield f"features, {shells} shells", nearest_first(near, compared, shells=shells)


def compare(vectors: Vectors, n_bits: int, asked: np.ndarray) -> list[dict[str, Any]]:
    """Figures of each order at one length, and of each less that of the plain order."""
    orders = Orders.learnt(vectors, n_bits, asked)
    codes = orders.codes
    index = HammingIndex(codes, n_bits, threads=1)
    relevant = relevance(vectors.test_labels[asked], vectors.test_labels)
    counts = index.histograms(codes[asked], relevant, exclude=asked)
    figures = {PLAIN: [figures_of(counts)]}
    for start in range(0, len(asked), QUERIES_AT_ONCE):
        part = slice(start, min(start + QUERIES_AT_ONCE, len(asked)))
        near = without_itself(index.search(codes[asked[part]], len(codes)), asked[part])
        among = Neighbors(near.distances[:, :CANDIDATES], near.ids[:, :CANDIDATES])
        marks = relevant(part.start, part.stop)
        for name, found in orders.of(near, part):
            figures.setdefault(name, []).append(figures_of(histograms(found, marks)))
        for name, found in orders.of(among, part, ("over",)):
            place = f"{name}, {CANDIDATES:,} candidates"
            figures.setdefault(place, []).append(figures_of(histograms(found, marks)))
    return rows_of({name: np.concatenate(blocks) for name, blocks in figures.items()})


def without_itself(found: Neighbors, queries: np.ndarray) -> Neighbors:
    """Drop from each row the query's own image."""
    keep = found.ids != queries[:, None]
    shape = (len(queries), -1)
    return Neighbors(found.distances[keep].reshape(shape), found.ids[keep].reshape(shape))


def histograms(found: Neighbors, marks: np.ndarray) -> DistanceHistograms:
    """Count items, and relevant ones, at each distinct distance of each query."""
    shell = np.zeros(found.ids.shape, np.int64)
    np.cumsum(np.diff(found.distances, axis=1) != 0, axis=1, out=shell[:, 1:])
    shape = (len(shell), int(shell.max()) + 1)
    place = shell + shape[1] * np.arange(len(shell))[:, None]
    size = shape[0] * shape[1]
    total = np.bincount(place.ravel(), minlength=size).reshape(shape)
    hits = np.take_along_axis(marks, found.ids, 1).astype(bool)
    return DistanceHistograms(total, np.bincount(place[hits], minlength=size).reshape(shape))


def figures_of(counts: DistanceHistograms) -> np.ndarray:
    """AP over all, AP@1000 over the relevant items found, precision@10: (n_queries, 3)."""
    cut = average_precision(counts, k=1000, denominator="retrieved")
    return np.stack([average_precision(counts), cut, precision_at(counts, [10])[:, 0]], 1)


def rows_of(figures: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    rows = []
    for name, values in figures.items():
        cut = name.endswith("candidates")  # there is no ranking of all
        row: dict[str, Any] = {"order": name, "mAP": None if cut else float(values[:, 0].mean())}
        row |= {"mAP@1000": float(values[:, 1].mean()), "precision@10": float(values[:, 2].mean())}
        for column, figure in ((0, "mAP"), (1, "mAP@1000")):
            if name != PLAIN and not (cut and column == 0):
                row[f"{figure} gained"] = gained(values[:, column], figures[PLAIN][:, column])
        rows.append(row)
    return rows


def gained(values: np.ndarray, plain: np.ndarray) -> list[float]:
    """Difference of the means, and the 95 % interval of a paired bootstrap over the queries."""
    (found,) = paired_bootstrap({"finer": values, "plain": plain})
    sign = 1 if found.better == "finer" else -1
    low, high = sorted((sign * found.low, sign * found.high))
    return [sign * found.difference, low, high]


if __name__ == "__main__":
    main()
