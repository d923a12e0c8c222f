"""What a deep method is: a network from images to codes, a loss, and an optional last step."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hashlens.checks import check_n_bits


class Outputs(NamedTuple):
    """What a hashing network gives for a batch of n images.

    Attributes
    ----------
    features : float (n, d)
        The last layer before the hash layer, for re-ranking.
    projection : float (n, n_bits)
        Reals whose sign is the code.
    logits : float (n, n_classes)
        The classifier's scores.
    """

    features: Tensor
    projection: Tensor
    logits: Tensor


class Targets(NamedTuple):
    """What a batch should become.

    Attributes
    ----------
    labels : int64 (n,), or bool (n, n_classes) where an image has several labels
    weights : float (n, n_classes)
        The classes as a distribution (one label) or as 0/1 (several), label smoothing applied.
    """

    labels: Tensor
    weights: Tensor


class HashNetwork(nn.Module, ABC):
    """A network whose forward pass gives `Outputs` for a normalised batch (n, c, h, w)."""

    @abstractmethod
    def forward(self, images: Tensor) -> Outputs:
        """Map a normalised batch to features, projections and class scores."""


class DeepMethod(ABC):
    """Base of the deep systems. The constructor only stores; the one loop does the training.

    Parameters
    ----------
    n_bits : int, 1 to 4096
        Code length.
    """

    supports_multi_label: ClassVar[bool] = False

    def __init__(self, n_bits: int = 48) -> None:
        self.n_bits = n_bits

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        check_n_bits(self.n_bits)

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments, JSON-able."""
        return dict(vars(self))

    @classmethod
    def examples_for_tests(cls) -> list[dict[str, Any]]:
        """Give small settings for the contract tests, of at most 16 bits."""
        return [{"n_bits": 8}]

    @abstractmethod
    def network(self, n_classes: int, n_channels: int) -> HashNetwork:
        """Build the untrained network."""

    @abstractmethod
    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Return the scalar to be minimised. `progress` goes from 0 to 1 over the training."""

    def finish(self, network: HashNetwork, features: NDArray[Any], seed: int) -> dict[str, float]:
        """Do what follows the training, given the training set's features (n, d), float32.

        Returns figures for the model's card. The default does nothing.
        """
        del network, features, seed
        return {}


def classification_loss(logits: Tensor, targets: Targets) -> Tensor:
    """Softmax cross-entropy for one label an image, sigmoid cross-entropy for several."""
    if targets.labels.ndim == 2:
        return nn.functional.binary_cross_entropy_with_logits(logits, targets.weights)
    return nn.functional.cross_entropy(logits, targets.weights)


def make_targets(labels: Tensor, n_classes: int, smoothing: float) -> Targets:
    """Turn labels into targets, moving `smoothing` of the weight to all classes evenly.

    Examples
    --------
    >>> make_targets(torch.tensor([1]), 2, 0.5).weights
    tensor([[0.2500, 0.7500]])
    """
    if labels.ndim == 2:
        return Targets(labels, labels.float())
    weights = torch.full((len(labels), n_classes), smoothing / n_classes, device=labels.device)
    weights.scatter_add_(1, labels[:, None], torch.full_like(weights[:, :1], 1 - smoothing))
    return Targets(labels, weights)
