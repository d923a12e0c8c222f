"""Seals: sums over the rows of the catalogue's tables, so that a changed row is found.

SQLite finds damage to how its file is built, not to what a row says: one bit flipped in a path or
a row number is another path or row number. Each row has a digest of 62 bits; the table ``seals``
holds, for every 256 ids of a table, the sum of the digests of its rows. Triggers keep the sums, so
that no writer has to think of them, and a change costs as much as it changes.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

NOTE_FILE = "last-commit"
"""Says which revision was committed last: a journal that lost commits is found by it."""

_SEALS = """
CREATE TABLE seals (
    name TEXT NOT NULL,          -- of a table
    part INTEGER NOT NULL,       -- of it: 256 ids, or all of it
    sum INTEGER NOT NULL,        -- of the digests of the rows
    PRIMARY KEY (name, part)
) WITHOUT ROWID
"""
_MASK = (1 << 62) - 1  # a sum of two such numbers fits SQLite's integers
_ROWS_A_SEAL = 256
_SEQUENCE = "sqlite_sequence"  # no trigger is allowed on it


class BrokenSeal(NamedTuple):
    """Rows that are not as they were written: ids `first` to `last` of a table."""

    table: str
    first: int
    last: int


def add_functions(db: sqlite3.Connection) -> None:
    """Give a connection what the triggers call; without it, the catalogue cannot be written."""
    db.create_function("hashlens_seal", 1, _digest, deterministic=True)
    db.execute("PRAGMA recursive_triggers = ON")  # or a row that is replaced keeps its digest


def _digest(row: str) -> int:
    digest = hashlib.blake2b(row.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") & _MASK


def add_seals(db: sqlite3.Connection) -> None:
    """Make the table of seals, and seal every table; a migration."""
    db.execute(_SEALS)
    seal_tables(db)
    note_commit(db)  # before the commit, which changes no revision: a kill leaves none without it


def seal_tables(db: sqlite3.Connection) -> None:
    """Seal every table as it is now; a migration that changes a table's columns calls it again."""
    db.execute("DELETE FROM seals")
    add_functions(db)
    for table in _tables(db):
        new, old = (_seal_of(db, table, f"{name}.") for name in ("NEW", "OLD"))
        add, take = _change("+", table, *new), _change("-", table, *old)
        for event, work in {"INSERT": add, "DELETE": take, "UPDATE": take + add}.items():
            name = f"seal_{table}_{event.lower()}"
            db.execute(f"DROP TRIGGER IF EXISTS {name}")
            db.execute(f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {work}END")
        for part, total in _sums(db, table).items():
            db.execute("INSERT INTO seals VALUES (?, ?, ?)", (table, part, total))
    db.execute("INSERT INTO seals VALUES (?, 0, ?)", (_SEQUENCE, _last_id(db)))


def close_seals(db: sqlite3.Connection) -> None:
    """Seal the last id that was given; the last statement of every transaction."""
    if "seals" in _names(db):  # not yet, while migrations are under way
        values = (_last_id(db), _SEQUENCE)
        db.execute("UPDATE seals SET sum = ?1 WHERE name = ?2 AND sum != ?1", values)


def broken_seals(db: sqlite3.Connection) -> Iterator[BrokenSeal]:
    """Read every row, and give those parts of tables that are not as they were written."""
    kept: dict[str, dict[int, int]] = {}
    for table, part, total in db.execute("SELECT name, part, sum FROM seals"):
        kept.setdefault(table, {})[part] = total
    if kept.pop(_SEQUENCE, {}).get(0) != _last_id(db):
        yield BrokenSeal(_SEQUENCE, 0, 0)
    for table in sorted({*_tables(db), *kept}, key=str):
        found = _sums(db, table) if table in _tables(db) else {}
        known = kept.get(table, {})
        for part in sorted({*found, *known}, key=str):
            if found.get(part, 0) != known.get(part, 0):
                first = part * _ROWS_A_SEAL if isinstance(part, int) else 0
                yield BrokenSeal(str(table), first, first + _ROWS_A_SEAL - 1)


def note_commit(db: sqlite3.Connection, *, strict: bool = False) -> None:
    """Write beside the catalogue which revision is committed.

    Where that is not possible the commit stands all the same, unless `strict`: a note that is
    older than the catalogue, as a kill between the two leaves it, is no damage.
    """
    found = db.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
    if found is not None and _file_of(db):
        folder = Path(_file_of(db)).parent
        with suppress(*(() if strict else (OSError,))):
            handle = os.open(folder / NOTE_FILE, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.pwrite(handle, _note(int(found[0])), 0)  # always as long: no moment without it
            finally:
                os.close(handle)


def _file_of(db: sqlite3.Connection) -> str:
    """Name the file of a database; "" for one in memory."""
    return str(db.execute("PRAGMA database_list").fetchone()[2])


def noted_revision(folder: Path) -> int | None:
    """Read which revision was committed last; None where the note is damaged.

    Raises
    ------
    OSError
        If there is no note.
    """
    content = (folder / NOTE_FILE).read_bytes()
    digits = content[:20]
    return int(digits) if digits.isdigit() and _note(int(digits)) == content else None


def _note(revision: int) -> bytes:
    digits = b"%020d" % revision
    return digits + b" " + hashlib.sha256(digits).hexdigest().encode() + b"\n"


def _names(db: sqlite3.Connection) -> set[str]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"
    return {name for (name,) in db.execute(query)}


def _tables(db: sqlite3.Connection) -> list[str]:
    return sorted(_names(db) - {"seals"})


def _seal_of(db: sqlite3.Connection, table: str, of: str = "") -> tuple[str, str]:
    """Give the SQL of the part that a row belongs to, and of all that the row says."""
    columns = db.execute(f"PRAGMA table_info({table})").fetchall()
    keys = [name for _, name, kind, _, _, key in columns if key and kind == "INTEGER"]
    part = f"{of}{keys[0]} / {_ROWS_A_SEAL}" if len(keys) == 1 else "0"
    # Types beside values, and text as bytes: so are '1' and 1 told apart, and bad UTF-8 is read.
    values = (f"typeof({of}{name}) || hex({of}{name})" for _, name, *_ in columns)
    return part, " || ".join(values)


def _change(sign: str, table: str, part: str, row: str) -> str:
    digest = f"hashlens_seal({row})"
    start = digest if sign == "+" else f"-{digest} & {_MASK}"
    return (
        f"INSERT INTO seals VALUES ('{table}', {part}, {start}) "
        f"ON CONFLICT DO UPDATE SET sum = (sum + excluded.sum) & {_MASK}; "
    )


def _sums(db: sqlite3.Connection, table: str) -> dict[int, int]:
    part, row = _seal_of(db, table)
    sums: dict[int, int] = {}
    for number, text in db.execute(f"SELECT {part}, {row} FROM {table}"):
        sums[number] = (sums.get(number, 0) + _digest(text)) & _MASK
    return sums


def _last_id(db: sqlite3.Connection) -> int:
    found = db.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
    return int(found[0][1]) if found and found[0][0] == "items" else 0
