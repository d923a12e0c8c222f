"""Counting what a folder holds."""

from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection

from hashlens.collection.folder.catalogue import Meta
from hashlens.collection.folder.records import count_items, count_keys, count_labels
from hashlens.collection.stats import Stats


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
