"""The vectors that hashers are compared on: computed once for all of them, kept on disk."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.data import Dataset, load_pixels
from hashlens.data.digests import pixel_digests
from hashlens.features import Features
from hashlens.training.material import feature_vectors
from hashlens.watcher import Watcher
from hashlens.whole_file import whole_file

KEPT_BEYOND = 1024  # features up to this length are kept on disk: longer ones are quick to make


class Vectors(NamedTuple):
    """A data set as a hasher sees it.

    Attributes
    ----------
    features : float32 (n, d)
    digests : uint64 (n,)
        Of the pixels.
    rows : int64 (n,)
        Numbers of the images in the data: those that could not be decoded are left out.
    """

    features: NDArray[np.float32]
    digests: NDArray[np.uint64]
    rows: NDArray[np.int64]

    def part(self, rows: NDArray[np.int64]) -> "Vectors":
        """Give the images of these numbers, those that could not be decoded left out."""
        place = np.full(max(int(rows.max(initial=-1)), int(self.rows.max(initial=-1))) + 1, -1)
        place[self.rows] = np.arange(len(self.rows))
        found = place[rows]
        kept = found >= 0
        return Vectors(self.features[found[kept]], self.digests[found[kept]], rows[kept])


def join_vectors(first: Vectors, second: Vectors, n_first: int) -> Vectors:
    """Put two data sets behind each other; the first has `n_first` images, readable or not."""
    return Vectors(
        np.concatenate([first.features, second.features]),
        np.concatenate([first.digests, second.digests]),
        np.concatenate([first.rows, second.rows + n_first]),
    )


def vectors_of(
    features: Features, data: Dataset, folder: Path | None, watcher: Watcher, strict: bool = False
) -> Vectors:
    """Decode a data set and compute its features, or read them where they were computed before.

    Parameters
    ----------
    features : Features
    data : Dataset
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
        vectors = feature_vectors(features, loaded.pixels, data.name, watcher)
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(kept) as partial, partial.open("wb") as file:
                np.save(file, vectors)
    return Vectors(vectors, digests, loaded.kept)


def _file_name(features: Features, digests: NDArray[np.uint64]) -> str:
    what = json.dumps(features.settings(), sort_keys=True).encode() + digests.tobytes()
    return f"{features.name}-{hashlib.sha256(what).hexdigest()[:16]}.npy"
