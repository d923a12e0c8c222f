"""The trunk of CNNH: three convolutions of 5 x 5, each pooled, and a wide layer."""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hashlens.deep.trunks import Trunk

GRID = 4  # pixels a side before the wide layer: what three poolings leave of 32


class CNNHTrunk(Trunk):
    """32, 64 and 128 filters of 5 x 5 with max pooling, then 500 units with dropout.

    Each convolution is normalised over the batch where the paper normalises the local contrast,
    so that the rates of today's recipes can be used. Images of another size than 32 pixels are
    averaged to the same 4 x 4 cells before the wide layer.

    Parameters
    ----------
    n_channels : int, default=3
        Channels of the images, 1 or 3.
    widths : tuple of int, default=(32, 64, 128)
        Filters of each convolution.
    n_features : int, default=500
        Units of the wide layer.
    dropout : float, 0 to 1, default=0.5
        Share of the wide layer's units that is left out in training.

    References
    ----------
    R. Xia, Y. Pan, H. Lai, C. Liu, S. Yan, Supervised hashing for image retrieval via image
    representation learning, AAAI 2014, section "Stage 2".
    """

    def __init__(
        self,
        n_channels: int = 3,
        widths: tuple[int, ...] = (32, 64, 128),
        n_features: int = 500,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in = n_channels
        for n_out in widths:
            layers += [
                nn.Conv2d(n_in, n_out, 5, padding=2, bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(),
                nn.MaxPool2d(2, ceil_mode=True),
            ]
            n_in = n_out
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(GRID), nn.Flatten())
        self.wide_layer = nn.Linear(n_in * GRID * GRID, n_features)
        self.dropout = nn.Dropout(dropout)
        self.n_features = n_features

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, n_channels, h, w) to (n, n_features)."""
        features: Tensor = self.dropout(F.relu(self.wide_layer(self.layers(images))))
        return features
