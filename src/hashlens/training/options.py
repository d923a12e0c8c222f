"""What a training can be told."""

from dataclasses import dataclass
from pathlib import Path

from hashlens.checks import check_choice, check_float, check_int, refuse

RECIPE_NAMES = ("modern", "fast", "paper")
"""The keys of `hashlens.deep.RECIPES`, here without loading torch."""


@dataclass(frozen=True)
class TrainOptions:
    """Everything `train` can be told beside the data, the method and the bits.

    Attributes
    ----------
    seed : int
    recipe : {"modern", "fast", "paper"}
        For deep methods.
    epochs : int, optional
        Passes over the training images; the recipe's own number otherwise.
    time_budget : float, optional
        Seconds for the whole training, in place of `epochs`: a few steps are timed first.
    features : str
        For hashers: ``pixels``, ``gist`` or a timm model.
    image_size : int, optional
        Side to which images are scaled; images of one size up to 64 stay as they are.
    flip : bool, optional
        Mirror images in training; by default not for digits.
    flip_average : bool
        For deep methods that mirror images in training: embed each image as the mean of itself
        and its mirror image, in the model too. Better, at twice the cost of encoding.
    precision : {"auto", "32-true", "bf16-mixed"}
    validation : float
        Share of the labelled training images that is kept out to measure on, 2,000 at most. With
        more of them, `DistanceMeaning` promises more.
    strict : bool
        Stop at the first image that cannot be decoded, in place of leaving it out.
    out : Path, optional
        Folder of the model; an interrupted training is kept there and taken up again.
    overwrite : bool
    devices : int, default=1
        For deep methods: processes of this machine that train together, one a GPU where there are
        GPUs. Each runs its part of every batch; their number changes nothing but the rounding,
        and what dropout draws. Under torchrun, leave it out.
    nodes : int, default=1
        Machines that train together, each with `devices` processes. The same call runs on each,
        with ``MASTER_ADDR``, ``MASTER_PORT`` and ``NODE_RANK`` in its environment; the first
        (``NODE_RANK=0``) writes `out`.
    """

    seed: int = 0
    recipe: str = "modern"
    epochs: int | None = None
    time_budget: float | None = None
    features: str = "gist"
    image_size: int | None = None
    flip: bool | None = None
    flip_average: bool = False
    precision: str = "auto"
    validation: float = 0.04
    strict: bool = False
    out: Path | None = None
    overwrite: bool = False
    devices: int = 1
    nodes: int = 1

    def __post_init__(self) -> None:
        check_int("seed", self.seed, 0, 2**31)
        check_int("devices", self.devices, 1)
        check_int("nodes", self.nodes, 1)
        check_choice("recipe", self.recipe, RECIPE_NAMES)
        check_float("validation", self.validation, 0.0, 0.5)
        if self.epochs is not None:
            check_int("epochs", self.epochs, 1)
        if self.time_budget is not None:
            check_float("time_budget", self.time_budget, 1.0)
        if self.epochs is not None and self.time_budget is not None:
            raise refuse("time_budget", "left out where epochs is given", self.time_budget)
