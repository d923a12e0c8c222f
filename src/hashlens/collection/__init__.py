"""A user's indexed images: add, search, and nothing lost to a crash.

Opening and searching loads neither torch nor scikit-learn; fitting a model does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hashlens.collection.adding import AddReport
from hashlens.collection.collection import Collection
from hashlens.collection.hits import Hit, Hits
from hashlens.collection.stats import Item, Stats

if TYPE_CHECKING:
    from hashlens.collection.fitting import index_photos as index_photos

__all__ = ["AddReport", "Collection", "Hit", "Hits", "Item", "Stats", "index_photos"]


def __getattr__(name: str) -> Any:
    if name == "index_photos":
        return import_module("hashlens.collection.fitting").index_photos
    raise AttributeError(f"module 'hashlens.collection' has no attribute {name!r}")
