"""Augmentation of whole batches on their device: random crop, mirror, cut-out."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hashlens.deep.share import Share


def random_crop_and_flip(
    images: Tensor, padding: int, flip: bool | Tensor, share: Share | None = None
) -> Tensor:
    """Shift each image by up to `padding` pixels (reflected border) and mirror some of them.

    Every image of the batch gets its own shift. Randomness is torch's global generator, which the
    loop seeds for every step, so a resumed run repeats it.

    Parameters
    ----------
    images : tensor (n, c, h, w)
    padding : int
        Largest shift in pixels; 0 shifts nothing.
    flip : bool, or bool tensor (n,)
        Mirror left to right: none, half of the images at random, or those that are marked.
    share : Share, optional
        Which rows of a batch the images are. Numbers are drawn for the whole batch, so that an
        image is moved the same way in whichever part it is.
    """
    batch = share or Share.of(len(images))
    n, n_channels, height, width = images.shape
    device = images.device
    padded = F.pad(images, (padding,) * 4, mode="reflect") if padding else images
    top = _integers(2 * padding + 1, batch, device)
    left = _integers(2 * padding + 1, batch, device)
    rows = top + torch.arange(height, device=device)  # (n, h)
    columns = left + torch.arange(width, device=device)  # (n, w)
    if flip is not False:
        mirrored = _half(batch, device) if flip is True else flip.to(device)
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    row = torch.arange(n, device=device)[:, None, None, None]
    channels = torch.arange(n_channels, device=device)[None, :, None, None]
    return padded[row, channels, rows[:, None, :, None], columns[:, None, None, :]]


class AlternatingFlip:
    """Mirror half of the images in the first epoch, the other half in the second, and so on.

    Every image is then seen in both ways in any two epochs; at random, half of the pairs of
    epochs would show it the same way twice.

    Parameters
    ----------
    n_images : int
    seed : int

    References
    ----------
    K. Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU, arXiv:2404.00498, section 3.6.

    Examples
    --------
    >>> flip, ids = AlternatingFlip(4, seed=0), np.arange(4)
    >>> [flip.mirrored(ids, epoch).tolist() for epoch in (0, 1)]
    [[False, True, True, True], [True, False, False, False]]
    """

    def __init__(self, n_images: int, seed: int) -> None:
        self.first = np.random.default_rng(seed).random(n_images) < 0.5

    def mirrored(self, ids: NDArray[np.int64], epoch: int) -> Tensor:
        """Tell which of these images are mirrored in this epoch: bool (n,)."""
        return torch.from_numpy(self.first[ids] ^ bool(epoch % 2))


def cutout(images: Tensor, size: int, share: Share | None = None) -> Tensor:
    """Set one random square of `size` pixels in each image to zero (the mean, once normalised).

    References
    ----------
    T. DeVries, G. Taylor, Improved regularization of convolutional networks with cutout, 2017.
    """
    if size == 0:
        return images
    _, _, height, width = images.shape
    device = images.device
    batch = share or Share.of(len(images))
    y = _integers(height, batch, device)
    x = _integers(width, batch, device)
    half = size / 2
    in_rows = (torch.arange(height, device=device) - y).abs() < half  # (n, h)
    in_columns = (torch.arange(width, device=device) - x).abs() < half  # (n, w)
    return images.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0.0)


def _integers(stop: int, batch: Share, device: torch.device) -> Tensor:
    """Draw a number from 0 to stop - 1 for each image of this part of the batch: (m, 1)."""
    return torch.randint(0, stop, (batch.n_images, 1), device=device)[batch.rows]


def _half(batch: Share, device: torch.device) -> Tensor:
    """Draw half of the images of this part of the batch: bool (m,)."""
    return torch.rand(batch.n_images, device=device)[batch.rows] < 0.5
