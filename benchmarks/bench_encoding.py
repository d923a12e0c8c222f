"""From JPEG files to codes on disk, beside what decoding and the network alone reach.

    python -m benchmarks.bench_encoding [--data-dir DIR] [--model FOLDER] [--peers-python PYTHON]

Three sets: photos of 1 to 3 megapixels made of real ones (enlarged, every second one mirrored, with
noise, JPEG) with the built-in backbone; CIFAR-10 images as small JPEG and PNG files, and as an
array, with a network of 32 x 32 pixels. For each, run after run in turn: decoding alone, the
network alone, both with the codes written, and the whole program ``hashlens encode``, all with
the same cores. The limit is ``images / (decoding alone + network alone)``: both want the cores.
"Of the work" is the same of processor seconds: what other programs take does not enter.

MODEL is a network trained on CIFAR-10; without it, one is trained for an epoch. With PYTHON, an
interpreter that has other packages, they turn the same photos into vectors.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks._record import RESULTS, environment, write_result
from PIL import Image

import hashlens as hl
from hashlens.codes import unpack
from hashlens.collection import index_photos
from hashlens.cpus import available_cpus
from hashlens.data import ArrayImages, FileImages, Images, load_dataset, load_pixels
from hashlens.export import write_codes
from hashlens.model import Model
from hashlens.search import HammingIndex

N_BITS = 64
N_CORES = available_cpus()
BATCH = 256
N_QUERIES = 500
MEGAPIXELS = (1.0, 3.0)
Used = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = Path(os.environ.get("HASHLENS_DATA_DIR", "."))
    parser.add_argument("--data-dir", type=Path, default=shared, help="has cifar10/ and photos/")
    parser.add_argument("--model", type=Path, help="a network trained on CIFAR-10")
    parser.add_argument("--peers-python", help="an interpreter that has the other packages")
    parser.add_argument("--out", type=Path, default=RESULTS / "encoding.json")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--peer-photos", type=int, default=64, help="of them, for the packages")
    parser.add_argument("--small", type=int, default=6000, help="images of CIFAR-10")
    arguments = parser.parse_args()
    torch.set_num_threads(N_CORES)  # whatever OMP_NUM_THREADS says: as users have it
    with tempfile.TemporaryDirectory() as scratch:
        result = measured(arguments, Path(scratch))
    command = "python -m benchmarks.bench_encoding"
    result |= {"command": command, "environment": environment() | {"command": command}}
    write_result(arguments.out, result)
    print(json.dumps({k: v for k, v in result.items() if k != "environment"}, indent=1))


def measured(arguments: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    photos = make_photos(arguments.data_dir / "photos", scratch / "photos", arguments.photos)
    backbone = index_photos(scratch / "photos.hl", photos, n_bits=N_BITS)[0].model
    backbone.save(scratch / "lite0")
    small, labels = cifar(arguments.data_dir, arguments.small)
    folder = arguments.model or trained(small, labels, scratch / "small")
    files = as_files(small, scratch / "files")
    sets: dict[str, tuple[Path, str | Path, Images]] = {
        "photos of 1 to 3 megapixels": (scratch / "lite0", photos, FileImages(jpegs(photos))),
        "32 x 32 files": (folder, files, FileImages(sorted(files.iterdir()))),
        "32 x 32 array": (folder, "", ArrayImages(small)),
    }
    rows = [
        row(name, Model.load(model), model, source, images, arguments.runs, scratch)
        for name, (model, source, images) in sets.items()
    ]
    return {
        "title": f"From files to codes, {N_CORES} cores",
        "seconds": {each["images"]: each.pop("seconds") for each in rows},
        "sets": rows,
        "precision": precisions(Model.load(folder), small, labels, arguments.runs),
        "peers": peers(arguments, photos, backbone),
    }


def make_photos(source: Path, folder: Path, n_photos: int) -> Path:
    """Write JPEG files as large as cameras of web pages and chats have them."""
    folder.mkdir()
    rng, real = np.random.default_rng(0), jpegs(source)
    for i in range(n_photos):
        with Image.open(real[i * len(real) // n_photos]) as file:
            image = file.convert("RGB")
        scale = np.sqrt(rng.uniform(*MEGAPIXELS) * 1e6 / (image.width * image.height))
        size = (round(image.width * scale), round(image.height * scale))
        large = np.asarray(image.resize(size, Image.Resampling.BICUBIC)).astype(np.int16)
        large = large[:, :: -1 if i % 2 else 1] + rng.integers(-6, 7, (*large.shape[:2], 1))
        picture = Image.fromarray(np.clip(large, 0, 255).astype(np.uint8))
        picture.save(folder / f"{i:04}.jpg", quality=90)
    return folder


def jpegs(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jpg"))


def cifar(data_dir: Path, n_images: int) -> tuple[np.ndarray, np.ndarray]:
    data = load_dataset("cifar10", data_dir=data_dir).subset(range(n_images))
    labels = data.labels
    if labels is None:
        raise RuntimeError(data)
    return load_pixels(data.images, hl.data.Preprocessing(32, 32)).pixels, labels


def trained(pixels: np.ndarray, labels: np.ndarray, folder: Path) -> Path:
    data = hl.data.Dataset("cifar10", ArrayImages(pixels), labels, tuple("0123456789"))
    options = {"method": "ritq", "n_bits": N_BITS, "epochs": 1}
    hl.train(data, **options).save(folder)
    return folder


def as_files(pixels: np.ndarray, folder: Path) -> Path:
    """Write small images to files, JPEG and PNG in turn."""
    folder.mkdir()
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{i:05}.{('jpg', 'png')[i % 2]}")
    return folder


def row(  # noqa: PLR0913 - one table row, from what it is of
    name: str,
    model: Model,
    folder: Path,
    source: str | Path,
    images: Images,
    n_runs: int,
    scratch: Path,
) -> dict[str, Any]:
    pixels = load_pixels(images, model.preprocessing).pixels
    inside = ArrayImages(pixels)
    model.embed_pixels(pixels[:64])

    def whole() -> None:
        embedding = model.embed(images, batch_size=BATCH)
        names = [images.name(i) for i in embedding.kept.tolist()]
        write_codes(scratch / "codes.npy", embedding.codes, names)

    ways: dict[str, Callable[[], object]] = {
        "threads": lambda: load_pixels(images, model.preprocessing, workers=0),
        "processes": lambda: load_pixels(images, model.preprocessing, workers=N_CORES),
        "network": lambda: model.embed(inside, batch_size=BATCH),
        "whole": whole,
    }
    if source:
        ways["command"] = lambda: command(folder, source, scratch)
    runs = [{way: used(work) for way, work in ways.items()} for _ in range(n_runs)]
    return {"images": name, "n": len(images), **summary(runs, len(images))}


def command(model: Path, source: str | Path, scratch: Path) -> None:
    words = ["-m", "hashlens", "encode", str(model), str(source), "--out", f"{scratch}/c.npy"]
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=free)


def used(work: Callable[[], object]) -> Used:
    """Give the seconds that pass, and those of processors, processes that ended included."""
    before, began = _processor_seconds(), time.perf_counter()
    work()
    return time.perf_counter() - began, _processor_seconds() - before


def _processor_seconds() -> float:
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, both))


def summary(runs: list[dict[str, Used]], n_images: int) -> dict[str, Any]:
    """Shares are of times measured in the same run; decoding is the quicker of its two ways."""

    def decode(run: dict[str, Used], kind: int) -> float:
        return min(run["threads"][kind], run["processes"][kind])

    def share(way: str, kind: int) -> list[float]:
        return [(decode(run, kind) + run["network"][kind]) / run[way][kind] for run in runs]

    def rate(times: list[float]) -> float:
        return n_images / float(np.median(times))

    found = {
        "decoding alone, images/s": rate([decode(run, 0) for run in runs]),
        "network alone, images/s": rate([run["network"][0] for run in runs]),
        "limit, images/s": rate([decode(run, 0) + run["network"][0] for run in runs]),
        "images/s": rate([run["whole"][0] for run in runs]),
        "of the limit": float(np.median(share("whole", 0))),
        "of the limit, runs": share("whole", 0),
        "of the work": float(np.median(share("whole", 1))),
    }
    if "command" in runs[0]:
        found["the program, images/s"] = rate([run["command"][0] for run in runs])
        found["the program, of the limit"] = float(np.median(share("command", 0)))
    return found | {"seconds": runs}


def precisions(
    model: Model, pixels: np.ndarray, labels: np.ndarray, n_runs: int
) -> list[dict[str, Any]]:
    """Compare float32 and bfloat16: time, bits that change, and mAP of the same queries."""
    models = {name: model.at_precision(name) for name in ("float32", "bfloat16")}
    seconds: dict[str, list[float]] = {name: [] for name in models}
    codes = {}
    for _ in range(n_runs):
        for name, each in models.items():
            began = time.perf_counter()
            codes[name] = each.embed_pixels(pixels).codes
            seconds[name].append(time.perf_counter() - began)
    bits = {name: unpack(each, model.n_bits) for name, each in codes.items()}
    return [
        {
            "precision": name,
            "network, images/s": len(pixels) / min(seconds[name]),
            "bits changed, share": float((bits[name] != bits["float32"]).mean()),
            "mAP": average_precision(codes[name], labels, model.n_bits),
        }
        for name in models
    ]


def average_precision(codes: np.ndarray, labels: np.ndarray, n_bits: int) -> float:
    index = HammingIndex(codes[N_QUERIES:], n_bits=n_bits)
    near = index.search(codes[:N_QUERIES], k=len(index))
    relevant = labels[N_QUERIES:][near.ids] == labels[:N_QUERIES, None]
    ranks = np.cumsum(relevant, axis=1) / np.arange(1, relevant.shape[1] + 1)
    return float(np.mean((ranks * relevant).sum(1) / relevant.sum(1)))


def peers(arguments: argparse.Namespace, photos: Path, model: Model) -> list[dict[str, Any]]:
    """Run the others and this package in turn, on the same files with the same cores."""
    if not arguments.peers_python:
        return []
    paths = jpegs(photos)[: arguments.peer_photos]
    few = photos.with_name("few")
    few.mkdir()
    for path in paths:
        (few / path.name).symlink_to(path)
    program = Path(__file__).with_name("encoding_peers.py")
    words = [arguments.peers_python, str(program), str(few), str(N_CORES)]
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    runs, own = [], []
    for _ in range(arguments.runs):
        own.append(used(lambda: model.embed(FileImages(paths)))[0])
        said = subprocess.run(words, check=True, capture_output=True, env=free).stdout
        runs.append(json.loads(said.splitlines()[-1]))
    n = len(paths)
    rows = []
    for name, first in runs[0].items():
        if "left out" in first:
            rows.append({"package": name, **first})
            continue
        whole = float(np.median([run[name]["whole"] for run in runs]))
        alone = float(np.median([run[name]["network alone"] for run in runs]))
        rows.append(
            {
                "package": f"{name} {first['version']}",
                "network": first["network"],
                "images/s": n / whole,
                "network alone, images/s": n / alone,
                "hashlens / this": whole / float(np.median(own)),
            }
        )
    return rows


if __name__ == "__main__":
    main()
