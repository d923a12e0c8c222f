"""A row that is not as it was written is found, whoever wrote it last."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hashlens.collection.folder import schema
from hashlens.collection.folder.sealing import (
    BrokenSeal,
    add_functions,
    broken_seals,
    noted_revision,
    seal_tables,
)

CHANGES = {
    "a path": "UPDATE items SET path = '/photos/0p1.jpg' WHERE id = 301",
    "a path of other type": "UPDATE items SET path = CAST(path AS BLOB) WHERE id = 301",
    "text that is not UTF-8": "UPDATE items SET label = CAST(X'6F77EC' AS TEXT) WHERE id = 301",
    "a row number": "UPDATE items SET row = row + 1 WHERE id = 301",
    "a row number as text": "UPDATE items SET added = '' WHERE id = 301",
    "a lost item": "DELETE FROM items WHERE id = 301",
    "two items in each other's place": """
        UPDATE items SET label = CASE label WHEN 'l300' THEN 'l301' ELSE 'l300' END
        WHERE label IN ('l300', 'l301')""",
}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A catalogue of 600 items."""
    with closing(sqlite3.connect(tmp_path / "c.db", isolation_level=None)) as db:
        schema.migrate(db)
        with schema.transaction(db):
            db.execute("INSERT INTO meta VALUES ('revision', 7)")
            db.executemany(
                "INSERT INTO items (path, content_hash, label, row) VALUES (?, X'00', ?, ?)",
                [(f"/photos/{i:03d}.jpg", f"l{i}", i) for i in range(1, 601)],
            )
        yield db


def damage(db: sqlite3.Connection, statement: str) -> None:
    """Change rows as damage does: without the triggers."""
    triggers = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    db.execute(statement)
    for _, sql in triggers:
        db.execute(sql)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_damage_is_found_and_its_place_is_named(db: sqlite3.Connection, change: str) -> None:
    assert list(broken_seals(db)) == []
    damage(db, change)
    assert list(broken_seals(db)) == [BrokenSeal("items", 256, 511)]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_writer_changes_is_no_damage(db: sqlite3.Connection, change: str) -> None:
    with schema.transaction(db):
        db.execute(change)
    assert list(broken_seals(db)) == []


@pytest.mark.parametrize(
    "change",
    [
        "INSERT OR REPLACE INTO meta VALUES ('revision', 8)",
        "INSERT OR IGNORE INTO meta VALUES ('revision', 8), ('more', 1)",
        "INSERT INTO meta VALUES ('revision', 8) ON CONFLICT DO UPDATE SET value = 9",
        "UPDATE items SET id = id + 1000 WHERE id % 2",
        "DELETE FROM items",
        "INSERT INTO batches VALUES (0, 300, X'00', NULL), (300, 300, X'01', X'02')",
        "INSERT INTO pictures VALUES (X'00', 0, 10, X'00')",
    ],
)
def test_every_way_of_writing_keeps_the_seals(db: sqlite3.Connection, change: str) -> None:
    with schema.transaction(db):
        db.execute(change)
    assert list(broken_seals(db)) == []


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("UPDATE meta SET value = 8 WHERE key = 'revision'", "meta"),
        ("UPDATE sqlite_sequence SET seq = 632", "sqlite_sequence"),
        ("UPDATE sqlite_sequence SET name = 'ivems'", "sqlite_sequence"),
        ("UPDATE seals SET sum = sum + 1 WHERE name = 'meta'", "meta"),
        ("UPDATE seals SET name = 'mete' WHERE name = 'meta'", "meta"),
        ("DELETE FROM seals WHERE name = 'items'", "items"),
        ("DELETE FROM seals WHERE name = 'sqlite_sequence'", "sqlite_sequence"),
    ],
)
def test_damage_to_other_tables_and_to_the_seals_is_found(
    db: sqlite3.Connection, change: str, table: str
) -> None:
    damage(db, change)
    assert table in {seal.table for seal in broken_seals(db)}


def test_a_failed_transaction_leaves_the_seals_as_they_were(db: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError), schema.transaction(db):
        db.execute("UPDATE items SET id = id + (id < 400), row = -1")
    assert list(broken_seals(db)) == []


def test_without_the_function_nothing_is_written(db: sqlite3.Connection, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "c.db", isolation_level=None)) as other:
        with pytest.raises(sqlite3.OperationalError, match="hashlens_seal"):
            other.execute("DELETE FROM items")
        add_functions(other)
        other.execute("DELETE FROM items WHERE id = 3")
    assert list(broken_seals(db)) == []


def test_a_migration_that_adds_a_column_seals_it(db: sqlite3.Connection) -> None:
    with schema.transaction(db):
        db.execute("ALTER TABLE items ADD COLUMN colour TEXT DEFAULT 'red'")
        seal_tables(db)
    with schema.transaction(db):
        db.execute("UPDATE items SET colour = 'blue' WHERE id = 5")
    assert list(broken_seals(db)) == []
    damage(db, "UPDATE items SET colour = 'rlue' WHERE id = 6")
    assert list(broken_seals(db)) == [BrokenSeal("items", 0, 255)]


def test_the_last_commit_is_noted(db: sqlite3.Connection, tmp_path: Path) -> None:
    assert noted_revision(tmp_path) == 7
    with schema.transaction(db):
        db.execute("UPDATE meta SET value = 123 WHERE key = 'revision'")
    assert noted_revision(tmp_path) == 123
    note = tmp_path / "last-commit"
    content = note.read_bytes()
    for i in range(len(content)):
        note.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        assert noted_revision(tmp_path) is None
    note.write_bytes(content[:-9])
    assert noted_revision(tmp_path) is None
