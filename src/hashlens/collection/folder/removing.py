"""Removing items: they are gone from every search at once, their space at the next compaction."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from sqlite3 import Connection

from hashlens.collection.folder.catalogue import commit
from hashlens.collection.folder.records import as_stored, as_text
from hashlens.collection.items import no_item
from hashlens.collection.sorting import is_gone


def remove(db: Connection, ids: Sequence[int]) -> int:
    """Remove live items in one commit; nothing if an id is not that of one."""
    if not ids:
        return 0
    query = "UPDATE items SET state = 'removed', revision = ? WHERE id = ? AND state = 'live'"
    with commit(db) as revision:
        for item_id in ids:
            if db.execute(query, (revision, item_id)).rowcount == 0:
                raise no_item(item_id)
    return len(ids)


def prune(db: Connection, folder: Path) -> int:
    """Remove the items whose path is below a folder, and whose file is gone."""
    return remove(db, [item_id for item_id, path in _items_below(db, folder) if is_gone(path)])


def _items_below(db: Connection, folder: Path) -> Iterator[tuple[int, str]]:
    """Ids and paths of the items that are files below a folder."""
    start = os.path.join(os.path.abspath(folder), "")  # noqa: PTH100, PTH118 - as in `look_at`; ends with a slash
    # All that begins with "a/" is at least "a/" and below "a0", 0 being next after the slash.
    # Names that are not Unicode are stored as bytes, and those come after all text.
    below = f"{start[:-1]}0"
    ranges = {
        (as_stored(start), as_stored(below)),
        (os.fsencode(start), os.fsencode(below)),
    }
    query = """SELECT id, path FROM items
               WHERE state = 'live' AND has_file = 1 AND path >= ? AND path < ?"""
    for between in ranges:
        yield from ((item_id, as_text(path)) for item_id, path in db.execute(query, between))
