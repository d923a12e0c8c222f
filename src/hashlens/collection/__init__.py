"""A user's indexed images: add, search, and nothing lost to a crash."""

from hashlens.collection.adding import AddReport
from hashlens.collection.collection import Collection, Item, Stats
from hashlens.collection.fitting import index_photos
from hashlens.collection.hits import Hit, Hits

__all__ = ["AddReport", "Collection", "Hit", "Hits", "Item", "Stats", "index_photos"]
