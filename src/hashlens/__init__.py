"""Learn compact binary codes for images, search them by Hamming distance, measure them.

Names load on first use, so that ``import hashlens`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hashlens.lazy import names_of
from hashlens.methods import METHODS, load_method

if TYPE_CHECKING:
    from hashlens import hashers as hashers
    from hashlens.codes import Code as Code
    from hashlens.collection import Collection as Collection
    from hashlens.model import Model as Model
    from hashlens.neighbors import Neighbors as Neighbors
    from hashlens.search import HammingIndex as HammingIndex
    from hashlens.training import train as train

__version__ = "0.1.0"

_find = names_of(
    __name__,
    {
        "Code": "hashlens.codes",
        "Collection": "hashlens.collection",
        "HammingIndex": "hashlens.search",
        "Model": "hashlens.model",
        "Neighbors": "hashlens.neighbors",
        "train": "hashlens.training",
    },
)

__all__ = [
    "METHODS",
    "Code",
    "Collection",
    "HammingIndex",
    "Model",
    "Neighbors",
    "__version__",
    "hashers",
    "load_method",
    "train",
]


def __getattr__(name: str) -> Any:
    return import_module("hashlens.hashers") if name == "hashers" else _find(name)


def __dir__() -> list[str]:
    return sorted(__all__)
