"""What a deep method is: a network from images to codes, a loss, and an optional last step."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hashlens.checks import check_n_bits, refuse
from hashlens.deep.codebook import Codebook
from hashlens.deep.recipe import Recipe
from hashlens.deep.trunks import check_trunk


class Outputs(NamedTuple):
    """What a hashing network gives for a batch of n images.

    Attributes
    ----------
    features : float (n, d)
        The last layer before the hash layer, for re-ranking.
    projection : float (n, n_bits)
        Reals whose sign is the code.
    logits : float (n, n_classes), or None
        The classifier's scores, where the method has a classifier.
    partner : float (n, n_bits), or None
        In training only: what a second network, which the loss compares with, says of the images.
    codebook : Codebook, or None
        In training only: the codes that the images are to get, where they are fixed beforehand.
    """

    features: Tensor
    projection: Tensor
    logits: Tensor | None
    partner: Tensor | None = None
    codebook: Codebook | None = None


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


class Given(NamedTuple):
    """What a training knows before its first step.

    Attributes
    ----------
    labels : int64 (n,), or bool (n, n_classes)
        Of the training images.
    seed : int
    lengths : tuple of int
        Prefixes of the code that are to be codes themselves, ascending; the last is the whole.
    """

    labels: NDArray[Any]
    seed: int
    lengths: tuple[int, ...]


class HashNetwork(nn.Module, ABC):
    """A network whose forward pass gives `Outputs` for a normalised batch (n, c, h, w)."""

    @abstractmethod
    def forward(self, images: Tensor) -> Outputs:
        """Map a normalised batch to features, projections and class scores."""

    def prefix(self, outputs: Outputs, n_bits: int) -> Outputs:
        """Give what the network would say if it had the first `n_bits` of its bits alone.

        A network whose class scores come from the code overrides this.
        """
        partner = None if outputs.partner is None else outputs.partner[:, :n_bits]
        codebook = outputs.codebook and outputs.codebook.prefix(n_bits)
        projection = outputs.projection[:, :n_bits]
        return outputs._replace(projection=projection, partner=partner, codebook=codebook)


class DeepMethod(ABC):
    """Base of the deep systems. The constructor only stores; the one loop does the training.

    Parameters
    ----------
    n_bits : int, 1 to 4096
        Code length.
    trunk : str
        What maps images to features; see `build_trunk`.
    """

    supports_multi_label: ClassVar[bool] = False
    bits_enter_training: ClassVar[bool] = True
    """False where the hash layer is fitted by `finish` alone, on features that do not know it."""

    def __init__(self, n_bits: int = 48, trunk: str = "cifarnet") -> None:
        self.n_bits = n_bits
        self.trunk = trunk

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        check_n_bits(self.n_bits)
        check_trunk(self.trunk)

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments, JSON-able."""
        return dict(vars(self))

    @classmethod
    def examples_for_tests(cls) -> list[dict[str, Any]]:
        """Give small settings for the contract tests, of at most 16 bits."""
        return [{"n_bits": 8, "trunk": "resnet-8"}]

    @property
    def image_size(self) -> int | None:
        """Side that images should be scaled to, or None to leave that to the data."""
        return None

    def recipe(self, recipe: Recipe) -> Recipe:
        """Change what this method cannot be trained with; the default changes nothing."""
        return recipe

    def rate_factor(self, name: str) -> float:
        """Give the factor on the learning rate for the parameter of this name."""
        del name
        return 1.0

    @abstractmethod
    def network(self, n_classes: int, n_channels: int) -> HashNetwork:
        """Build the untrained network; nothing is read from disk."""

    def prepare(self, network: HashNetwork, given: Given) -> dict[str, float]:
        """Do what comes before the first step, on the freshly built network.

        Pre-trained weights, target codes and centres belong here. What is written into the
        network's buffers is saved with it. Returns figures for the model's card.
        """
        del network, given
        return {}

    @abstractmethod
    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Return the scalar to be minimised. `progress` goes from 0 to 1 over the training.

        `outputs` may hold a prefix of the bits only: take their number from its shapes.
        """

    def finish(
        self, network: HashNetwork, features: NDArray[np.float32], given: Given
    ) -> dict[str, float]:
        """Do what follows the training, given features (n, d), float32, of training images.

        They are those of at most 20,000 images, drawn at random; `given.labels` are theirs.
        Returns figures for the model's card. The default does nothing.
        """
        del network, features, given
        return {}


def codebook_of(outputs: Outputs) -> Codebook:
    """Give the codes that the images are to get, or raise InputError where there are none."""
    if outputs.codebook is None:
        raise refuse("outputs", "those of a network in training, which have a codebook", None)
    return outputs.codebook


def classification_loss(logits: Tensor | None, targets: Targets) -> Tensor:
    """Softmax cross-entropy for one label an image, sigmoid cross-entropy for several."""
    if logits is None:
        raise refuse("logits", "class scores: this loss needs a classifier", None)
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
