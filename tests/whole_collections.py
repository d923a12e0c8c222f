"""What a collection shows, whether it is whole, and what a kill or a full disk leaves of it."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from hashlens.collection import Collection
from hashlens.watcher import Watcher


class Counted(Watcher):
    """Remembers the last it was told."""

    done = total = 0
    note_said = ""

    def advance(self, done: int, total: int, note: str = "") -> None:
        self.done, self.total, self.note_said = done, total, note


class Stop(Watcher):
    """Interrupts the work, as Ctrl-C does, once so many are done."""

    def __init__(self, after: int) -> None:
        self.after = after

    def advance(self, done: int, total: int, note: str = "") -> None:
        del total, note
        if done >= self.after:
            raise KeyboardInterrupt


class Shown(NamedTuple):
    """What a user sees of an item, with its code."""

    path: str
    label: str | None
    content_hash: str
    code: bytes


def shown(collection: Collection) -> dict[int, Shown]:
    """Read all that a collection shows."""
    items = collection.items(n=10**6)
    codes, _ = collection.stored_codes()
    assert len(items) == len(codes) == len(collection)
    return {
        item.id: Shown(item.path, item.label, item.content_hash, bytes(code))
        for item, code in zip(items, codes, strict=True)
    }


def check_whole(collection: Collection, codes: dict[str, bytes]) -> dict[int, Shown]:
    """Check that each item has the code of its content and finds itself; give what is shown."""
    found = shown(collection)
    for item_id, item in found.items():
        codes.setdefault(item.content_hash, item.code)
        assert codes[item.content_hash] == item.code, item
        picture = collection.picture(item_id)
        assert isinstance(picture, bytes) or str(picture) == item.path
    ids = list(found)
    for item_id, hits in zip(
        ids, collection.search_many(ids, len(ids) or 1, radius=0), strict=True
    ):
        alike = {i for i, item in found.items() if item.code == found[item_id].code}
        assert set(hits.ids.tolist()) == alike
    assert collection.verify().problems == ()
    return found


class Told(sqlite3.Connection):
    """A connection that says what it is about to change, and when it has committed."""

    tell: Callable[[str], None]

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if "synchronous" in sql:
            sql = "PRAGMA synchronous = OFF"
        if sql.split(maxsplit=1)[0] not in ("SELECT", "PRAGMA", "BEGIN", "ROLLBACK"):
            self.tell(sql)
        found = super().execute(sql, *values)
        if sql == "COMMIT":
            self.tell("committed")
        return found

    def executemany(self, sql: str, values: Any) -> sqlite3.Cursor:
        self.tell(sql)
        return super().executemany(sql, values)


@contextmanager
def steps(tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` before everything that a writer does to the disk, and after each commit.

    Nothing is put down to the disk for good: no test cuts the power, and it takes its time.
    """
    connect, unlink = sqlite3.connect, Path.unlink

    def telling_fsync(_: int) -> None:
        tell("fsync")

    def telling_unlink(path: Path, missing_ok: bool = False) -> None:
        tell("unlink")
        unlink(path, missing_ok=missing_ok)

    def telling_connect(*words: Any, **options: Any) -> sqlite3.Connection:
        if "mode=rw" not in str(words[0]):
            return connect(*words, **options)
        db = connect(*words, **options, factory=Told)
        db.tell = tell
        return db

    with (
        patch("sqlite3.connect", telling_connect),
        patch("os.fsync", telling_fsync),
        patch.object(Path, "unlink", telling_unlink),
    ):
        yield


def copies_of_kills(
    collection: Collection, work: Callable[[], object], folder: Path
) -> list[tuple[Path, dict[int, Shown]]]:
    """Do the work; give the folder as kill -9 would have left it at each step, and what it showed.

    What is written is in the system's hands, and stays there when a process is killed; so a copy
    of the folder at that moment is what the next process finds.
    """
    copies: list[tuple[Path, dict[int, Shown]]] = []
    looking = Collection.open(collection.path)

    def copy(_: str) -> None:
        place = folder / f"{len(copies)}.hl"
        shutil.copytree(collection.path, place, ignore=shutil.ignore_patterns("*-shm"))
        copies.append((place, shown(looking)))

    with steps(copy):
        work()
    return copies


def nothing(_: str) -> None:
    """Hear of a step."""


class FullDisk:
    """Fails at one step, as a full disk does, and remembers whether it came to that."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, step: str) -> None:
        self.left -= 1
        if self.left == -1 and step not in ("unlink", "committed"):
            if step == "fsync":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise _full()

    @property
    def came(self) -> bool:
        """Whether there were so many steps."""
        return self.left < 0


def _full() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error
