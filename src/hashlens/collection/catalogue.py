"""The catalogue: the SQLite file that says which items exist."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.collection import schema
from hashlens.errors import FormatError, HashlensError

CATALOGUE_FILE = "catalogue.db"
_WAIT_SECONDS = 30.0
_OUTSIDE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_OUTSIDE |= {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PERM}


@dataclass(frozen=True)
class Meta:
    """What the catalogue says of the collection as a whole.

    Attributes
    ----------
    n_bits : int
    n_features : int
        Length of a stored feature vector; 0 where features are not stored.
    generation : int
        The number in the names of the files of codes and features.
    revision : int
        Grows by one with every commit.
    model_sha256 : str
        Of the model's ``model.json``, which holds the checksum of its weights.
    n_rows : int
        Committed rows in the files of codes and features.
    """

    n_bits: int
    n_features: int
    generation: int
    revision: int
    model_sha256: str
    n_rows: int


class ItemRow(NamedTuple):
    """An item as the catalogue holds it."""

    id: int
    path: str
    label: str | None
    row: int


class Stored(NamedTuple):
    """What is stored of the item at a path."""

    content_hash: bytes
    label: str | None
    row: int


class Catalogue:
    """Opens short-lived connections to the SQLite file, so that any thread may read.

    Parameters
    ----------
    folder : Path
        The collection's.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / CATALOGUE_FILE

    def create(self, values: Mapping[str, int | str]) -> None:
        """Make the file with its tables and the given values of the meta table."""
        with self._errors_named(), closing(self._connect("rwc")) as db:
            db.execute("PRAGMA journal_mode = WAL")
            schema.migrate(db)
            with schema.transaction(db):
                db.executemany("INSERT INTO meta VALUES (?, ?)", values.items())

    def is_old(self) -> bool:
        """Tell whether the file lacks migrations that this version has."""
        with self._errors_named(), closing(self._checked("ro")) as db:
            return schema.schema_version(db) < len(schema.MIGRATIONS)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one commit, the last, for as long as the block lasts."""
        with self._errors_named(), closing(self._checked("ro")) as db:
            db.execute("BEGIN")
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that may write; the caller holds the writer lock."""
        with self._errors_named(), closing(self._checked("rw")) as db:
            db.execute("PRAGMA synchronous = FULL")
            schema.migrate(db)
            yield db

    def _checked(self, mode: str) -> sqlite3.Connection:
        if not self.path.is_file():
            raise FormatError(f"{self.path} must be a collection's catalogue. Got no such file.")
        db = self._connect(mode)
        try:
            self._check(db)
        except BaseException:
            db.close()
            raise
        return db

    def _check(self, db: sqlite3.Connection) -> None:
        if db.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
            raise FormatError(f"{self.path} must be a collection's catalogue. Got another file.")
        version, newest = schema.schema_version(db), len(schema.MIGRATIONS)
        if version > newest:
            raise FormatError(
                f"{self.path} must have format version {newest} or older. Got {version}. "
                f"A newer hashlens reads it."
            )

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        has_wal = self.path.with_name(f"{CATALOGUE_FILE}-wal").exists()
        if mode == "ro" and not has_wal and not os.access(self.path.parent, os.W_OK):
            # SQLite wants to make a file beside the catalogue even to read it; on a medium that
            # cannot be written, nobody else writes either.
            uri += "&immutable=1"
        return sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OUTSIDE:
                raise HashlensError(
                    f"{self.path} must be readable and writable. Got: {error}. "
                    f"What was committed is kept."
                ) from error
            raise FormatError(f"{self.path} must be an undamaged file. Got: {error}.") from error


def read_meta(db: sqlite3.Connection, path: Path) -> Meta:
    """Read the meta table, and count the committed rows; FormatError if a value is missing."""
    values = dict(db.execute("SELECT key, value FROM meta"))
    n_rows = db.execute("SELECT COALESCE(SUM(n_rows), 0) FROM batches").fetchone()[0]
    try:
        return Meta(
            n_bits=int(values["n_bits"]),
            n_features=int(values["n_features"]),
            generation=int(values["generation"]),
            revision=int(values["revision"]),
            model_sha256=str(values["model_sha256"]),
            n_rows=int(n_rows),
        )
    except (KeyError, ValueError) as error:
        raise FormatError(f"{path} must describe a collection. Got {error!r}.") from error


def count_items(db: sqlite3.Connection, state: str = "live") -> int:
    """Count the items in one state."""
    count = db.execute("SELECT COUNT(*) FROM items WHERE state = ?", (state,)).fetchone()
    return int(count[0])


def count_labels(db: sqlite3.Connection) -> dict[str, int]:
    """Count the live items of each label, labels in order; items without one do not count."""
    query = "SELECT label, COUNT(*) FROM items WHERE state = 'live' AND label IS NOT NULL"
    return {as_text(label): n for label, n in db.execute(f"{query} GROUP BY label ORDER BY label")}


def live_rows(db: sqlite3.Connection) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids of the live items, ascending, and the row of each: two int64 arrays of shape (n,)."""
    found = db.execute("SELECT id, row FROM items WHERE state = 'live' ORDER BY id").fetchall()
    pairs = np.array(found, np.int64).reshape(-1, 2)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def live_labels(db: sqlite3.Connection) -> list[str | None]:
    """Labels of the live items, by ascending id; None where there is none."""
    found = db.execute("SELECT label FROM items WHERE state = 'live' ORDER BY id")
    return [label and as_text(label) for (label,) in found]


def find_items(db: sqlite3.Connection, ids: Iterable[int]) -> list[ItemRow]:
    """Read live items by id, in the order asked; an unknown id is left out."""
    query = "SELECT id, path, label, row FROM items WHERE id = ? AND state = 'live'"
    found = (db.execute(query, (int(i),)).fetchone() for i in ids)
    return [ItemRow(r[0], as_text(r[1]), r[2] and as_text(r[2]), r[3]) for r in found if r]


def row_of_content(db: sqlite3.Connection, content_hash: bytes) -> int | None:
    """Find the row of an image with these bytes, if any item has or had them."""
    query = "SELECT row FROM items WHERE content_hash = ? LIMIT 1"
    found = db.execute(query, (content_hash,)).fetchone()
    return None if found is None else int(found[0])


def item_at(db: sqlite3.Connection, path: str) -> Stored | None:
    """Read the live item at a path, if there is one."""
    query = "SELECT content_hash, label, row FROM items WHERE path = ? AND state = 'live'"
    found = db.execute(query, (as_stored(path),)).fetchone()
    return None if found is None else Stored(found[0], found[1] and as_text(found[1]), found[2])


def as_stored(text: str) -> str | bytes:
    r"""Give what SQLite can hold of a file's name: bytes where the name is not valid Unicode.

    Examples
    --------
    >>> as_stored("owl.jpg"), as_stored("owl\udcff.jpg")
    ('owl.jpg', b'owl\xff.jpg')
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def as_text(stored: str | bytes) -> str:
    """Undo `as_stored`."""
    return os.fsdecode(stored) if isinstance(stored, bytes) else stored
