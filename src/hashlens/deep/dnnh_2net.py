"""DNNH-2net: DNNH with a trunk for queries and another for what they are compared with."""

from typing import cast

from torch import Tensor, nn

from hashlens.deep.base import HashNetwork, Outputs
from hashlens.deep.code_network import CodeNetwork
from hashlens.deep.dnnh import DNNH
from hashlens.deep.trunks import Trunk


class TwoNetworks(CodeNetwork):
    """Trunk P -> hash layer, and in training also trunk Q -> the same hash layer.

    Parameters
    ----------
    trunk : Trunk
        P, for queries and for every image once the training is over.
    n_bits : int
    hash_layer : Module
        Where it is a sequence, its last part is a batch normalisation, of which Q gets its own.
    partner_trunk : Trunk
        Q.
    """

    def __init__(
        self, trunk: Trunk, n_bits: int, hash_layer: nn.Module, partner_trunk: Trunk
    ) -> None:
        super().__init__(trunk, n_bits, hash_layer=hash_layer)
        self.partner_trunk = partner_trunk
        self.partner_norm: nn.Module | None = None
        if isinstance(hash_layer, nn.Sequential):
            # The two trunks' features differ, so that statistics of both would fit neither.
            self.partner_norm = nn.BatchNorm1d(n_bits)

    def forward(self, images: Tensor) -> Outputs:
        """Map a normalised batch to features and projections of P, and projections of Q."""
        outputs = super().forward(images)
        if not self.training:
            return outputs
        return outputs._replace(partner=self.compared(self.partner_trunk(images)))

    def compared(self, features: Tensor) -> Tensor:
        """Map features of Q to projections."""
        if self.partner_norm is None:
            return cast(Tensor, self.hash_layer(features))
        encode = cast(nn.Sequential, self.hash_layer)[0]
        return cast(Tensor, self.partner_norm(encode(features)))


class DNNH2NET(DNNH):
    r"""The alternative to one shared trunk that DNNH's paper compares it with.

    .. math::
        \ell = \max\bigl(0, \lVert P(I) - Q(I^+) \rVert_2^2 - \lVert P(I) - Q(I^-) \rVert_2^2
        + m \bigr)

    The query I of a triplet goes through a trunk P of its own, the other two share Q. The paper
    doubles the stack of convolutions and says nothing of the rest: the divide-and-encode module
    is one for both, as in its Figure 1. Everything else is as in `DNNH`.

    The paper does not say which trunk encodes once the training is over. Here P encodes every
    image, queries and database alike: it is the trunk of the image to be coded, I, and one code
    an image keeps all distances comparable. Q takes part in training only, and is saved with P.
    Where projections are normalised, those of P and of Q are so apart from each other.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length (the paper: 12, 24, 32, 48).
    trunk : str, default="nin-32"
        Of P and of Q; see `DNNH`.
    n_features : int >= n_bits, optional
        Features to be divided (the paper, and by default: 50 a bit).
    triplets : {"all", "random", "hard"}, default="all"
        See `DNNH`.
    margin : float >= 0, optional
        In bits (the paper: 1; by default: `n_bits` / 8).
    beta : float > 0, default=2
        Steepness of the sigmoid.
    normalize : bool, default=True
        Batch normalisation of the projections (the paper: none); see `DNNH`.
    n_bands : int >= 1, default=5
        Values that eps takes during the training; 1 for no threshold.

    References
    ----------
    H. Lai, Y. Pan, Y. Liu, S. Yan, Simultaneous feature learning and hash coding with deep neural
    networks, CVPR 2015, sections 3.2 and 4.4, eq. 2.

    Examples
    --------
    >>> import torch
    >>> network = DNNH2NET(n_bits=12, trunk="resnet-8").network(n_classes=10, n_channels=3)
    >>> network.train()(torch.zeros(2, 3, 32, 32)).partner.shape
    torch.Size([2, 12])
    >>> network.eval()(torch.zeros(2, 3, 32, 32)).partner is None
    True
    """

    def network(self, n_classes: int, n_channels: int) -> HashNetwork:
        """Build both trunks for images with `n_channels` channels."""
        del n_classes
        self.check()
        trunk, partner_trunk = self.build_trunk(n_channels), self.build_trunk(n_channels)
        return TwoNetworks(trunk, self.n_bits, self.encoder(trunk.n_features), partner_trunk)
