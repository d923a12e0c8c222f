"""Items of a folder on their way to another collection, and from one."""

import json
from collections.abc import Iterator, Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.folder.catalogue import commit
from hashlens.collection.folder.pictures import PictureFile, count_picture_bytes, kept_picture
from hashlens.collection.folder.records import (
    as_stored,
    as_text,
    read_next_id,
    rows_of_content,
)
from hashlens.collection.folder.removing import remove
from hashlens.collection.folder.snapshot import Snapshot
from hashlens.collection.folder.target import Target
from hashlens.collection.metadata import as_json
from hashlens.collection.records import Record, Records
from hashlens.collection.store import Reading
from hashlens.errors import FormatError, HashlensError

if TYPE_CHECKING:
    from hashlens.collection.folder.store import FolderStore

BATCH = 1024
_COLUMNS = "id, path, has_file, content_hash, label, metadata, added"
_READ = f"SELECT {_COLUMNS} FROM items WHERE state = 'live' AND id > ? ORDER BY id LIMIT ?"
_MAKE_ROOM = """UPDATE items SET state = 'removed', revision = ?
                WHERE state = 'live' AND path = ? AND has_file = ? AND id != ?"""
_WRITE = f"""INSERT OR REPLACE INTO items ({_COLUMNS}, row, revision)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""


class FolderReading(Reading):
    """One commit of a folder.

    Parameters
    ----------
    store : FolderStore
    db : Connection
        In the same commit as the snapshot.
    snapshot : Snapshot
    """

    def __init__(self, store: "FolderStore", db: Connection, snapshot: Snapshot) -> None:
        super().__init__(store)
        self._db, self._snapshot = db, snapshot
        self._pictures = PictureFile(store.folder, snapshot.generation)

    @property
    def next_id(self) -> int:
        """The least id that no item has had."""
        return read_next_id(self._db)

    def ids(self) -> NDArray[np.int64]:
        """Ids of all items, ascending."""
        return self._snapshot.ids

    def records(self) -> Iterator[Records]:
        """Read all there is of all items, by ascending id, in batches."""
        return read_records(self._db, self._snapshot, -1)

    def kept_picture(self, content_hash: bytes) -> bytes | None:
        """Read a kept picture; None if there is none of this content."""
        row = kept_picture(self._db, content_hash)
        if row is None:
            return None
        try:
            return self._pictures.read(row)
        except FormatError:
            if self._pictures.path.exists():
                raise
        kept = self._store.kept_picture(content_hash)  # in the file that compacting has made
        if kept is None:
            raise HashlensError(
                f"{self._store.place} must keep its pictures while it is copied. Got a removed one "
                f"that compacting has dropped: the same command again goes on."
            )
        return kept


def read_records(db: Connection, snapshot: Snapshot, after: int) -> Iterator[Records]:
    """Read the live items whose id is greater, by ascending id, in batches.

    Parameters
    ----------
    db : Connection
        In the same commit as the snapshot.
    snapshot : Snapshot
    after : int
    """
    while found := db.execute(_READ, (after, BATCH)).fetchall():
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
                self._write(item, row, revision)
        self._n_rows += len(new)
        self._n_picture_bytes += sum(picture.n_bytes for picture in kept)

    def remove(self, ids: Sequence[int]) -> None:
        """Remove items."""
        remove(self._target.db, ids)

    def has_picture(self, content_hash: bytes) -> bool:
        """Tell whether a picture of this content is kept."""
        return kept_picture(self._target.db, content_hash) is not None

    def reserve(self, next_id: int) -> None:
        """See to it that no new item gets an id below this one."""
        db = self._target.db
        if read_next_id(db) >= next_id:
            return
        with commit(db):
            db.execute("DELETE FROM sqlite_sequence WHERE name = 'items'")
            db.execute("INSERT INTO sqlite_sequence VALUES ('items', ?)", (next_id - 1,))

    def _write(self, item: Record, row: int, revision: int) -> None:
        path, label = as_stored(item.path), item.label and as_stored(item.label)
        db = self._target.db
        db.execute(_MAKE_ROOM, (revision, path, item.has_file, item.id))
        values = item.id, path, item.has_file, item.content_hash, label, as_json(item.metadata)
        db.execute(_WRITE, (*values, item.added, row, revision))

    def _rows(self, records: Records) -> tuple[list[int], NDArray[np.int64]]:
        """Give the row of each item, and which of the records are to be written as new rows.

        Items with the same bytes, code and features share a row, as they do when they are added.
        """
        here: dict[bytes, int] = {}
        rows, new = [], list[int]()
        wanted = _contents(records.codes, records.vectors)
        for i, (item, content) in enumerate(zip(records.items, wanted, strict=True)):
            row = self._row_with(item.content_hash, content)
            if row is None:
                key, next_row = item.content_hash + content, self._n_rows + len(new)
                row = here.setdefault(key, next_row)
                if row == next_row:
                    new.append(i)
            rows.append(row)
        return rows, np.array(new, np.int64)

    def _row_with(self, content_hash: bytes, content: bytes) -> int | None:
        """Find the row of an image where the same code and the same features are stored."""
        rows = rows_of_content(self._target.db, content_hash)
        if not rows:
            return None
        codes, features = self._target.codes.read(self._n_rows)[rows], None
        if self._target.features is not None:
            features = self._target.features.read(self._n_rows)[rows]
        stored = _contents(codes, features)
        return next((row for row, each in zip(rows, stored, strict=True) if each == content), None)

    def _append(
        self, records: Records, new: NDArray[np.int64]
    ) -> tuple[int, int, bytes, bytes | None]:
        codes_sum = self._target.codes.append(records.codes[new], self._n_rows)
        features_sum = None
        if self._target.features is not None and records.vectors is not None:
            features_sum = self._target.features.append(records.vectors[new], self._n_rows)
        return self._n_rows, len(new), codes_sum, features_sum


def _contents(codes: NDArray[Any], vectors: NDArray[Any] | None) -> Iterator[bytes]:
    """Give what is stored of each image, as bytes."""
    for i, code in enumerate(codes):
        yield code.tobytes() + (b"" if vectors is None else vectors[i].tobytes())
