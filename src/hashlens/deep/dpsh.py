"""DPSH: the likelihood of the pairs of a batch, alike or not."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hashlens.checks import check_float, refuse
from hashlens.deep.base import Outputs, Targets
from hashlens.deep.code_network import CodeNetwork
from hashlens.deep.pairs import PairMethod, similarity
from hashlens.deep.trunks import build_trunk

PAPER_IMAGES = 5_000  # in the training set for which the paper gives eta: CIFAR-10


class DPSH(PairMethod):
    r"""Deep pairwise-supervised hashing: inner products tell which pairs share a label.

    .. math::
        \min_\theta \; -\sum_{i \ne j} \bigl( s_{ij} \Theta_{ij} - \log(1 + e^{\Theta_{ij}}) \bigr)
        + \eta \sum_i \lVert b_i - u_i \rVert^2, \qquad
        \Theta_{ij} = \tfrac12 u_i^\top u_j, \quad b_i = \operatorname{sgn}(u_i)

    where s_ij is 1 for images that share a label and 0 for others, and u (n, n_bits) is the
    network's output.

    The paper pairs each batch with the stored outputs of all training images, which takes memory
    that grows with them and goes stale as the network learns; here the pairs lie within the
    batch. The paper's sums are means here: over pairs, and over images with the weight eta / 5000,
    which keeps the balance its sums have over the 5,000 images it trains on. An image is no pair
    with itself. Of many classes' pairs few are similar: similar and dissimilar pairs have half the
    say each, unless `balanced` is False, as in the paper.

    The features are normalised over the batch before the hash layer. From features that are all
    positive the first inner products are all large; the loss then drives every output to zero,
    where its slope in them vanishes too. In use this is still one affine map, as in the paper.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length (the paper: 12, 24, 32, 48).
    trunk : str, default="cifarnet"
        Any trunk of `build_trunk` (the paper: CNN-F, pre-trained on ImageNet).
    eta : float >= 0, default=10.0
        Weight of the distance to the code (the paper: 10 for CIFAR-10, 100 for NUS-WIDE).
    balanced : bool, default=True
        Give similar and dissimilar pairs the same say (the paper: False).

    References
    ----------
    W.-J. Li, S. Wang, W.-C. Kang, Feature learning based deep supervised hashing with pairwise
    labels, IJCAI 2016, eq. 1-6.

    Examples
    --------
    >>> network = DPSH(n_bits=16).network(n_classes=10, n_channels=3)
    >>> network(torch.zeros(2, 3, 32, 32)).projection.shape
    torch.Size([2, 16])
    """

    def __init__(
        self,
        n_bits: int = 48,
        trunk: str = "cifarnet",
        eta: float = 10.0,
        balanced: bool = True,
    ) -> None:
        super().__init__(n_bits, trunk)
        self.eta = eta
        self.balanced = balanced

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        super().check()
        check_float("eta", self.eta, 0.0)
        if not isinstance(self.balanced, bool):
            raise refuse("balanced", "True or False", self.balanced)

    def network(self, n_classes: int, n_channels: int) -> CodeNetwork:
        """Build trunk and hash layer; the method has no classifier."""
        del n_classes
        self.check()
        network = CodeNetwork(build_trunk(self.trunk, n_channels), self.n_bits)
        normalised = nn.BatchNorm1d(network.trunk.n_features, affine=False)
        network.hash_layer = nn.Sequential(normalised, network.hash_layer)
        return network

    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Negative log-likelihood of the batch's pairs, plus the distance to the codes."""
        del progress
        u = outputs.projection  # (n, n_bits)
        theta = u @ u.T / 2
        alike = similarity(targets)
        surprise = F.softplus(theta) - alike * theta  # (n, n)
        codes = (u.detach() >= 0).to(u.dtype) * 2 - 1
        distance = (codes - u).square().sum(1).mean()
        return self._mean(surprise, alike) + self.eta / PAPER_IMAGES * distance

    def _mean(self, surprise: Tensor, alike: Tensor) -> Tensor:
        """Average over the pairs of two images, of each kind apart where they are balanced."""
        pairs = ~torch.eye(len(alike), dtype=torch.bool, device=alike.device)
        kinds = [pairs & alike, pairs & ~alike] if self.balanced else [pairs]
        # The mean over a kind that the batch does not have is zero.
        means = [(surprise * kind).sum() / kind.sum().clamp(min=1) for kind in kinds]
        return torch.stack(means).mean()
