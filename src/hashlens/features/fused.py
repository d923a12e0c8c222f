"""The offline backbone for a processor: each layer is one call, its activation and sum included."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hashlens.features.lite0 import Block, Convolution, Lite0

# Early maps are large, late filters are: so the first blocks see one image at a time, whose maps
# stay in the processor's caches, and the others all of a batch.
_ONE_AT_A_TIME = 5
_RELU6 = ("hardtanh", [0.0, 6.0])
_NOTHING: tuple[str, list[float]] = ("none", [])


class FusedBackbone:
    """The offline backbone in calls of oneDNN: the same function up to rounding, and quicker.

    A layer as torch has it writes its map, reads it again for the rectifier and again for the sum
    with the block's input. Here the convolution does all three before it writes.

    Parameters
    ----------
    network : Lite0
        On the processor.
    """

    def __init__(self, network: Lite0) -> None:
        self._stem = _Layer(network.stem)
        self._blocks = [_Block(block) for block in network.blocks]
        self._head = _Layer(network.head)

    def __call__(self, images: Tensor) -> Tensor:
        """Map normalised images (n, 3, h, w), channels last, to pooled features (n, d)."""
        maps = torch.cat([self._early(images[i : i + 1]) for i in range(len(images))])
        for block in self._blocks[_ONE_AT_A_TIME:]:
            maps = block(maps)
        return self._head(maps).mean((2, 3))

    def _early(self, images: Tensor) -> Tensor:
        maps = self._stem(images)
        for block in self._blocks[:_ONE_AT_A_TIME]:
            maps = block(maps)
        return maps


class _Block:
    def __init__(self, block: Block) -> None:
        self._layers = [_Layer(layer) for layer in block.layers]
        self._has_skip = block.has_skip

    def __call__(self, maps: Tensor) -> Tensor:
        inner = maps
        for layer in self._layers[:-1]:
            inner = layer(inner)
        return self._layers[-1](inner, maps if self._has_skip else None)


class _Layer:
    """A convolution, and what follows it: a rectifier, or the sum with the block's input."""

    def __init__(self, layer: Convolution) -> None:
        self._padded, self._after = layer.padded, _RELU6 if layer.relu else _NOTHING
        self._shape = (layer.padding, layer.stride, layer.dilation, layer.groups)
        self._bias = layer.bias.detach()
        reorder = torch.ops.mkldnn._reorder_convolution_weight
        self._weight: Tensor = reorder(layer.weight.detach(), *self._shape)

    def __call__(self, maps: Tensor, other: Tensor | None = None) -> Tensor:
        maps = self._padded(maps)
        convolve: Any = torch.ops.mkldnn._convolution_pointwise
        layer: Sequence[Any] = (self._weight, self._bias, *self._shape)
        if other is None:
            result: Tensor = convolve(maps, *layer, *self._after, "")
        else:
            result = convolve.binary(maps, other, *layer, "add", 1.0, None, [], "")
        return result


def fused(network: Lite0) -> "FusedBackbone | None":
    """Give the offline backbone in calls of oneDNN; None where they do not give what it gives.

    These calls are torch's own, for its compiler, and may be missing or change: then the network
    as it is serves.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return None
    try:
        quick = FusedBackbone(network)
        return quick if _agree(quick, network) else None
    except (AttributeError, RuntimeError, TypeError):
        return None


@torch.inference_mode()
def _agree(quick: FusedBackbone, network: Lite0) -> bool:
    """Whether both give the same features of a small image."""
    shades = torch.linspace(-2, 2, 2 * 3 * 64 * 64).view(2, 3, 64, 64)
    images = shades.contiguous(memory_format=torch.channels_last)
    return torch.allclose(quick(images), network(images), rtol=1e-3, atol=1e-3)
