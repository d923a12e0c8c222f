"""OrthoHash: one cosine loss towards a fixed binary orthogonal target for each class."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hashlens.checks import check_float, refuse
from hashlens.deep.base import Outputs, Targets
from hashlens.deep.centre_network import CentreMethod, CentreNetwork
from hashlens.deep.trunks import Trunk, build_trunk


class OrthoNetwork(CentreNetwork):
    """Trunk, hash layer with batch normalisation; the class scores are scaled cosines."""

    def __init__(self, trunk: Trunk, n_bits: int, n_classes: int, scale: float) -> None:
        super().__init__(trunk, n_bits, n_classes)
        linear = nn.Linear(trunk.n_features, n_bits, bias=False)
        self.hash_layer = nn.Sequential(linear, nn.BatchNorm1d(n_bits))
        self.scale = scale

    def scores(self, projection: Tensor) -> Tensor:
        """Scale the cosines of projections and centres: (n, n_classes)."""
        centre_norm = math.sqrt(projection.shape[1])
        return super().scores(F.normalize(projection)) * (self.scale / centre_norm)


class OrthoHash(CentreMethod):
    r"""One loss: the cosine of an image's projection with the target of its class, with a margin.

    .. math::
        -\frac1n \sum_i \log
        \frac{e^{s (\cos\theta_{i y_i} - m)}}
        {e^{s (\cos\theta_{i y_i} - m)} + \sum_{c \ne y_i} e^{s \cos\theta_{ic}}},
        \qquad \cos\theta_{ic} = \frac{v_i^\top o_c}{\lVert v_i \rVert \sqrt b}

    where v (n, b) are the projections, batch-normalised so that every bit is balanced, and o_c in
    {-1, 1}^b is the fixed target of class c: a large cosine with a binary target is a small
    quantisation error too, so there is no other term. With several labels an image, the target
    distribution is even over its labels and each of them has the margin; an image without any
    label adds nothing.

    The targets are those of CSQ (see `centres.build_centres`): any two are orthogonal or opposite
    where n_bits allows it. The paper draws them at random, which makes them orthogonal on average.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length (the paper: 16 to 128).
    trunk : str, default="cifarnet"
        See `build_trunk` (the paper: AlexNet, pre-trained on ImageNet).
    margin : float, 0 to 2, default=0.2
        The paper's m; the value is the default of its authors' program.
    scale : float, > 0, optional
        The paper's s. Where None, sqrt(2) log(n_classes - 1), and at least sqrt(2): the formula
        alone gives 0 for two classes, and nothing to learn.

    References
    ----------
    J. T. Hoe, K. W. Ng, T. Zhang, C. S. Chan, Y.-Z. Song, T. Xiang, One loss for all: deep
    hashing with a single cosine similarity based learning objective, NeurIPS 2021, section 3.2.
    X. Zhang et al., AdaCos, CVPR 2019 (the fixed scale).

    Examples
    --------
    >>> network = OrthoHash(n_bits=16).network(n_classes=10, n_channels=3)
    >>> round(network.scale, 2)
    3.11
    """

    def __init__(
        self,
        n_bits: int = 48,
        trunk: str = "cifarnet",
        margin: float = 0.2,
        scale: float | None = None,
    ) -> None:
        super().__init__(n_bits, trunk)
        self.margin = margin
        self.scale = scale

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        super().check()
        check_float("margin", self.margin, 0.0, 2.0)
        if self.scale is not None and check_float("scale", self.scale, 0.0) == 0.0:
            raise refuse("scale", "a number > 0", self.scale)

    def scale_for(self, n_classes: int) -> float:
        """Scale of the cosines: as given, or by the number of classes."""
        automatic = math.sqrt(2) * max(1.0, math.log(max(n_classes - 1, 1)))
        return automatic if self.scale is None else self.scale

    def network(self, n_classes: int, n_channels: int) -> OrthoNetwork:
        """Build trunk, hash layer, normalisation and room for the targets."""
        self.check()
        trunk = build_trunk(self.trunk, n_channels)
        return OrthoNetwork(trunk, self.n_bits, n_classes, self.scale_for(n_classes))

    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Cross-entropy of the scaled cosines, those of an image's own classes less the margin."""
        del progress
        if outputs.logits is None:
            raise refuse("logits", "scaled cosines", None)
        labels, logits = targets.labels, outputs.logits
        own = labels if labels.ndim == 2 else F.one_hot(labels, logits.shape[1])
        logits = logits - self.scale_for(logits.shape[1]) * self.margin * own
        wanted = targets.weights / targets.weights.sum(1, keepdim=True).clamp(min=1e-6)
        return -(wanted * torch.log_softmax(logits, 1)).sum(1).mean()
