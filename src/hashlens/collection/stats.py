"""What a collection holds, counted."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

from hashlens.collection.catalogue import Meta
from hashlens.collection.records import count_items, count_keys, count_labels


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
    n_pictures : int
        Images kept in the collection because they have no file of their own.
    size_bytes : int
        Of all files in the folder.
    labels : dict of str to int
        Items of each label.
    metadata : dict of str to int
        Items that have each key of metadata.
    """

    n_items: int
    n_removed: int
    n_rows: int
    n_bits: int
    n_features: int
    n_pictures: int
    size_bytes: int
    labels: dict[str, int]
    metadata: dict[str, int]


def count(db: Connection, folder: Path, meta: Meta) -> Stats:
    """Count what the collection in `folder` holds."""
    return Stats(
        n_items=count_items(db),
        n_removed=count_items(db, "removed"),
        n_rows=meta.n_rows,
        n_bits=meta.n_bits,
        n_features=meta.n_features,
        n_pictures=int(db.execute("SELECT COUNT(*) FROM pictures").fetchone()[0]),
        size_bytes=folder_size(folder),
        labels=count_labels(db),
        metadata=count_keys(db),
    )


def folder_size(folder: Path) -> int:
    """Count the bytes of all files below a folder; one that is deleted meanwhile counts not."""
    total = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size if file.is_file() else 0
    return total
