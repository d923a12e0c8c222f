"""The catalogue: the SQLite file that says which items exist."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hashlens.collection.folder import schema
from hashlens.collection.folder.sealing import add_functions, note_commit
from hashlens.errors import FormatError, HashlensError

CATALOGUE_FILE = "catalogue.db"
T = TypeVar("T")
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
                db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())
            note_commit(db, strict=True)

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
        db = sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)
        if mode != "ro":
            add_functions(db)
        return db

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
        except UnicodeDecodeError as error:  # damaged text, be it in SQLite's own message
            raise FormatError(f"{self.path} must be an undamaged file. Got: {error}.") from error


def read_meta(db: sqlite3.Connection, path: Path) -> Meta:
    """Read the meta table, and count the committed rows; FormatError if a value is missing."""
    values = dict(db.execute("SELECT key, value FROM meta"))
    last = db.execute("SELECT first_row + n_rows FROM batches ORDER BY first_row DESC LIMIT 1")
    n_rows = (last.fetchone() or (0,))[0]
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


@contextmanager
def commit(db: sqlite3.Connection) -> Iterator[int]:
    """Make the changes in the block one commit; give its number, the revision of what it changes.

    Every item that the block changes must be stamped with it, since readers read only those.
    """
    with schema.transaction(db):
        db.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")
        yield int(db.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()[0])


def in_last_generation(db: sqlite3.Connection, path: Path, act: Callable[[Meta], T]) -> T:
    """Do what opens the files that the meta table names, in the last commit.

    Compacting writes new files and deletes the old ones: where that happens between the two steps,
    the newer commit is looked at instead.

    Parameters
    ----------
    db : Connection
        As `Catalogue.reading` gives it. It may see a newer commit afterwards.
    path : Path
        Of the catalogue.
    act : callable
        ``act(meta)``.
    """
    meta = read_meta(db, path)
    while True:
        try:
            return act(meta)
        except FormatError:
            db.execute("ROLLBACK")
            db.execute("BEGIN")
            newer = read_meta(db, path)
            if newer.generation == meta.generation:
                raise
            meta = newer
