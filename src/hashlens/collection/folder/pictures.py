"""Images that have no file of their own, kept in the collection."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple

from hashlens.collection.folder.rows import append_bytes
from hashlens.errors import FormatError


class PictureRow(NamedTuple):
    """What the catalogue says of a kept picture: whose content, where, and its checksum."""

    content_hash: bytes
    first_byte: int
    n_bytes: int
    sha256: bytes


class PictureFile:
    """Pictures one behind the other, ``pictures-<generation>.bin``; the first one makes the file.

    As with the codes, what lies behind the last committed picture does not count.

    Parameters
    ----------
    folder : Path
        The collection's.
    generation : int
    """

    def __init__(self, folder: Path, generation: int) -> None:
        self.path = folder / f"pictures-{generation}.bin"

    def check(self, n_bytes: int) -> None:
        """Raise FormatError unless the file holds at least `n_bytes` bytes."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size < n_bytes:
            raise FormatError(f"{self.path} must hold {n_bytes} bytes. Got only {size}.")

    def read(self, row: PictureRow) -> bytes:
        """Read a picture; FormatError if the file is gone or a byte of the picture has changed."""
        try:
            with self.path.open("rb") as file:
                file.seek(row.first_byte)
                content = file.read(row.n_bytes)
        except OSError as error:
            raise FormatError(
                f"{self.path} must be a file of the collection. Got {error.strerror}."
            ) from None
        if hashlib.sha256(content).digest() != row.sha256:
            place = f"bytes {row.first_byte} to {row.first_byte + row.n_bytes}"
            raise FormatError(f"{self.path} must be undamaged. Got other {place} than were kept.")
        return content

    def append(self, pictures: Iterable[tuple[bytes, bytes]], n_bytes: int) -> list[PictureRow]:
        """Write pictures, each with the hash of its content, behind the first `n_bytes`.

        One of them is in memory at a time. They are down on the disk when this returns.
        """
        self.check(n_bytes)
        rows: list[PictureRow] = []

        def contents() -> Iterator[bytes]:
            place = n_bytes
            for content_hash, content in pictures:
                digest = hashlib.sha256(content).digest()
                rows.append(PictureRow(content_hash, place, len(content), digest))
                place += len(content)
                yield content

        append_bytes(self.path, contents(), n_bytes)
        return rows


def kept_picture(db: Connection, content_hash: bytes) -> PictureRow | None:
    """Find the kept picture of a content."""
    return next(iter(read_pictures(db, "content_hash = ?", content_hash)), None)


def read_pictures(db: Connection, condition: str = "TRUE", *values: object) -> list[PictureRow]:
    """Read the rows of kept pictures for which a condition in SQL is true, as the file has them."""
    query = f"SELECT content_hash, first_byte, n_bytes, sha256 FROM pictures WHERE {condition}"
    return [PictureRow(*row) for row in db.execute(f"{query} ORDER BY first_byte", values)]


def count_picture_bytes(db: Connection) -> int:
    """Count the committed bytes of the file of pictures."""
    query = "SELECT first_byte + n_bytes FROM pictures ORDER BY first_byte DESC LIMIT 1"
    found = db.execute(query).fetchone()
    return 0 if found is None else int(found[0])


def keeps_pictures(db: Connection) -> bool:
    """Tell whether the collection keeps the images that have no file of their own."""
    query = "SELECT value FROM meta WHERE key = 'keep_pictures'"
    return bool((db.execute(query).fetchone() or (1,))[0])
