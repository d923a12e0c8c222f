"""DNNH's hash layer: every bit has features of its own; and what pushes its values to 0 and 1."""

import math

import torch
from torch import Tensor, nn

FIRST_BAND, BAND_FACTOR = 0.5, 0.8
SMALLEST_BAND = 0.1
"""Outside the band the gradient is zero: narrower than this, nothing would be learnt."""


def slice_lengths(n_features: int, n_bits: int) -> list[int]:
    """Lengths of `n_bits` slices of `n_features` features: the first are longer by at most one.

    Examples
    --------
    >>> slice_lengths(10, 4)
    [3, 3, 2, 2]
    """
    length, n_longer = divmod(n_features, n_bits)
    return [length + 1] * n_longer + [length] * (n_bits - n_longer)


class DivideAndEncode(nn.Module):
    r"""Divide the features into one slice a bit, and map each slice to one number.

    .. math::
        c_i = W_i x^{(i)} + a_i, \quad i = 1, \ldots, B

    Eq. 4 has no offset a. The fully connected layers of Caffe, which the paper ran on, have one,
    and a bit can hardly be balanced without: the features are rectified, so never below zero.

    Parameters
    ----------
    n_features, n_bits : int
        With n_bits <= n_features.

    References
    ----------
    H. Lai et al., Simultaneous feature learning and hash coding with deep neural networks, CVPR
    2015, section 3.3, eq. 4 and footnote 4.
    """

    def __init__(self, n_features: int, n_bits: int) -> None:
        super().__init__()
        lengths = slice_lengths(n_features, n_bits)
        self.length = lengths[-1]
        self.n_longer = lengths.count(self.length + 1)
        bounds = torch.tensor(lengths).float().rsqrt()  # as nn.Linear: 1 / sqrt(inputs of a bit)
        uniform = torch.rand(n_features) * 2 - 1
        # W_1 ... W_B side by side: a matrix (1, n_features), so that it decays as others do.
        self.weight = nn.Parameter(
            (uniform * bounds.repeat_interleave(torch.tensor(lengths)))[None]
        )
        self.bias = nn.Parameter(torch.zeros(n_bits))

    def forward(self, features: Tensor) -> Tensor:
        """Map (n, n_features) to (n, n_bits)."""
        products = features * self.weight
        border, n = self.n_longer * (self.length + 1), features.shape[0]
        longer = products[:, :border].reshape(n, self.n_longer, self.length + 1).sum(2)
        n_shorter = len(self.bias) - self.n_longer
        shorter = products[:, border:].reshape(n, n_shorter, self.length).sum(2)
        return torch.cat([longer, shorter], 1) + self.bias


def piecewise_threshold(values: Tensor, band: float) -> Tensor:
    """Set values below 0.5 - band to 0, values above 0.5 + band to 1, and leave the rest (eq. 6).

    The gradient is 1 within the band and 0 outside.

    Examples
    --------
    >>> piecewise_threshold(torch.tensor([0.1, 0.4, 0.8]), 0.2)
    tensor([0.0000, 0.4000, 1.0000])
    """
    inside = (values - 0.5).abs() <= band
    return torch.where(inside, values, (values > 0.5).to(values.dtype))


def band_at(progress: float, n_bands: int) -> float:
    """Half the width of the threshold's band at `progress` (0 to 1) of the training.

    0.5 at first, times 0.8 at the start of each further n-th of the training, and never below 0.1.

    Examples
    --------
    >>> [round(band_at(p, 5), 3) for p in (0.0, 0.2, 0.8)]
    [0.5, 0.4, 0.205]
    """
    return max(SMALLEST_BAND, FIRST_BAND * BAND_FACTOR ** math.floor(progress * n_bands))
