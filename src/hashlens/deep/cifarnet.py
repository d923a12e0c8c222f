"""A short, wide trunk that learns small images quickly, also on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hashlens.deep.trunks import Trunk
from hashlens.deep.whitening import whitening_filters

OFFSET_RATE = 64.0
FEATURE_SCALE = 1 / 3


class CifarNet(Trunk):
    """A whitening layer, then three blocks of two 3x3 convolutions, each halving the image.

    The shape is that of the networks that hold the records for training CIFAR-10 fast: few layers,
    wide ones, no shortcuts. The first layer is computed from the training images and stays; the
    other convolutions begin as the identity, followed by random filters. Images of any size from
    8 pixels; the last map is pooled by its maximum.

    The normalisations have an offset and no scale, and the offsets learn at 64 times the rate.
    The features are divided by 3: undivided, losses that grow with a power of the projections
    (GreedyHash) diverge. The reference divides the class scores by 9 in their place.

    Parameters
    ----------
    n_channels : int
        Channels of the images, 1 or 3.
    widths : tuple of int, default=(64, 192, 256)
        Channels of each block (the reference: 64, 256, 256); the last is the number of features.

    References
    ----------
    K. Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU, arXiv:2404.00498, sections 3.1 to
    3.4 (Lookahead left out).
    """

    normalizes_filters = True

    def __init__(self, n_channels: int = 3, widths: tuple[int, ...] = (64, 192, 256)) -> None:
        super().__init__()
        stem = 8 * n_channels
        self.whitening = nn.Conv2d(n_channels, stem, 2)
        self.whitening.weight.requires_grad_(False)
        nn.init.zeros_(self.whitening.get_parameter("bias"))
        self.blocks = nn.Sequential()
        n_in = stem
        for n_out in widths:
            self.blocks.append(CifarBlock(n_in, n_out))
            n_in = n_out
        self.n_features = n_in

    def calibrate(self, images: Tensor) -> None:
        """Take the whitening filters of these normalised images, and their negatives.

        A filter and its negative together lose nothing to the rectifier.
        """
        filters = whitening_filters(images, 2)
        with torch.no_grad():
            self.whitening.weight.copy_(torch.cat([filters, -filters]))

    def rate_factor(self, name: str) -> float:
        """Give `OFFSET_RATE` for the offsets, which decide what the rectifiers let through."""
        return OFFSET_RATE if name.endswith("bias") else 1.0

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, n_channels, h, w) to (n, n_features)."""
        maps: Tensor = self.blocks(F.gelu(self.whitening(images)))
        return maps.amax((2, 3)) * FEATURE_SCALE


class CifarBlock(nn.Module):
    """Convolution, halving by the maximum, normalisation, GELU; then the same without halving."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = identity_convolution(n_in, n_out), offset_norm(n_out)
        self.conv2, self.norm2 = identity_convolution(n_out, n_out), offset_norm(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_in, h, w) to (n, n_out, h / 2, w / 2)."""
        x = F.gelu(self.norm1(halved(self.conv1(x))))
        return F.gelu(self.norm2(self.conv2(x)))


def identity_convolution(n_in: int, n_out: int) -> nn.Conv2d:
    """Build a 3x3 convolution whose first `n_in` channels repeat its input at the beginning."""
    convolution = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
    with torch.no_grad():
        nn.init.dirac_(convolution.weight[:n_in])
    return convolution


def offset_norm(n: int) -> nn.BatchNorm2d:
    """Build a batch normalisation that learns an offset only; its scale stays 1."""
    # Means that follow twice as fast as usual: after a few dozen steps the usual ones still lag.
    norm = nn.BatchNorm2d(n, momentum=0.2)
    norm.weight.requires_grad_(False)
    return norm


def halved(x: Tensor) -> Tensor:
    """Halve height and width by the maximum; an odd row at the border counts on small maps only."""
    return F.max_pool2d(x, 2, ceil_mode=min(x.shape[2:]) < 4)
