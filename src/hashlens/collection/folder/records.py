"""What the catalogue says of items: short queries, each on a connection that is open."""

import os
import sqlite3
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.sorting import Stored

_READ_AT_ONCE = 1 << 16


class BatchRow(NamedTuple):
    """Rows that were written together, and the SHA-256 of their bytes in each file."""

    first_row: int
    n_rows: int
    codes_sha256: bytes
    features_sha256: bytes | None


def read_batches(db: sqlite3.Connection) -> list[BatchRow]:
    """Read what was written together, in the order of the rows."""
    return [BatchRow(*row) for row in db.execute("SELECT * FROM batches ORDER BY first_row")]


def count_items(db: sqlite3.Connection, state: str = "live") -> int:
    """Count the items in one state, live or removed, by indices that are short."""
    removed = db.execute("SELECT COUNT(*) FROM items WHERE state = 'removed'").fetchone()[0]
    if state == "removed":
        return int(removed)
    return int(db.execute("SELECT COUNT(*) FROM items").fetchone()[0]) - int(removed)


def count_labels(db: sqlite3.Connection) -> dict[str, int]:
    """Count the live items of each label, labels in order; items without one do not count."""
    query = "SELECT label, COUNT(*) FROM items WHERE state = 'live' AND label IS NOT NULL"
    return {as_text(label): n for label, n in db.execute(f"{query} GROUP BY label ORDER BY label")}


def count_keys(db: sqlite3.Connection) -> dict[str, int]:
    """Count the live items that have each key of metadata, keys in order."""
    query = """SELECT key, COUNT(*) FROM items, json_each(items.metadata)
               WHERE items.state = 'live' AND items.metadata <> '{}' GROUP BY key ORDER BY key"""
    return dict(db.execute(query).fetchall())


def live_rows(db: sqlite3.Connection) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids of the live items, ascending, and the row of each: two int64 arrays of shape (n,)."""
    # As text, a part at a time: a Python object for each number takes five times the memory of
    # the arrays, and longer. The LIMIT keeps SQLite to the order.
    query = """SELECT group_concat(id), group_concat(row), max(id) FROM (
               SELECT id, row FROM items WHERE state = 'live' AND id > ? ORDER BY id LIMIT ?)"""
    parts, last = [np.empty((2, 0), np.int64)], -1
    while (found := db.execute(query, (last, _READ_AT_ONCE)).fetchone())[0] is not None:
        parts.append(np.array([np.fromstring(text, np.int64, sep=",") for text in found[:2]]))
        last = found[2]
    ids, rows = np.concatenate(parts, axis=1)
    return ids, rows


class ChangedRows(NamedTuple):
    """Items that commits have changed: int64 (n,) ids, ascending, and rows; bool (n,) live."""

    ids: NDArray[np.int64]
    rows: NDArray[np.int64]
    live: NDArray[np.bool_]


def changed_rows(db: sqlite3.Connection, since: int) -> ChangedRows:
    """Read the items that the commits after this revision have changed or removed."""
    # Without ORDER BY: it would make SQLite walk all items in order, and not the index.
    query = "SELECT id, row, state = 'live' FROM items WHERE revision > ?"
    found = np.array(db.execute(query, (since,)).fetchall(), np.int64).reshape(-1, 3)
    found = found[np.argsort(found[:, 0])]
    return ChangedRows(found[:, 0], found[:, 1], found[:, 2] == 1)


def live_labels(db: sqlite3.Connection) -> list[str | None]:
    """Labels of the live items, by ascending id; None where there is none."""
    found = db.execute("SELECT label FROM items WHERE state = 'live' ORDER BY id")
    return [label and as_text(label) for (label,) in found]


def row_of_content(db: sqlite3.Connection, content_hash: bytes) -> int | None:
    """Find the row of an image with these bytes, if any item has or had them."""
    query = "SELECT row FROM items WHERE content_hash = ? LIMIT 1"
    found = db.execute(query, (content_hash,)).fetchone()
    return None if found is None else int(found[0])


def ids_of_content(db: sqlite3.Connection, content_hash: bytes) -> list[int]:
    """Find the live items with these bytes, by ascending id."""
    query = "SELECT id FROM items WHERE content_hash = ? AND state = 'live' ORDER BY id"
    return [item_id for (item_id,) in db.execute(query, (content_hash,))]


def rows_of_content(db: sqlite3.Connection, content_hash: bytes) -> list[int]:
    """Find all rows of an image with these bytes: one, unless it was encoded in several ways."""
    query = "SELECT DISTINCT row FROM items WHERE content_hash = ? ORDER BY row"
    return [row for (row,) in db.execute(query, (content_hash,))]


def read_next_id(db: sqlite3.Connection) -> int:
    """Read the least id that no item has had."""
    found = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'items'").fetchone()
    return 1 if found is None else int(found[0]) + 1


def item_at(db: sqlite3.Connection, path: str, has_file: bool) -> Stored | None:
    """Read the live item at a path, or of a name where it has no file, if there is one."""
    query = """SELECT id, content_hash, label, row FROM items
               WHERE path = ? AND has_file = ? AND state = 'live'"""
    found = db.execute(query, (as_stored(path), has_file)).fetchone()
    return found and Stored(found[0], found[1], found[2] and as_text(found[2]), found[3])


def files_of_content(db: sqlite3.Connection, content_hash: bytes) -> list[tuple[int, str]]:
    """Ids and paths of the live items that are files with these bytes, by ascending id."""
    query = """SELECT id, path FROM items
               WHERE content_hash = ? AND state = 'live' AND has_file = 1 ORDER BY id"""
    return [(i, as_text(path)) for i, path in db.execute(query, (content_hash,))]


def as_stored(text: str) -> str | bytes:
    r"""Give what SQLite can hold of a file's name: bytes where the name is not valid Unicode.

    Examples
    --------
    >>> as_stored("owl.jpg"), as_stored("owl\udcff.jpg")
    ('owl.jpg', b'owl\xff.jpg')
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def as_text(stored: str | bytes) -> str:
    """Undo `as_stored`."""
    return os.fsdecode(stored) if isinstance(stored, bytes) else stored
