"""HashNet: weighted likelihood of the pairs, through a tanh that grows into the sign."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hashlens.checks import check_float
from hashlens.deep.base import Outputs, Targets
from hashlens.deep.code_network import CodeNetwork
from hashlens.deep.pairs import PairMethod, similarity
from hashlens.deep.trunks import build_trunk


class HashNet(PairMethod):
    r"""Weighted maximum likelihood of similar and dissimilar pairs, by continuation.

    .. math::
        \frac{1}{|S|} \sum_{ij} w_{ij} \bigl( \log(1 + e^{\alpha h_i^\top h_j})
        - \alpha s_{ij} h_i^\top h_j \bigr), \qquad h = \tanh(\beta z), \qquad
        w_{ij} = c_{ij} \cdot \begin{cases} |S| / |S_1| & s_{ij} = 1 \\ |S| / |S_0| & s_{ij} = 0
        \end{cases}

    where z (n, b) are the projections and s_ij tells whether two images share a label. The
    weights give similar and dissimilar pairs the same say, however rare the similar ones are; S,
    S_1 and S_0 are all, the similar and the dissimilar pairs of the batch (the paper counts those
    of the training set). c_ij is the share of common labels among the labels of a similar pair,
    1 for dissimilar pairs and where an image has one label.

    Over the training beta grows as sqrt(1 + k progress), from 1 to `final_beta`, the sequence of
    the authors' program without its steps. In the end the loss nearly sees the bits themselves.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length (the paper: 16, 32, 48, 64).
    trunk : str, default="cifarnet"
        See `build_trunk` (the paper: AlexNet, pre-trained on ImageNet).
    steepness : float, > 0, default=10
        The paper's alpha is steepness / n_bits, as in its authors' program.
    final_beta : float, >= 1, default=3
        The paper goes to infinity in stages; its authors' program reaches 7 in 10,000 steps. The
        trainings here are shorter, and a steep tanh stops the learning.

    References
    ----------
    Z. Cao, M. Long, J. Wang, P. S. Yu, HashNet: deep learning to hash by continuation, ICCV 2017,
    eq. 1-6 and algorithm 1.

    Examples
    --------
    >>> [round(HashNet(final_beta=7).beta(progress), 2) for progress in (0.0, 0.5, 1.0)]
    [1.0, 5.0, 7.0]
    """

    def __init__(
        self,
        n_bits: int = 48,
        trunk: str = "cifarnet",
        steepness: float = 10.0,
        final_beta: float = 3.0,
    ) -> None:
        super().__init__(n_bits, trunk)
        self.steepness = steepness
        self.final_beta = final_beta

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        super().check()
        check_float("steepness", self.steepness, 1e-6)
        check_float("final_beta", self.final_beta, 1.0)

    def network(self, n_classes: int, n_channels: int) -> CodeNetwork:
        """Build trunk and hash layer; there is no classifier."""
        del n_classes
        self.check()
        network = CodeNetwork(build_trunk(self.trunk, n_channels), self.n_bits)
        # As the authors do: at the usual size, many bits begin saturated, the same for all images.
        nn.init.normal_(network.hash_layer.get_parameter("weight"), std=0.01)
        nn.init.zeros_(network.hash_layer.get_parameter("bias"))
        return network

    def beta(self, progress: float) -> float:
        """Steepness of the tanh at `progress` (0 to 1) of the training."""
        return math.sqrt(1.0 + (self.final_beta**2 - 1.0) * progress)

    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Mean over the similar pairs plus mean over the dissimilar ones (eq. 4)."""
        z = outputs.projection
        codes = torch.tanh(self.beta(progress) * z)
        scores = codes @ codes.T * (self.steepness / z.shape[1])
        others = ~torch.eye(len(z), dtype=torch.bool, device=z.device)
        similar, alike = similarity(targets), shared_share(targets)
        near, far = others & similar, others & ~similar
        # log(1 + e^x) - x = log(1 + e^-x)
        attract = (near * alike * F.softplus(-scores)).sum() / near.sum().clamp(min=1)
        repel = (far * F.softplus(scores)).sum() / far.sum().clamp(min=1)
        return attract + repel


def shared_share(targets: Targets) -> Tensor:
    """Tell which share of the labels of two images they have in common: float (n, n).

    Examples
    --------
    >>> labels = torch.tensor([[True, True, False], [True, False, False]])
    >>> shared_share(Targets(labels, labels.float()))
    tensor([[1.0000, 0.5000],
            [0.5000, 1.0000]])
    """
    labels = targets.labels
    if labels.ndim == 1:
        return (labels[:, None] == labels).float()
    marks = labels.float()
    shared, counts = marks @ marks.T, marks.sum(1)
    return shared / (counts[:, None] + counts - shared).clamp(min=1)
