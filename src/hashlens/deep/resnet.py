"""The residual trunk of RITQ's Table I (a ResNet-32 for small images)."""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hashlens.deep.trunks import Trunk, pooled


def shortcut(x: Tensor, stride: int, n_new: int) -> Tensor:
    """Skip a block without parameters: every second pixel, and zeros for the new channels.

    Option A of He et al. 2016, which they use for CIFAR-10. The identity for stride 1 and no new
    channels.
    """
    if stride > 1:
        x = x[:, :, ::stride, ::stride]
    return F.pad(x, (0, 0, 0, 0, 0, n_new)) if n_new else x


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut without parameters."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.stride = stride
        self.n_new = n_out - n_in

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_in, h, w) to (n, n_out, h / stride, w / stride)."""
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(shortcut(x, self.stride, self.n_new) + residual)


class ResNetTrunk(Trunk):
    """Table I up to the average pool: 3x3 convolution, then groups of residual blocks.

    Parameters
    ----------
    n_channels : int
        Channels of the images, 1 or 3.
    n_blocks : int, default=5
        Residual blocks a group (Table I: 5).
    widths : tuple of int, default=(16, 32, 64)
        Channels of each group; every group but the first starts with stride 2.

    References
    ----------
    G. Wang et al., Image retrieval based on ResNet and ITQ, Table I. K. He et al., Deep residual
    learning for image recognition, CVPR 2016, section 4.2.
    """

    normalizes_filters = True

    def __init__(
        self, n_channels: int = 3, n_blocks: int = 5, widths: tuple[int, ...] = (16, 32, 64)
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(n_channels, widths[0], 3, 1, 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        ]
        width = widths[0]
        for group, n_out in enumerate(widths):
            for block in range(n_blocks):
                stride = 2 if group > 0 and block == 0 else 1
                layers.append(ResidualBlock(width, n_out, stride))
                width = n_out
        self.layers = nn.Sequential(*layers)
        self.n_features = width
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, n_channels, h, w) to (n, n_features), the spatial mean of the last block."""
        return pooled(self.layers(images))
