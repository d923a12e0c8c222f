"""The vectors that hashers are compared on: computed once for all of them, kept on disk."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.data import Dataset, load_pixels
from hashlens.data.digests import pixel_digests
from hashlens.features import Features
from hashlens.watcher import Watcher

CHUNK = 256
KEPT_BEYOND = 1024  # features up to this length are kept on disk: longer ones are quick to make


class Part(NamedTuple):
    """One part of a data set as a hasher sees it.

    Attributes
    ----------
    vectors : float32 (n, d)
    labels : int64 (n,) or bool (n, n_classes)
    digests : uint64 (n,)
    """

    vectors: NDArray[np.float32]
    labels: NDArray[Any]
    digests: NDArray[np.uint64]


def part_vectors(
    features: Features, data: Dataset, folder: Path | None, watcher: Watcher, strict: bool = False
) -> Part:
    """Decode a data set and compute its features, or read them where they were computed before.

    Parameters
    ----------
    features : Features
    data : Dataset
        With labels.
    folder : Path, optional
        Where features are kept.
    watcher : Watcher
    strict : bool
        Stop at the first image that cannot be decoded, in place of leaving it out.
    """
    watcher.stage(f"decoding {data.name}", len(data))
    progress = watcher.advance
    loaded = load_pixels(data.images, features.preprocessing, strict=strict, progress=progress)
    for name, reason in loaded.skipped:
        watcher.note(f"skipped {name}: {reason}")
    digests = pixel_digests(loaded.pixels)
    name = _file_name(features, digests)
    kept = folder / name if folder and features.n_features <= KEPT_BEYOND else None
    if kept and kept.exists():
        vectors = np.load(kept)
    else:
        watcher.stage(f"computing {features.name} of {data.name}", len(loaded.pixels))
        vectors = _computed(features, loaded.pixels, watcher)
        if kept:
            _keep(kept, vectors)
    return Part(vectors, np.asarray(data.labels)[loaded.kept], digests)


def _computed(
    features: Features, pixels: NDArray[np.uint8], watcher: Watcher
) -> NDArray[np.float32]:
    vectors = np.empty((len(pixels), features.n_features), np.float32)
    for start in range(0, len(pixels), CHUNK):
        vectors[start : start + CHUNK] = features.transform(pixels[start : start + CHUNK])
        watcher.advance(min(start + CHUNK, len(pixels)), len(pixels))
    return vectors


def _file_name(features: Features, digests: NDArray[np.uint64]) -> str:
    what = json.dumps(features.settings(), sort_keys=True).encode() + digests.tobytes()
    return f"{features.name}-{hashlib.sha256(what).hexdigest()[:16]}.npy"


def _keep(path: Path, vectors: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.save(file, vectors)
    partial.replace(path)
