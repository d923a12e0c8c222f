"""A network that knows a fixed centre for every class, and the methods that draw images to it."""

import torch
from torch import Tensor

from hashlens.deep.base import DeepMethod, Given, HashNetwork, Outputs
from hashlens.deep.centres import build_centres, min_distance
from hashlens.deep.code_network import CodeNetwork
from hashlens.deep.codebook import Codebook
from hashlens.deep.trunks import Trunk


class CentreNetwork(CodeNetwork):
    """Trunk and hash layer; the class scores are the similarities to the centres.

    Attributes
    ----------
    centres : int8 (n_classes, n_bits)
        Of -1 and +1, saved with the weights; zero until the method's ``prepare``.
    """

    centres: Tensor

    def __init__(self, trunk: Trunk, n_bits: int, n_classes: int) -> None:
        super().__init__(trunk, n_bits)
        self.register_buffer("centres", torch.zeros(n_classes, n_bits, dtype=torch.int8))

    def scores(self, projection: Tensor) -> Tensor:
        """Inner products with the centres: (n, n_classes)."""
        centres = self.centres[:, : projection.shape[1]].to(projection.dtype)
        return projection @ centres.T

    def forward(self, images: Tensor) -> Outputs:
        """Map a normalised batch to features, projections and scores; in training, the centres."""
        outputs = super().forward(images)
        book = Codebook(self.centres.float()) if self.training else None
        return outputs._replace(codebook=book)


class CentreMethod(DeepMethod):
    """Base of the methods with a centre for every class."""

    supports_multi_label = True

    def prepare(self, network: HashNetwork, given: Given) -> dict[str, float]:
        """Build the centres; returns the smallest distance of two, for each length."""
        buffer = network.get_buffer("centres")
        lengths = given.lengths or (self.n_bits,)
        centres = build_centres(len(buffer), lengths, given.seed)
        buffer.copy_(torch.from_numpy(centres))
        figures = {"min_centre_distance": float(min_distance(centres))}
        for length in lengths[:-1]:
            distance = min_distance(centres[:, :length])
            figures[f"min_centre_distance_{length}"] = float(distance)
        return figures
