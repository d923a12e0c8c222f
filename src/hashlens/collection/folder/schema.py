"""The catalogue's tables: numbered migrations, each applied once and never changed after."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hashlens.collection.folder.sealing import add_seals, close_seals, note_commit

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

_CHANGES_AND_PICTURES = """
ALTER TABLE items ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;  -- of the commit that changed it
ALTER TABLE items ADD COLUMN added TEXT;                           -- ISO time, UTC; NULL before
ALTER TABLE items ADD COLUMN has_file INTEGER NOT NULL DEFAULT 1 CHECK (has_file IN (0, 1));
UPDATE items SET has_file = 0 WHERE substr(CAST(path AS TEXT), 1, 1) != '/';

DROP INDEX items_path;
CREATE UNIQUE INDEX items_path ON items (path, has_file) WHERE state = 'live';
CREATE INDEX items_revision ON items (revision);
CREATE INDEX items_removed ON items (id) WHERE state = 'removed';  -- to count them

CREATE TABLE pictures (
    content_hash BLOB PRIMARY KEY,         -- of items that have no file of their own
    first_byte INTEGER NOT NULL UNIQUE,
    n_bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL                   -- of the bytes kept
);
INSERT INTO meta VALUES ('keep_pictures', 1);
"""


def _create_tables(db: sqlite3.Connection) -> None:
    _run(db, _TABLES)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _add_changes_and_pictures(db: sqlite3.Connection) -> None:
    _run(db, _CHANGES_AND_PICTURES)


def _run(db: sqlite3.Connection, script: str) -> None:
    """Run statements in the transaction that is open, which ``executescript`` would end."""
    for statement in re.split(r";(?:\s*--.*)?\n", script):
        db.execute(statement)


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _create_tables,
    _add_changes_and_pictures,
    add_seals,
)
"""Migration n (from 1) brings a catalogue of version n - 1 to version n. Append only."""


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of the changes in the block, or none of them."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        close_seals(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    note_commit(db)


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
