"""One commit of a collection as arrays in memory, ready to be searched."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes, code_size
from hashlens.collection.folder.catalogue import Meta
from hashlens.collection.folder.records import (
    ChangedRows,
    changed_rows,
    live_rows,
)
from hashlens.collection.folder.rows import RowFile
from hashlens.collection.items import check_item_id, no_item

if TYPE_CHECKING:
    from hashlens.search import HammingIndex


def codes_file(folder: Path, meta: Meta) -> RowFile:
    """The file of packed codes, ``codes-<generation>.u8``."""
    return RowFile(folder / f"codes-{meta.generation}.u8", np.uint8, code_size(meta.n_bits))


def features_file(folder: Path, meta: Meta) -> RowFile | None:
    """The file of feature vectors, ``features-<generation>.f16``; None if they are not stored."""
    if meta.n_features == 0:
        return None
    return RowFile(folder / f"features-{meta.generation}.f16", "<f2", meta.n_features)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The live items of one commit.

    Attributes
    ----------
    revision : int
    generation : int
        Of the files; within one, a row keeps its number and its content.
    n_bits : int
    ids : int64 (n_items,), ascending
    rows : int64 (n_items,)
        Where each item's code and features are.
    codes : uint8 (n_rows, ceil(n_bits / 8)), mapped
    features : float16 (n_rows, d), mapped, rows of length 1; or None
    """

    revision: int
    generation: int
    n_bits: int
    ids: NDArray[np.int64]
    rows: NDArray[np.int64]
    codes: Codes
    features: NDArray[np.float16] | None

    @cached_property
    def index(self) -> "HammingIndex":
        """The index over the codes of the live items, under their ids."""
        from hashlens.search import HammingIndex

        return HammingIndex(self.codes[self.rows], self.n_bits, ids=self.ids)

    @property
    def has_index(self) -> bool:
        """Whether the index is built already."""
        return "index" in vars(self)

    @property
    def n_words(self) -> int:
        """Words of 64 bits that a query is compared with."""
        return len(self.rows) * -(-self.n_bits // 64)

    def row_of(self, item_id: int) -> int:
        """Find the row of a live item; InputError if there is no such item."""
        wanted = check_item_id(item_id)
        at = int(np.searchsorted(self.ids, wanted))
        if at == len(self.ids) or self.ids[at] != wanted:
            raise no_item(wanted)
        return int(self.rows[at])

    def rows_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of live items that are known to exist: int64, of the shape of `ids`."""
        rows: NDArray[np.int64] = self.rows[np.searchsorted(self.ids, ids)]
        return rows

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """Feature vectors of rows: float32 (n, d), of length 1; None if they are not stored."""
        return None if self.features is None else self.features[rows].astype(np.float32)


def take_snapshot(
    folder: Path, db: Connection, meta: Meta, before: Snapshot | None = None
) -> Snapshot:
    """Read the live items, and map the files up to the last committed row.

    Of a snapshot before this one, what no commit has changed since is taken over.
    """
    features = features_file(folder, meta)
    codes = codes_file(folder, meta).read(meta.n_rows)
    vectors = None if features is None else features.read(meta.n_rows)
    if before is None or before.generation != meta.generation:
        ids, rows = live_rows(db)  # a new generation has numbered the rows anew
    else:
        ids, rows = _brought_forward(before, changed_rows(db, before.revision))
    snapshot = Snapshot(meta.revision, meta.generation, meta.n_bits, ids, rows, codes, vectors)
    if before is not None and rows is before.rows and before.has_index:
        vars(snapshot)["index"] = before.index
    return snapshot


def _brought_forward(
    before: Snapshot, changed: ChangedRows
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids and rows after the changes; the very arrays of before where they are the same."""
    at = np.searchsorted(before.ids, changed.ids)
    known = at < len(before.ids)
    known[known] = before.ids[at[known]] == changed.ids[known]
    others = known & changed.live
    others[others] = before.rows[at[others]] != changed.rows[others]
    gone, new = known & ~changed.live, ~known & changed.live
    if not (others | gone | new).any():
        return before.ids, before.rows
    rows = before.rows.copy()
    rows[at[others]] = changed.rows[others]
    stays = np.ones(len(rows), bool)
    stays[at[gone]] = False
    ids, rows = before.ids[stays], rows[stays]
    places = np.searchsorted(ids, changed.ids[new])
    return np.insert(ids, places, changed.ids[new]), np.insert(rows, places, changed.rows[new])
