"""The network most methods share: a trunk, a hash layer, perhaps a classifier on the code."""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hashlens.deep.base import HashNetwork, Outputs
from hashlens.deep.trunks import Trunk


class CodeNetwork(HashNetwork):
    """Image -> trunk -> hash layer -> code -> (class scores).

    Parameters
    ----------
    trunk : Trunk
        Its output, (n, trunk.n_features), is the feature vector kept for re-ranking.
    n_bits : int
    n_classes : int, default=0
        Size of a linear classifier on the activated code; 0 for none.
    hash_layer : Module, optional
        From (n, trunk.n_features) to (n, n_bits); a linear layer by default.
    """

    def __init__(
        self, trunk: Trunk, n_bits: int, n_classes: int = 0, hash_layer: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.trunk = trunk
        if hash_layer is None:
            hash_layer = nn.Linear(trunk.n_features, n_bits)
        self.hash_layer = hash_layer
        self.classifier = nn.Linear(n_bits, n_classes) if n_classes else None

    def activate(self, projection: Tensor) -> Tensor:
        """Turn projections into what the classifier sees, element by element."""
        return projection

    def scores(self, projection: Tensor) -> Tensor | None:
        """Class scores of projections, which may be a prefix of the bits."""
        if self.classifier is None:
            return None
        weight = self.classifier.weight[:, : projection.shape[1]]
        return F.linear(self.activate(projection), weight, self.classifier.bias)

    def forward(self, images: Tensor) -> Outputs:
        """Map a normalised batch to features, projections (n, n_bits) and class scores."""
        features = self.trunk(images)
        projection = self.hash_layer(features)
        return Outputs(features, projection, self.scores(projection))

    def prefix(self, outputs: Outputs, n_bits: int) -> Outputs:
        """Give what the network would say if it had the first `n_bits` of its bits alone."""
        shorter = super().prefix(outputs, n_bits)
        return shorter._replace(logits=self.scores(shorter.projection))
