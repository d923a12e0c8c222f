"""Writing labels and metadata to the catalogue."""

from collections.abc import Iterable
from sqlite3 import Connection

from hashlens.collection.folder.catalogue import commit
from hashlens.collection.folder.records import as_stored, as_text
from hashlens.collection.items import LARGEST_ID
from hashlens.collection.metadata import Metadata
from hashlens.collection.updating import Found, Place, Said, UpdateReport, plan_update

_FIND = "SELECT id, label, metadata FROM items WHERE state = 'live' AND "
_BY_ID = _FIND + "id = ?"
_BY_PATH = _FIND + "path = ? AND has_file = ?"
_WRITE = "UPDATE items SET label = ?, metadata = ?, revision = ? WHERE id = ?"


def update_rows(db: Connection, metadata: Metadata) -> UpdateReport:
    """Write metadata, all of it or nothing, under the writer lock.

    Where nothing changes there is no commit.

    Raises
    ------
    InputError
        If an item would have too much metadata.
    """
    plan = plan_update(metadata, lambda wanted: _find(db, wanted))
    changed = plan.changed()
    if changed:
        with commit(db) as revision:
            for item_id, (label, values) in changed:
                label_stored = label and as_stored(label)
                db.execute(_WRITE, (label_stored, values, revision, item_id))
    return plan.report()


def _find(db: Connection, wanted: Iterable[int | Place]) -> Found:
    found = {}
    for each in wanted:
        if isinstance(each, int):
            row = db.execute(_BY_ID, (min(each, LARGEST_ID),)).fetchone()
        else:
            row = db.execute(_BY_PATH, (as_stored(each.path), each.has_file)).fetchone()
        if row is not None:
            found[each] = row[0], Said(row[1] and as_text(row[1]), row[2])
    return found
