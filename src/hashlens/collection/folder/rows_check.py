"""Checks of the files of codes, features and pictures against the catalogue."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import check_codes
from hashlens.collection.findings import Findings
from hashlens.collection.folder.catalogue import CATALOGUE_FILE, Meta
from hashlens.collection.folder.pictures import PictureFile, count_picture_bytes, read_pictures
from hashlens.collection.folder.rows import RowFile
from hashlens.errors import FormatError, InputError

_LEAST, _MOST = 0.99**2, 1.01**2  # of the squared length of a vector, which float16 rounds
_ROWS_AT_ONCE = 16_384


class Span(NamedTuple):
    """Rows of one file that were written together, and the SHA-256 of their bytes."""

    first_row: int
    n_rows: int
    sha256: bytes | None

    @property
    def last_row(self) -> int:
        """The last of them."""
        return self.first_row + self.n_rows - 1


def check_rows(
    db: Connection, file: RowFile, spans: Sequence[Span], meta: Meta, findings: Findings
) -> None:
    """Check a file of codes or features: its size, each checksum, and what the numbers are."""
    name = file.path.name
    findings.watcher.stage(f"checking {name}", meta.n_rows)
    try:
        file.check(meta.n_rows)
    except FormatError as error:
        n_there = file.path.stat().st_size // file.row_bytes if file.path.exists() else 0
        what = str(error).removeprefix(f"{file.path} ")
        findings.damaged(name, what, _items(db, "row >= ?", (n_there,)))
        spans = [span for span in spans if span.last_row < n_there]
    for span in spans:
        for what in _problems(file, span, meta):
            items = _items(db, "row BETWEEN ? AND ?", (span.first_row, span.last_row))
            findings.damaged(name, f"rows {span.first_row} to {span.last_row} {what}", items)
        findings.watcher.advance(span.last_row + 1, meta.n_rows)
    findings.left_over(file.path, meta.n_rows * file.row_bytes)
    n_bytes = sum(span.n_rows for span in spans) * file.row_bytes
    findings.checked(name, f"{meta.n_rows:,} rows", n_bytes)


def check_pictures(db: Connection, folder: Path, meta: Meta, findings: Findings) -> str:
    """Check the pictures that are kept, each by its checksum; give the name of their file."""
    file = PictureFile(folder, meta.generation)
    name, n_bytes = file.path.name, count_picture_bytes(db)
    rows = read_pictures(db)
    if not rows and not file.path.exists():
        return name
    findings.watcher.stage(f"checking {name}", n_bytes)
    next_byte = 0
    for row in rows:
        if row.first_byte != next_byte:
            what = f"a picture must begin at byte {next_byte}. Got {row.first_byte}."
            findings.damaged(CATALOGUE_FILE, what)
        next_byte = row.first_byte + row.n_bytes
        try:
            file.read(row)
        except FormatError as error:
            what = str(error).removeprefix(f"{file.path} ")
            findings.damaged(name, what, _items(db, "content_hash = ?", (row.content_hash,)))
        findings.watcher.advance(next_byte, n_bytes)
    findings.left_over(file.path, n_bytes)
    findings.checked(name, f"{len(rows):,} pictures", n_bytes)
    return name


def _problems(file: RowFile, span: Span, meta: Meta) -> Iterator[str]:
    digest = hashlib.sha256()
    wrong = None
    try:
        with file.path.open("rb") as content:
            content.seek(span.first_row * file.row_bytes)
            for start in range(0, span.n_rows, _ROWS_AT_ONCE):
                n_rows = min(_ROWS_AT_ONCE, span.n_rows - start)
                part = content.read(n_rows * file.row_bytes)
                digest.update(part)
                rows = np.frombuffer(part, file.dtype).reshape(-1, file.width)
                wrong = wrong or _wrong_numbers(rows, meta)
    except OSError as error:
        yield f"must be readable. Got {error.strerror or error}."
        return
    if digest.digest() != span.sha256:
        yield "must be as they were written. Got changed bytes."
    elif wrong:
        yield wrong


def _wrong_numbers(rows: NDArray[Any], meta: Meta) -> str | None:
    """Say what is wrong with numbers, for damage that is older than their checksum."""
    if rows.dtype == np.uint8:
        try:
            check_codes("codes", rows, meta.n_bits)
        except InputError as error:
            return str(error).removeprefix("codes ")
        return None
    vectors = rows.astype(np.float32)
    squares = np.einsum("ij,ij->i", vectors, vectors)
    sound = (squares == 0) | ((squares > _LEAST) & (squares < _MOST))  # NaN is neither
    return None if sound.all() else "must be vectors of length 1. Got others."


def _items(db: Connection, condition: str, values: tuple[object, ...]) -> tuple[int, ...]:
    query = f"SELECT id FROM items WHERE state = 'live' AND {condition} ORDER BY id"
    return tuple(item_id for (item_id,) in db.execute(query, values))
