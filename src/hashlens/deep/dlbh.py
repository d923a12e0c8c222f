"""DLBH: a latent layer of sigmoid units in a network learnt on ImageNet, and fine-tuned."""

from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from hashlens.checks import check_float, refuse
from hashlens.deep.base import DeepMethod, Given, HashNetwork, Outputs, Targets, classification_loss
from hashlens.deep.code_network import CodeNetwork
from hashlens.deep.recipe import Recipe
from hashlens.deep.trunks import Trunk, build_trunk, pretrained_size

BATCH_SIZE = 32
MIN_STEPS = 300
ALEXNET_RATE = 0.01


class LatentNetwork(CodeNetwork):
    """Trunk (up to F7), latent layer H of sigmoid units, classifier F8 on H (figure 1)."""

    def activate(self, projection: Tensor) -> Tensor:
        """Give Out(H), between 0 and 1: at least 0.5 where the projection is at least 0 (eq. 1)."""
        return torch.sigmoid(projection)


class DLBH(DeepMethod):
    r"""A latent layer of n_bits sigmoid units between a pre-trained network and the classifier.

    .. math::
        \min_\theta \; - \frac{1}{n} \sum_{i=1}^{n} \log \operatorname{softmax}(W a_i + c)_{y_i},
        \qquad a_i = \sigma(H f_i + g), \quad b_{ij} = [a_{ij} \ge 0.5]

    where f (F7 in the paper) is the last layer of a network learnt on ImageNet. All of it is
    trained, the new layers faster than the old ones. f is kept beside the code: it orders the
    candidates of the hierarchical search (section 3.2, eq. 2). With several labels an image,
    the softmax becomes a sigmoid for each class.

    The paper fine-tunes AlexNet. The default here is a network whose weights come with the
    installation, so that no network and no permission is needed; "alexnet" is the paper's, where
    torchvision's weights for it are on this machine. The paper's own training uses batches of 32,
    which are kept: a small set then takes more steps for the same computation.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length h (the paper: 48 and 128).
    trunk : str, default="tf_efficientnet_lite0"
        See `build_trunk` (the paper: alexnet).
    pretrained : bool, default=True
        Start from weights learnt on ImageNet. They must be on this machine: nothing is downloaded.
    trunk_rate : float, at least 0, default=0.1
        Factor on the learning rate of the pre-trained trunk; 0 trains the new layers alone, but
        for the running statistics of the trunk's normalisation. Without effect where `pretrained`
        is False.

    References
    ----------
    K. Lin, H.-F. Yang, J.-H. Hsiao, C.-S. Chen, Deep learning of binary hash codes for fast image
    retrieval, CVPR workshops 2015, section 3, eq. 1 and 2.

    Examples
    --------
    >>> method = DLBH(n_bits=16, trunk="cifarnet", pretrained=False)
    >>> network = method.network(n_classes=10, n_channels=3)
    >>> network(torch.zeros(2, 3, 32, 32)).projection.shape
    torch.Size([2, 16])
    """

    supports_multi_label = True

    def __init__(
        self,
        n_bits: int = 48,
        trunk: str = "tf_efficientnet_lite0",
        pretrained: bool = True,
        trunk_rate: float = 0.1,
    ) -> None:
        super().__init__(n_bits, trunk)
        self.pretrained = pretrained
        self.trunk_rate = trunk_rate

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        super().check()
        check_float("trunk_rate", self.trunk_rate, 0.0)
        if not isinstance(self.pretrained, bool):
            raise refuse("pretrained", "True or False", self.pretrained)
        if self.pretrained and pretrained_size(self.trunk) is None:
            wanted = f"False for {self.trunk}, which has no weights learnt on ImageNet"
            raise refuse("pretrained", wanted, self.pretrained)

    @classmethod
    def examples_for_tests(cls) -> list[dict[str, Any]]:
        """Give small settings for the contract tests."""
        return [{"n_bits": 8, "trunk": "resnet-8", "pretrained": False}]

    @property
    def image_size(self) -> int | None:
        """The size that the pre-trained weights are used to; without them, the images' own."""
        return pretrained_size(self.trunk) if self.pretrained else None

    def recipe(self, recipe: Recipe) -> Recipe:
        """Take small batches for fine-tuning, and AlexNet's rate for a trunk without norms."""
        if self.trunk == "alexnet":
            recipe = replace(recipe, learning_rate=min(recipe.learning_rate, ALEXNET_RATE))
        if self.pretrained:
            # The trunk can see already, so a small set needs no thousand steps.
            steps = min(recipe.min_steps, MIN_STEPS)
            recipe = replace(recipe, batch_size=BATCH_SIZE, min_steps=steps)
        return recipe

    def rate_factor(self, name: str) -> float:
        """Give `trunk_rate` for what is fine-tuned, 1 for the layers that are new."""
        return self.trunk_rate if self.pretrained and name.startswith("trunk.") else 1.0

    def network(self, n_classes: int, n_channels: int) -> LatentNetwork:
        """Build the network with fresh weights everywhere."""
        self.check()
        return LatentNetwork(build_trunk(self.trunk, n_channels), self.n_bits, n_classes)

    def prepare(self, network: HashNetwork, given: Given) -> dict[str, float]:
        """Load the trunk's ImageNet weights, where they are asked for."""
        del given
        if self.pretrained:
            cast(Trunk, network.get_submodule("trunk")).load_pretrained()
        return {}

    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Cross-entropy of the classifier on the latent layer."""
        del progress
        return classification_loss(outputs.logits, targets)
