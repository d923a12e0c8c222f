"""A trained network with its normalisation: raw pixels in, features and projections out."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hashlens.deep.base import HashNetwork

MAX_BATCH = 256
PIXELS_AT_ONCE = 256 * 64 * 64  # larger images come fewer at a time: memory stays bounded


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
    """Normalisation and network as one module: what a model saves, loads and runs."""

    def __init__(self, normalize: Normalize, network: HashNetwork) -> None:
        super().__init__()
        self.normalize = normalize
        self.network = network

    def embed(self, pixels: NDArray[np.uint8]) -> Embedded:
        """Embed pixels (n, h, w, c) uint8, in float32, whatever precision the training had."""
        self.eval()
        height, width = pixels.shape[1:3]
        batch_size = max(1, min(MAX_BATCH, PIXELS_AT_ONCE // (height * width)))
        device = self.normalize.mean.device
        parts = []
        with torch.inference_mode():
            for start in range(0, len(pixels), batch_size):
                # A copy: pixels read from a file's memory are read-only, which torch warns of.
                batch = torch.tensor(pixels[start : start + batch_size]).to(device)
                parts.append(self.network(self.normalize(batch)))
        features, projection = (_joined([part[i] for part in parts]) for i in (0, 1))
        logits = [part.logits for part in parts if part.logits is not None]
        return Embedded(features, projection, _joined(logits) if logits else None)


def _joined(parts: list[Tensor]) -> NDArray[np.float32]:
    array: NDArray[np.float32] = torch.cat(parts).float().cpu().numpy()
    return array
