"""Trunks that give as many features as a method asks for."""

from torch import Tensor, nn

from hashlens.deep.nin import NIN, NIN32
from hashlens.deep.trunks import Trunk, build_trunk

OWN_WIDTH: dict[str, type[NIN]] = {"nin": NIN, "nin-32": NIN32}
"""Trunks whose last convolution has any number of channels."""


class WideTrunk(Trunk):
    """A trunk and a rectified linear layer: Table 1's last 1 x 1 convolution, behind the pool.

    Parameters
    ----------
    trunk : Trunk
    n_features : int
    """

    def __init__(self, trunk: Trunk, n_features: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.widen = nn.Sequential(nn.Linear(trunk.n_features, n_features), nn.ReLU())
        self.n_features = n_features

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, c, h, w) to (n, n_features)."""
        features: Tensor = self.widen(self.trunk(images))
        return features


def build_wide_trunk(name: str, n_channels: int, n_features: int) -> Trunk:
    """Build a trunk with exactly `n_features` features.

    The Network-in-Network trunks set the channels of their last convolution; behind every other
    trunk stands a linear layer.

    Examples
    --------
    >>> build_wide_trunk("resnet-8", 3, 100).n_features
    100
    """
    if name in OWN_WIDTH:
        return OWN_WIDTH[name](n_channels, n_features)
    return WideTrunk(build_trunk(name, n_channels), n_features)
