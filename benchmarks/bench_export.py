"""Models as ONNX files: bits that differ from PyTorch's, speed beside it, sizes; float32 and int8.

    python -m benchmarks.bench_export --data-dir DIR --photos DIR
        [--lite0 MODEL] [--cifar MODEL] [--out benchmarks/results/export.json] [--runs 9]

PyTorch (float32, channels last) and ONNX Runtime take the same preprocessed pixels in turn, in
batches of 1 and of 32, by one thread and by two; medians. Bits are compared on all photos, or on
2,000 test images of CIFAR-10, half of the int8 ones not seen in calibration.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks._record import RESULTS, environment, write_result

from hashlens.data import Images
from hashlens.data.candidates import as_dataset
from hashlens.data.source import load
from hashlens.model import Model
from hashlens.onnx import ExportReport, write_onnx
from hashlens.onnx.quantizing import INT8_PLAN, write_int8
from hashlens.onnx.session import open_session
from hashlens.training import TrainOptions, train

BATCHES, THREADS = (1, 32), (1, 2)
N_CIFAR = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cifar", type=Path, help="a cifarnet model; else one is trained briefly")
    parser.add_argument("--lite0", type=Path, help="a model of the backbone; else one is fitted")
    parser.add_argument("--data-dir", type=Path, required=True, help="CIFAR-10")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photos")
    parser.add_argument("--out", type=Path, default=RESULTS / "export.json")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--images", type=int, default=N_CIFAR, help="compared, at most")
    asked = parser.parse_args()
    photos = as_dataset(str(asked.photos)).images
    test = load("cifar10", data_dir=asked.data_dir).test.images
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        backbone = Model.load(asked.lite0) if asked.lite0 else fitted(str(asked.photos))
        rows += rows_of("lite0, ITQ, 64 bits, 224 x 224", backbone, photos, asked, scratch)
        network = Model.load(asked.cifar) if asked.cifar else short_training(asked.data_dir)
        name = f"cifarnet, {network.method.upper()}, {network.n_bits} bits, 32 x 32"
        rows += rows_of(name, network, test, asked, scratch)
    command = "python -m benchmarks.bench_export --data-dir DIR --photos DIR"
    result = {
        "title": "Models as ONNX files, beside PyTorch",
        "command": command,
        "rows": rows,
        "environment": environment(("onnxruntime", "onnx")) | {"command": command},
    }
    write_result(asked.out, result)
    for row in rows:
        print(row)


def fitted(photos: str) -> Model:
    options = TrainOptions(features="tf_efficientnet_lite0")
    return train(photos, method="itq", n_bits=64, options=options)


def short_training(data_dir: Path) -> Model:
    return train(
        load("cifar10", data_dir=data_dir),
        method="orthohash",
        n_bits=48,
        options=TrainOptions(epochs=2),
    )


def rows_of(
    name: str, model: Model, images: Images, asked: argparse.Namespace, scratch: Path
) -> list[dict[str, Any]]:
    """A line for float32 and one for int8."""
    chosen = images.subset(
        np.linspace(0, len(images) - 1, min(asked.images, len(images))).astype(int)
    )
    whole = write_onnx(model, scratch / "whole.onnx", images=chosen, check=len(chosen))
    plain = write_onnx(model, scratch / "float32.onnx", any_size=False, check=1)
    plan = replace(INT8_PLAN, any_size=False, force=True)
    small = write_int8(model, scratch / "int8.onnx", chosen, plan, check=len(chosen) // 2)
    pixels = np.stack([model.preprocessing.apply(images.read(i)) for i in range(max(BATCHES))])
    ratios = timed(model, {"float32": plain, "int8": small}, pixels, asked.runs)
    return [
        {
            "model": name,
            "precision": precision,
            "file, MB": report.size_bytes / 1e6,
            "bits compared": report.agreement.n_bits,
            "bits that differ": report.agreement.n_differing,
            "share": report.agreement.share,
            **ratios[precision],
        }
        for precision, report in (("float32", whole), ("int8", small))
    ]


def timed(
    model: Model, reports: dict[str, ExportReport], pixels: np.ndarray, n_runs: int
) -> dict[str, dict[str, float]]:
    """How often the median time of each file goes into PyTorch's, by batch and threads."""
    found: dict[str, dict[str, float]] = {name: {} for name in reports}
    for threads in THREADS:
        torch.set_num_threads(threads)
        sessions = {name: open_session(report.path, threads) for name, report in reports.items()}
        for n in BATCHES:
            batch, seconds = pixels[:n], {name: [] for name in ("torch", *reports)}
            for turn in range(n_runs + 1):
                for way in seconds:
                    began = time.perf_counter()
                    if way == "torch":
                        model.embed_pixels(batch)
                    else:
                        sessions[way].run(["codes"], {"images": batch})
                    if turn:  # the first one warms up
                        seconds[way].append(time.perf_counter() - began)
            for way in reports:
                ratio = float(np.median(seconds["torch"]) / np.median(seconds[way]))
                found[way][f"x torch, {n} image{'s' * (n > 1)}, {threads} threads"] = ratio
    return found


if __name__ == "__main__":
    main()
