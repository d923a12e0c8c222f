"""What fewer rows and fewer rounds cost: for `bench_fitting`.

Principal directions: variance of vectors that are kept out, and mAP among them for the groups that
they were made from. ITQ: loss of a data set's test images, and mAP with 2,000 of them as queries
against the training images; rows on GIST vectors of MNIST, rounds on more.
"""

from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes, binarize
from hashlens.data import load
from hashlens.evaluation import mean_average_precision, relevance
from hashlens.features import Standardizer, load_features
from hashlens.hashers import ITQ
from hashlens.hashers.pca import principal_directions, project_rows
from hashlens.hashers.samples import drawn_rows
from hashlens.neighbors import Relevance
from hashlens.reproduce.vectors import vectors_of
from hashlens.search import HammingIndex
from hashlens.watcher import Watcher

SAMPLES = (8_192, 16_384, 32_768, 50_000, 60_000)
ROUNDS = ((50, 0.0), (20, 0.0), (20, 1.0), (50, 1.0))  # and their momentum
SETS = (("mnist", "gist"), ("mnist", "pixels"), ("cifar10", "gist"))
BITS = (32, 64)
PCA_SAMPLES = (25_000, 50_000, 100_000, 200_000)
N_QUERIES = 2_000
BLOCK, SIDE = 10_000, 13


def cut_patches(data_dir: Path | None, n_rows: int) -> NDArray[np.float32]:
    """Cut square patches at random out of CIFAR-10's training images."""
    images = load("cifar10", data_dir=data_dir).train.images
    whole = np.stack([images.read(i) for i in range(len(images))])
    windows = np.lib.stride_tricks.sliding_window_view(whole, (SIDE, SIDE), axis=(1, 2))
    rng = np.random.default_rng(0)
    patches = np.empty((n_rows, 3 * SIDE**2), np.float32)
    for start in range(0, n_rows, BLOCK):
        block = patches[start : start + BLOCK]
        at = [rng.integers(n, size=len(block)) for n in windows.shape[:3]]
        block[:] = windows[tuple(at)].reshape(block.shape)
    return patches


def kept_variance(
    name: str, X: NDArray[Any], n_bits: int, groups: NDArray[np.int64] | None, n_seeds: int
) -> list[dict[str, Any]]:
    """Variance of a tenth, kept out, along directions learnt from all the rest and from parts."""
    n = len(X) * 9 // 10
    held = np.asarray(X[n:])
    whole = np.square(held - held.mean(axis=0), dtype=np.float64).sum()
    rows = []
    for n_rows in (n, *PCA_SAMPLES):
        found = []
        for seed in range(n_seeds if n_rows < n else 1):
            mean, directions = principal_directions(drawn_rows(X[:n], n_rows, seed), n_bits)
            V = project_rows(held, mean, directions)
            kept = float(np.square(V - V.mean(axis=0), dtype=np.float64).sum() / whole)
            found.append((kept, 0.0 if groups is None else among(binarize(V), n_bits, groups[n:])))
        kept, mAP = np.array(found).T
        row: dict[str, Any] = {"vectors": name, "rows learnt from": n_rows, "seeds": len(found)}
        row["variance kept"] = float(np.median(kept))
        first = (rows or [row])[0]["variance kept"]
        row["lost of it, at most"] = 1 - float(kept.min()) / first
        if groups is not None:
            row["mAP"] = float(np.median(mAP))
        rows.append(row)
        print(row, flush=True)
    return rows


def among(codes: Codes, n_bits: int, groups: NDArray[np.int64]) -> float:
    """Mean average precision of the first 1,000 codes among the others."""
    relevant = relevance(groups[:1000], groups[1000:])
    return mean_precision(codes[1000:], codes[:1000], n_bits, relevant)


def mean_precision(codes: Codes, queries: Codes, n_bits: int, relevant: Relevance) -> float:
    """Mean average precision of all ranks."""
    counts = HammingIndex(codes, n_bits).histograms(queries, relevant)
    return mean_average_precision(counts).expected


class Vectors(NamedTuple):
    """Of a data set, standardised: to learn from and to find, and to ask with."""

    X: NDArray[np.floating[Any]]
    Q: NDArray[np.floating[Any]]
    relevant: Relevance

    @classmethod
    def of(cls, data_name: str, kind: str, data_dir: Path | None, kept: Path | None) -> Self:
        data, features = load(data_name, data_dir=data_dir), load_features(kind)
        sides = (data.train, data.test)
        parts = [vectors_of(features, side, kept, Watcher()) for side in sides]
        labels = [np.asarray(side.labels)[v.rows] for side, v in zip(sides, parts, strict=True)]
        scale = Standardizer().fit(parts[0].features)
        X, Q = (scale.transform(part.features) for part in parts)
        return cls(X, Q, relevance(labels[1][:N_QUERIES], labels[0]))

    def judged(self, n_seeds: int, **settings: Any) -> dict[str, Any]:
        """Held-out loss and mAP of ITQ, over seeds."""
        found = []
        for seed in range(n_seeds):
            hasher = ITQ(seed=seed, **settings).fit(self.X)
            loss = float(np.square(1 - np.abs(hasher.project(self.Q))).mean())
            codes, queries = hasher.transform(self.X), hasher.transform(self.Q[:N_QUERIES])
            found.append((loss, mean_precision(codes, queries, hasher.n_bits, self.relevant)))
        loss, mAP = np.array(found).T
        return {
            "loss a bit, held out": float(np.median(loss)),
            "loss, min to max": [float(loss.min()), float(loss.max())],
            "mAP": float(np.median(mAP)),
            "mAP, min to max": [float(mAP.min()), float(mAP.max())],
            "seeds": n_seeds,
        }


def by_rows(data_dir: Path | None, kept: Path | None, n_seeds: int) -> list[dict[str, Any]]:
    """Quality of ITQ by the rows it learns from."""
    vectors = Vectors.of("mnist", "gist", data_dir, kept)
    return [
        {"bits": bits, "rows learnt from": min(n, len(vectors.X))}
        | vectors.judged(n_seeds, n_bits=bits, sample_rows=n)
        for bits in BITS
        for n in SAMPLES
    ]


def by_rounds(data_dir: Path | None, kept: Path | None, n_seeds: int) -> list[dict[str, Any]]:
    """Quality of ITQ by its rounds and their momentum."""
    rows = []
    for data_name, kind in SETS:
        vectors = Vectors.of(data_name, kind, data_dir, kept)
        for bits, (n, momentum) in product(BITS, ROUNDS):
            row = {"data": data_name, "features": kind, "bits": bits}
            row |= {"rounds": n, "momentum": momentum}
            rows.append(
                row | vectors.judged(n_seeds, n_bits=bits, n_iterations=n, momentum=momentum)
            )
            print(rows[-1], flush=True)
    return rows
