"""DNNH: triplets of images, and features of its own for every bit."""

from torch import Tensor, nn

from hashlens.checks import check_int
from hashlens.deep.divide_encode import DivideAndEncode, band_at, piecewise_threshold
from hashlens.deep.triplet_method import TripletMethod


class DNNH(TripletMethod):
    r"""Network in Network, divide-and-encode, and a ranking loss on triplets of images.

    .. math::
        \ell(b, b^+, b^-) = \max\bigl(0, \lVert b - b^+ \rVert_2^2 - \lVert b - b^- \rVert_2^2
        + m \bigr), \qquad
        b_i = g_\epsilon\bigl(\operatorname{sigmoid}(\beta W_i x^{(i)})\bigr) \in [0, 1]

    where x^(i) is the i-th of n_bits slices of the features, the image of b^+ shares a label with
    that of b, the image of b^- shares none, and g sets values more than eps from 0.5 to 0 or 1.
    A bit is b_i >= 0.5.

    What the paper leaves open, or what differs:

    - Triplets are those of a batch. The paper does not say how it draws them. By default every
      triplet of the batch is looked at, and the loss is the mean over those that have one: most
      random triplets soon have none, and their mean fades. A batch without any has a loss of zero.
    - eps is 0.5 at first and falls by 20 % every 20,000 iterations in the paper, which does not
      say how many there are. Here it falls at equal parts of the training, `n_bands` - 1 times,
      and never below 0.1: outside the band no gradient flows.
    - The margin of the paper is 1: squared distances of values in [0, 1] count bits, and an
      unlike image that is one bit farther than a like one costs nothing. A few bits do that, and
      many of 48 end with one value for all images. Here it is an eighth of the bits (1/16 leaves
      dead bits too, 1/4 and 1/2 learn more slowly), and the loss is divided by a margin above 1,
      so that the steps do not grow with it.
    - The projections are normalised over the batch before the sigmoid. Without, values begin near
      0.5, where the gradient of eq. 2 vanishes, and many bits never leave it. Once trained this is
      a factor and an offset of each bit, so the code is still that of the equation above.
    - Batches have 64 images, as in the paper, and the rate is 0.1 at most; the recipe decides the
      rest.
    - Eq. 3 prints the gradient for b^- with the wrong sign; here it is that of eq. 2.
    - Other trunks than Network in Network get a rectified linear layer to `n_features` in place of
      the last 1 x 1 convolution.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length (the paper: 12, 24, 32, 48).
    trunk : str, default="nin-32"
        ``nin`` is the paper's Table 1 for large photos, ``nin-32`` its form for images of about
        32 pixels; or any other of `build_trunk`.
    n_features : int >= n_bits, optional
        Features to be divided (the paper, and by default: 50 a bit). Where n_bits does not divide
        them, the first slices are longer by one.
    triplets : {"all", "random", "hard"}, default="all"
        ``all`` takes the mean over all triplets of a batch that have a loss; ``random`` over 16
        random ones of each image that has a like and an unlike one, with a loss or without;
        ``hard`` over 16 that have one.
    margin : float >= 0, optional
        In bits (the paper: 1; by default: `n_bits` / 8).
    beta : float > 0, default=2
        Steepness of the sigmoid (the paper does not say its own). Where all values are near 0.5
        the gradient of eq. 2 vanishes; a steeper sigmoid leaves that place sooner.
    normalize : bool, default=True
        Batch normalisation of the projections (the paper: none).
    n_bands : int >= 1, default=5
        Values that eps takes during the training; 1 for no threshold.

    References
    ----------
    H. Lai, Y. Pan, Y. Liu, S. Yan, Simultaneous feature learning and hash coding with deep neural
    networks, CVPR 2015, Table 1, eq. 2-6, section 3.4.

    Examples
    --------
    >>> import torch
    >>> network = DNNH(n_bits=12, trunk="resnet-8").network(n_classes=10, n_channels=3)
    >>> outputs = network(torch.zeros(2, 3, 32, 32))
    >>> outputs.features.shape, outputs.projection.shape
    (torch.Size([2, 600]), torch.Size([2, 12]))
    """

    def __init__(  # noqa: PLR0913 - the paper's hyper-parameters
        self,
        n_bits: int = 48,
        trunk: str = "nin-32",
        n_features: int | None = None,
        triplets: str = "all",
        margin: float | None = None,
        beta: float = 2.0,
        normalize: bool = True,
        n_bands: int = 5,
    ) -> None:
        super().__init__(n_bits, trunk, n_features, triplets, margin, beta, normalize)
        self.n_bands = n_bands

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        super().check()
        check_int("n_bands", self.n_bands, 1)

    def hash_layer(self, n_features: int) -> nn.Module:
        """Build the divide-and-encode module (section 3.3)."""
        return DivideAndEncode(n_features, self.n_bits)

    def relax(self, projection: Tensor, progress: float) -> Tensor:
        """Sigmoid (eq. 5), then the piece-wise threshold (eq. 6)."""
        values = (self.beta * projection).sigmoid()
        return piecewise_threshold(values, band_at(progress, self.n_bands))
