"""Writing rows and items to a folder, a batch in one commit."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from hashlens.collection.batch import Batch, label_after
from hashlens.collection.folder.catalogue import commit
from hashlens.collection.folder.pictures import (
    PictureRow,
    count_picture_bytes,
    keeps_pictures,
    kept_picture,
)
from hashlens.collection.folder.records import as_stored, as_text
from hashlens.collection.folder.target import Target
from hashlens.collection.incoming import Encoded, Incoming
from hashlens.collection.sorting import Place

if TYPE_CHECKING:
    from hashlens.data.candidates import Candidate

_INSERT = """
INSERT INTO items (path, has_file, content_hash, label, row, revision, added)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_BEFORE = "SELECT path, label FROM items WHERE id = ?"
_UPDATE = """
UPDATE items SET path = ?, has_file = ?, content_hash = ?, label = ?, row = ?, revision = ?
WHERE id = ?
"""


class BatchWriter:
    """Writes batches of images to a collection whose writer lock is held.

    The order of writes keeps the promise that only what is committed exists: codes, features and
    pictures go down to the disk first, then one transaction adds the items that point to them.

    Parameters
    ----------
    target : Target
    incoming : Incoming
        The images that the candidates number.

    Attributes
    ----------
    n_rows : int
        Committed rows.
    keep_pictures : bool
        Whether images without a file are kept.
    """

    def __init__(self, target: Target, incoming: Incoming) -> None:
        self._target = target
        self._incoming = incoming
        self.n_rows = target.meta.n_rows
        self.keep_pictures = keeps_pictures(target.db) and incoming.has_pictures
        self._n_picture_bytes = count_picture_bytes(target.db)

    def write(self, batch: Batch) -> None:
        """Write a batch down to the disk, and commit it."""
        if not batch.items:
            return
        rows = self._append(batch.encoded) if batch.n_rows else None
        pictures = self._append_pictures([place.candidate for place, _ in batch.items])
        db = self._target.db
        with commit(db) as revision:
            if rows is not None:
                db.execute("INSERT INTO batches VALUES (?, ?, ?, ?)", rows)
            db.executemany("INSERT INTO pictures VALUES (?, ?, ?, ?)", pictures)
            self._write_items(batch.items, revision)
        self.n_rows += batch.n_rows
        self._n_picture_bytes += sum(picture.n_bytes for picture in pictures)

    def _write_items(self, items: Sequence[tuple[Place, int]], revision: int) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for (candidate, _, item_id), row in items:
            path, label = as_stored(candidate.path), candidate.label
            if item_id is not None:
                there, before = self._target.db.execute(_BEFORE, (item_id,)).fetchone()
                label = label_after(before and as_text(before), label, stays=there == path)
            stored = label and as_stored(label)
            values = path, candidate.has_file, candidate.content_hash, stored, row, revision
            if item_id is None:
                self._target.db.execute(_INSERT, (*values, now))
            else:
                self._target.db.execute(_UPDATE, (*values, item_id))

    def _append(self, encoded: Sequence[Encoded]) -> tuple[int, int, bytes, bytes | None]:
        """Write rows to the files; give what the catalogue is to say of them."""
        codes = np.concatenate([each.codes for each in encoded])
        codes_sum = self._target.codes.append(codes, self.n_rows)
        features_sum = None
        if self._target.features is not None:
            vectors = np.concatenate([each.vectors for each in encoded if each.vectors is not None])
            features_sum = self._target.features.append(vectors, self.n_rows)
        return self.n_rows, len(codes), codes_sum, features_sum

    def _append_pictures(self, candidates: "Sequence[Candidate]") -> list[PictureRow]:
        """Keep what has no file, once for each content."""
        wanted: dict[bytes, Candidate] = {}
        for candidate in candidates if self.keep_pictures else ():
            content = candidate.content_hash
            if not candidate.has_file and not kept_picture(self._target.db, content):
                wanted.setdefault(content, candidate)
        if not wanted:
            return []
        read = ((key, self._incoming.picture(each.position)) for key, each in wanted.items())
        return self._target.pictures.append(read, self._n_picture_bytes)
