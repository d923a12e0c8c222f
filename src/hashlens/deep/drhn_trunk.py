"""The residual trunk of DRHN: blocks of one convolution, normalised last."""

from torch import Tensor, nn

from hashlens.deep.resnet import shortcut
from hashlens.deep.trunks import Trunk, pooled


class ConvReluNorm(nn.Sequential):
    """A 3x3 convolution, then ReLU, then batch normalisation: the order of the paper.

    The normalisation comes last and so cannot stand in for the convolution's offset, which stays.
    """

    def __init__(self, n_in: int, n_out: int, stride: int = 1) -> None:
        convolution = nn.Conv2d(n_in, n_out, 3, stride, 1)
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        super().__init__(convolution, nn.ReLU(), nn.BatchNorm2d(n_out))


class DRHNBlock(nn.Module):
    """One convolution, ReLU, batch normalisation, and the addition of the input."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.branch = ConvReluNorm(n_in, n_out, stride)
        self.stride = stride
        self.n_new = n_out - n_in

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_in, h, w) to (n, n_out, h / stride, w / stride)."""
        residual: Tensor = self.branch(x)
        return shortcut(x, self.stride, self.n_new) + residual


class DRHNTrunk(Trunk):
    """Convolution-ReLU-BN, residual groups, and the mean of each channel.

    Parameters
    ----------
    n_channels : int
        Channels of the images.
    n_groups : int
    n_blocks : int
        Residual blocks a group.
    width : int
        Channels of the first group; each further one has twice as many and half the pixels a side.
    """

    def __init__(self, n_channels: int, n_groups: int, n_blocks: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvReluNorm(n_channels, width)]
        for group in range(n_groups):
            for block in range(n_blocks):
                n_in, stride = width, 1
                if group > 0 and block == 0:
                    width, stride = 2 * width, 2
                layers.append(DRHNBlock(n_in, width, stride))
        self.layers = nn.Sequential(*layers)
        self.n_features = width

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, n_channels, h, w) to (n, n_features)."""
        return pooled(self.layers(images))
