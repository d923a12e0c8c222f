"""DNNH-FC: DNNH with one fully connected layer in place of divide-and-encode."""

from torch import Tensor, nn

from hashlens.deep.triplet_method import TripletMethod


class DNNHFC(TripletMethod):
    r"""The alternative to divide-and-encode that DNNH's paper compares it with.

    .. math::
        \ell(b, b^+, b^-) = \max\bigl(0, \lVert b - b^+ \rVert_2^2 - \lVert b - b^- \rVert_2^2
        + m \bigr), \qquad b = \operatorname{sigmoid}(\beta (W x + a)) \in [0, 1]^{n\_bits}

    Every bit is made of all features x, and there is no piece-wise threshold: Figure 2(b) shows a
    fully connected layer and a sigmoid alone. Everything else is as in `DNNH`.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length (the paper: 12, 24, 32, 48).
    trunk : str, default="nin-32"
        See `DNNH`.
    n_features : int >= n_bits, optional
        Features that the layer sees (the paper, and by default: 50 a bit).
    triplets : {"all", "random", "hard"}, default="all"
        See `DNNH`.
    margin : float >= 0, optional
        In bits (the paper: 1; by default: `n_bits` / 8).
    beta : float > 0, default=2
        Steepness of the sigmoid.
    normalize : bool, default=True
        Batch normalisation of the projections (the paper: none); see `DNNH`.

    References
    ----------
    H. Lai, Y. Pan, Y. Liu, S. Yan, Simultaneous feature learning and hash coding with deep neural
    networks, CVPR 2015, section 4.3, Figure 2(b) and eq. 2.

    Examples
    --------
    >>> DNNHFC(n_bits=12, trunk="resnet-8", normalize=False).network(10, 3).hash_layer
    Linear(in_features=600, out_features=12, bias=True)
    """

    def hash_layer(self, n_features: int) -> nn.Module:
        """Build one fully connected layer."""
        return nn.Linear(n_features, self.n_bits)

    def relax(self, projection: Tensor, progress: float) -> Tensor:
        """Sigmoid, at any `progress`."""
        del progress
        return (self.beta * projection).sigmoid()
