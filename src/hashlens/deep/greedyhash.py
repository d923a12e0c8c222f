"""GreedyHash: a classifier on the very bits, with the sign passed over in the backward pass."""

from dataclasses import replace

from torch import Tensor

from hashlens.checks import check_float
from hashlens.deep.base import DeepMethod, Outputs, Targets, classification_loss
from hashlens.deep.code_network import CodeNetwork
from hashlens.deep.recipe import Recipe
from hashlens.deep.trunks import build_trunk


class GreedyNetwork(CodeNetwork):
    """Trunk, hash layer, classifier on the signs of the projections."""

    def activate(self, projection: Tensor) -> Tensor:
        """Give -1 and +1; the gradient passes as if this were the identity."""
        signs = 2.0 * (projection.detach() >= 0) - 1.0
        return projection + (signs - projection).detach()


class GreedyHash(DeepMethod):
    r"""The sign in the forward pass, its gradient copied unchanged in the backward pass.

    .. math::
        \min \; \operatorname{CE}(C \operatorname{sgn}(h), y)
        + \frac{\alpha}{n b} \sum_{i, k} \bigl\lvert \lvert h_{ik} \rvert - 1 \bigr\rvert^3,
        \qquad \frac{\partial L}{\partial h} := \frac{\partial L}{\partial \operatorname{sgn}(h)}

    where h (n, b) are the projections and C is a linear classifier. The second term keeps h near
    its sign, so that the copied gradient is nearly right. It is a mean over images and bits here,
    as in the authors' program, so that alpha does not depend on their number. With several labels
    an image, the classifier's cross-entropy is that of each class by itself.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length (the paper: 12, 24, 32, 48 on CIFAR-10).
    trunk : str, default="cifarnet"
        See `build_trunk` (the paper: AlexNet, pre-trained on ImageNet).
    quantisation_weight : float, >= 0, default=0.1
        The paper's alpha (its authors' program: 0.1 on CIFAR-10, 1 on ImageNet).

    References
    ----------
    S. Su, C. Zhang, K. Han, Y. Tian, Greedy hash: towards fast optimization for accurate hash
    coding in CNN, NeurIPS 2018, section 3.

    Examples
    --------
    >>> import torch
    >>> network = GreedyHash(n_bits=16).network(n_classes=10, n_channels=3)
    >>> network(torch.zeros(2, 3, 32, 32)).projection.shape
    torch.Size([2, 16])
    """

    supports_multi_label = True

    def __init__(
        self, n_bits: int = 48, trunk: str = "cifarnet", quantisation_weight: float = 0.1
    ) -> None:
        super().__init__(n_bits, trunk)
        self.quantisation_weight = quantisation_weight

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        super().check()
        check_float("quantisation_weight", self.quantisation_weight, 0.0)

    def recipe(self, recipe: Recipe) -> Recipe:
        """Lower the rate: the gradient of the cubic term can carry a large step away for good."""
        return replace(recipe, learning_rate=min(recipe.learning_rate, 0.07))

    def network(self, n_classes: int, n_channels: int) -> GreedyNetwork:
        """Build trunk, hash layer and classifier."""
        self.check()
        return GreedyNetwork(build_trunk(self.trunk, n_channels), self.n_bits, n_classes)

    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Cross-entropy of the classifier on the bits, and how far they are from +-1."""
        del progress
        away = (outputs.projection.abs() - 1).abs().pow(3).mean()
        return classification_loss(outputs.logits, targets) + self.quantisation_weight * away
