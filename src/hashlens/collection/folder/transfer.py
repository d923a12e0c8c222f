"""Items of a folder on their way to another collection, and from one."""

import json
from collections.abc import Iterator, Sequence
from sqlite3 import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.folder.catalogue import commit
from hashlens.collection.folder.pictures import count_picture_bytes, kept_picture
from hashlens.collection.folder.records import as_stored, as_text, row_of_content
from hashlens.collection.folder.removing import remove
from hashlens.collection.folder.snapshot import Snapshot
from hashlens.collection.folder.target import Target
from hashlens.collection.records import Record, Records

BATCH = 1024
_COLUMNS = "id, path, has_file, content_hash, label, metadata, added"
_READ = f"""SELECT {_COLUMNS} FROM items
            WHERE state = 'live' AND id > ? ORDER BY id LIMIT {BATCH}"""
_MAKE_ROOM = """UPDATE items SET state = 'removed', revision = ?
                WHERE state = 'live' AND (id = ? OR (path = ? AND has_file = ?))"""
_WRITE = f"""INSERT OR REPLACE INTO items ({_COLUMNS}, row, revision)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def read_records(db: Connection, snapshot: Snapshot, after: int) -> Iterator[Records]:
    """Read the live items whose id is greater, by ascending id, in batches.

    Parameters
    ----------
    db : Connection
        In the same commit as the snapshot.
    snapshot : Snapshot
    after : int
    """
    while found := db.execute(_READ, (after,)).fetchall():
        items = [_record(row) for row in found]
        after = items[-1].id
        rows = snapshot.rows_of(np.array([item.id for item in items], np.int64))
        vectors = None if snapshot.features is None else snapshot.features[rows]
        yield Records(items, snapshot.codes[rows], vectors)


def _record(row: tuple[Any, ...]) -> Record:
    item_id, path, has_file, content_hash, label, metadata, added = row
    label, values = label and as_text(label), json.loads(metadata)
    return Record(item_id, as_text(path), bool(has_file), content_hash, label, values, added)


class FolderReceiver:
    """Writes items of another collection to a folder whose writer lock is held.

    Parameters
    ----------
    target : Target
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._n_rows = target.meta.n_rows
        self._n_picture_bytes = count_picture_bytes(target.db)

    def put(self, records: Records, pictures: Sequence[tuple[bytes, bytes]]) -> None:
        """Write items, in place of what there is of these ids, and kept pictures by content.

        Of two items at one path, the one that is written last stays.
        """
        db = self._target.db
        rows, new = self._rows(records)
        batch = self._append(records, new) if len(new) else None
        kept = self._target.pictures.append(pictures, self._n_picture_bytes) if pictures else []
        with commit(db) as revision:
            if batch is not None:
                db.execute("INSERT INTO batches VALUES (?, ?, ?, ?)", batch)
            db.executemany("INSERT INTO pictures VALUES (?, ?, ?, ?)", kept)
            for item, row in zip(records.items, rows, strict=True):
                path = as_stored(item.path)
                db.execute(_MAKE_ROOM, (revision, item.id, path, item.has_file))
                label = item.label and as_stored(item.label)
                metadata = json.dumps(item.metadata, ensure_ascii=False, separators=(",", ":"))
                values = item.id, path, item.has_file, item.content_hash, label, metadata
                db.execute(_WRITE, (*values, item.added, row, revision))
        self._n_rows += len(new)
        self._n_picture_bytes += sum(picture.n_bytes for picture in kept)

    def remove(self, ids: Sequence[int]) -> None:
        """Remove items."""
        remove(self._target.db, ids)

    def has_picture(self, content_hash: bytes) -> bool:
        """Tell whether a picture of this content is kept."""
        return kept_picture(self._target.db, content_hash) is not None

    def _rows(self, records: Records) -> tuple[list[int], NDArray[np.int64]]:
        """Give the row of each item, and which of the records are to be written as new rows.

        Items with the same bytes and the same code share a row, as they do when they are added.
        """
        stored = self._target.codes.read(self._n_rows)
        here: dict[bytes, int] = {}
        rows, new = [], list[int]()
        for i, item in enumerate(records.items):
            code = records.codes[i]
            row = row_of_content(self._target.db, item.content_hash)
            if row is None or not (stored[row] == code).all():
                key = item.content_hash + code.tobytes()
                row = here.setdefault(key, self._n_rows + len(new))
                if row == self._n_rows + len(new):
                    new.append(i)
            rows.append(row)
        return rows, np.array(new, np.int64)

    def _append(
        self, records: Records, new: NDArray[np.int64]
    ) -> tuple[int, int, bytes, bytes | None]:
        codes_sum = self._target.codes.append(records.codes[new], self._n_rows)
        features_sum = None
        if self._target.features is not None and records.vectors is not None:
            features_sum = self._target.features.append(records.vectors[new], self._n_rows)
        return self._n_rows, len(new), codes_sum, features_sum
