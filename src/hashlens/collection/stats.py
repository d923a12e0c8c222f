"""What a collection holds: an item, and the counts."""

from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple

from hashlens.collection.catalogue import Meta, count_items, count_labels


class Item(NamedTuple):
    """One image of a collection: its id, its path (or name), and its label."""

    id: int
    path: str
    label: str | None


@dataclass(frozen=True)
class Stats:
    """What a collection holds.

    Attributes
    ----------
    n_items : int
    n_removed : int
        Items that are removed and still take space.
    n_rows : int
        Stored codes; items with the same content share one.
    n_bits : int
    n_features : int
        Length of a stored feature vector; 0 where features are not stored.
    size_bytes : int
        Of all files in the folder.
    labels : dict of str to int
        Items of each label.
    """

    n_items: int
    n_removed: int
    n_rows: int
    n_bits: int
    n_features: int
    size_bytes: int
    labels: dict[str, int]


def count(db: Connection, folder: Path, meta: Meta) -> Stats:
    """Count what the collection in `folder` holds."""
    return Stats(
        n_items=count_items(db),
        n_removed=count_items(db, "removed"),
        n_rows=meta.n_rows,
        n_bits=meta.n_bits,
        n_features=meta.n_features,
        size_bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        labels=count_labels(db),
    )
