"""A user's indexed images: add, search, and nothing lost to a crash.

Opening and searching loads neither torch nor scikit-learn; fitting a model does.
"""

from typing import TYPE_CHECKING

from hashlens.collection.adding import AddReport
from hashlens.collection.collection import Collection
from hashlens.collection.copying import CopyReport
from hashlens.collection.findings import CheckReport
from hashlens.collection.folder.compacting import CompactReport
from hashlens.collection.hits import Hit, Hits
from hashlens.collection.items import Item
from hashlens.collection.metadata import Metadata
from hashlens.collection.queries import Queries
from hashlens.collection.stats import Stats
from hashlens.collection.updating import UpdateReport
from hashlens.lazy import names_of

if TYPE_CHECKING:
    from hashlens.collection.fitting import index_photos as index_photos

__all__ = [
    "AddReport",
    "CheckReport",
    "Collection",
    "CompactReport",
    "CopyReport",
    "Hit",
    "Hits",
    "Item",
    "Metadata",
    "Queries",
    "Stats",
    "UpdateReport",
    "index_photos",
]

__getattr__ = names_of(__name__, {"index_photos": "hashlens.collection.fitting"})


def __dir__() -> list[str]:
    return sorted(__all__)
