"""Augmentation of whole batches on their device: random crop, mirror, cut-out."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def random_crop_and_flip(images: Tensor, padding: int, flip: bool) -> Tensor:
    """Shift each image by up to `padding` pixels (reflected border) and mirror half of them.

    Every image of the batch gets its own shift. Randomness is torch's global generator, which the
    loop seeds for every step, so a resumed run repeats it.

    Parameters
    ----------
    images : tensor (n, c, h, w)
    padding : int
        Largest shift in pixels; 0 shifts nothing.
    flip : bool
        Mirror left to right with probability 1/2.
    """
    n, n_channels, height, width = images.shape
    device = images.device
    padded = F.pad(images, (padding,) * 4, mode="reflect") if padding else images
    top = torch.randint(0, 2 * padding + 1, (n, 1), device=device)
    left = torch.randint(0, 2 * padding + 1, (n, 1), device=device)
    rows = top + torch.arange(height, device=device)  # (n, h)
    columns = left + torch.arange(width, device=device)  # (n, w)
    if flip:
        mirrored = torch.rand(n, 1, device=device) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    batch = torch.arange(n, device=device)[:, None, None, None]
    channels = torch.arange(n_channels, device=device)[None, :, None, None]
    return padded[batch, channels, rows[:, None, :, None], columns[:, None, None, :]]


def cutout(images: Tensor, size: int) -> Tensor:
    """Set one random square of `size` pixels in each image to zero (the mean, once normalised).

    References
    ----------
    T. DeVries, G. Taylor, Improved regularization of convolutional networks with cutout, 2017.
    """
    if size == 0:
        return images
    n, _, height, width = images.shape
    device = images.device
    y = torch.randint(0, height, (n, 1), device=device)
    x = torch.randint(0, width, (n, 1), device=device)
    half = size / 2
    in_rows = (torch.arange(height, device=device) - y).abs() < half  # (n, h)
    in_columns = (torch.arange(width, device=device) - x).abs() < half  # (n, w)
    return images.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0.0)
