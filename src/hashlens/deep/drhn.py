"""DRHN: residual groups of one-convolution blocks, and a hash layer with a threshold."""

from typing import Any

import torch
from torch import Tensor

from hashlens.checks import check_float, check_int, check_n_bits, refuse
from hashlens.deep.base import DeepMethod, Outputs, Targets, classification_loss
from hashlens.deep.code_network import CodeNetwork
from hashlens.deep.drhn_trunk import DRHNTrunk
from hashlens.deep.trunks import Trunk, build_trunk, check_trunk

PAPER_TRUNK = ""
PAPER_SHAPE = {"n_blocks": 15, "n_groups": 3, "width": 16}


class ThresholdNetwork(CodeNetwork):
    """Trunk, hash layer of sigmoid units, classifier on the hash layer.

    The projection is the activation less the threshold, so that its sign is the bit.
    """

    def __init__(self, trunk: Trunk, n_bits: int, n_classes: int, threshold: float) -> None:
        super().__init__(trunk, n_bits, n_classes)
        self.threshold = threshold

    def activate(self, projection: Tensor) -> Tensor:
        """Give the activation of the hash layer, between 0 and 1."""
        return projection + self.threshold

    def forward(self, images: Tensor) -> Outputs:
        """Map a normalised batch to features, projections (n, n_bits) and class scores."""
        features = self.trunk(images)
        projection = torch.sigmoid(self.hash_layer(features)) - self.threshold
        return Outputs(features, projection, self.scores(projection))


class DRHN(DeepMethod):
    r"""Residual blocks of one convolution each, and a hash layer between them and the classifier.

    .. math::
        \min_\theta \; - \frac{1}{n} \sum_{i=1}^{n} \log \operatorname{softmax}(W a_i + c)_{y_i},
        \qquad a_i = \sigma(H f_i + g) \in (0, 1)^B, \quad b_{ij} = [a_{ij} \ge t]

    where f are the channel means of the last group. A block is x + BN(ReLU(convolution(x))), in
    the order in which the abstract names the four operations; nothing follows the addition. The
    paper is one page and leaves open: the activation of the hash layer (here the sigmoid of Lin et
    al. 2015, whose idea it takes up), the threshold (theirs, 0.5), the widths, and the shortcut
    where the width changes (without parameters, as in He et al. 2016 for CIFAR-10).

    The abstract counts "six residual blocks" and reports n = 15 blocks a group. Six blocks are
    n = 2 in the three groups that He et al. use for CIFAR-10; or six groups may be meant. Here
    there are three groups, and n is 15, with which the published figure was reached. Two groups of
    one width in a row are one group of twice the blocks, so six groups are ``n_blocks=30``.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length h (the paper's best: 48).
    n_blocks : int, default=15
        Residual blocks a group, n (the paper's best: 15).
    n_groups : int, default=3
        Residual groups, each but the first starting with stride 2.
    width : int, default=16
        Channels of the first group; every further group doubles them.
    threshold : float, 0 to 1, both excluded, default=0.5
        The bit is one where the activation is at least this, t.
    trunk : str, default=""
        Empty for the paper's own; any other name (see `build_trunk`) puts the hash layer on that
        trunk, and `n_blocks`, `n_groups` and `width` are then to be left out.

    References
    ----------
    E. Jimenez-Lepe, A. Mendez-Vazquez, Deep residual hashing network for image retrieval, abstract.
    K. He et al., Deep residual learning for image recognition, CVPR 2016, section 4.2. K. Lin et
    al., Deep learning of binary hash codes for fast image retrieval, CVPR workshops 2015, eq. 1.

    Examples
    --------
    >>> network = DRHN(n_bits=16, n_blocks=1).network(n_classes=10, n_channels=3)
    >>> network(torch.zeros(2, 3, 32, 32)).projection.shape
    torch.Size([2, 16])
    """

    supports_multi_label = True

    def __init__(
        self,
        n_bits: int = 48,
        n_blocks: int = 15,
        n_groups: int = 3,
        width: int = 16,
        threshold: float = 0.5,
        trunk: str = PAPER_TRUNK,
    ) -> None:
        super().__init__(n_bits, trunk)
        self.n_blocks = n_blocks
        self.n_groups = n_groups
        self.width = width
        self.threshold = threshold

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        check_n_bits(self.n_bits)
        check_int("n_blocks", self.n_blocks, 1)
        check_int("n_groups", self.n_groups, 1)
        check_int("width", self.width, 1)
        if check_float("threshold", self.threshold, 0.0, 1.0) in (0.0, 1.0):
            raise refuse("threshold", "between 0 and 1, both excluded", self.threshold)
        if self.trunk != PAPER_TRUNK:
            check_trunk(self.trunk)
            for name, default in PAPER_SHAPE.items():
                if vars(self)[name] != default:
                    wanted = f"left out where the trunk is {self.trunk}"
                    raise refuse(name, wanted, vars(self)[name])

    @classmethod
    def examples_for_tests(cls) -> list[dict[str, Any]]:
        """Give small settings for the contract tests."""
        return [{"n_bits": 8, "n_blocks": 1, "width": 8, "threshold": 0.6}]

    def network(self, n_classes: int, n_channels: int) -> ThresholdNetwork:
        """Build the network for images with `n_channels` channels."""
        self.check()
        if self.trunk == PAPER_TRUNK:
            trunk: Trunk = DRHNTrunk(n_channels, self.n_groups, self.n_blocks, self.width)
        else:
            trunk = build_trunk(self.trunk, n_channels)
        return ThresholdNetwork(trunk, self.n_bits, n_classes, self.threshold)

    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Cross-entropy of the classifier on the hash layer."""
        del progress
        return classification_loss(outputs.logits, targets)
