"""Indexing photos end to end, beside what decoding and the network alone reach on the same files.

    python -m benchmarks.bench_index [--photos DIR] [--out FILE] [--runs 5] [--quick]

All in turn, run after run, with all cores. The limit is
``images / (seconds of decoding alone + seconds of the network alone)``: the two share the cores,
so no overlap can be quicker. ``ratio`` is the throughput of `index_photos` (decode, network, fit of
the codes, hashing, writing) over that limit; the command is the whole program, from its start.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks._memory import peak_memory
from benchmarks._record import RESULTS, environment, spread, write_result
from PIL import Image

from hashlens.bench.timing import seconds_of
from hashlens.codes import unpack
from hashlens.collection import Collection, index_photos
from hashlens.cpus import available_cpus
from hashlens.data import (
    Dataset,
    FileImages,
    Preprocessing,
    decode_image,
    load_dataset,
    load_pixels,
)
from hashlens.features import Features, load_features
from hashlens.model import Model
from hashlens.watcher import Watcher

N_BITS = 64
N_CORES = available_cpus()
LARGE = (4000, 3000)  # 12 megapixels, as telephones take them
N_LARGE = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = Path(os.environ.get("HASHLENS_DATA_DIR", "."))
    parser.add_argument("--photos", type=Path, default=shared / "photos", help="folder of photos")
    parser.add_argument("--out", type=Path, default=RESULTS / "index.json")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one run on a few images")
    arguments = parser.parse_args()
    torch.set_num_threads(N_CORES)  # whatever OMP_NUM_THREADS says: as users have it
    n_runs, n_large = (1, 4) if arguments.quick else (arguments.runs, N_LARGE)
    with tempfile.TemporaryDirectory() as scratch:
        photos = few(arguments.photos, Path(scratch)) if arguments.quick else arguments.photos
        data = load_dataset(photos)
        indexing = timed_indexing(photos, Path(scratch), n_runs)
        decoding = timed_decoding(data, Path(scratch), n_runs, n_large)
        model = Collection.open(Path(scratch) / "0.hl").model
        smaller = decoded_smaller(model, sorted((Path(scratch) / "large").iterdir()))
    result = {
        "title": f"Indexing {len(data)} photos, {N_BITS} bits, no model given, {N_CORES} cores",
        "command": "python -m benchmarks.bench_index",
        "indexing": indexing,
        "decoding": decoding,
        "smaller": smaller,
        "environment": environment(),
    }
    write_result(arguments.out, result)
    print(json.dumps({"indexing": indexing, "decoding": decoding, "smaller": smaller}, indent=1))


def few(photos: Path, scratch: Path) -> Path:
    """Link every twentieth photo into a folder."""
    for i, path in enumerate(sorted(photos.rglob("*.jpg"))[::20]):
        link = scratch / "few" / path.parent.name / f"{i}.jpg"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.absolute())
    return scratch / "few"


def timed_indexing(photos: Path, scratch: Path, n_runs: int) -> dict[str, Any]:
    """Decoding alone, the network alone, indexing in this process, and the command: in turn."""
    data, features = load_dataset(photos), load_features("backbone")
    pixels = load_pixels(data.images, features.preprocessing).pixels
    features.transform(pixels[:8])
    runs: list[dict[str, float]] = []
    stages: list[dict[str, float]] = []
    for i in range(n_runs):
        alone = decoding_alone(data, features) | network_alone(features, pixels)
        clock = Stages()
        _, report = index_photos(scratch / f"{i}.hl", data, n_bits=N_BITS, watcher=clock)
        stages.append(clock.end())
        if report.skipped:
            raise RuntimeError(report.skipped)
        runs.append(
            alone | {"index": report.seconds} | command(photos, scratch / f"{i}-command.hl")
        )
    return summary(len(data), runs) | {"stages, s": medians(stages)}


def decoding_alone(data: Dataset, features: Features) -> dict[str, float]:
    """The quicker of threads and processes: the harder to reach."""
    return {
        "decode": min(
            seconds_of(partial(load_pixels, data.images, features.preprocessing, workers=workers))
            for workers in (0, N_CORES)
        )
    }


def network_alone(features: Features, pixels: np.ndarray) -> dict[str, float]:
    return {"network": seconds_of(partial(features.transform, pixels))}


def summary(n_images: int, runs: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The ratio of each run is of times measured in that run."""
    ratios = [(run["decode"] + run["network"]) / run["index"] for run in runs]
    limits = [n_images / (run["decode"] + run["network"]) for run in runs]
    return {
        "images": n_images,
        "ratio": float(np.median(ratios)),
        "ratios": ratios,
        "limit, images/s": float(np.median(limits)),
        "images/s": float(np.median([n_images / run["index"] for run in runs])),
        "command, images/s": float(np.median([n_images / run["command"] for run in runs])),
        "peak MiB of all processes": max(run["peak MiB"] for run in runs),
        "seconds": {
            name: spread([run[name] for run in runs])
            for name in ("decode", "network", "index", "command")
        },
    }


def command(photos: Path, out: Path) -> dict[str, float]:
    """Run the program, and watch the memory of it and its children."""
    words = [sys.executable, "-m", "hashlens", "index", str(photos), "--out", str(out), "--json"]
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    began = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=free) as run:
        with peak_memory(run.pid) as peak:
            said, errors = run.communicate()
        seconds = time.perf_counter() - began
    if run.returncode or json.loads(said)["skipped"]:
        raise RuntimeError(errors.decode())
    return {"command": seconds, "peak MiB": max(peak) / 2**20}


class Stages(Watcher):
    """Adds up the seconds of each stage."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._now, self._since = "", time.perf_counter()

    def stage(self, name: str, total: int | None = None) -> None:  # noqa: ARG002 - of Watcher
        """End a stage and begin another."""
        now = time.perf_counter()
        self._seconds[self._now] = self._seconds.get(self._now, 0.0) + now - self._since
        self._now, self._since = name.partition(":")[0], now

    def end(self) -> dict[str, float]:
        """Give what there is."""
        self.stage("")
        return {name: seconds for name, seconds in self._seconds.items() if name}


def timed_decoding(data: Dataset, scratch: Path, n_runs: int, n_large: int) -> list[dict[str, Any]]:
    """Threads and processes in turn, on the photos and on large ones made of them."""
    size = Preprocessing(224, 224, 3, resize="crop")
    sets = {"photos": data.images, "12 megapixels": enlarged(data, scratch / "large", n_large)}
    rows = []
    for name, images in sets.items():
        seconds: dict[str, list[float]] = {"threads": [], "processes": []}
        for _ in range(n_runs):
            seconds["threads"].append(seconds_of(partial(load_pixels, images, size, workers=0)))
            processes = partial(load_pixels, images, size, workers=N_CORES)
            seconds["processes"].append(seconds_of(processes))
        row = {"images": name, "n": len(images)}
        for way, values in seconds.items():
            row |= {
                f"{way}, s": float(np.median(values)),
                f"{way}, iqr s": spread(values)["iqr_seconds"],
            }
        rows.append(row | {"threads / processes": row["threads, s"] / row["processes, s"]})
    return rows


def enlarged(data: Dataset, folder: Path, n_images: int) -> FileImages:
    folder.mkdir()
    paths = [folder / f"{i:03}.jpg" for i in range(n_images)]
    for i, path in enumerate(paths):
        image = Image.fromarray(data.images.read(i * len(data) // n_images))
        image.resize(LARGE, Image.Resampling.BICUBIC).save(path, quality=92)
    return FileImages(paths)


def decoded_smaller(model: Model, paths: Sequence[Path]) -> dict[str, Any]:
    """What it changes that a large JPEG is decoded no larger than is needed, and what it saves."""
    pixels: dict[str, list[np.ndarray]] = {"whole": [], "smaller": [], "copy": []}
    seconds = dict.fromkeys(pixels, 0.0)
    for path in paths:
        copy = io.BytesIO()
        Image.open(path).resize((1024, 768)).save(copy, "JPEG", quality=92)
        sources = {"whole": (path, None), "smaller": (path, model.preprocessing.enough)}
        for name, (source, enough) in {**sources, "copy": (copy.getvalue(), None)}.items():
            began = time.perf_counter()
            image = decode_image(source, enough=enough)
            pixels[name].append(model.preprocessing.apply(image))
            seconds[name] += time.perf_counter() - began
    codes = {name: model.embed_pixels(np.stack(each)).codes for name, each in pixels.items()}
    return {
        "images": len(paths),
        "whole / smaller, time": seconds["whole"] / seconds["smaller"],
        "bits changed, share": changed(codes["whole"], codes["smaller"], model.n_bits),
        "bits changed by a copy of 1024 x 768, share": changed(
            codes["whole"], codes["copy"], model.n_bits
        ),
    }


def changed(one: np.ndarray, other: np.ndarray, n_bits: int) -> float:
    return float((unpack(one, n_bits) != unpack(other, n_bits)).mean())


def medians(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.median([row[name] for row in rows])) for name in rows[0]}


if __name__ == "__main__":
    main()
