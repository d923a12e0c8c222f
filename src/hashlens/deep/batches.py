"""Where training batches come from: one tensor on the device, or files decoded ahead."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hashlens.data import Images, Preprocessing, load_pixels
from hashlens.deep.recipe import Recipe
from hashlens.deep.share import Share

Ids = NDArray[np.int64]


class Batches(Protocol):
    """Training images in reach of the loop."""

    @property
    def classes(self) -> NDArray[np.int64]:
        """One class an image, for batches that want several images of a class."""
        ...

    def __len__(self) -> int: ...

    def stream(self, order: Iterator[Ids], share: Share) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield pixels and labels on the device, for each array of n ids.

        The pixels, uint8 (m, h, w, c), are those of a part of the batch; the labels are all n.
        """
        ...


class TensorBatches:
    """All images as one uint8 tensor on the device: the fastest way, for sets that fit."""

    def __init__(
        self, pixels: NDArray[np.uint8], labels: NDArray[np.generic], device: torch.device
    ) -> None:
        self.classes = main_class(labels)
        self.pixels = torch.from_numpy(pixels).to(device)
        self.labels = torch.from_numpy(labels).to(device)

    def __len__(self) -> int:
        return len(self.pixels)

    def stream(self, order: Iterator[Ids], share: Share) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the images of a part of each array of ids, and the labels of all."""
        for ids in order:
            rows = torch.from_numpy(ids).to(self.pixels.device)
            yield self.pixels[rows[share.rows]], self.labels[rows]


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
        self.classes = main_class(labels)
        self.labels = torch.from_numpy(labels)
        self.device = device

    def __len__(self) -> int:
        return len(self.images)

    def stream(self, order: Iterator[Ids], share: Share) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the images of a part of each array of ids, one decoded ahead, and all labels."""
        with ThreadPoolExecutor(1) as ahead:
            waiting: Future[tuple[Tensor, Tensor]] | None = None
            for ids in order:
                following = ahead.submit(self._load, ids, share)
                if waiting is not None:
                    yield waiting.result()
                waiting = following
            if waiting is not None:
                yield waiting.result()

    def _load(self, ids: Ids, share: Share) -> tuple[Tensor, Tensor]:
        images = self.images.subset(ids[share.rows])
        # In threads: processes would be started anew for every batch.
        loaded = load_pixels(images, self.preprocessing, strict=True, workers=0)
        return torch.from_numpy(loaded.pixels).to(self.device), self.labels[ids].to(self.device)


def epoch_order(
    classes: NDArray[np.int64], recipe: Recipe, seed: int, steps: range
) -> Iterator[Ids]:
    """Yield the ids of each step's batch; the order depends on the seed and the step alone.

    Every epoch is a fresh permutation, cut into full batches, so a training can go on at any step.
    Where the recipe asks for several images of a class, they stand side by side in it.

    Examples
    --------
    >>> order = epoch_order(np.zeros(4, np.int64), Recipe(batch_size=2), 0, range(1, 3))
    >>> [ids.tolist() for ids in order]
    [[1, 3], [3, 0]]
    """
    size, per_epoch = recipe.batch_size, recipe.steps_per_epoch(len(classes))
    epoch, permutation = -1, np.empty(0, np.int64)
    for step in steps:
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            rng = np.random.default_rng([seed, epoch])
            permutation = in_groups(classes, recipe.images_per_class, rng)
        start = (step % per_epoch) * size
        yield permutation[start : start + size]


def in_groups(classes: NDArray[np.int64], size: int, rng: np.random.Generator) -> Ids:
    """Permute images so that they come in groups of `size` of one class, the groups shuffled.

    What is left of a class forms a smaller group. A size of 1 is a plain permutation.

    Examples
    --------
    >>> in_groups(np.array([0, 1, 0, 1]), 2, np.random.default_rng(0)).tolist()
    [1, 3, 2, 0]
    """
    permutation = rng.permutation(len(classes))
    if size <= 1:
        return permutation
    by_class = permutation[np.argsort(classes[permutation], kind="stable")]
    ordered = classes[by_class]
    first = np.searchsorted(ordered, ordered, side="left")  # where each one's class begins
    group = (np.arange(len(classes)) - first) // size
    starts = np.flatnonzero(np.diff(group, prepend=-1) | np.diff(ordered, prepend=-1))
    parts = np.split(by_class, starts[1:])
    return np.concatenate([parts[i] for i in rng.permutation(len(parts))])


def main_class(labels: NDArray[np.generic]) -> NDArray[np.int64]:
    """One class an image: its label, or the first of several.

    Examples
    --------
    >>> main_class(np.array([[False, True], [True, True]])).tolist()
    [1, 0]
    """
    found: NDArray[np.int64] = labels.argmax(1) if labels.ndim == 2 else labels.astype(np.int64)
    return found
