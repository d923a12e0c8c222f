"""Networks from image to code, and the one loop that trains them."""

from hashlens.deep.base import DeepMethod, HashNetwork, Outputs, Targets
from hashlens.deep.encoder import DeepEncoder, Embedded, Normalize
from hashlens.deep.recipe import RECIPES, Recipe, recipe_named

__all__ = [
    "RECIPES",
    "DeepEncoder",
    "DeepMethod",
    "Embedded",
    "HashNetwork",
    "Normalize",
    "Outputs",
    "Recipe",
    "Targets",
    "recipe_named",
]
