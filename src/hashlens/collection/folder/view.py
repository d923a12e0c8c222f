"""One commit of a collection in a folder, as searches see it."""

from collections.abc import Sequence
from sqlite3 import Connection

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.collection.folder.items import read_items
from hashlens.collection.folder.records import row_of_content
from hashlens.collection.folder.snapshot import Snapshot
from hashlens.collection.items import Item
from hashlens.collection.store import Rows, View
from hashlens.neighbors import MISSING_ID, Neighbors
from hashlens.search import small


class FolderView(View):
    """One commit, and which of its items may be found.

    Parameters
    ----------
    db : Connection
        In the same commit as the snapshot.
    snapshot : Snapshot
    where : bool (n_items,), optional
        The items, by ascending id, that may be found.
    """

    def __init__(
        self, db: Connection, snapshot: Snapshot, where: NDArray[np.bool_] | None = None
    ) -> None:
        self._db = db
        self._snapshot = snapshot
        self._where = where
        self.revision = snapshot.revision
        self.n_items = len(snapshot.ids)
        self.n_bits = snapshot.n_bits
        self.n_features = 0 if snapshot.features is None else snapshot.features.shape[1]

    def nearest(self, codes: Codes, k: int) -> Neighbors:
        """Find the k nearest of the items that may be found."""
        seen = self._snapshot
        if not seen.has_index and small.suffices(len(codes) * seen.n_words):
            live = seen.codes[seen.rows]
            return small.nearest(live, seen.ids, codes, k, self.n_bits, self._where)
        return seen.index.search(codes, k, where=self._where)

    def rows_of_items(self, ids: Sequence[int]) -> Rows:
        """Read what is stored of items; InputError if one is not there."""
        return self._rows([self._snapshot.row_of(item_id) for item_id in ids])

    def rows_of_contents(self, hashes: Sequence[bytes]) -> tuple[Rows, NDArray[np.int64]]:
        """Read what is stored of images that some item has, or had."""
        found = [row_of_content(self._db, content_hash) for content_hash in hashes]
        known = np.array([row is not None for row in found], bool)
        places = np.where(known, known.cumsum() - 1, -1)
        return self._rows([row for row in found if row is not None]), places

    def _rows(self, rows: Sequence[int]) -> Rows:
        chosen = np.array(rows, np.int64)
        return Rows(self._snapshot.codes[chosen], self._snapshot.vectors(chosen))

    def features(self, near: Neighbors) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
        """Give the mapped file of vectors, and the row of each item in it."""
        vectors = self._snapshot.features
        if vectors is None or not self.n_items:
            return np.empty((0, self.n_features), np.float16), near.ids
        return vectors, np.where(near.found, self._snapshot.rows_of(near.ids), MISSING_ID)

    def codes_of(self, ids: NDArray[np.int64]) -> Codes:
        """Read the codes of items that were found."""
        return self._snapshot.codes[self._snapshot.rows_of(ids)]

    def items(self, ids: Sequence[int]) -> list[Item]:
        """Read items in the order asked."""
        return list(read_items(self._db, ids))

    def is_whole(self) -> bool:
        """All of a folder is always in reach."""
        return True
