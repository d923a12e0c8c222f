"""Compacting: the files are written anew without what no item uses."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from sqlite3 import Connection, OperationalError
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.folder.catalogue import CATALOGUE_FILE, commit, read_meta
from hashlens.collection.folder.counting import folder_size
from hashlens.collection.folder.pictures import PictureRow, read_pictures
from hashlens.collection.folder.records import BatchRow, count_items, live_rows, read_batches
from hashlens.collection.folder.rows import RowFile
from hashlens.collection.folder.target import Target, remove_strays, target_in, writing_to
from hashlens.errors import FormatError
from hashlens.watcher import Watcher

ROWS_AT_ONCE = 8192
"""Rows that are copied at once, and have one checksum from then on."""

_USED = """EXISTS (
    SELECT 1 FROM items WHERE items.content_hash = pictures.content_hash AND state = 'live'
)"""


@dataclass(frozen=True)
class CompactReport:
    """What `Collection.compact` has dropped.

    Attributes
    ----------
    n_rows_dropped : int
        Codes, with their features, that no item used.
    n_items_dropped : int
        Items that had been removed.
    freed_bytes : int
        By how much the folder is smaller.
    """

    n_rows_dropped: int
    n_items_dropped: int
    freed_bytes: int


class _Plan(NamedTuple):
    """What is kept.

    ``ids`` and ``rows`` are those of the live items. ``order`` is the rows that are kept, in the
    order in which they will stand: those behind the last one to come fill the gaps, so that few
    items have another row than before.
    """

    ids: NDArray[np.int64]
    rows: NDArray[np.int64]
    order: NDArray[np.int64]
    pictures: list[PictureRow]
    n_removed: int


def compact(folder: Path, watcher: Watcher) -> CompactReport:
    """Write the next generation of the files, commit it, and delete the old one.

    At each moment the catalogue names files that are whole. A search that began before goes on
    with the old files, which the system keeps for as long as they are mapped.

    Raises
    ------
    BusyError
        If another process is writing to the collection.
    FormatError
        If a row or a picture that is to be kept is damaged: a copy would hide it.
    """
    with writing_to(folder) as target:
        plan = _planned(target.db)
        n_dropped = target.meta.n_rows - len(plan.order)
        n_pictures = target.db.execute("SELECT COUNT(*) FROM pictures").fetchone()[0]
        if n_dropped == plan.n_removed == n_pictures - len(plan.pictures) == 0:
            return CompactReport(0, 0, 0)
        before = folder_size(folder)
        try:
            _rewrite(target, plan, watcher)
        finally:  # whichever of the two generations is committed now, the other one goes
            committed = read_meta(target.db, folder / CATALOGUE_FILE)
            remove_strays(folder, committed.generation)
        _shrink(target.db)
        freed = max(before - folder_size(folder), 0)
        return CompactReport(n_dropped, plan.n_removed, freed)


def _planned(db: Connection) -> _Plan:
    ids, rows = live_rows(db)
    pictures = read_pictures(db, _USED)
    return _Plan(ids, rows, _order(np.unique(rows)), pictures, count_items(db, "removed"))


def _order(used: NDArray[np.int64]) -> NDArray[np.int64]:
    """Say which of the rows that are used, ascending, comes where.

    Examples
    --------
    >>> _order(np.array([0, 2, 5, 7]))
    array([0, 5, 2, 7])
    """
    n = len(used)
    n_stay = int(np.searchsorted(used, n))
    gaps = np.setdiff1d(np.arange(n), used[:n_stay], assume_unique=True)
    order = np.arange(n)
    order[gaps] = used[n_stay:]
    return order


def _rewrite(target: Target, plan: _Plan, watcher: Watcher) -> None:
    meta = replace(target.meta, generation=target.meta.generation + 1)
    fresh = target_in(target.folder, target.db, meta)
    watcher.stage("compacting", len(plan.order))
    _check_used(target, np.sort(plan.order))
    batches = _copy_rows(target, fresh, plan.order, watcher)
    copied = ((row.content_hash, target.pictures.read(row)) for row in plan.pictures)
    pictures = fresh.pictures.append(copied, 0) if plan.pictures else []
    _commit(fresh, plan, batches, pictures)


def _check_used(target: Target, used: NDArray[np.int64]) -> None:
    """Raise FormatError if a batch with rows that are kept is not as it was written."""
    files = target.codes, target.features
    for batch in read_batches(target.db):
        stop = batch.first_row + batch.n_rows
        if np.searchsorted(used, batch.first_row) == np.searchsorted(used, stop):
            continue
        for file, wanted in zip(files, batch[2:], strict=True):
            if file is not None and _digest(file, batch.first_row, stop) != wanted:
                place = f"rows {batch.first_row} to {stop - 1}"
                raise FormatError(
                    f"{file.path} must be undamaged to be compacted. Got changed bytes in {place}."
                )


def _digest(file: RowFile, start: int, stop: int) -> bytes:
    return hashlib.sha256(file.read(stop)[start:].data).digest()


def _copy_rows(
    target: Target, fresh: Target, order: NDArray[np.int64], watcher: Watcher
) -> list[BatchRow]:
    batches: list[BatchRow] = []
    n_rows = target.meta.n_rows
    pairs = [(target.codes, fresh.codes), (target.features, fresh.features)]
    maps = [(old.read(n_rows), new) for old, new in pairs if old and new]
    for _, new in maps:
        new.create()
    for start in range(0, len(order), ROWS_AT_ONCE):
        rows = order[start : start + ROWS_AT_ONCE]
        codes_sum, *more = [new.append(old[rows], start) for old, new in maps]
        batches.append(BatchRow(start, len(rows), codes_sum, more[0] if more else None))
        watcher.advance(start + len(rows), len(order))
    return batches


def _commit(
    fresh: Target, plan: _Plan, batches: list[BatchRow], pictures: list[PictureRow]
) -> None:
    db = fresh.db
    new_rows = np.empty(fresh.meta.n_rows, np.int64)
    new_rows[plan.order] = np.arange(len(plan.order))
    rows = new_rows[plan.rows]
    moved = np.flatnonzero(rows != plan.rows)
    pairs = zip(rows[moved].tolist(), plan.ids[moved].tolist(), strict=True)
    with commit(db) as revision:
        db.executemany(
            "UPDATE items SET row = ?, revision = ? WHERE id = ?",
            ((row, revision, item_id) for row, item_id in pairs),
        )
        db.execute("DELETE FROM items WHERE state = 'removed'")
        db.execute("DELETE FROM batches")
        db.executemany("INSERT INTO batches VALUES (?, ?, ?, ?)", batches)
        db.execute("DELETE FROM pictures")
        db.executemany("INSERT INTO pictures VALUES (?, ?, ?, ?)", pictures)
        generation = fresh.meta.generation
        db.execute("UPDATE meta SET value = ? WHERE key = 'generation'", (generation,))


def _shrink(db: Connection) -> None:
    """Give the catalogue's free pages back, if they are many and nothing is in the way."""
    n_free, n_pages = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count")
    )
    with suppress(OperationalError):  # a disk that is too full for it: the commit stands
        if 4 * n_free > n_pages:
            db.execute("VACUUM")
        db.execute("PRAGMA busy_timeout = 0")  # readers need not be waited for
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
