"""CNNH: codes from the labels first, then a network that predicts them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hashlens.deep.base import DeepMethod, Given, HashNetwork, Outputs, Targets, codebook_of
from hashlens.deep.code_descent import descend
from hashlens.deep.codebook import Codebook
from hashlens.deep.label_groups import label_groups
from hashlens.deep.trunks import Trunk, build_trunk


class CNNHNetwork(HashNetwork):
    """Trunk and hash layer; perhaps a class layer beside it; in training, the codes wanted.

    The codes can be found again from the labels and the seed, so they are not saved.
    """

    codes: Tensor
    label_sets: Tensor | None

    def __init__(self, trunk: Trunk, n_bits: int, n_classes: int, classify: bool = False) -> None:
        super().__init__()
        self.trunk = trunk
        self.hash_layer = nn.Linear(trunk.n_features, n_bits)
        self.class_layer = nn.Linear(trunk.n_features, n_classes) if classify else None
        self.register_buffer("codes", torch.zeros(n_classes, n_bits), persistent=False)
        self.register_buffer("label_sets", None, persistent=False)

    def forward(self, images: Tensor) -> Outputs:
        """Map a normalised batch to features, projections (n, n_bits) and class scores."""
        features = self.trunk(images)
        logits = None if self.class_layer is None else self.class_layer(features)
        codebook = Codebook(self.codes, self.label_sets) if self.training else None
        return Outputs(features, self.hash_layer(features), logits, codebook=codebook)


class CNNH(DeepMethod):
    r"""Codes that reproduce the similarities of the labels, then a network regressed to them.

    .. math::
        \min_{H \in [-1, 1]^{n \times b}}
        \bigl\lVert S - \tfrac1b H H^\top \bigr\rVert_F^2, \qquad
        \min_\theta -\frac{1}{n b} \sum_{i, j} \log \sigma(\operatorname{sgn}(h_{ij}) u_{ij})

    where s_ij is +1 for images that share a label and -1 for others, and u (n, n_bits) is what
    the network says. Stage 1 runs before the training (see `code_descent.descend`): images with
    the same labels share a row of H, which makes it a problem of n_classes rows. With several
    labels an image, each of the 5,000 most frequent sets of labels has a row, and an image with
    another set takes the code of the nearest.

    In stage 2 the paper calls the output layer a softmax. A softmax over bits sums to one and
    cannot state them one by one; here every bit is a sigmoid, the softmax of its two states, with
    the cross-entropy, averaged over images and bits. Batch normalisation stands in for the
    paper's local contrast normalisation.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default=48
        Code length (the paper: 12, 24, 32, 48).
    trunk : str, default="cnnh"
        The default is the paper's: 32, 64 and 128 filters of 5 x 5, then 500 units with dropout;
        see `build_trunk`.

    References
    ----------
    R. Xia, Y. Pan, H. Lai, C. Liu, S. Yan, Supervised hashing for image retrieval via image
    representation learning, AAAI 2014, eq. 1-8, algorithm 1 and section "Stage 2".

    Examples
    --------
    >>> network = CNNH(n_bits=16).network(n_classes=10, n_channels=3)
    >>> network(torch.zeros(2, 3, 32, 32)).projection.shape
    torch.Size([2, 16])
    """

    supports_multi_label = True

    def __init__(self, n_bits: int = 48, trunk: str = "cnnh") -> None:
        super().__init__(n_bits, trunk)

    def network(self, n_classes: int, n_channels: int) -> CNNHNetwork:
        """Build trunk and hash layer."""
        self.check()
        return CNNHNetwork(build_trunk(self.trunk, n_channels), self.n_bits, n_classes)

    def prepare(self, network: HashNetwork, given: Given) -> dict[str, float]:
        """Stage 1: find the codes of the training images' labels, each prefix good by itself."""
        blank = network.get_buffer("codes")
        groups = label_groups(given.labels, len(blank))
        descent = descend(groups, given.lengths or (self.n_bits,), given.seed)
        codes = torch.from_numpy(descent.codes).to(blank.device)
        network.register_buffer("codes", codes, persistent=False)
        if groups.label_sets is not None:
            sets = torch.from_numpy(groups.label_sets).to(blank.device)
            network.register_buffer("label_sets", sets, persistent=False)
        n_distinct = len(torch.unique(codes, dim=0))
        return {"stage_1_loss": descent.rounded[-1], "n_distinct_codes": float(n_distinct)}

    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Stage 2: the sigmoid cross-entropy of the bits with the codes of the labels."""
        del progress
        wanted = codebook_of(outputs).of(targets.labels)  # (n, n_bits)
        return F.binary_cross_entropy_with_logits(outputs.projection, (wanted + 1) / 2)
