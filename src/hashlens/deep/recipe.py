"""Training recipes: how the one loop trains, apart from what it trains."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from hashlens.checks import check_choice, check_float, check_int


@dataclass(frozen=True)
class Recipe:
    """Everything the loop needs to know that is not the method's own.

    Parameters
    ----------
    name : str
    epochs : int
        Passes over the training images.
    min_steps : int
        Small sets are passed over more often, until this many steps are done.
    batch_size : int
    learning_rate : float
        The highest rate.
    schedule : {"triangle", "steps"}
        ``triangle`` climbs to the rate and falls in a line to zero; ``steps`` divides it by ten at
        1/2 and at 3/4 of the training.
    warmup : float, 0 to 1
        Share of the training in which ``triangle`` climbs.
    momentum : float
        Of stochastic gradient descent.
    nesterov : bool
    filter_rate : float, >= 0
        The highest rate of filters that a normalisation follows, which then learn by
        :class:`~hashlens.deep.muon.Muon`; 0 where they learn as everything else does.
    filter_momentum : float
        Of those.
    weight_decay : float
        Of matrices and filters; offsets and normalisation have none.
    label_smoothing : float, 0 to 1
    crop_padding : int
        Random shifts up to this many pixels, for images 32 pixels high; scaled with the height.
    cutout : int
        Side of the square cut out of an image 32 pixels high; 0 for none.
    images_per_class : int
        At least this many images of a class stand side by side in a batch, for losses on pairs
        and triplets; 1 for a plain permutation.
    flip : bool
        Mirror every image in every other epoch. Wrong for digits and letters.
    """

    name: str = "modern"
    epochs: int = 15
    min_steps: int = 1_000
    batch_size: int = 128
    learning_rate: float = 0.2
    schedule: str = "triangle"
    warmup: float = 0.2
    momentum: float = 0.85
    nesterov: bool = True
    filter_rate: float = 0.0
    filter_momentum: float = 0.6
    weight_decay: float = 1.3e-3
    label_smoothing: float = 0.2
    crop_padding: int = 2
    cutout: int = 0
    images_per_class: int = 1
    flip: bool = True

    def __post_init__(self) -> None:
        check_choice("schedule", self.schedule, ("triangle", "steps"))
        check_int("epochs", self.epochs, 1)
        check_int("min_steps", self.min_steps, 0)
        check_int("batch_size", self.batch_size, 2)
        check_int("images_per_class", self.images_per_class, 1, self.batch_size)
        check_float("learning_rate", self.learning_rate, 0.0)
        check_float("filter_rate", self.filter_rate, 0.0)
        check_float("label_smoothing", self.label_smoothing, 0.0, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON-able values."""
        return asdict(self)

    def n_steps(self, n_images: int) -> int:
        """Steps of the whole training for a set of `n_images`: whole epochs, full batches."""
        per_epoch = self.steps_per_epoch(n_images)
        return per_epoch * max(self.epochs, math.ceil(self.min_steps / per_epoch))

    def steps_per_epoch(self, n_images: int) -> int:
        """Full batches in one pass; a set smaller than a batch is one batch."""
        return max(1, n_images // self.batch_size)

    def rate(self, progress: float) -> float:
        """Learning rate at `progress` (0 to 1) of the training.

        Examples
        --------
        >>> [round(Recipe(learning_rate=1.0).rate(p), 2) for p in (0.0, 0.1, 0.2, 0.6, 1.0)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
        """
        if self.schedule == "steps":
            return self.learning_rate * (
                1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01
            )
        climb = progress / self.warmup if self.warmup else 1.0
        return self.learning_rate * max(0.0, min(climb, (1 - progress) / (1 - self.warmup)))


RECIPES: dict[str, Recipe] = {
    # What short trainings need: a triangular rate, smoothed labels, little momentum, strong decay.
    # In the terms used here and for batches of 128, arXiv:2404.00498 has a rate of 0.19 and a
    # decay of 1.3e-3; smoothing, momentum and padding are as there.
    "modern": Recipe(),
    # As "modern", with filters that learn by Muon, so in fewer epochs. The program for CIFAR-10
    # that it is taken from has batches of 2,000 and a rate of 0.24, and 200 steps in all.
    "fast": Recipe(
        name="fast",
        epochs=8,
        min_steps=400,
        batch_size=500,
        learning_rate=0.05,
        warmup=0.0,
        filter_rate=0.12,
    ),
    # The RITQ paper names no schedule; this is its reference's (He et al. 2016, section 4.2).
    "paper": Recipe(
        name="paper",
        epochs=164,
        batch_size=128,
        learning_rate=0.1,
        schedule="steps",
        momentum=0.9,
        nesterov=False,
        weight_decay=1e-4,
        label_smoothing=0.0,
        crop_padding=4,
    ),
}


def recipe_named(name: str, epochs: int | None = None, flip: bool = True) -> Recipe:
    """Return a recipe by name, with its number of epochs and mirroring set.

    Giving `epochs` also lifts the minimum of steps, so that exactly that many are done.

    Examples
    --------
    >>> recipe_named("modern", epochs=2).n_steps(1280)
    20
    """
    recipe = replace(RECIPES[check_choice("recipe", name, RECIPES)], flip=flip)
    return recipe if epochs is None else replace(recipe, epochs=epochs, min_steps=0)
