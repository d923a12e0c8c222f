"""A short, wide trunk that learns small images quickly, also on a CPU."""

from torch import Tensor, nn

from hashlens.deep.trunks import Trunk


class CifarNet(Trunk):
    """A 2x2 convolution, then three blocks of two 3x3 convolutions, each halving the image.

    The shape is that of the networks that hold the records for training CIFAR-10 fast: few layers,
    wide ones, no shortcuts. Images of any size from 8 pixels; the last map is pooled by its
    maximum.

    Parameters
    ----------
    n_channels : int
        Channels of the images, 1 or 3.
    widths : tuple of int, default=(64, 192, 256)
        Channels of each block; the last is the number of features.

    References
    ----------
    K. Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU, arXiv:2404.00498, section 3.1.
    """

    def __init__(self, n_channels: int = 3, widths: tuple[int, ...] = (64, 192, 256)) -> None:
        super().__init__()
        stem = 8 * n_channels
        layers: list[nn.Module] = [nn.Conv2d(n_channels, stem, 2), nn.GELU()]
        n_in = stem
        for n_out in widths:
            layers += [
                nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
                nn.MaxPool2d(2, ceil_mode=True),
                nn.BatchNorm2d(n_out),
                nn.GELU(),
                nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(n_out),
                nn.GELU(),
            ]
            n_in = n_out
        self.layers = nn.Sequential(*layers)
        self.n_features = n_in

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, n_channels, h, w) to (n, n_features)."""
        features: Tensor = self.layers(images).amax((2, 3))
        return features
