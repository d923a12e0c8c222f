"""Pooled features of a network that was trained on other images, by its timm name."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from hashlens.checks import refuse
from hashlens.data import Preprocessing
from hashlens.features.base import Features, Pixels8, Vectors
from hashlens.features.fused import fused
from hashlens.features.lite0 import MEAN, OFFLINE_BACKBONE, SIDE, STD, Lite0, is_offline
from hashlens.features.side_by_side import keep_freed_memory, side_by_side, spans

# On a processor, few images at once stay in its caches: 4 are almost twice as quick as 32.
_AT_ONCE = {"cpu": 4, "cuda": 64}
_FUSED_AT_ONCE = 16


class _Given(NamedTuple):
    """A network without its classifier, and the images that its weights were trained on."""

    name: str
    network: nn.Module
    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]


class Backbone(Features):
    """Global average pool of a pre-trained network of timm, its classifier removed.

    The network sees what timm's configuration for its weights says: input size, mean, standard
    deviation. Images keep their aspect ratio and lose the ends of their longer side. It computes
    in float32; batch and companions of an image change its vector by rounding only. A CUDA device
    is used where there is one.

    Parameters
    ----------
    name : str, default "tf_efficientnet_lite0"
        Any timm model with pre-trained weights, with or without the tag of the weights. The
        default's weights (ImageNet, 1280-d) come with the installation.
    normalize : bool, default True
        Scale every vector to length 1, so that Euclidean distance ranks as the cosine does.
    download : bool, default False
        Fetch weights that are not on this machine. Once fetched, they are found without it.

    Raises
    ------
    InputError
        If timm has no such model, or its weights are not here and `download` is False.

    References
    ----------
    R. Wightman, "PyTorch Image Models", 2019, doi:10.5281/zenodo.4414861.

    Examples
    --------
    >>> import numpy as np
    >>> backbone = Backbone()
    >>> backbone.transform(np.zeros((1, 224, 224, 3), np.uint8)).shape
    (1, 1280)
    """

    def __init__(
        self, name: str = OFFLINE_BACKBONE, *, normalize: bool = True, download: bool = False
    ) -> None:
        for switch, value in ("normalize", normalize), ("download", download):
            if not isinstance(value, bool):
                raise refuse(switch, "True or False", value)
        self.name, network, (height, width), mean, std = _given(name, download)
        self.normalize = normalize
        self.preprocessing = Preprocessing(height, width, n_channels=3, resize="crop")
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.batch_size = _AT_ONCE[self._device.type]
        keep_freed_memory()
        self._network = network.to(self._device).to(memory_format=torch.channels_last)
        self._compute: Callable[[Tensor], Tensor] = self._network
        quick = None
        if isinstance(network, Lite0) and self._device.type == "cpu":
            quick = fused(network)
        if quick is not None:
            self._compute, self.batch_size = quick, _FUSED_AT_ONCE
        self._mean = torch.tensor(mean, device=self._device).mul(255)
        self._std = torch.tensor(std, device=self._device).mul(255)
        self._n_features: int = self._vectors(np.zeros((1, height, width, 3), np.uint8)).shape[1]

    @property
    def n_features(self) -> int:
        """Length of a vector, as the network has it."""
        return self._n_features

    def parts(self) -> tuple[nn.Module, Tensor, Tensor]:
        """Give the network, and of each channel the mean and the deviation, of 0 to 255."""
        return self._network, self._mean, self._std

    def settings(self) -> dict[str, Any]:
        """Give the JSON values from which ``restore_features`` builds the same features."""
        return {"name": self.name, "normalize": self.normalize}

    def _fill(self, images: Pixels8, vectors: Vectors) -> None:
        """Compute several batches side by side, each by one thread."""
        if self._device.type != "cpu":
            super()._fill(images, vectors)
            return

        def fill(part: slice) -> None:
            vectors[part] = self._vectors(images[part])

        side_by_side(fill, spans(len(images), self.batch_size))

    @torch.inference_mode()
    def _vectors(self, pixels: Pixels8) -> Vectors:
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)
        n, height, width, _ = batch.shape
        # By rows: over the three channels alone, the processor would take its numbers by threes.
        rows = batch.view(n, height, -1).float()
        scaled = rows.sub_(self._mean.repeat(width)).div_(self._std.repeat(width))
        images = scaled.view(batch.shape).permute(0, 3, 1, 2)  # channels last already
        pooled = self._compute(images)
        vectors: Vectors = pooled.float().cpu().numpy()
        return vectors


def _given(name: object, download: bool) -> _Given:
    """Look a network up: timm, which takes two seconds to import, where it is needed alone."""
    if isinstance(name, str) and is_offline(name):
        return _Given(name, Lite0.installed(), (SIDE, SIDE), MEAN, STD)
    from hashlens.features.pretrained import check_backbone, data_config, pretrained_network

    known = check_backbone(name)
    network = pretrained_network(known, download).eval()
    config = data_config(network)
    _, height, width = config["input_size"]
    return _Given(known, network, (height, width), config["mean"], config["std"])
