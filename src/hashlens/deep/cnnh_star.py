"""CNNH*: CNNH with the convolutions of DNNH."""

from hashlens.deep.cnnh import CNNH


class CNNHSTAR(CNNH):
    r"""CNNH's two stages with DNNH's trunk, as DNNH's authors compare themselves with CNNH.

    .. math::
        \min_{H \in [-1, 1]^{n \times b}}
        \bigl\lVert S - \tfrac1b H H^\top \bigr\rVert_F^2, \qquad
        \min_\theta -\frac{1}{n b} \sum_{i, j} \log \sigma(\operatorname{sgn}(h_{ij}) u_{ij})

    The paper takes its network's convolutions, with n_bits filters in the last one of 1 x 1, and
    averages their maps over the image. Averaging and a linear layer can change places, so the
    linear hash layer behind the trunk's average does the same; the trunk keeps its own last
    1 x 1 convolution before it, one layer more than the paper has. The paper does not say the
    loss of this network; it is CNNH's.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length (the paper: 12, 24, 32, 48).
    trunk : str, default="nin-32"
        The default is DNNH's, for images of about 32 pixels; see `build_trunk`.

    References
    ----------
    H. Lai, Y. Pan, Y. Liu, S. Yan, Simultaneous feature learning and hash coding with deep neural
    networks, CVPR 2015, section 4.1. R. Xia et al., Supervised hashing for image retrieval via
    image representation learning, AAAI 2014.

    Examples
    --------
    >>> import torch
    >>> network = CNNHSTAR(n_bits=16, trunk="resnet-8").network(n_classes=10, n_channels=3)
    >>> network(torch.zeros(2, 3, 32, 32)).projection.shape
    torch.Size([2, 16])
    """

    def __init__(self, n_bits: int = 48, trunk: str = "nin-32") -> None:
        super().__init__(n_bits, trunk)
