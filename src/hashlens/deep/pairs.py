"""Which images of a batch are alike, and what the losses on pairs and triplets have in common."""

from dataclasses import replace

from torch import Tensor

from hashlens.deep.base import DeepMethod, Targets
from hashlens.deep.recipe import Recipe

IMAGES_PER_CLASS = 4


class PairMethod(DeepMethod):
    """Base of the methods that learn from the pairs of a batch by products of their outputs."""

    supports_multi_label = True

    def recipe(self, recipe: Recipe) -> Recipe:
        """Lower the rate, and put images of a class side by side.

        With many classes, chance makes few similar pairs.
        """
        rate = min(recipe.learning_rate, 0.1)
        return replace(in_groups(recipe), learning_rate=rate)

    def rate_factor(self, name: str) -> float:
        """Move the hash layer slowly: its outputs enter the loss squared.

        A large step saturates them, and often all images then end with one and the same code.
        """
        return 0.1 if name.startswith("hash_layer") else 1.0


def in_groups(recipe: Recipe) -> Recipe:
    """Ask for several images of a class in a batch: without two alike there is no pair."""
    n_images = max(IMAGES_PER_CLASS, recipe.images_per_class)
    return replace(recipe, images_per_class=min(recipe.batch_size, n_images))


def similarity(targets: Targets) -> Tensor:
    """Tell which pairs of a batch share a label: bool (n, n), true on the diagonal.

    Examples
    --------
    >>> import torch
    >>> from hashlens.deep.base import make_targets
    >>> similarity(make_targets(torch.tensor([1, 0, 1]), 2, 0.0)).int()
    tensor([[1, 0, 1],
            [0, 1, 0],
            [1, 0, 1]], dtype=torch.int32)
    """
    labels = targets.labels
    if labels.ndim == 1:
        return labels[:, None] == labels
    shared = labels.float() @ labels.float().T > 0
    shared.fill_diagonal_(True)  # an image without any label is still like itself
    return shared
