"""Checks of the catalogue: how its file is built, and what its rows say."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hashlens.checks import MAX_BITS
from hashlens.collection.findings import Findings
from hashlens.collection.folder import schema
from hashlens.collection.folder.catalogue import CATALOGUE_FILE, Meta, read_meta
from hashlens.collection.folder.records import BatchRow, read_batches
from hashlens.collection.folder.sealing import NOTE_FILE, broken_seals, noted_revision

_HEADER_BYTES = 100
_FIXED = {  # at this place of SQLite's header lie these bytes, whatever the catalogue holds
    0: b"SQLite format 3\0",
    18: b"\x02\x02\x00\x40\x20\x20",  # WAL; no reserved space; shares of a page
    44: (4).to_bytes(4) + bytes(4) + bytes(4) + (1).to_bytes(4),  # schema format, no vacuum, UTF-8
    64: bytes(4),
    72: bytes(20),
}
_SQLITE_VERSIONS = range(3_007_000, 4_000_000)

_WRONG_ITEMS = """
SELECT id FROM items
WHERE typeof(row) != 'integer' OR row < 0 OR row >= :n_rows
    OR typeof(content_hash) != 'blob' OR length(content_hash) != 32
    OR typeof(path) NOT IN ('text', 'blob') OR length(path) = 0
    OR CASE WHEN json_valid(metadata) THEN json_type(metadata) != 'object' ELSE 1 END
    OR revision > :revision
ORDER BY id
"""


def check_catalogue(
    db: sqlite3.Connection, folder: Path, noted: int | None, findings: Findings
) -> tuple[Meta, list[BatchRow]]:
    """Check all of the catalogue that `db` reads; give what it says of the other files.

    Parameters
    ----------
    db : Connection
        As `Catalogue.reading` gives it.
    folder : Path
    noted : int or None
        What `check_note` gave, before `db` was read for the first time.
    findings : Findings

    Raises
    ------
    FormatError
        If what it says of the collection as a whole cannot be read.
    sqlite3.DatabaseError
        If the damage is such that no more of it can be read.
    """
    findings.watcher.stage(f"checking {CATALOGUE_FILE}")
    path = folder / CATALOGUE_FILE
    # The structure first: what is read keeps writers from changing the header meanwhile.
    problems = [*_structure_problems(db), *_header_problems(path)]
    meta = read_meta(db, path)
    problems += _meta_problems(meta)
    batches = read_batches(db)
    problems += _batch_problems(batches, meta)
    problems += _item_problems(db, meta)
    for seal in broken_seals(db):
        rows = f"table {seal.table}, rows {seal.first} to {seal.last},"
        problems.append(f"{rows} must be as they were written. Got changed values.")
    if noted is not None and noted > meta.revision:
        journal = f"with its journal, {CATALOGUE_FILE}-wal, must hold commit {noted}."
        problems.append(f"{journal} Got commits up to {meta.revision}: later ones are lost.")
    for problem in problems:
        findings.damaged(CATALOGUE_FILE, problem)
    return meta, batches


def check_note(folder: Path, findings: Findings) -> int | None:
    """Read which commit was the last, if that can be known."""
    try:
        noted = noted_revision(folder)
    except OSError as error:
        findings.damaged(NOTE_FILE, f"must be a file of the collection. Got {error.strerror}.")
        return None
    if noted is None:
        findings.damaged(NOTE_FILE, "must be as it was written. Got changed bytes.")
    return noted


def _header_problems(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    wal = path.with_name(f"{CATALOGUE_FILE}-wal")
    for at, wanted in _FIXED.items():
        if header[at : at + len(wanted)] != wanted:
            yield f"the header must be SQLite's. Got other bytes at {at}."
    page_bytes, n_pages = int.from_bytes(header[16:18]), int.from_bytes(header[28:32])
    if not wal.exists() or not wal.stat().st_size:
        size = path.stat().st_size
        if size != n_pages * (65536 if page_bytes == 1 else page_bytes):
            yield f"must be of {n_pages} pages of {page_bytes} bytes. Got {size} bytes."
    if header[24:28] != header[92:96]:
        yield "the header must count the changes twice alike. Got two counts."
    if int.from_bytes(header[96:100]) not in _SQLITE_VERSIONS:
        yield "the header must name a version of SQLite. Got another number."


def _structure_problems(db: sqlite3.Connection) -> Iterator[str]:
    version, newest = schema.schema_version(db), len(schema.MIGRATIONS)
    if version != newest:
        yield f"must have format version {newest}. Got {version}."
    for (text,) in db.execute("PRAGMA integrity_check"):
        if text != "ok":
            yield f"must be whole. Got: {' '.join(str(text).split())}."
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        schema.migrate(fresh)
        wanted, found = _definitions(fresh), _definitions(db)
    for kind, name in sorted({key for key, _ in wanted ^ found}):
        yield f"{kind} {name} must be defined as this version of hashlens does. Got otherwise."


def _definitions(db: sqlite3.Connection) -> set[tuple[tuple[str, str], bytes | None]]:
    query = "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(sql AS BLOB) FROM sqlite_schema"
    return {
        ((kind.decode("utf-8", "replace"), name.decode("utf-8", "replace")), sql)
        for kind, name, sql in db.execute(query)
    }


def _meta_problems(meta: Meta) -> Iterator[str]:
    ranges = {
        "n_bits": (meta.n_bits, 1, MAX_BITS),
        "n_features": (meta.n_features, 0, 1 << 24),
        "generation": (meta.generation, 1, 1 << 62),
        "revision": (meta.revision, 0, 1 << 62),
    }
    for name, (value, low, high) in ranges.items():
        if not low <= value <= high:
            yield f"{name} must be from {low} to {high}. Got {value}."


def _batch_problems(batches: list[BatchRow], meta: Meta) -> Iterator[str]:
    next_row = 0
    for batch in batches:
        if batch.first_row != next_row or batch.n_rows < 1:
            got = f"{batch.n_rows} from {batch.first_row}"
            yield f"a batch of rows must begin at {next_row}. Got {got}."
        next_row = batch.first_row + batch.n_rows
        hashes = [batch.codes_sha256, batch.features_sha256][: 2 if meta.n_features else 1]
        if any(not isinstance(each, bytes) or len(each) != 32 for each in hashes):
            yield f"the batch of rows from {batch.first_row} must have checksums. Got others."


def _item_problems(db: sqlite3.Connection, meta: Meta) -> Iterator[str]:
    values = {"n_rows": meta.n_rows, "revision": meta.revision}
    wrong = [str(i) for (i,) in db.execute(_WRONG_ITEMS, values)]
    if wrong:
        shown = ", ".join(wrong[:10]) + ("" if len(wrong) <= 10 else ", ...")
        yield f"each item must be complete, with a row that exists. Got {len(wrong)}: id {shown}."
