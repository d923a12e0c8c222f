"""RITQ: ResNet features, then PCA and iterative quantisation."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hashlens.checks import check_int, refuse
from hashlens.deep.base import (
    DeepMethod,
    Given,
    HashNetwork,
    Outputs,
    Targets,
    classification_loss,
)
from hashlens.deep.trunks import Trunk, build_trunk
from hashlens.hashers.itq import ITQ


class RITQNetwork(HashNetwork):
    """Table I: trunk, 256-d feature layer, classifier; beside them the hash layer ITQ fills in.

    PCA followed by ITQ's rotation is one affine map, so the trained system is one network and its
    hash layer is an ordinary linear layer that no gradient ever touches.
    """

    def __init__(self, trunk: Trunk, n_features: int, n_bits: int, n_classes: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.feature_layer = nn.Linear(trunk.n_features, n_features)
        self.classifier = nn.Linear(n_features, n_classes)
        self.hash_layer = nn.Linear(n_features, n_bits).requires_grad_(False)

    def forward(self, images: Tensor) -> Outputs:
        """Map a normalised batch to features (n, d), projections (n, n_bits) and class scores."""
        features = F.relu(self.feature_layer(self.trunk(images)))
        return Outputs(features, self.hash_layer(features), self.classifier(features))


class RITQ(DeepMethod):
    r"""ResNet features learnt with a classifier, then PCA and ITQ on the 256-d feature layer.

    .. math::
        \min_{B, R} \lVert B - V R \rVert_F^2, \qquad V = (K - \bar K) W, \quad
        B = \operatorname{sgn}(V R), \quad R^\top R = I

    where K (n, 256) are the features of the training images and W their first n_bits principal
    directions. The paper's step 2 drops W and its objective does not centre K; this is the working
    form. Images keep their own size (the paper scales them to 224 x 224, which adds no
    information to 32 x 32 pictures and costs 49 times as much), the feature layer is rectified,
    and the shortcuts have no parameters; the paper says nothing on these two.

    Parameters
    ----------
    n_bits : int, 1 to n_features, default=48
        Code length (the paper: 8, 16, 48, 64, 128).
    trunk : str, default="resnet-32"
        The default is the paper's, five residual blocks in each of three groups; see `build_trunk`.
    n_features : int, default=256
        Width of the feature layer (the paper: 256).

    References
    ----------
    G. Wang, B. Qiang, X. Zou, J. Lu, Image retrieval based on ResNet and ITQ, section 3, Table I
    and eq. 1. Y. Gong, S. Lazebnik, Iterative quantization, CVPR 2011, eq. 2.

    Examples
    --------
    >>> network = RITQ(n_bits=16).network(n_classes=10, n_channels=3)
    >>> network(torch.zeros(2, 3, 32, 32)).projection.shape
    torch.Size([2, 16])
    """

    supports_multi_label = True
    bits_enter_training = False

    def __init__(self, n_bits: int = 48, trunk: str = "resnet-32", n_features: int = 256) -> None:
        super().__init__(n_bits, trunk)
        self.n_features = n_features

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        super().check()
        check_int("n_features", self.n_features, 1)
        if self.n_bits > self.n_features:
            raise refuse("n_bits", f"at most n_features = {self.n_features}", self.n_bits)

    @classmethod
    def examples_for_tests(cls) -> list[dict[str, Any]]:
        """Give small settings for the contract tests."""
        return [{"n_bits": 12, "trunk": "resnet-8", "n_features": 32}]

    def network(self, n_classes: int, n_channels: int) -> RITQNetwork:
        """Build Table I's network for images with `n_channels` channels."""
        self.check()
        trunk = build_trunk(self.trunk, n_channels)
        return RITQNetwork(trunk, self.n_features, self.n_bits, n_classes)

    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Cross-entropy of the classifier (section 3.1); the codes take no part in the training."""
        del progress
        return classification_loss(outputs.logits, targets)

    def finish(
        self, network: HashNetwork, features: NDArray[np.float32], given: Given
    ) -> dict[str, float]:
        """Fit PCA and ITQ on the training features and write them into the hash layer.

        Where prefixes are wanted, each one is lengthened by the bits of an ITQ of its own, on the
        leading principal directions again: those that follow hold little but noise.
        """
        steps = np.diff(given.lengths, prepend=0)
        fits = [
            ITQ(n_bits=int(n_bits), seed=given.seed + i).fit(features)
            for i, n_bits in enumerate(steps)
        ]
        forms = [itq.linear_form() for itq in fits]
        weights = np.concatenate([form[0] for form in forms], axis=1)  # (n_features, n_bits)
        offset = np.concatenate([form[1] for form in forms])  # (n_bits,)
        layer = network.get_submodule("hash_layer")
        with torch.no_grad():
            layer.get_parameter("weight").copy_(torch.from_numpy(weights.T.copy()))
            layer.get_parameter("bias").copy_(torch.from_numpy(offset.copy()))
        return {"quantisation_loss": float(sum(itq.loss_[-1] for itq in fits))}
