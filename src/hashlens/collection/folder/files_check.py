"""Checks of the images' own files: that they are there, with the bytes that they had."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection

from hashlens.collection.findings import Findings, Picture
from hashlens.collection.folder.records import as_text


def check_images(db: Connection, findings: Findings) -> None:
    """Read the file of every live item that has one."""
    query = "SELECT id, path, content_hash FROM items WHERE state = 'live' AND has_file ORDER BY id"
    items = db.execute(query).fetchall()
    findings.watcher.stage("checking the images' files", len(items))
    n_bytes = 0

    def count(part: int) -> None:
        nonlocal n_bytes
        n_bytes += part

    for done, (item_id, path, wanted) in enumerate(items, 1):
        name = as_text(path)
        try:
            if _digest(Path(name), count) != wanted:
                findings.changed.append(Picture(item_id, name, "has other bytes"))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            findings.gone.append(Picture(item_id, name, f"cannot be read ({reason})"))
        findings.watcher.advance(done, len(items))
    findings.checked("the images' files", f"{len(items):,} files", n_bytes)


def _digest(path: Path, count: Callable[[int], None]) -> bytes:
    if path.exists() and not path.is_file():
        raise ValueError("is not a regular file")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        count(file.tell())
    return digest
