"""What a test reads of a collection on Milvus, past what a user sees."""

from hashlens.collection import Collection
from hashlens.collection.milvus.store import MilvusStore
from hashlens.collection.records import Record

SEEN_BY_ALL = 0.5
"""Seconds: what is never written twice may be read as it was a moment ago."""


def store_of(collection: Collection) -> MilvusStore:
    store = collection._store
    assert isinstance(store, MilvusStore)
    return store


def all_of(collection: Collection) -> dict[int, tuple[Record, bytes, bytes]]:
    """Read every item with its code and features."""
    found = {}
    for records in collection._store.records():
        assert records.vectors is not None
        for i, item in enumerate(records.items):
            found[item.id] = item, bytes(records.codes[i]), bytes(records.vectors[i])
    return found
