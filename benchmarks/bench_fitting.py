"""Fitting hashers: beside faiss and scikit-learn, from fewer rows, and from more.

    python -m benchmarks.bench_fitting --data-dir DIR [--rows 1000000] [--vectors FOLDER]

The vectors that are timed are made: 100 groups in 512 dimensions, standard deviations falling as
1 / sqrt(k) along rotated axes. Rivals run in turn, in one process for each number of threads; only
the time of scikit-learn's randomized solver, by far the longest, is of a single run. faiss learns
ITQ from 32,768 rows that it draws, hashlens from 50,000. Quality is on GIST vectors of MNIST: loss
of the test images, and mAP with 2,000 of them as queries against the training images.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks._record import RESULTS, environment, spread, write_result

from hashlens.data import load
from hashlens.evaluation import mean_average_precision, relevance
from hashlens.features import Standardizer, load_features
from hashlens.hashers import ITQ, PCAH
from hashlens.hashers.pca import mean_and_covariance
from hashlens.methods import METHODS, is_deep, load_method
from hashlens.reproduce.vectors import vectors_of
from hashlens.search import HammingIndex
from hashlens.watcher import Watcher

WIDTH, N_BITS, N_GROUPS, BLOCK = 512, 64, 100, 10_000
SAMPLES = (8_192, 16_384, 32_768, 50_000, 60_000)
N_QUERIES = 2_000
GROWTH = (10_000, 100_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--vectors", type=Path, help="folder that keeps the GIST vectors")
    parser.add_argument("--out", type=Path, default=RESULTS / "fitting.json")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rivals-in", type=Path, help=argparse.SUPPRESS)  # the child's errand
    arguments = parser.parse_args()
    if arguments.rivals_in:
        sys.stdout.write(json.dumps(rivals(arguments.rivals_in, arguments.runs)))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.npy"
        write_vectors(file, arguments.rows)
        timed = [row for n in (1, 2) for row in rivals_with(n, file, arguments.runs)]
        exact, memory = accuracy(file), peaks(file)
        growth = [growing(name, file) for name in METHODS if not is_deep(name)]
    quality = list(qualities(arguments.data_dir, arguments.vectors, arguments.seeds))
    command = "python -m benchmarks.bench_fitting --data-dir DIR"
    result = {
        "title": f"Fitting on {arguments.rows:,} x {WIDTH} float32, {N_BITS} bits",
        "command": command,
        "rows": timed,
        "covariance": [exact],
        "memory": memory,
        "growth": growth,
        "quality": quality,
        "environment": environment() | {"command": command},
    }
    write_result(arguments.out, result)


def write_vectors(file: Path, n_rows: int) -> None:
    """Write the made vectors block by block."""
    rng = np.random.default_rng(0)
    deviations = np.arange(1, WIDTH + 1) ** np.float32(-0.5)
    axes = np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))[0].astype(np.float32)
    centres = rng.standard_normal((N_GROUPS, WIDTH), np.float32) * deviations
    made = np.lib.format.open_memmap(file, "w+", np.float32, (n_rows, WIDTH))
    for start in range(0, n_rows, BLOCK):
        block = made[start : start + BLOCK]
        near = centres[rng.integers(N_GROUPS, size=len(block))]
        block[:] = (rng.standard_normal(block.shape, np.float32) * deviations + near) @ axes + 0.5


def rivals_with(n_threads: int, file: Path, runs: int) -> list[dict[str, Any]]:
    """Time all in a process of its own, with so many threads for each library."""
    words = ["--rivals-in", str(file), "--runs", str(runs)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_fitting", *words],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": str(n_threads)},
    )
    rows: list[dict[str, Any]] = [{"threads": n_threads} | row for row in json.loads(done.stdout)]
    for row in rows:
        print(row, flush=True)
    return rows


def rivals(file: Path, runs: int) -> list[dict[str, Any]]:
    """Seconds of each fit, in turn."""
    import faiss
    from sklearn.decomposition import PCA

    X = np.load(file)
    fits: dict[tuple[str, str], Callable[[], object]] = {
        ("itq", "hashlens ITQ"): lambda: ITQ(N_BITS).fit(X),
        ("itq", "faiss ITQTransform"): lambda: faiss.ITQTransform(WIDTH, N_BITS, True).train(X),
        ("pca", "hashlens PCAH"): lambda: PCAH(N_BITS).fit(X),
        ("pca", "sklearn PCA, covariance_eigh"): lambda: PCA(
            N_BITS, svd_solver="covariance_eigh"
        ).fit(X),
        ("pca", "sklearn PCA, randomized"): lambda: PCA(
            N_BITS, svd_solver="randomized", random_state=0
        ).fit(X),
    }
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in fits}
    for run in range(runs):
        for key, fit in fits.items():
            if run == 0 or not key[1].endswith("randomized"):
                seconds[key].append(clocked(fit))
    ours = {key[0]: float(np.median(v)) for key, v in seconds.items() if "hashlens" in key[1]}
    return [
        {
            "fit": name,
            "median seconds": float(np.median(found)),
            "iqr seconds": spread(found)["iqr_seconds"],
            "of hashlens' time": float(np.median(found)) / ours[what],
            "runs": len(found),
        }
        for (what, name), found in seconds.items()
    ]


def clocked(fit: Callable[[], object]) -> float:
    began = time.perf_counter()
    fit()
    return time.perf_counter() - began


def accuracy(file: Path) -> dict[str, Any]:
    """Largest error of the covariance against float64, as a part of its largest entry."""
    X = np.load(file, mmap_mode="r")[: GROWTH[1]]
    exact = np.cov(X.astype(np.float64), rowvar=False, bias=True)
    scale = np.abs(exact).max()
    blocks = np.abs(mean_and_covariance(X)[1] - exact).max() / scale
    centred = X - X.mean(axis=0)
    whole = np.abs(centred.T @ centred / np.float32(len(X)) - exact).max() / scale
    return {"rows": len(X), "hashlens": float(blocks), "float32 at once": float(whole)}


def peaks(file: Path) -> list[dict[str, Any]]:
    """Memory of the arrays that a fit makes beside vectors mapped from a file."""
    mapped = np.load(file, mmap_mode="r")
    half = file.with_name("half.npy")
    halves = np.lib.format.open_memmap(half, "w+", np.float16, mapped.shape)
    for start in range(0, len(mapped), BLOCK):
        halves[start : start + BLOCK] = mapped[start : start + BLOCK]
    rows = []
    for X in (mapped, halves):
        for hasher in (PCAH(N_BITS), ITQ(N_BITS)):
            tracemalloc.start()
            hasher.fit(X)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            shown = {"fit": type(hasher).__name__, "mapped": X.dtype.name}
            rows.append(shown | {"mapped MiB": X.nbytes >> 20, "made MiB": peak >> 20})
    half.unlink()
    return rows


def growing(name: str, file: Path) -> dict[str, Any]:
    """Seconds of one fit at each size, labels being the groups of a random projection."""
    X = np.load(file, mmap_mode="r")[: GROWTH[1]]
    turn = np.random.default_rng(1).standard_normal((WIDTH, 10), np.float32)
    y = (X @ turn).argmax(axis=1)
    method = load_method(name)
    method(8).fit(X[:500], y[:500])  # imports and compiles
    seconds = [clocked(lambda n=n: method(N_BITS).fit(np.array(X[:n]), y[:n])) for n in GROWTH]
    slope = float(np.log(seconds[1] / seconds[0]) / np.log(GROWTH[1] / GROWTH[0]))
    row = {"method": name} | {f"{n:,} rows": s for n, s in zip(GROWTH, seconds, strict=True)}
    print(row, flush=True)
    return row | {"slope": slope}


def qualities(data_dir: Path | None, kept: Path | None, n_seeds: int) -> list[dict[str, Any]]:
    """Held-out loss and mAP of ITQ by the rows it learns from, over seeds."""
    data, gist = load("mnist", data_dir=data_dir), load_features("gist")
    sides = (data.train, data.test)
    parts = [vectors_of(gist, side, kept, Watcher()) for side in sides]
    labels = [np.asarray(side.labels)[v.rows] for side, v in zip(sides, parts, strict=True)]
    scale = Standardizer().fit(parts[0].features)
    X, Q = (scale.transform(part.features) for part in parts)
    relevant = relevance(labels[1][:N_QUERIES], labels[0])
    rows = []
    for n_bits in (32, 64):
        for n_rows in SAMPLES:
            found = []
            for seed in range(n_seeds):
                hasher = ITQ(n_bits, sample_rows=n_rows, seed=seed).fit(X)
                loss = float(np.square(1 - np.abs(hasher.project(Q))).mean())
                index = HammingIndex(hasher.transform(X), n_bits)
                counts = index.histograms(hasher.transform(Q[:N_QUERIES]), relevant)
                found.append((loss, mean_average_precision(counts).expected))
            loss, mAP = np.array(found).T
            rows.append(
                {
                    "bits": n_bits,
                    "rows learnt from": min(n_rows, len(X)),
                    "loss a bit, held out": float(np.median(loss)),
                    "loss, min to max": [float(loss.min()), float(loss.max())],
                    "mAP": float(np.median(mAP)),
                    "mAP, min to max": [float(mAP.min()), float(mAP.max())],
                    "seeds": n_seeds,
                }
            )
            print(rows[-1], flush=True)
    return rows


if __name__ == "__main__":
    main()
