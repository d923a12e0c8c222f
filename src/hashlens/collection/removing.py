"""Removing items: they are gone from every search at once, their space at the next compaction."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from sqlite3 import Connection

import numpy as np

from hashlens.checks import refuse, words
from hashlens.collection.catalogue import commit
from hashlens.collection.filters import select_ids
from hashlens.collection.records import as_stored, as_text, check_item_id, no_item
from hashlens.collection.sorting import is_gone
from hashlens.collection.target import writing_to


def remove_items(folder: Path, ids: object, where: str | None) -> int:
    """Remove the items with these ids, or those for which `where` is true; all, or none.

    Raises
    ------
    InputError
        If not just one of the two is given, or it is not as it should be, or an id is no item's.
    BusyError
        If another process is writing to the collection.
    """
    if (ids is None) == (where is None):
        raise refuse("ids", "given, or else where", words("neither" if ids is None else "both"))
    wanted = None if ids is None else _as_ids(ids)
    with writing_to(folder) as target:
        chosen = select_ids(target.db, where).tolist() if wanted is None else wanted
        return remove(target.db, chosen)


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


def _as_ids(value: object) -> list[int]:
    """Read distinct ids from an int or a sequence of them."""
    if isinstance(value, np.ndarray) and value.ndim != 1:
        raise refuse("ids", "the id of an item, or a sequence of them", value)
    if isinstance(value, Sequence | np.ndarray | set | frozenset) and not isinstance(value, str):
        return sorted({check_item_id(item_id) for item_id in value})
    return [check_item_id(value)]
