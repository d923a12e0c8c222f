"""Augmented copies of images: shifted, mirrored, their colours changed a little."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hashlens.checks import check_int
from hashlens.deep.augment import random_crop_and_flip

SHIFT = 8  # copies are shifted by up to a side / SHIFT
JITTER = 0.1  # and their colours changed by up to a tenth

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Copies:
    """How a data set is enlarged: every image once, then copies of them in turn.

    Attributes
    ----------
    n_items : int, >= 1
        Size wanted; below the number of images, only the first ones are taken.
    seed : int, >= 0
    flip : bool
        Mirror half of the copies.
    block : int, >= 1
        Items encoded and written at a time; an interrupted run loses at most one block.
    """

    n_items: int
    seed: int = 0
    flip: bool = True
    block: int = 4096

    def __post_init__(self) -> None:
        check_int("n_items", self.n_items, 1)
        check_int("seed", self.seed, 0)
        check_int("block", self.block, 1)


def block_pixels(pixels: Pixels, copies: Copies, number: int) -> Pixels:
    """Make the pixels of the items of one block: item i is of image i modulo their number.

    Examples
    --------
    >>> images = np.arange(12 * 9, dtype=np.uint8).reshape(3, 6, 6, 1)
    >>> block = block_pixels(images, Copies(n_items=7, block=4), 0)
    >>> bool((block[:3] == images).all()), bool((block[3] == images[0]).all())
    (True, False)
    """
    first = number * copies.block
    items = np.arange(first, min(first + copies.block, copies.n_items))
    chosen = pixels[items % len(pixels)]
    copied = items >= len(pixels)
    if copied.any():
        seed = np.random.SeedSequence((copies.seed, number)).generate_state(1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(seed[0]))
            chosen[copied] = _augmented(chosen[copied], copies.flip)
    return chosen


def _augmented(pixels: Pixels, flip: bool) -> Pixels:
    """Shift, mirror and change contrast, brightness and the balance of the colours a little."""
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    n, n_channels, height, width = images.shape
    moved = random_crop_and_flip(images, min(height, width) // SHIFT, flip)
    contrast = 1 + JITTER * (2 * torch.rand(n, n_channels, 1, 1) - 1)
    brightness = 255 * JITTER * (2 * torch.rand(n, 1, 1, 1) - 1)
    mean = moved.mean(dim=(2, 3), keepdim=True)
    changed = (moved - mean) * contrast + mean + brightness
    return changed.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
