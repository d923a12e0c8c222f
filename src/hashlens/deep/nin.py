"""Network in Network: convolutions followed by 1 x 1 convolutions, for large and small images."""

from typing import ClassVar

from torch import Tensor, nn

from hashlens.checks import refuse
from hashlens.deep.trunks import Trunk, pooled

Kernel = tuple[int, int, int]
"""Side, stride and padding of a filter."""


class NIN(Trunk):
    """Table 1 of the DNNH paper, for images of 224 x 224 and nearby.

    Each of four convolutions is followed by one of 1 x 1, the first three pairs by a 3 x 3 maximum
    pool of stride 2, the last by the average over all pixels. Where it differs from the paper:

    - Table 1 is headed "256 x 256", but its output sizes (54, 27, 13, 6) are those of 224 x 224
      crops, with pools whose last window may hang over the edge. Images of any size from 39 pixels
      are taken.
    - It prints stride 2 for the 5 x 5 convolution and an output as large as the input (27 x 27):
      the stride is 1 here, with a padding of 2.
    - Each convolution is followed by batch normalisation (the paper is of the year that brought
      it), without which a stack this deep does not stand the learning rates of short trainings.

    Parameters
    ----------
    n_channels : int
        Channels of the images, 1 or 3.
    n_features : int, default=1024
        Channels of the last 1 x 1 convolution (the paper: 50 a bit).

    References
    ----------
    H. Lai et al., Simultaneous feature learning and hash coding with deep neural networks, CVPR
    2015, section 3.2 and Table 1. M. Lin et al., Network in network, ICLR 2014.
    """

    first: ClassVar[Kernel] = (11, 4, 0)
    smallest: ClassVar[int] = 39  # pixels a side that leave one pixel behind the last pool

    def __init__(self, n_channels: int = 3, n_features: int = 1024) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_pair(n_channels, 96, 96, self.first),
            _pool(),
            *_pair(96, 256, 256, (5, 1, 2)),
            _pool(),
            *_pair(256, 384, 384, (3, 1, 1)),
            _pool(),
            *_pair(384, 1024, n_features, (3, 1, 1)),
        )
        self.n_features = n_features

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, n_channels, h, w) to (n, n_features), the spatial mean of the last layer."""
        side = min(images.shape[2:])
        if side < self.smallest:
            raise refuse("image_size", f"at least {self.smallest} pixels for this trunk", side)
        return pooled(self.layers(images))


class NIN32(NIN):
    """The same stack with strides that fit images of 32 x 32; any size from 8 pixels is taken.

    The first convolution is 5 x 5 with stride 1 in place of 11 x 11 with stride 4, so that the
    maps have 32, 16, 8 and 4 pixels a side. The paper does not say how it fits Table 1 to CIFAR-10
    and SVHN.

    Parameters
    ----------
    n_channels : int
    n_features : int, default=1024
    """

    first: ClassVar[Kernel] = (5, 1, 2)
    smallest: ClassVar[int] = 8


def _pair(n_in: int, n_middle: int, n_out: int, kernel: Kernel) -> list[nn.Module]:
    """A convolution and one of 1 x 1 behind it, each normalised and rectified."""
    size, stride, padding = kernel
    return [
        nn.Conv2d(n_in, n_middle, size, stride, padding, bias=False),
        nn.BatchNorm2d(n_middle),
        nn.ReLU(),
        nn.Conv2d(n_middle, n_out, 1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(),
    ]


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, 2, ceil_mode=True)
