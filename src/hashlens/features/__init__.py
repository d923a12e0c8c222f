"""Features: images of one size to vectors. A backbone loads torch only when it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hashlens.features.base import Features
from hashlens.features.gist import GIST
from hashlens.features.pixels import Pixels
from hashlens.features.standardize import Standardizer
from hashlens.features.table import FEATURES, load_features, restore_features

if TYPE_CHECKING:
    from hashlens.features.backbone import Backbone as Backbone

__all__ = [
    "FEATURES",
    "GIST",
    "Backbone",
    "Features",
    "Pixels",
    "Standardizer",
    "load_features",
    "restore_features",
]


def __getattr__(name: str) -> Any:
    if name == "Backbone":
        return import_module("hashlens.features.backbone").Backbone
    raise AttributeError(f"module 'hashlens.features' has no attribute {name!r}")
