"""Filters: SQL over the items' columns and metadata, turned into what a scan may find."""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.expression import (
    CLOCK_WORDS,
    FUNCTIONS,
    Expression,
    folded,
    quoted,
    read_expression,
    wrong_filter,
)
from hashlens.collection.folder.records import count_keys
from hashlens.collection.folder.snapshot import Snapshot

SECONDS = 10.0
"""How long a filter may take."""

COLUMNS = {
    "id": "id",
    "path": "CAST(path AS TEXT)",  # a name that is not valid Unicode is stored as bytes
    "name": "substr({0}, length(rtrim({0}, replace({0}, '/', ''))) + 1)".format(
        "CAST(path AS TEXT)"
    ),
    "label": "CAST(label AS TEXT)",
    "added": "added",
}
"""Columns that every item has, and what they are in the table of items."""

_READ = frozenset(("id", "path", "label", "added", "metadata", "state"))
_CALLED = FUNCTIONS | {"->", "->>", "replace", "rtrim"} | {word.lower() for word in CLOCK_WORDS}
_ITS_OWN = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_AUTH}
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 100_000,  # bytes of a value, and of an item
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
_UNQUOTABLE = frozenset('"\\')  # in a path of JSON
_MASKS = 16  # that are kept
_STEPS = 10_000  # of SQLite's machine between two looks at the clock
Keys = Mapping[str, tuple[str, ...]]
"""Metadata keys by their name in lower case: keys that differ in case alone are one column."""


def select_ids(
    db: sqlite3.Connection, where: object, *, seconds: float = SECONDS
) -> NDArray[np.int64]:
    """Find the live items for which an expression is true.

    Parameters
    ----------
    db : Connection
        To a catalogue.
    where : str or Expression
        As for `Collection.select`; or what was read from it.
    seconds : float
        How long it may take.

    Returns
    -------
    ids : int64 (n,), ascending

    Raises
    ------
    InputError
        If it is no such expression, or takes too long.
    """
    expression = where if isinstance(where, Expression) else read_expression(where)
    keys = metadata_keys(db) if expression.names - COLUMNS.keys() else {}
    query = _query(expression, keys)
    with confined(db, seconds):
        try:
            found = db.execute(query).fetchall()
        except sqlite3.Error as error:
            why = reason(error, seconds)
            if why is None:
                raise
            raise wrong_filter(expression.where, why) from None
    return np.array(found, np.int64).reshape(-1)


def metadata_keys(db: sqlite3.Connection) -> Keys:
    """Find the metadata keys that occur among the live items."""
    keys: dict[str, tuple[str, ...]] = {}
    for key in count_keys(db):
        if folded(key) not in COLUMNS and not _UNQUOTABLE & set(key):
            keys[folded(key)] = (*keys.get(folded(key), ()), key)
    return keys


def mask_of(ids: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the chosen among ascending ids: bool (n,).

    Examples
    --------
    >>> mask_of(np.array([2, 5, 9]), np.array([2, 9]))
    array([ True, False,  True])
    """
    mask = np.zeros(len(ids), bool)
    mask[np.searchsorted(ids, chosen)] = True
    return mask


class Masks:
    """The filters that were asked for lately, as masks over the items of one commit.

    A person who turns a page or moves a slider asks with the same filter again.
    """

    def __init__(self) -> None:
        self._revision = -1
        self._known: dict[str, NDArray[np.bool_]] = {}
        self._lock = Lock()

    def mask(self, db: sqlite3.Connection, snapshot: Snapshot, where: str) -> NDArray[np.bool_]:
        """Mark the items of a commit for which an expression is true: bool (n_items,).

        Parameters
        ----------
        db : Connection
            In the same commit as the snapshot.
        snapshot : Snapshot
        where : str
            As for `select_ids`.
        """
        with self._lock:
            known = self._known.get(where) if snapshot.revision == self._revision else None
        if known is not None:
            return known
        expression = read_expression(where)
        mask = mask_of(snapshot.ids, select_ids(db, expression))
        if not expression.asks_the_clock:
            self._keep(snapshot.revision, where, mask)
        return mask

    def _keep(self, revision: int, where: str, mask: NDArray[np.bool_]) -> None:
        with self._lock:
            if revision > self._revision:
                self._revision = revision
                self._known.clear()
            if revision == self._revision:
                while len(self._known) >= _MASKS:
                    del self._known[next(iter(self._known))]
                self._known[where] = mask


def _query(expression: Expression, keys: Keys) -> str:
    true = expression.sql([*COLUMNS, *keys])
    columns = COLUMNS | {name: _json(keys[name]) for name in expression.names & keys.keys()}
    selected = ", ".join(f"{value} AS {quoted(name)}" for name, value in columns.items())
    item = f"SELECT {selected} FROM items WHERE state = 'live'"
    return f"WITH item AS ({item}) SELECT id FROM item WHERE ({true}) ORDER BY id"


def _json(keys: Iterable[str]) -> str:
    """SQL for the value under the first of the keys that an item has."""
    paths = ("'" + f"$.{quoted(key)}".replace("'", "''") + "'" for key in keys)
    return f"coalesce({', '.join(f'json_extract(metadata, {path})' for path in paths)}, NULL)"


@contextmanager
def confined(db: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Let a connection do nothing but read items, for so long.

    The words of a filter are known by now; this is the second wall, which is SQLite's own.
    """
    end = time.monotonic() + seconds
    before = {limit: db.setlimit(limit, value) for limit, value in _LIMITS.items()}
    db.set_authorizer(_judge)
    db.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    finally:
        db.set_progress_handler(None, 0)
        db.set_authorizer(None)
        for limit, value in before.items():
            db.setlimit(limit, value)


def _judge(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    allowed = (
        action == sqlite3.SQLITE_SELECT
        or (action == sqlite3.SQLITE_READ and first == "items" and second in _READ)
        or (action == sqlite3.SQLITE_FUNCTION and second in _CALLED)
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def reason(error: sqlite3.Error, seconds: float) -> str | None:
    """Why SQLite refuses a filter; None if the fault is not the filter's."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return f"it takes longer than {seconds:g} seconds"
    return str(error) if code in _ITS_OWN else None
