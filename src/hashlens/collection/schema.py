"""The catalogue's tables: numbered migrations, each applied once and never changed after."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

APPLICATION_ID = 0x48_4C_43_4F
"""``HLCO``, in the header of the SQLite file."""

_TABLES = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, not even after compact
    path TEXT NOT NULL,                    -- absolute, or the name of an image without a file
    content_hash BLOB NOT NULL,            -- SHA-256 of the file's bytes
    label TEXT,
    metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
    state TEXT NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'removed')),
    row INTEGER NOT NULL                   -- in the files of codes and features; may be shared
);
CREATE UNIQUE INDEX items_path ON items (path) WHERE state = 'live';
CREATE INDEX items_content ON items (content_hash);

CREATE TABLE batches (
    first_row INTEGER PRIMARY KEY,
    n_rows INTEGER NOT NULL,
    codes_sha256 BLOB NOT NULL,
    features_sha256 BLOB
);
"""


def _create_tables(db: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";\n"):
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_create_tables,)
"""Migration n (from 1) brings a catalogue of version n - 1 to version n. Append only."""


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of the changes in the block, or none of them."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def schema_version(db: sqlite3.Connection) -> int:
    """How many migrations the catalogue has had."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(db: sqlite3.Connection) -> None:
    """Apply the migrations that the catalogue has not had, each in a transaction of its own."""
    for number, migration in enumerate(MIGRATIONS, 1):
        if number > schema_version(db):
            with transaction(db):
                migration(db)
                db.execute(f"PRAGMA user_version = {number}")
