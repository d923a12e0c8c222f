"""A trained network with its normalisation: raw pixels in, features and projections out."""

import copy
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hashlens.checks import check_choice
from hashlens.deep.base import HashNetwork, Outputs
from hashlens.deep.trunks import Trunk
from hashlens.features.side_by_side import keep_freed_memory, side_by_side, spans

MAX_BATCH = 256
PIXELS_AT_ONCE = 256 * 64 * 64  # larger images come fewer at a time: memory stays bounded

# On a processor, maps of more than 32 MiB are mapped anew for every layer: a fifth of the time.
_CPU_BATCH = 64
_CPU_PIXELS = 64 * 64 * 64

PRECISIONS = ("float32", "bfloat16")


class Normalize(nn.Module):
    """Raw pixels (n, h, w, c) uint8 to (n, c, h, w) float of zero mean and unit variance."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    @classmethod
    def fit(cls, chunks: Iterable[NDArray[np.uint8]]) -> "Normalize":
        """Take mean and deviation of each channel from chunks of pixels (n, h, w, c)."""
        count, total, squares = 0, np.zeros(1), np.zeros(1)
        for chunk in chunks:
            values = chunk.reshape(-1, chunk.shape[3]).astype(np.float64)
            count += len(values)
            total = total + values.sum(0)
            squares = squares + (values**2).sum(0)
        mean = total / count
        std = np.sqrt(np.maximum(squares / count - mean**2, 1.0))
        return cls(torch.tensor(mean, dtype=torch.float32), torch.tensor(std, dtype=torch.float32))

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalise; the result keeps the channels-last memory order of the pixels."""
        normalized: Tensor = (pixels.permute(0, 3, 1, 2).float() - self.mean[:, None, None]) / (
            self.std[:, None, None]
        )
        return normalized.contiguous(memory_format=torch.channels_last)


class Embedded(NamedTuple):
    """Arrays for n images: features (n, d), projection (n, n_bits), logits (n, n_classes).

    A method without a classifier has no logits.
    """

    features: NDArray[np.float32]
    projection: NDArray[np.float32]
    logits: NDArray[np.float32] | None


class DeepEncoder(nn.Module):
    """Normalisation and network as one module: what a model saves, loads and runs.

    Parameters
    ----------
    normalize : Normalize
    network : HashNetwork
    flip_average : bool, default=False
        Embed each image as the mean of itself and its mirror image: better, at twice the cost.

    Attributes
    ----------
    precision : {"float32", "bfloat16"}
        What `embed` computes in; it is not saved.
    """

    def __init__(
        self, normalize: Normalize, network: HashNetwork, flip_average: bool = False
    ) -> None:
        super().__init__()
        self.precision = "float32"
        self.normalize = normalize
        self.network = network
        self.flip_average = flip_average

    @property
    def wants_images(self) -> bool:
        """Whether a trunk computes a part of itself from the training images."""
        return any(type(trunk).calibrate is not Trunk.calibrate for trunk in self._trunks())

    def calibrate(self, pixels: NDArray[np.uint8]) -> None:
        """Show a sample of the training images (n, h, w, c) to the trunks, before training."""
        with torch.no_grad():
            images = self.normalize(torch.tensor(pixels).to(self.normalize.mean.device))
            for trunk in self._trunks():
                trunk.calibrate(images)

    def _trunks(self) -> list[Trunk]:
        return [module for module in self.network.modules() if isinstance(module, Trunk)]

    def at_precision(self, precision: str) -> "DeepEncoder":
        """Give an encoder with the same weights that embeds in `precision`.

        Parameters
        ----------
        precision : {"float32", "bfloat16"}
            With bfloat16, layers multiply in 16 bits: quicker on processors and GPUs that have
            the instructions, slower elsewhere. Bits whose projection is near 0 may change.
        """
        check_choice("precision", precision, PRECISIONS)
        other = copy.copy(self)
        other.precision = precision
        return other

    def embed(self, pixels: NDArray[np.uint8]) -> Embedded:
        """Embed pixels (n, h, w, c) uint8, in float32, whatever precision the training had.

        On a processor, batches are computed side by side, each by one thread.
        """
        self.eval()
        height, width = pixels.shape[1:3]
        if self.normalize.mean.device.type == "cpu":
            keep_freed_memory()
            most = max(1, min(_CPU_BATCH, _CPU_PIXELS // (height * width)))
            batches = side_by_side(self._embedded, [pixels[at] for at in spans(len(pixels), most)])
        else:
            most = max(1, min(MAX_BATCH, PIXELS_AT_ONCE // (height * width)))
            starts = range(0, len(pixels), most)
            batches = [self._embedded(pixels[start : start + most]) for start in starts]
        features = _joined([part.features for part in batches])
        projection = _joined([part.projection for part in batches])
        logits = [part.logits for part in batches if part.logits is not None]
        return Embedded(features, projection, _joined(logits) if logits else None)

    @torch.inference_mode()
    def _embedded(self, pixels: NDArray[np.uint8]) -> Outputs:
        device = self.normalize.mean.device
        # A copy: pixels read from a file's memory are read-only, which torch warns of.
        images = self.normalize(torch.tensor(pixels).to(device))
        is_half = self.precision == "bfloat16"
        with torch.autocast(device.type, torch.bfloat16, enabled=is_half):
            outputs: Outputs = self(images)
            return outputs

    def project(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Project features (n, d) of methods whose hash layer alone follows them: (n, n_bits)."""
        device = self.normalize.mean.device
        with torch.inference_mode():
            layer = self.network.get_submodule("hash_layer")
            return _joined([layer(torch.tensor(features).to(device))])

    def forward(self, images: Tensor) -> Outputs:
        """Embed normalised images (n, c, h, w)."""
        outputs: Outputs = self.network(images)
        if not self.flip_average:
            return outputs
        mirrored: Outputs = self.network(images.flip(3))
        features = (outputs.features + mirrored.features) / 2
        projection = (outputs.projection + mirrored.projection) / 2
        if outputs.logits is None or mirrored.logits is None:
            return Outputs(features, projection, None)
        return Outputs(features, projection, (outputs.logits + mirrored.logits) / 2)


def _joined(parts: list[Tensor]) -> NDArray[np.float32]:
    array: NDArray[np.float32] = torch.cat(parts).float().cpu().numpy()
    return array
