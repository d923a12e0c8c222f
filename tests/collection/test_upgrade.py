"""A collection of format version 1 is brought up to date when it is opened, and loses nothing."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from hashlens.collection import Collection
from hashlens.collection.folder import schema
from hashlens.data import ArrayImages
from hashlens.errors import ImageError
from whole_collections import check_whole, shown

# As version 1 made them; migrations are never changed, so neither is this.
TABLES = """
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
PRAGMA application_id = 0x484C434F;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
"""
COPY = """
INSERT INTO meta SELECT key, value FROM new.meta WHERE key != 'keep_pictures';
INSERT INTO items SELECT id, path, content_hash, label, metadata, state, row FROM new.items;
INSERT INTO batches SELECT first_row, n_rows, codes_sha256, features_sha256 FROM new.batches;
"""
PIXELS = np.random.default_rng(3).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)


@pytest.fixture
def old(made: Collection, tmp_path: Path) -> Path:
    """A collection as version 1 left it: 29 files, one of them removed, and two arrays."""
    made.add(ArrayImages(PIXELS, "array"))
    made.remove(5)
    folder = tmp_path / "old.hl"
    shutil.copytree(made.path, folder, ignore=shutil.ignore_patterns("catalogue*", "pictures*"))
    with closing(sqlite3.connect(folder / "catalogue.db", isolation_level=None)) as db:
        db.executescript(TABLES)
        db.execute("ATTACH ? AS new", (str(made.path / "catalogue.db"),))
        db.executescript(COPY)
    return folder


def test_it_shows_what_it_showed_and_takes_all_verbs(
    made: Collection, old: Path, photos: Path
) -> None:
    upgraded = Collection.open(old)
    assert shown(upgraded) == shown(made)
    with upgraded._store.catalogue.reading() as db:
        assert schema.schema_version(db) == len(schema.MIGRATIONS)
    assert upgraded.item(1).added is None
    with pytest.raises(ImageError, match=r"array\[0\]: has no file, and no copy of it is kept"):
        upgraded.picture(31)
    assert upgraded.picture(1) == made.picture(1)
    assert upgraded.add(ArrayImages(PIXELS, "array")).already == 2
    assert isinstance(upgraded.picture(31), bytes)
    assert upgraded.add(photos).added == 1
    assert upgraded.item(33).added is not None
    codes: dict[str, bytes] = {}
    before = check_whole(upgraded, codes)
    assert upgraded.remove([33]) == 1
    assert upgraded.compact().n_items_dropped == 2
    del before[33]
    assert check_whole(Collection.open(old), codes) == before
