"""Fitting hashers: beside faiss and scikit-learn, from fewer rows, and from more.

    python -m benchmarks.bench_fitting --data-dir DIR [--rows 1000000] [--vectors FOLDER]

The vectors that are timed are made: 100 groups in 512 dimensions, standard deviations falling as
1 / sqrt(k) along rotated axes. Rivals of a kind run in turn, in one process for each number of
threads; kinds apart, as the gigabytes that scikit-learn takes and frees slow whatever comes next.
Only the time of scikit-learn's randomized solver, by far the longest, is of a single run. faiss
learns ITQ from 32,768 rows that it draws, as hashlens does; what that and PCAH's drawn rows cost is
judged by `_fitting_quality.py`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks._fitting_quality import by_rounds, by_rows, cut_patches, kept_variance
from benchmarks._record import RESULTS, environment, spread, write_result
from numpy.typing import NDArray

from hashlens.bench.timing import seconds_of
from hashlens.hashers import ITQ, PCAH
from hashlens.hashers.pca import mean_and_covariance
from hashlens.methods import METHODS, is_deep, load_method

WIDTH, N_BITS, N_GROUPS, BLOCK = 512, 64, 100, 10_000
GROWTH = (10_000, 100_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--vectors", type=Path, help="folder that keeps vectors of images")
    parser.add_argument("--out", type=Path, default=RESULTS / "fitting.json")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rivals-in", type=Path, help=argparse.SUPPRESS)  # the child's errand
    arguments = parser.parse_args()
    if arguments.rivals_in:
        sys.stdout.write(json.dumps(rivals(arguments.rivals_in, arguments.runs)))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.npy"
        groups = write_vectors(file, arguments.rows)
        timed = [row for n in (1, 2) for row in rivals_with(n, file, arguments.runs)]
        exact, memory = accuracy(file), peaks(file)
        growth = [growing(name, file) for name in METHODS if not is_deep(name)]
        made = np.load(file, mmap_mode="r")
        directions = kept_variance("made", made, N_BITS, groups, arguments.seeds)
    patches = cut_patches(arguments.data_dir, arguments.rows)
    directions += kept_variance("patches", patches, N_BITS, None, arguments.seeds)
    asked = (arguments.data_dir, arguments.vectors, arguments.seeds)
    command = "python -m benchmarks.bench_fitting --data-dir DIR"
    result = {
        "title": f"Fitting on {arguments.rows:,} x {WIDTH} float32, {N_BITS} bits",
        "command": command,
        "rows": timed,
        "covariance": [exact],
        "memory": memory,
        "growth": growth,
        "quality": by_rows(*asked),
        "rounds": by_rounds(*asked),
        "directions": directions,
        "environment": environment() | {"command": command},
    }
    write_result(arguments.out, result)


def write_vectors(file: Path, n_rows: int) -> NDArray[np.int64]:
    """Write the made vectors block by block, and give their groups."""
    rng = np.random.default_rng(0)
    deviations = np.arange(1, WIDTH + 1) ** np.float32(-0.5)
    axes = np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))[0].astype(np.float32)
    centres = rng.standard_normal((N_GROUPS, WIDTH), np.float32) * deviations
    made = np.lib.format.open_memmap(file, "w+", np.float32, (n_rows, WIDTH))
    groups = np.empty(n_rows, np.int64)
    for start in range(0, n_rows, BLOCK):
        block = made[start : start + BLOCK]
        groups[start : start + BLOCK] = group = rng.integers(N_GROUPS, size=len(block))
        noise = rng.standard_normal(block.shape, np.float32) * deviations
        block[:] = (noise + centres[group]) @ axes + 0.5
    return groups


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
    """Seconds of each fit: those of a kind in turns, each of another order, with X just read."""
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
    rng = np.random.default_rng(0)
    for what in ("itq", "pca"):
        keys = [key for key in fits if key[0] == what]
        for run in range(runs):
            for i in rng.permutation(len(keys)):
                if run == 0 or not keys[i][1].endswith("randomized"):
                    X.max()  # a slow fit before would have left X to be fetched by the next
                    seconds[keys[i]].append(seconds_of(fits[keys[i]]))
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
    seconds = [seconds_of(lambda n=n: method(N_BITS).fit(np.array(X[:n]), y[:n])) for n in GROWTH]
    slope = float(np.log(seconds[1] / seconds[0]) / np.log(GROWTH[1] / GROWTH[0]))
    row = {"method": name} | {f"{n:,} rows": s for n, s in zip(GROWTH, seconds, strict=True)}
    print(row, flush=True)
    return row | {"slope": slope}


if __name__ == "__main__":
    main()
