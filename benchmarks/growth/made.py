"""What the works work on: codes, vectors, images, files, models."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hashlens.data import Dataset
    from hashlens.model import Model

N_BITS, N_BYTES, N_QUERIES, SEED = 64, 8, 256, 0
N_FEATURES, N_HIDDEN, N_CLASSES, SIDE = 512, 96, 10, 32
_AT_ONCE = 500
PER_CENTRE, SHARE = 100, 0.1
_ROWS = 1 << 22  # made at once


def random_codes(n: int, seed: int = SEED) -> np.ndarray:
    """Codes of which each bit is set or not, at random."""
    rng = np.random.default_rng(seed)
    codes = np.empty((n, N_BYTES), np.uint8)
    for start in range(0, n, _ROWS):
        part = codes[start : start + _ROWS]
        part[:] = rng.integers(0, 256, part.shape, np.uint8)
    return codes


def clustered_codes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes around centres, a hundred around each, a tenth of the bits other; queries like them."""
    from hashlens.bench.made_codes import flipped

    rng = np.random.default_rng(SEED)
    centres = rng.integers(0, 256, (max(1, n // PER_CENTRE), N_BYTES), np.uint8)
    codes = np.empty((n + N_QUERIES, N_BYTES), np.uint8)
    for start in range(0, len(codes), _ROWS):
        part = codes[start : start + _ROWS]
        part[:] = centres[rng.integers(0, len(centres), len(part))]
        part ^= flipped(rng, part.shape, SHARE)
    return codes[:n], codes[n:]


def vectors(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors around ten centres in a space of fewer dimensions, and their classes."""
    rng = np.random.default_rng(SEED)
    labels = rng.integers(0, N_CLASSES, n)
    basis = rng.standard_normal((N_HIDDEN, N_FEATURES), np.float32)
    hidden = 2 * rng.standard_normal((N_CLASSES, N_HIDDEN), np.float32)[labels]
    hidden += rng.standard_normal((n, N_HIDDEN), np.float32)
    return hidden @ basis / 10, labels


@lru_cache(4)
def images(n: int, seed: int = SEED) -> "Dataset":
    """Coloured shapes, 32 x 32 pixels, a few at a time: making them takes 24 times their size."""
    from hashlens.data import ArrayImages, Dataset
    from hashlens.data.synthetic import synthetic_images

    starts = range(0, n, _AT_ONCE)
    parts = [synthetic_images(min(_AT_ONCE, n - i), N_CLASSES, SIDE, seed + i) for i in starts]
    pixels = np.concatenate([part.images.pixels for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    return Dataset("made", ArrayImages(pixels, "made"), labels, parts[0].classes)


def files(n: int, scratch: Path) -> list[Path]:
    """JPEG files of clouds in colour, 320 x 240, each another; those of before are taken again."""
    from PIL import Image

    folder = scratch / "files"
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{i:06d}.jpg" for i in range(n)]
    for i, path in enumerate(paths):
        if not path.exists():
            noise = np.random.default_rng(i).integers(0, 256, (12, 16, 3), np.uint8)
            cloud = Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC)
            cloud.save(path, quality=90)
    return paths


def model_folder(features: str, scratch: Path) -> Path:
    """Give the folder of a model: ITQ on features of shapes, fitted once."""
    folder = scratch / f"model-{features}"
    if not folder.exists():
        _fit_model(features, folder)
    return folder


def _fit_model(features: str, folder: Path) -> None:
    from hashlens.data import Splits  # heavy: in no process that only loads the model
    from hashlens.training import TrainOptions, train

    data, options = images(1000), TrainOptions(features=features, out=folder)
    train(Splits(data, data), method="itq", n_bits=N_BITS, options=options)


def model_of(features: str, scratch: Path) -> "Model":
    """Load the model of `model_folder`."""
    from hashlens.model import Model

    return Model.load(model_folder(features, scratch))


def model_ready(n: int, scratch: Path) -> None:
    """See to it that the model with the quick features is there."""
    del n
    model_folder("pixels", scratch)


def files_ready(n: int, scratch: Path) -> None:
    """See to it that the model with slower features is there, and n files."""
    model_folder("gist", scratch)
    files(n, scratch)
