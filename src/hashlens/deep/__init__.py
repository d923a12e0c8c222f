"""Networks from image to code, and the one loop that trains them."""

from typing import Any

from hashlens.deep.base import DeepMethod, HashNetwork, Outputs, Targets
from hashlens.deep.encoder import DeepEncoder, Embedded, Normalize
from hashlens.deep.recipe import RECIPES, Recipe, recipe_named
from hashlens.methods import classes_in, load_method

_CLASSES = classes_in(__name__)

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
__all__ += list(_CLASSES)


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        return load_method(_CLASSES[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
