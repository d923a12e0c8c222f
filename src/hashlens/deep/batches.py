"""Where training batches come from: one tensor on the device, or files decoded ahead."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hashlens.data import Images, Preprocessing, load_pixels


class Batches(Protocol):
    """Training images in reach of the loop."""

    def __len__(self) -> int: ...

    def stream(self, order: Iterator[NDArray[np.int64]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (pixels uint8 (n, h, w, c), labels) on the device, for each array of ids."""
        ...


class TensorBatches:
    """All images as one uint8 tensor on the device: the fastest way, for sets that fit."""

    def __init__(
        self, pixels: NDArray[np.uint8], labels: NDArray[np.generic], device: torch.device
    ) -> None:
        self.pixels = torch.from_numpy(pixels).to(device)
        self.labels = torch.from_numpy(labels).to(device)

    def __len__(self) -> int:
        return len(self.pixels)

    def stream(self, order: Iterator[NDArray[np.int64]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the images and labels of each array of ids."""
        for ids in order:
            rows = torch.from_numpy(ids).to(self.pixels.device)
            yield self.pixels[rows], self.labels[rows]


class FileBatches:
    """Images decoded from files while the batch before is being trained on.

    A file that cannot be decoded stops the training: check the folder first.
    """

    def __init__(
        self,
        images: Images,
        preprocessing: Preprocessing,
        labels: NDArray[np.generic],
        device: torch.device,
    ) -> None:
        self.images = images
        self.preprocessing = preprocessing
        self.labels = torch.from_numpy(labels)
        self.device = device

    def __len__(self) -> int:
        return len(self.images)

    def stream(self, order: Iterator[NDArray[np.int64]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the images and labels of each array of ids, one batch decoded ahead."""
        with ThreadPoolExecutor(1) as ahead:
            waiting: Future[tuple[Tensor, Tensor]] | None = None
            for ids in order:
                following = ahead.submit(self._load, ids)
                if waiting is not None:
                    yield waiting.result()
                waiting = following
            if waiting is not None:
                yield waiting.result()

    def _load(self, ids: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        loaded = load_pixels(self.images.subset(ids), self.preprocessing, strict=True)
        return torch.from_numpy(loaded.pixels).to(self.device), self.labels[ids].to(self.device)


def epoch_order(
    n_images: int, batch_size: int, seed: int, steps: range
) -> Iterator[NDArray[np.int64]]:
    """Yield the ids of each step's batch; the order depends on the seed and the step alone.

    Every epoch is a fresh permutation, cut into full batches, so a training can go on at any step.

    Examples
    --------
    >>> [ids.tolist() for ids in epoch_order(4, 2, 0, range(1, 3))]
    [[1, 3], [3, 0]]
    """
    per_epoch = max(1, n_images // batch_size)
    epoch, permutation = -1, np.empty(0, np.int64)
    for step in steps:
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            permutation = np.random.default_rng([seed, epoch]).permutation(n_images)
        start = (step % per_epoch) * batch_size
        yield permutation[start : start + batch_size]
