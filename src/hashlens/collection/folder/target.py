"""Where a writer writes: the catalogue and the files of the generation that it names."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hashlens.collection.folder.catalogue import Catalogue, Meta, read_meta
from hashlens.collection.folder.lock import writer_lock
from hashlens.collection.folder.pictures import PictureFile
from hashlens.collection.folder.rows import RowFile
from hashlens.collection.folder.snapshot import codes_file, features_file

_GENERATION = re.compile(r"(?:codes|features|pictures)-(\d+)\.(?:u8|f16|bin)")


class Target(NamedTuple):
    """What a writer holds: the open catalogue, what it says, and the files.

    Attributes
    ----------
    folder : Path
    db : Connection
    meta : Meta
        As it was when the writing began.
    codes : RowFile
    features : RowFile or None
    pictures : PictureFile
    """

    folder: Path
    db: sqlite3.Connection
    meta: Meta
    codes: RowFile
    features: RowFile | None
    pictures: PictureFile


@contextmanager
def writing_to(folder: Path) -> Iterator[Target]:
    """Hold the right to write to a collection; what a killed writer left is cleared away.

    Raises
    ------
    BusyError
        If another process is writing to it.
    """
    catalogue = Catalogue(folder)
    with writer_lock(folder), catalogue.writing() as db:
        meta = read_meta(db, catalogue.path)
        remove_strays(folder, meta.generation)
        yield target_in(folder, db, meta)


def target_in(folder: Path, db: sqlite3.Connection, meta: Meta) -> Target:
    """Name the files of a generation; they need not exist."""
    files = codes_file(folder, meta), features_file(folder, meta)
    return Target(folder, db, meta, *files, PictureFile(folder, meta.generation))


def remove_strays(folder: Path, generation: int) -> int:
    """Delete the files of all other generations; give the number of bytes freed.

    A compaction that was killed leaves such files, before or after its commit.
    """
    freed = 0
    for file in folder.iterdir():
        found = _GENERATION.fullmatch(file.name)
        if found and int(found[1]) != generation:
            freed += file.stat().st_size
            file.unlink()
    return freed
