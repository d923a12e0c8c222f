"""What DNNH and its two alternatives share: network, triplets and ranking loss."""

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

from torch import Tensor, nn

from hashlens.checks import check_choice, check_float, check_int, refuse
from hashlens.deep.base import DeepMethod, HashNetwork, Outputs, Targets
from hashlens.deep.code_network import CodeNetwork
from hashlens.deep.pairs import in_groups, similarity
from hashlens.deep.recipe import Recipe
from hashlens.deep.triplets import (
    batch_ranking_loss,
    hard_triplets,
    random_triplets,
    triplet_ranking_loss,
)
from hashlens.deep.trunks import Trunk
from hashlens.deep.wide_trunk import build_wide_trunk

FEATURES_PER_BIT = 50
BATCH_SIZE = 64
HIGHEST_RATE = 0.1
TRIPLETS = ("all", "random", "hard")
MARGIN_SHARE = 1 / 8
"""Of the bits: a margin of 1/2 asks for codes as far apart as random ones, and learns slowly."""


class TripletMethod(DeepMethod):
    """Base of the methods that learn from triplets of images; `DNNH` describes the settings."""

    supports_multi_label: ClassVar[bool] = True

    def __init__(  # noqa: PLR0913 - the paper's hyper-parameters, and what goes beyond it
        self,
        n_bits: int = 48,
        trunk: str = "nin-32",
        n_features: int | None = None,
        triplets: str = "all",
        margin: float | None = None,
        beta: float = 2.0,
        normalize: bool = True,
    ) -> None:
        super().__init__(n_bits, trunk)
        self.n_features = n_features
        self.triplets = triplets
        self.margin = margin
        self.beta = beta
        self.normalize = normalize

    def check(self) -> None:
        """Raise InputError where a setting cannot be."""
        super().check()
        if self.n_features is not None:
            check_int("n_features", self.n_features, self.n_bits)
        check_choice("triplets", self.triplets, TRIPLETS)
        if self.margin is not None:
            check_float("margin", self.margin, 0.0)
        check_float("beta", self.beta, 1e-3)
        if not isinstance(self.normalize, bool):
            raise refuse("normalize", "True or False", self.normalize)

    @property
    def image_size(self) -> int | None:
        """224 for Table 1's network, whose output sizes are those of such images."""
        return 224 if self.trunk == "nin" else None

    def recipe(self, recipe: Recipe) -> Recipe:
        """Take the paper's batches of 64, a rate for them, and several images of a class in each.

        Without two alike there is no triplet.
        """
        batch_size = min(recipe.batch_size, BATCH_SIZE)
        rate = min(recipe.learning_rate, HIGHEST_RATE)
        return in_groups(replace(recipe, batch_size=batch_size, learning_rate=rate))

    def build_trunk(self, n_channels: int) -> Trunk:
        """Build a trunk of the wanted number of features."""
        wanted = self.n_features or FEATURES_PER_BIT * self.n_bits
        return build_wide_trunk(self.trunk, n_channels, wanted)

    @abstractmethod
    def hash_layer(self, n_features: int) -> nn.Module:
        """Build the layer from features (n, n_features) to projections (n, n_bits)."""

    @abstractmethod
    def relax(self, projection: Tensor, progress: float) -> Tensor:
        """Turn projections into values in [0, 1], at least 0.5 where the bit is 1."""

    def network(self, n_classes: int, n_channels: int) -> HashNetwork:
        """Build the network for images with `n_channels` channels."""
        del n_classes
        self.check()
        trunk = self.build_trunk(n_channels)
        return CodeNetwork(trunk, self.n_bits, hash_layer=self.encoder(trunk.n_features))

    def encoder(self, n_features: int) -> nn.Module:
        """Build the hash layer, with its bits normalised over the batch where that is wanted."""
        layer = self.hash_layer(n_features)
        return nn.Sequential(layer, nn.BatchNorm1d(self.n_bits)) if self.normalize else layer

    def loss(self, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
        """Triplet ranking loss (eq. 2) on triplets of the batch, in units of a margin above 1."""
        similar = similarity(targets)
        query = self.relax(outputs.projection, progress)
        partner = outputs.partner
        other = query if partner is None else self.relax(partner, progress)
        margin = query.shape[1] * MARGIN_SHARE if self.margin is None else self.margin
        return self.ranking_loss(similar, query, other, margin) / max(1.0, margin)

    def ranking_loss(self, similar: Tensor, query: Tensor, other: Tensor, margin: float) -> Tensor:
        """Mean of eq. 2 over the triplets that `triplets` asks for."""
        if self.triplets == "all":
            return batch_ranking_loss(similar, query, other, margin)
        if self.triplets == "random":
            drawn = random_triplets(similar)
        else:
            drawn = hard_triplets(similar, query, other, margin)
        near, far = other[drawn.near], other[drawn.far]
        return triplet_ranking_loss(query[drawn.query], near, far, margin)
