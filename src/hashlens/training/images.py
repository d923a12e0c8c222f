"""Training images within reach: all in memory, or decoded from their files again and again."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from hashlens.data import Dataset, Images, Preprocessing, Skipped, iter_pixels
from hashlens.data.digests import pixel_digests
from hashlens.deep.batches import Batches, FileBatches, TensorBatches
from hashlens.training.material import read_pixels, report_skipped
from hashlens.watcher import Watcher

IN_MEMORY_BYTES = 4 << 30
CHUNK = 256

Ids = NDArray[np.int64]
Pixels = NDArray[np.uint8]


class TrainingImages(ABC):
    """The readable images of a data set, numbered from 0, with their labels.

    Attributes
    ----------
    labels : int64 (n,) or bool (n, n_classes)
    digests : uint64 (n,)
    """

    labels: NDArray[np.generic]
    digests: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def batches(self, ids: Ids, device: torch.device) -> Batches:
        """Offer these images to the loop."""

    @abstractmethod
    def chunks(self, ids: Ids) -> Iterator[Pixels]:
        """Yield the pixels of these images in order, a few hundred at a time."""


class ImagesInMemory(TrainingImages):
    """Decoded once; uint8 pixels (n, h, w, c) in memory."""

    def __init__(self, pixels: Pixels, labels: NDArray[np.generic]) -> None:
        self.pixels = pixels
        self.labels = labels
        self.digests = pixel_digests(pixels)

    def batches(self, ids: Ids, device: torch.device) -> Batches:
        """Offer these images as one tensor on the device."""
        return TensorBatches(self.pixels[ids], self.labels[ids], device)

    def chunks(self, ids: Ids) -> Iterator[Pixels]:
        """Yield the pixels of these images in order."""
        for start in range(0, len(ids), CHUNK):
            yield self.pixels[ids[start : start + CHUNK]]


class ImagesOnDisk(TrainingImages):
    """Decoded whenever they are wanted: for sets larger than the memory."""

    def __init__(
        self,
        images: Images,
        preprocessing: Preprocessing,
        labels: NDArray[np.generic],
        digests: NDArray[np.uint64],
    ) -> None:
        self.images = images
        self.preprocessing = preprocessing
        self.labels = labels
        self.digests = digests

    def batches(self, ids: Ids, device: torch.device) -> Batches:
        """Offer these images, decoded one batch ahead of the loop."""
        wanted = self.images.subset(ids)
        return FileBatches(wanted, self.preprocessing, self.labels[ids], device)

    def chunks(self, ids: Ids) -> Iterator[Pixels]:
        """Yield the pixels of these images in order."""
        wanted = self.images.subset(ids)
        for loaded in iter_pixels(wanted, self.preprocessing, CHUNK, strict=True):
            yield loaded.pixels


def open_images(
    data: Dataset,
    preprocessing: Preprocessing,
    watcher: Watcher,
    strict: bool = False,
    in_memory_bytes: int = IN_MEMORY_BYTES,
) -> TrainingImages:
    """Decode a labelled data set once; bad files are named and left out, or refused (`strict`).

    Sets of up to `in_memory_bytes` of pixels stay in memory.
    """
    labels = np.asarray(data.labels)
    if len(data) * int(np.prod(preprocessing.shape)) <= in_memory_bytes:
        pixels, kept = read_pixels(data, preprocessing, watcher, strict)
        return ImagesInMemory(pixels, labels[kept])
    return _scan(data, labels, preprocessing, watcher, strict)


def _scan(
    data: Dataset,
    labels: NDArray[np.generic],
    preprocessing: Preprocessing,
    watcher: Watcher,
    strict: bool,
) -> TrainingImages:
    watcher.stage(f"decoding {data.name}", len(data))
    kept, digests = [], []
    skipped: list[Skipped] = []
    for done, loaded in enumerate(iter_pixels(data.images, preprocessing, CHUNK, strict=strict), 1):
        kept.append(loaded.kept)
        digests.append(pixel_digests(loaded.pixels))
        skipped.extend(loaded.skipped)
        watcher.advance(min(done * CHUNK, len(data)), len(data))
    ids = np.concatenate(kept)
    report_skipped(skipped, len(ids), watcher)
    images = data.images.subset(ids)
    return ImagesOnDisk(images, preprocessing, labels[ids], np.concatenate(digests))
