"""One commit of a collection as arrays in memory, ready to be searched."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from sqlite3 import Connection

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int, refuse
from hashlens.codes import Codes, code_size
from hashlens.collection.catalogue import Meta, live_rows
from hashlens.collection.rows import RowFile
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
    n_bits : int
    ids : int64 (n_items,), ascending
    rows : int64 (n_items,)
        Where each item's code and features are.
    codes : uint8 (n_rows, ceil(n_bits / 8)), mapped
    features : float16 (n_rows, d), mapped, rows of length 1; or None
    """

    revision: int
    n_bits: int
    ids: NDArray[np.int64]
    rows: NDArray[np.int64]
    codes: Codes
    features: NDArray[np.float16] | None

    @cached_property
    def index(self) -> HammingIndex:
        """The index over the codes of the live items, under their ids."""
        return HammingIndex(self.codes[self.rows], self.n_bits, ids=self.ids)

    def row_of(self, item_id: int) -> int:
        """Find the row of a live item; InputError if there is no such item."""
        wanted = check_int("item id", item_id, 0)
        at = int(np.searchsorted(self.ids, wanted))
        if at == len(self.ids) or self.ids[at] != wanted:
            raise refuse("item id", "the id of an item of the collection", wanted)
        return int(self.rows[at])

    def rows_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of live items that are known to exist: int64, of the shape of `ids`."""
        rows: NDArray[np.int64] = self.rows[np.searchsorted(self.ids, ids)]
        return rows

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """Feature vectors of rows: float32 (n, d), of length 1; None if they are not stored."""
        return None if self.features is None else self.features[rows].astype(np.float32)


def take_snapshot(folder: Path, db: Connection, meta: Meta) -> Snapshot:
    """Read the live items, and map the files up to the last committed row."""
    ids, rows = live_rows(db)
    features = features_file(folder, meta)
    return Snapshot(
        revision=meta.revision,
        n_bits=meta.n_bits,
        ids=ids,
        rows=rows,
        codes=codes_file(folder, meta).read(meta.n_rows),
        features=None if features is None else features.read(meta.n_rows),
    )


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row to length 1, so that a product is a cosine; a row of zeros stays.

    Examples
    --------
    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    array([[0.6, 0.8], [0. , 0. ]], dtype=float32)
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled
