"""CSQ: every image is drawn to the hash centre of its class."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hashlens.checks import MAX_BITS, check_float
from hashlens.deep.base import Outputs, Targets, codebook_of
from hashlens.deep.centre_network import CentreMethod, CentreNetwork
from hashlens.deep.trunks import build_trunk


class CSQ(CentreMethod):
    r"""Central similarity: the bits are trained to be those of a fixed centre, one for each class.

    .. math::
        -\frac{1}{n b} \sum_{i, k} \bigl[c_{ik} \log h_{ik} + (1 - c_{ik}) \log(1 - h_{ik})\bigr]
        + \frac{\lambda}{n b} \sum_{i, k} \log \cosh(\lvert 2 h_{ik} - 1 \rvert - 1),
        \qquad h = \frac{1 + \tanh z}{2}

    where z (n, b) are the projections and c_i in {0, 1}^b is the centre of image i. With several
    labels, the centre is the majority of theirs in each bit; a draw goes to one random code, the
    same for all images, so that images with the same labels have the same centre. An image
    without any label has none and is left out. Both terms are means over images and bits, as in
    the authors' program, so that neither the learning rate nor lambda depends on their number.

    The centres are built for any number of bits and classes (see `centres.build_centres`), and
    the smallest distance between two is a figure of the model. The class scores are z c: up to a
    constant of the image, the logarithm of each centre's likelihood under h.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length (the paper: 16, 32, 64).
    trunk : str, default="cifarnet"
        See `build_trunk` (the paper: AlexNet and ResNet-50, pre-trained on ImageNet).
    quantisation_weight : float, >= 0, default=0.05
        The paper's lambda_1; the value is that of its authors' program.

    References
    ----------
    L. Yuan, T. Wang, X. Zhang, F. E. H. Tay, Z. Jie, W. Liu, J. Feng, Central similarity
    quantization for efficient image and video retrieval, CVPR 2020, section 3.

    Examples
    --------
    >>> network = CSQ(n_bits=16).network(n_classes=10, n_channels=3)
    >>> network(torch.zeros(2, 3, 32, 32)).logits.shape
    torch.Size([2, 10])
    """

    def __init__(
        self, n_bits: int = 48, trunk: str = "cifarnet", quantisation_weight: float = 0.05
    ) -> None:
        super().__init__(n_bits, trunk)
        self.quantisation_weight = quantisation_weight

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        super().check()
        check_float("quantisation_weight", self.quantisation_weight, 0.0)

    def network(self, n_classes: int, n_channels: int) -> CentreNetwork:
        """Build trunk, hash layer and room for the centres."""
        self.check()
        return CentreNetwork(build_trunk(self.trunk, n_channels), self.n_bits, n_classes)

    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Cross-entropy with the centres, and how far the bits are from +-1."""
        del progress
        centres = codebook_of(outputs).codes
        z, labels = outputs.projection, targets.labels
        if labels.ndim == 2:
            z, labels = z[labels.any(1)], labels[labels.any(1)]
        wanted = (centroids(centres, labels) + 1) / 2
        # h is the sigmoid of 2 z.
        central = F.binary_cross_entropy_with_logits(2 * z, wanted, reduction="sum")
        quantisation = torch.cosh(z.tanh().abs() - 1).log().sum()
        return (central + self.quantisation_weight * quantisation) / max(z.numel(), 1)


def centroids(centres: Tensor, labels: Tensor) -> Tensor:
    """Give the centre of each image's labels: float (n, n_bits) of -1 and +1.

    Parameters
    ----------
    centres : float (n_classes, n_bits)
    labels : int64 (n,), or bool (n, n_classes)

    Examples
    --------
    >>> centres = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    >>> centroids(centres, torch.tensor([[True, True, True]]))
    tensor([[ 1., -1.]])
    """
    if labels.ndim == 1:
        return centres[labels]
    votes = labels.to(centres.dtype) @ centres
    return torch.where(votes == 0, _draw_code(centres), votes.sign())


def _draw_code(centres: Tensor) -> Tensor:
    """Give the one random code that decides draws: (n_bits,), a longer one's beginning."""
    bits = torch.randint(2, (MAX_BITS,), generator=torch.Generator().manual_seed(0))
    return (2 * bits[: centres.shape[1]] - 1).to(centres)
