"""What every training starts from: pixels of one size, and a card that says whence."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int, refuse
from hashlens.data import Dataset, Images, Preprocessing, Skipped, load_pixels
from hashlens.errors import ImageError, InputError
from hashlens.features import Features
from hashlens.provenance import provenance
from hashlens.training.options import TrainOptions
from hashlens.watcher import Watcher

CHUNK = 256
NATIVE_LIMIT = 64  # images of one size up to this are used as they are; others are scaled to it


def read_pixels(
    data: Dataset, preprocessing: Preprocessing, watcher: Watcher, strict: bool = False
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Decode a data set for training; bad files are named and left out, or refused (`strict`)."""
    watcher.stage(f"decoding {data.name}", len(data))
    loaded = load_pixels(data.images, preprocessing, strict=strict, progress=watcher.advance)
    report_skipped(loaded.skipped, len(loaded.kept), watcher)
    return loaded.pixels, loaded.kept


def feature_vectors(
    features: Features, pixels: NDArray[np.uint8], name: str, watcher: Watcher
) -> NDArray[np.float32]:
    """Compute the features of decoded images of the data called `name`: float32 (n, d)."""
    watcher.stage(f"computing {features.name} of {name}", len(pixels))
    vectors = np.empty((len(pixels), features.n_features), np.float32)
    for start in range(0, len(pixels), CHUNK):
        vectors[start : start + CHUNK] = features.transform(pixels[start : start + CHUNK])
        watcher.advance(min(start + CHUNK, len(pixels)), len(pixels))
    return vectors


def report_skipped(skipped: Sequence[Skipped], n_kept: int, watcher: Watcher) -> None:
    """Name the images that could not be read, and refuse to train on fewer than two."""
    for name, reason in skipped:
        watcher.note(f"skipped {name}: {reason}")
    if n_kept < 2:
        raise refuse("the training data", "at least 2 readable images", n_kept)


def natural_preprocessing(images: Images, image_size: int | None) -> Preprocessing:
    """Choose the size to train at: the images' own if it is one and small, else 64 x 64.

    Up to 16 images, evenly spread, are looked at. Grey stays grey.
    """
    shapes = _sample_shapes(images)
    n_channels = 1 if all(shape[2] == 1 for shape in shapes) else 3
    if image_size is not None:
        side = check_int("image_size", image_size, 4, 1024)
        return Preprocessing(side, side, n_channels)
    height, width, _ = shapes[0]
    if len({shape[:2] for shape in shapes}) == 1 and max(height, width) <= NATIVE_LIMIT:
        return Preprocessing(height, width, n_channels)
    return Preprocessing(NATIVE_LIMIT, NATIVE_LIMIT, n_channels)


def _sample_shapes(images: Images) -> list[tuple[int, ...]]:
    shapes = []
    for i in np.linspace(0, len(images) - 1, min(16, len(images))).astype(int):
        try:
            shapes.append(images.read(int(i)).shape)
        except ImageError:
            continue
    if not shapes:
        raise InputError("The data must hold readable images. Got none among 16 that were tried.")
    return shapes


def make_card(data: Dataset, options: TrainOptions, figures: dict[str, Any]) -> dict[str, Any]:
    """Write down where a model comes from."""
    return {
        "data": {"name": data.name, "checksum": data.checksum, "n_images": len(data)},
        "seed": options.seed,
        **figures,
        "provenance": provenance(),
    }
