"""CNNH+: CNNH whose network names the class beside the code."""

from torch import Tensor

from hashlens.checks import check_float
from hashlens.deep.base import Outputs, Targets, classification_loss
from hashlens.deep.cnnh import CNNH, CNNHNetwork
from hashlens.deep.trunks import build_trunk


class CNNHPLUS(CNNH):
    r"""CNNH with the labels as further targets of stage 2, beside the code.

    .. math::
        \min_\theta \; -\frac{1}{n b} \sum_{i, j} \log \sigma(\operatorname{sgn}(h_{ij}) u_{ij})
        + \lambda \, \frac1n \sum_i \ell(y_i, v_i)

    where u (n, n_bits) and v (n, n_classes) are two layers on the same features, so that the
    features serve both. The loss of the classes is the softmax cross-entropy for one label an
    image and the sigmoid cross-entropy for several. Stage 1 is CNNH's. The paper does not say how
    the two parts are weighed.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length (the paper: 12, 24, 32, 48).
    trunk : str, default="cnnh"
        The default is the paper's; see `build_trunk`.
    class_weight : float >= 0, default=1.0
        Weight of the class output's loss, the equation's lambda.

    References
    ----------
    R. Xia, Y. Pan, H. Lai, C. Liu, S. Yan, Supervised hashing for image retrieval via image
    representation learning, AAAI 2014, section "Stage 2".

    Examples
    --------
    >>> import torch
    >>> network = CNNHPLUS(n_bits=16).network(n_classes=10, n_channels=3)
    >>> network(torch.zeros(2, 3, 32, 32)).logits.shape
    torch.Size([2, 10])
    """

    def __init__(self, n_bits: int = 48, trunk: str = "cnnh", class_weight: float = 1.0) -> None:
        super().__init__(n_bits, trunk)
        self.class_weight = class_weight

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        super().check()
        check_float("class_weight", self.class_weight, 0.0)

    def network(self, n_classes: int, n_channels: int) -> CNNHNetwork:
        """Build trunk, hash layer and class layer."""
        self.check()
        trunk = build_trunk(self.trunk, n_channels)
        return CNNHNetwork(trunk, self.n_bits, n_classes, classify=True)

    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Cross-entropy of the bits, and of the classes."""
        code_loss = super().loss(outputs, targets, progress)
        return code_loss + self.class_weight * classification_loss(outputs.logits, targets)
